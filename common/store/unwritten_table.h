#pragma once

#include <string_view>

#include "common/store/database.h"

namespace nestor::store {

// The relationships whose Kea may start from a file that is older than what it was made to run. Not
// thread-safe.
class UnwrittenTable {
 public:
  explicit UnwrittenTable(Database& database) : database_(database) {}

  absl::StatusOr<bool> Has(std::string_view relationship);
  // Nothing is written where nothing changes.
  absl::Status Set(std::string_view relationship, bool unwritten);

 private:
  Database& database_;
};

}  // namespace nestor::store
