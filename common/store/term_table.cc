#include "common/store/term_table.h"

namespace nestor::store {

absl::StatusOr<std::vector<TermStart>> TermTable::Of(int64_t stream) {
  std::vector<TermStart> terms;
  Query rows = database_.Prepare(
      "SELECT stream, term, first_sequence, sum FROM term WHERE stream = ?1 ORDER BY term");
  rows.Bind(stream);
  while (true) {
    ASSIGN_OR_RETURN(const bool found, rows.Next());
    if (!found) break;
    RETURN_IF_ERROR(rows.Verify("term", 0, 3));
    terms.push_back({.term = rows.Unsigned(1), .first_sequence = rows.Unsigned(2)});
  }
  if (terms.empty()) return database_.Damaged("term", stream, "it is missing");
  return terms;
}

absl::Status TermTable::Add(int64_t stream, TermStart start) {
  Query insert = database_.Prepare("INSERT INTO term VALUES(?1, ?2, ?3, ?4)");
  return insert.BindRow("term", stream, start.term, start.first_sequence).Run();
}

absl::Status TermTable::Remove(int64_t stream) {
  Query remove = database_.Prepare("DELETE FROM term WHERE stream = ?1");
  return remove.Bind(stream).Run();
}

absl::Status TermTable::RemoveBelow(int64_t stream, uint64_t lowest) {
  ASSIGN_OR_RETURN(const std::vector<TermStart> terms, Of(stream));
  for (size_t i = 0; i + 1 < terms.size() && terms[i + 1].first_sequence < lowest; ++i) {
    Query remove = database_.Prepare("DELETE FROM term WHERE stream = ?1 AND term = ?2");
    RETURN_IF_ERROR(remove.Bind(stream, terms[i].term).Run());
  }
  return absl::OkStatus();
}

}  // namespace nestor::store
