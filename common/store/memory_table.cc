#include "common/store/memory_table.h"

namespace nestor::store {
namespace {

constexpr int kFields = 17;

}  // namespace

absl::StatusOr<FollowerMemory> MemoryTable::Load(std::string_view relationship) {
  FollowerMemory memory;
  Query row = database_.Prepare("SELECT * FROM memory WHERE relationship = ?1");
  ASSIGN_OR_RETURN(const bool found, row.Bind(relationship).Next());
  if (!found) return memory;
  RETURN_IF_ERROR(row.Verify("memory", 0, kFields));
  const auto position = [&row](int first) {
    return Position{row.Text(first), row.Unsigned(first + 1), row.Unsigned(first + 2),
                    row.Text(first + 3)};
  };
  memory.position = position(1);
  memory.persisted = row.Integer(5) != 0;
  memory.highest_term = row.Unsigned(6);
  memory.witnessed_stream = row.Text(7);
  if (row.Integer(8) != 0) memory.intent = position(9);
  memory.approved_sequence = row.Unsigned(13);
  memory.paused = row.Integer(14) != 0;
  memory.refused_digest = row.Text(15);
  memory.refused_nack = row.Text(16);
  return memory;
}

absl::Status MemoryTable::Save(std::string_view relationship, const FollowerMemory& memory) {
  const Position intent = memory.intent.value_or(Position{});
  Query save = database_.Prepare(
      "INSERT OR REPLACE INTO memory VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, "
      "?13, ?14, ?15, ?16, ?17, ?18)");
  return save
      .BindRow("memory", relationship, memory.position.stream_id, memory.position.term,
               memory.position.sequence, memory.position.digest, memory.persisted,
               memory.highest_term, memory.witnessed_stream, memory.intent.has_value(),
               intent.stream_id, intent.term, intent.sequence, intent.digest,
               memory.approved_sequence, memory.paused, memory.refused_digest, memory.refused_nack)
      .Run();
}

absl::Status MemoryTable::Remove(std::string_view relationship) {
  Query remove = database_.Prepare("DELETE FROM memory WHERE relationship = ?1");
  return remove.Bind(relationship).Run();
}

absl::Status MemoryTable::Verify() {
  Query rows = database_.Prepare("SELECT * FROM memory");
  while (true) {
    ASSIGN_OR_RETURN(const bool found, rows.Next());
    if (!found) return absl::OkStatus();
    RETURN_IF_ERROR(rows.Verify("memory", 0, kFields));
  }
}

}  // namespace nestor::store
