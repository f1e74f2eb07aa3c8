#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "common/store/database.h"

namespace nestor::store {

// The whole configuration as of one change of a stream, in chunks, so that neither writing nor
// reading holds it in memory once more. Not thread-safe.
class BaseTable {
 public:
  explicit BaseTable(Database& database) : database_(database) {}

  // Replaces the stream's base. Needs a transaction.
  absl::Status Save(int64_t stream, uint64_t sequence, std::string_view packed);
  // NotFound: none.
  absl::StatusOr<Journal::Base> Load(int64_t stream);
  // 0: none.
  absl::StatusOr<uint64_t> Sequence(int64_t stream);
  // Needs a transaction.
  absl::Status Remove(int64_t stream);

 private:
  Database& database_;
};

}  // namespace nestor::store
