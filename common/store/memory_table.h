#pragma once

#include <string_view>

#include "common/store/database.h"
#include "common/store/follower_store.h"

namespace nestor::store {

// What the secondary remembers of its relationships. Not thread-safe.
class MemoryTable {
 public:
  explicit MemoryTable(Database& database) : database_(database) {}

  // A fresh memory where none was saved.
  absl::StatusOr<FollowerMemory> Load(std::string_view relationship);
  absl::Status Save(std::string_view relationship, const FollowerMemory& memory);
  absl::Status Remove(std::string_view relationship);
  // Reads all rows' checksums.
  absl::Status Verify();

 private:
  Database& database_;
};

}  // namespace nestor::store
