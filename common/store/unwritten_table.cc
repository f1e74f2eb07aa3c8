#include "common/store/unwritten_table.h"

namespace nestor::store {

absl::StatusOr<bool> UnwrittenTable::Has(std::string_view relationship) {
  // All of them: a damaged name is not to look like none.
  Query rows = database_.Prepare("SELECT relationship, sum FROM unwritten");
  for (bool has = false;; has |= rows.Bytes(0) == relationship) {
    ASSIGN_OR_RETURN(const bool found, rows.Next());
    if (!found) return has;
    RETURN_IF_ERROR(rows.Verify("unwritten", 0, 1));
  }
}

absl::Status UnwrittenTable::Set(std::string_view relationship, bool unwritten) {
  ASSIGN_OR_RETURN(const bool there, Has(relationship));
  if (there == unwritten) return absl::OkStatus();
  if (!unwritten) {
    Query remove = database_.Prepare("DELETE FROM unwritten WHERE relationship = ?1");
    return remove.Bind(relationship).Run();
  }
  Query insert = database_.Prepare("INSERT INTO unwritten VALUES(?1, ?2)");
  return insert.BindRow("unwritten", relationship).Run();
}

}  // namespace nestor::store
