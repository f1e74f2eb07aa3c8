#include "common/store/kept_table.h"

#include "common/store/packing.h"

namespace nestor::store {
namespace {

constexpr int kKeptFields = 6;
constexpr int kBaseFields = 4;

}  // namespace

absl::Status KeptTable::SaveBase(std::string_view relationship, std::string_view digest,
                                 std::string_view snapshot) {
  std::string scratch;
  const std::string_view packed = Pack(snapshot, scratch);
  Query save = database_.Prepare("INSERT OR REPLACE INTO standing_base VALUES(?1, ?2, ?3, ?4, ?5)");
  return save.BindRow("standing_base", relationship, digest, snapshot.size(), packed).Run();
}

absl::StatusOr<std::optional<std::string>> KeptTable::LoadBase(std::string_view relationship,
                                                               std::string_view digest) {
  Query row = database_.Prepare("SELECT * FROM standing_base WHERE relationship = ?1");
  ASSIGN_OR_RETURN(const bool found, row.Bind(relationship).Next());
  if (!found || row.Bytes(1) != digest) return std::optional<std::string>();
  RETURN_IF_ERROR(row.Verify("standing_base", 0, kBaseFields));
  ASSIGN_OR_RETURN(std::string snapshot, Unpack(row.Bytes(3), row.Unsigned(2)));
  return std::make_optional(std::move(snapshot));
}

absl::Status KeptTable::Save(std::string_view relationship, const KeptChange& kept) {
  const std::string entry = kept.entry.SerializeAsString();
  std::string scratch;
  const std::string_view packed = Pack(entry, scratch);
  // No INSERT OR REPLACE: the number of the row is its place among those to be told.
  Query save = database_.Prepare(
      "INSERT INTO kept VALUES(NULL, ?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT(relationship, id) "
      "DO UPDATE SET open = ?3, digest = ?4, bytes = ?5, entry = ?6, sum = ?7");
  return save
      .BindRow("kept", relationship, kept.entry.id(), kept.open, kept.digest, entry.size(), packed)
      .Run();
}

absl::StatusOr<KeptChange> KeptTable::Read(const Query& row) const {
  RETURN_IF_ERROR(row.Verify("kept", 1, kKeptFields));
  KeptChange kept;
  kept.open = row.Integer(3) != 0;
  kept.digest = row.Text(4);
  ASSIGN_OR_RETURN(const std::string entry, Unpack(row.Bytes(6), row.Unsigned(5)));
  if (!kept.entry.ParseFromString(entry)) {
    return database_.Damaged("kept", row.Integer(0), "it cannot be read");
  }
  return kept;
}

absl::StatusOr<std::optional<KeptChange>> KeptTable::Load(std::string_view relationship,
                                                          std::string_view id) {
  Query row = database_.Prepare("SELECT * FROM kept WHERE relationship = ?1 AND id = ?2");
  ASSIGN_OR_RETURN(const bool found, row.Bind(relationship, id).Next());
  if (!found) return std::optional<KeptChange>();
  ASSIGN_OR_RETURN(KeptChange kept, Read(row));
  return std::make_optional(std::move(kept));
}

absl::StatusOr<std::vector<KeptChange>> KeptTable::All(std::string_view relationship) {
  std::vector<KeptChange> all;
  Query rows = database_.Prepare("SELECT * FROM kept WHERE relationship = ?1 ORDER BY number");
  rows.Bind(relationship);
  while (true) {
    ASSIGN_OR_RETURN(const bool found, rows.Next());
    if (!found) return all;
    ASSIGN_OR_RETURN(KeptChange kept, Read(rows));
    all.push_back(std::move(kept));
  }
}

absl::Status KeptTable::Remove(std::string_view relationship, std::string_view id) {
  Query remove = database_.Prepare("DELETE FROM kept WHERE relationship = ?1 AND id = ?2");
  return remove.Bind(relationship, id).Run();
}

absl::Status KeptTable::Forget(std::string_view relationship) {
  Query kept = database_.Prepare("DELETE FROM kept WHERE relationship = ?1");
  RETURN_IF_ERROR(kept.Bind(relationship).Run());
  Query base = database_.Prepare("DELETE FROM standing_base WHERE relationship = ?1");
  return base.Bind(relationship).Run();
}

absl::Status KeptTable::Verify() {
  Query kept = database_.Prepare("SELECT * FROM kept");
  while (true) {
    ASSIGN_OR_RETURN(const bool found, kept.Next());
    if (!found) break;
    RETURN_IF_ERROR(kept.Verify("kept", 1, kKeptFields));
  }
  Query bases = database_.Prepare("SELECT * FROM standing_base");
  while (true) {
    ASSIGN_OR_RETURN(const bool found, bases.Next());
    if (!found) return absl::OkStatus();
    RETURN_IF_ERROR(bases.Verify("standing_base", 0, kBaseFields));
  }
}

}  // namespace nestor::store
