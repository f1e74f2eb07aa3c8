#pragma once

#include <optional>

#include "common/store/database.h"
#include "common/store/undo_log.h"

namespace nestor::store {

// What UndoLog keeps, in both files. Not thread-safe.
class UndoTable {
 public:
  explicit UndoTable(Database& database) : database_(database) {}

  // DataLoss also where the other service's row is damaged: a damaged service is not to look like
  // none.
  absl::StatusOr<std::optional<v1::UndoRecord>> Load(DhcpService service);
  // Adds or replaces.
  absl::Status Save(DhcpService service, const v1::UndoRecord& record);
  // Nothing is written where nothing changes.
  absl::Status Remove(DhcpService service);

 private:
  Database& database_;
};

}  // namespace nestor::store
