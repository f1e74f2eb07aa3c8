#include "common/store/undo_table.h"

namespace nestor::store {

absl::StatusOr<std::optional<v1::UndoRecord>> UndoTable::Load(DhcpService service) {
  const MutexLock lock(mutex_);
  std::optional<v1::UndoRecord> record;
  Query rows = database_.Prepare("SELECT service, record, sum FROM undo");
  while (true) {
    ASSIGN_OR_RETURN(const bool found, rows.Next());
    if (!found) return record;
    RETURN_IF_ERROR(rows.Verify("undo", 0, 2));
    if (rows.Integer(0) != static_cast<int64_t>(service)) continue;
    const std::string_view bytes = rows.Bytes(1);
    if (!record.emplace().ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      return database_.Damaged("undo", rows.Integer(0), "it cannot be read");
    }
  }
}

absl::Status UndoTable::Save(DhcpService service, const v1::UndoRecord& record) {
  const MutexLock lock(mutex_);
  Query insert = database_.Prepare("INSERT OR REPLACE INTO undo VALUES(?1, ?2, ?3)");
  const std::string bytes = record.SerializeAsString();
  return insert.BindRow("undo", static_cast<int64_t>(service), bytes).Run();
}

absl::Status UndoTable::Remove(DhcpService service) {
  const MutexLock lock(mutex_);
  Query remove = database_.Prepare("DELETE FROM undo WHERE service = ?1");
  return remove.Bind(static_cast<int64_t>(service)).Run();
}

}  // namespace nestor::store
