#include "common/store/transaction_table.h"

namespace nestor::store {

absl::StatusOr<std::vector<v1::TransactionRecord>> TransactionTable::All() {
  std::vector<v1::TransactionRecord> all;
  Query rows = database_.Prepare("SELECT id, record, sum FROM transaction_record ORDER BY id");
  while (true) {
    ASSIGN_OR_RETURN(const bool found, rows.Next());
    if (!found) return all;
    RETURN_IF_ERROR(rows.Verify("transaction_record", 0, 2));
    const std::string_view bytes = rows.Bytes(1);
    if (!all.emplace_back().ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
      return database_.Damaged("transaction_record", rows.Bytes(0), "it cannot be read");
    }
  }
}

absl::Status TransactionTable::Save(const v1::TransactionRecord& record) {
  Query insert = database_.Prepare("INSERT OR REPLACE INTO transaction_record VALUES(?1, ?2, ?3)");
  const std::string bytes = record.SerializeAsString();
  return insert.BindRow("transaction_record", record.transaction(), bytes).Run();
}

absl::Status TransactionTable::Remove(std::string_view id) {
  Query remove = database_.Prepare("DELETE FROM transaction_record WHERE id = ?1");
  return remove.Bind(id).Run();
}

}  // namespace nestor::store
