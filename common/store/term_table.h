#pragma once

#include <cstdint>
#include <vector>

#include "common/store/database.h"

namespace nestor::store {

// The starts of the streams' publishers. Not thread-safe.
class TermTable {
 public:
  explicit TermTable(Database& database) : database_(database) {}

  // Oldest first; DataLoss: none, as a stream has at least one.
  absl::StatusOr<std::vector<TermStart>> Of(int64_t stream);
  absl::Status Add(int64_t stream, TermStart start);
  absl::Status Remove(int64_t stream);
  // Removes the terms whose changes, and the position before them, all lie below `lowest`.
  absl::Status RemoveBelow(int64_t stream, uint64_t lowest);

 private:
  Database& database_;
};

}  // namespace nestor::store
