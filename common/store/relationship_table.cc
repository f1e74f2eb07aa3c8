#include "common/store/relationship_table.h"

namespace nestor::store {

absl::StatusOr<std::vector<v1::RelationshipSpec>> RelationshipTable::All() {
  std::vector<v1::RelationshipSpec> all;
  Query rows = database_.Prepare("SELECT name, spec, sum FROM relationship ORDER BY name");
  while (true) {
    ASSIGN_OR_RETURN(const bool found, rows.Next());
    if (!found) return all;
    RETURN_IF_ERROR(rows.Verify("relationship", 0, 2));
    const std::string_view spec = rows.Bytes(1);
    if (!all.emplace_back().ParseFromArray(spec.data(), static_cast<int>(spec.size()))) {
      return database_.Damaged("relationship", rows.Bytes(0), "it cannot be read");
    }
  }
}

absl::Status RelationshipTable::Save(const v1::RelationshipSpec& spec) {
  Query insert = database_.Prepare("INSERT OR REPLACE INTO relationship VALUES(?1, ?2, ?3)");
  const std::string bytes = spec.SerializeAsString();
  return insert.BindRow("relationship", spec.name(), bytes).Run();
}

absl::Status RelationshipTable::Remove(std::string_view name) {
  Query row = database_.Prepare("SELECT 1 FROM relationship WHERE name = ?1");
  ASSIGN_OR_RETURN(const bool there, row.Bind(name).Next());
  if (!there) return Error(absl::StatusCode::kNotFound, "there is no relationship {}", name);
  Query remove = database_.Prepare("DELETE FROM relationship WHERE name = ?1");
  return remove.Bind(name).Run();
}

}  // namespace nestor::store
