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
  // AlreadyExists.
  absl::Status Add(const v1::RelationshipSpec& spec);
  absl::Status Replace(const v1::RelationshipSpec& spec);
  // NotFound.
  absl::Status Remove(std::string_view name);

 private:
  absl::StatusOr<bool> Has(std::string_view name);

  Database& database_;
};

}  // namespace nestor::store
