#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/store/database.h"
#include "common/store/follower_store.h"

namespace nestor::store {

// What was changed on the secondary while the primary was away, until the primary has it, and the
// configuration that it is a change of. Not thread-safe.
class KeptTable {
 public:
  explicit KeptTable(Database& database) : database_(database) {}

  absl::Status SaveBase(std::string_view relationship, std::string_view digest,
                        std::string_view snapshot);
  absl::StatusOr<std::optional<std::string>> LoadBase(std::string_view relationship,
                                                      std::string_view digest);
  // Adds, or replaces that of the same id.
  absl::Status Save(std::string_view relationship, const KeptChange& kept);
  // Nothing: there is none of this id.
  absl::StatusOr<std::optional<KeptChange>> Load(std::string_view relationship,
                                                 std::string_view id);
  // All of a relationship, oldest first.
  absl::StatusOr<std::vector<KeptChange>> All(std::string_view relationship);
  absl::Status Remove(std::string_view relationship, std::string_view id);
  // All of a relationship, and its base.
  absl::Status Forget(std::string_view relationship);
  // Reads all rows' checksums.
  absl::Status Verify();

 private:
  absl::StatusOr<KeptChange> Read(const Query& row) const;

  Database& database_;
};

}  // namespace nestor::store
