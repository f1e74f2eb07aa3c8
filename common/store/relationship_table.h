#pragma once

#include <string_view>
#include <vector>

#include "common/store/database.h"

namespace nestor::store {

// The table of relationships, in both files. Not thread-safe.
class RelationshipTable {
 public:
  explicit RelationshipTable(Database& database) : database_(database) {}

  // By name.
  absl::StatusOr<std::vector<v1::RelationshipSpec>> All();
  // Adds or replaces.
  absl::Status Save(const v1::RelationshipSpec& spec);
  // NotFound.
  absl::Status Remove(std::string_view name);

 private:
  Database& database_;
};

}  // namespace nestor::store
