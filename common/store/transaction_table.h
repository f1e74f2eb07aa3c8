#pragma once

#include <string_view>
#include <vector>

#include "common/store/database.h"
#include "nestor/v1/relationship.pb.h"

namespace nestor::store {

// The changes of relationships that this agent coordinates and that have not ended. Not
// thread-safe.
class TransactionTable {
 public:
  explicit TransactionTable(Database& database) : database_(database) {}

  // By id.
  absl::StatusOr<std::vector<v1::TransactionRecord>> All();
  // Adds or replaces.
  absl::Status Save(const v1::TransactionRecord& record);
  // Nothing is written where nothing changes.
  absl::Status Remove(std::string_view id);

 private:
  Database& database_;
};

}  // namespace nestor::store
