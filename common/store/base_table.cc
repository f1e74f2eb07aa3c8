#include "common/store/base_table.h"

namespace nestor::store {
namespace {

constexpr uint64_t kChunkBytes = 1 << 20;
constexpr int kIndexBits = 20;

int64_t ChunkId(int64_t stream, uint64_t index) {
  return (stream << kIndexBits) | static_cast<int64_t>(index);
}

}  // namespace

absl::Status BaseTable::Save(int64_t stream, uint64_t sequence, std::string_view packed) {
  RETURN_IF_ERROR(Remove(stream));
  uint64_t index = 0;
  for (std::string_view rest = packed; !rest.empty(); ++index) {
    const std::string_view chunk = rest.substr(0, kChunkBytes);
    rest.remove_prefix(chunk.size());
    Query insert = database_.Prepare("INSERT INTO base_chunk VALUES(?1, ?2, ?3, ?4)");
    RETURN_IF_ERROR(insert.BindRow("base_chunk", ChunkId(stream, index), sequence, chunk).Run());
  }
  Query insert = database_.Prepare("INSERT INTO base VALUES(?1, ?2, ?3, ?4)");
  return insert.BindRow("base", stream, sequence, packed.size()).Run();
}

absl::StatusOr<Journal::Base> BaseTable::Load(int64_t stream) {
  Query head = database_.Prepare("SELECT stream, sequence, bytes, sum FROM base WHERE stream = ?1");
  ASSIGN_OR_RETURN(const bool there, head.Bind(stream).Next());
  if (!there) return Error(absl::StatusCode::kNotFound, "there is no base");
  RETURN_IF_ERROR(head.Verify("base", 0, 3));
  Journal::Base base;
  base.sequence = head.Unsigned(1);
  const uint64_t bytes = head.Unsigned(2);
  base.packed.reserve(bytes);
  Query chunks = database_.Prepare(
      "SELECT id, sequence, data, sum FROM base_chunk WHERE id BETWEEN ?1 AND ?2 ORDER BY id");
  chunks.Bind(ChunkId(stream, 0), ChunkId(stream + 1, 0) - 1);
  while (base.packed.size() < bytes) {
    ASSIGN_OR_RETURN(const bool found, chunks.Next());
    const int64_t id = ChunkId(stream, base.packed.size() / kChunkBytes);
    if (!found || chunks.Integer(0) != id || chunks.Unsigned(1) != base.sequence) {
      return database_.Damaged("base_chunk", id, "it is missing");
    }
    RETURN_IF_ERROR(chunks.Verify("base_chunk", 0, 3));
    base.packed += chunks.Bytes(2);
  }
  if (base.packed.size() == bytes) return base;
  return database_.Damaged("base", stream, "its chunks have another size");
}

absl::StatusOr<uint64_t> BaseTable::Sequence(int64_t stream) {
  Query head = database_.Prepare("SELECT stream, sequence, bytes, sum FROM base WHERE stream = ?1");
  ASSIGN_OR_RETURN(const bool there, head.Bind(stream).Next());
  if (!there) return 0;
  RETURN_IF_ERROR(head.Verify("base", 0, 3));
  return head.Unsigned(1);
}

absl::Status BaseTable::Remove(int64_t stream) {
  Query head = database_.Prepare("DELETE FROM base WHERE stream = ?1");
  RETURN_IF_ERROR(head.Bind(stream).Run());
  Query chunks = database_.Prepare("DELETE FROM base_chunk WHERE id BETWEEN ?1 AND ?2");
  return chunks.Bind(ChunkId(stream, 0), ChunkId(stream + 1, 0) - 1).Run();
}

}  // namespace nestor::store
