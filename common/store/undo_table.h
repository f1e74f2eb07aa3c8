#pragma once

#include <optional>

#include "common/lock/mutex.h"
#include "common/store/database.h"
#include "common/store/undo_log.h"

namespace nestor::store {

// The UndoLog of either file, in a table of its own.
class UndoTable final : public UndoLog {
 public:
  // `mutex` guards `database`.
  UndoTable(Database& database, Mutex& mutex) : database_(database), mutex_(mutex) {}

  absl::StatusOr<std::optional<v1::UndoRecord>> Load(DhcpService service) override;
  absl::Status Save(DhcpService service, const v1::UndoRecord& record) override;
  absl::Status Remove(DhcpService service) override;

 private:
  Database& database_;
  Mutex& mutex_;
};

}  // namespace nestor::store
