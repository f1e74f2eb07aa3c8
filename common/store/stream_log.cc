#include "common/store/stream_log.h"

#include <algorithm>

#include "common/store/packing.h"

namespace nestor::store {
namespace {

constexpr int kRowFields = 10;  // those before `sum`
constexpr int kEnvelopeColumn = 11;

}  // namespace

absl::Status StreamLog::Load() {
  if (loaded_) return absl::OkStatus();
  RETURN_IF_ERROR(LoadStreams());
  RETURN_IF_ERROR(VerifyOutcomes());
  RETURN_IF_ERROR(VerifyEntries());
  loaded_ = true;
  return absl::OkStatus();
}

absl::Status StreamLog::LoadStreams() {
  streams_.clear();
  next_stream_ = 1;
  Query rows = database_.Prepare("SELECT * FROM stream ORDER BY number");
  while (true) {
    ASSIGN_OR_RETURN(const bool found, rows.Next());
    if (!found) return absl::OkStatus();
    RETURN_IF_ERROR(rows.Verify("stream", 0, 5));
    Stream stream;
    stream.number = rows.Integer(0);
    stream.relationship = rows.Text(1);
    stream.stream_id = rows.Text(2);
    stream.current = rows.Integer(3) != 0;
    stream.followed_since = static_cast<uint64_t>(rows.Integer(4));
    RETURN_IF_ERROR(LoadHead(stream));
    next_stream_ = stream.number + 1;
    streams_.emplace(stream.number, std::move(stream));
  }
}

absl::Status StreamLog::LoadHead(Stream& stream) {
  const int64_t first = ChangeId(stream.number, 0);
  const int64_t last = ChangeId(stream.number, kMostSequence);
  Query newest =
      database_.Prepare("SELECT * FROM change WHERE id BETWEEN ?1 AND ?2 ORDER BY id DESC LIMIT 1");
  ASSIGN_OR_RETURN(const bool found, newest.Bind(first, last).Next());
  if (!found) return absl::OkStatus();
  ChangeRow row;
  RETURN_IF_ERROR(ReadRow(newest, row));
  stream.head = row.sequence();
  stream.head_digest = row.digest_after;
  stream.total_bytes = row.total_bytes;
  Query oldest = database_.Prepare("SELECT min(id) FROM change WHERE id BETWEEN ?1 AND ?2");
  RETURN_IF_ERROR(oldest.Bind(first, last).Next().status());
  stream.lowest = SequenceOf(oldest.Integer(0));
  stream.undecided_from = stream.lowest;
  return absl::OkStatus();
}

Stream* StreamLog::Current(std::string_view relationship) {
  for (auto& [number, stream] : streams_) {
    if (stream.current && stream.relationship == relationship) return &stream;
  }
  return nullptr;
}

Stream* StreamLog::Find(std::string_view relationship, std::string_view stream_id) {
  for (auto& [number, stream] : streams_) {
    if (stream.relationship == relationship && stream.stream_id == stream_id) return &stream;
  }
  return nullptr;
}

std::vector<Stream*> StreamLog::Of(std::string_view relationship) {
  std::vector<Stream*> found;
  for (auto& [number, stream] : streams_) {
    if (stream.relationship == relationship) found.push_back(&stream);
  }
  std::sort(found.begin(), found.end(), [](const Stream* a, const Stream* b) {
    return a->current != b->current ? a->current : a->number > b->number;
  });
  return found;
}

absl::StatusOr<Stream*> StreamLog::Start(std::string_view relationship,
                                         std::string_view stream_id) {
  if (Stream* current = Current(relationship)) RETURN_IF_ERROR(End(*current));
  Stream stream;
  stream.number = next_stream_++;
  stream.relationship = std::string(relationship);
  stream.stream_id = std::string(stream_id);
  RETURN_IF_ERROR(Save(stream));
  const int64_t number = stream.number;
  return &streams_.emplace(number, std::move(stream)).first->second;
}

absl::Status StreamLog::Resume(Stream& stream) {
  if (Stream* current = Current(stream.relationship)) RETURN_IF_ERROR(End(*current));
  stream.current = true;
  return Save(stream);
}

absl::Status StreamLog::End(Stream& stream) {
  stream.current = false;
  return Save(stream);
}

absl::Status StreamLog::SetFollowedSince(Stream& stream, uint64_t term) {
  stream.followed_since = term;
  return Save(stream);
}

absl::Status StreamLog::Save(const Stream& stream) {
  // No INSERT OR REPLACE: deleting the old row would cascade to the tables that refer to it.
  Query save = database_.Prepare(
      "INSERT INTO stream VALUES(?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT(number) DO UPDATE SET "
      "relationship = ?2, stream_id = ?3, current = ?4, followed = ?5, sum = ?6");
  return save
      .BindRow("stream", stream.number, stream.relationship, stream.stream_id, stream.current,
               static_cast<int64_t>(stream.followed_since))
      .Run();
}

absl::Status StreamLog::Append(Stream& stream, const JournaledChange& change) {
  if (change.sequence == 0 || change.sequence > kMostSequence) {
    return Error(absl::StatusCode::kInvalidArgument, "sequence {} is out of range",
                 change.sequence);
  }
  std::string packed_envelope, packed_replaced;
  const std::string_view envelope = Pack(change.envelope, packed_envelope);
  const std::string_view replaced = Pack(change.replaced, packed_replaced);
  const int64_t id = ChangeId(stream.number, change.sequence);
  const uint64_t total = stream.total_bytes + change.envelope.size() + change.replaced.size();
  Query insert = database_.Prepare(
      "INSERT INTO change VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)");
  insert
      .BindRow("change", id, change.term, change.digest_after, absl::ToUnixNanos(change.noticed),
               change.upserted, change.removed, change.origin, change.envelope.size(),
               change.replaced.size(), total)
      .Bind(envelope, replaced, SumOf("change content", id, envelope, replaced));
  RETURN_IF_ERROR(insert.Run());
  stream.total_bytes = total;
  stream.lowest = stream.head == 0 ? change.sequence : std::min(stream.lowest, change.sequence);
  stream.undecided_from = std::min(stream.undecided_from, change.sequence);
  if (change.sequence > stream.head) {
    stream.head = change.sequence;
    stream.head_digest = change.digest_after;
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> StreamLog::Has(const Stream& stream, uint64_t sequence) {
  if (sequence == 0 || sequence > kMostSequence) return false;
  Query row = database_.Prepare("SELECT 1 FROM change WHERE id = ?1");
  return row.Bind(ChangeId(stream.number, sequence)).Next();
}

absl::StatusOr<bool> StreamLog::Had(const Stream& stream, std::string_view digest) {
  Query row = database_.Prepare(
      "SELECT 1 FROM change WHERE id BETWEEN ?1 AND ?2 AND digest_after = ?3 LIMIT 1");
  return row.Bind(ChangeId(stream.number, 0), ChangeId(stream.number, kMostSequence), digest)
      .Next();
}

absl::Status StreamLog::ReadRow(const Query& row, ChangeRow& out) const {
  RETURN_IF_ERROR(row.Verify("change", 0, kRowFields));
  out.id = row.Integer(0);
  out.term = row.Unsigned(1);
  out.digest_after = row.Text(2);
  out.noticed_ns = row.Integer(3);
  out.upserted = row.Unsigned(4);
  out.removed = row.Unsigned(5);
  out.origin = row.Text(6);
  out.envelope_bytes = row.Unsigned(7);
  out.replaced_bytes = row.Unsigned(8);
  out.total_bytes = row.Unsigned(9);
  return absl::OkStatus();
}

absl::StatusOr<JournaledChange> StreamLog::ReadContent(const Query& row,
                                                       const ChangeRow& head) const {
  const std::string_view envelope = row.Bytes(kEnvelopeColumn);
  const std::string_view replaced = row.Bytes(kEnvelopeColumn + 1);
  if (SumOf("change content", head.id, envelope, replaced) != row.Integer(kEnvelopeColumn + 2)) {
    return database_.Damaged("change", head.id, "its content's checksum does not match");
  }
  JournaledChange change;
  change.sequence = head.sequence();
  change.term = head.term;
  change.digest_after = head.digest_after;
  change.upserted = head.upserted;
  change.removed = head.removed;
  change.origin = head.origin;
  change.noticed = absl::FromUnixNanos(head.noticed_ns);
  ASSIGN_OR_RETURN(change.envelope, Unpack(envelope, head.envelope_bytes));
  ASSIGN_OR_RETURN(change.replaced, Unpack(replaced, head.replaced_bytes));
  return change;
}

absl::StatusOr<std::vector<JournaledChange>> StreamLog::Read(const Stream& stream, uint64_t from,
                                                             uint64_t max_bytes) {
  std::vector<JournaledChange> changes;
  Query rows = database_.Prepare("SELECT * FROM change WHERE id BETWEEN ?1 AND ?2 ORDER BY id");
  rows.Bind(ChangeId(stream.number, from), ChangeId(stream.number, stream.head));
  uint64_t bytes = 0;
  for (uint64_t sequence = from; sequence <= stream.head; ++sequence) {
    ASSIGN_OR_RETURN(const bool found, rows.Next());
    ChangeRow row;
    if (found) RETURN_IF_ERROR(ReadRow(rows, row));
    if (!found || row.sequence() != sequence) {
      return database_.Damaged("change", ChangeId(stream.number, sequence), "it is missing");
    }
    bytes += row.bytes();
    if (bytes > max_bytes && !changes.empty()) break;
    ASSIGN_OR_RETURN(JournaledChange change, ReadContent(rows, row));
    changes.push_back(std::move(change));
  }
  return changes;
}

absl::StatusOr<uint64_t> StreamLog::Prefix(const Stream& stream,
                                           const std::function<bool(const ChangeRow&)>& drops) {
  uint64_t last = 0;
  Query rows = database_.Prepare("SELECT * FROM change WHERE id BETWEEN ?1 AND ?2 ORDER BY id");
  rows.Bind(ChangeId(stream.number, stream.lowest), ChangeId(stream.number, stream.head));
  while (true) {
    ASSIGN_OR_RETURN(const bool found, rows.Next());
    if (!found) return last;
    ChangeRow row;
    RETURN_IF_ERROR(ReadRow(rows, row));
    if (!drops(row)) return last;
    last = row.sequence();
  }
}

absl::Status StreamLog::Drop(Stream& stream, uint64_t sequence) {
  const int64_t first = ChangeId(stream.number, 0);
  const int64_t last = ChangeId(stream.number, std::min(sequence, kMostSequence));
  Query outcomes = database_.Prepare("DELETE FROM outcome WHERE id BETWEEN ?1 AND ?2");
  RETURN_IF_ERROR(outcomes.Bind(first, last).Run());
  Query changes = database_.Prepare("DELETE FROM change WHERE id BETWEEN ?1 AND ?2");
  RETURN_IF_ERROR(changes.Bind(first, last).Run());
  const bool newest = stream.number + 1 == next_stream_;
  if (stream.current || newest || sequence < stream.head) {
    const uint64_t undecided_from = stream.undecided_from;
    stream.lowest = stream.head + 1;
    if (sequence < stream.head) RETURN_IF_ERROR(LoadHead(stream));
    stream.undecided_from = std::max(stream.lowest, undecided_from);
    return absl::OkStatus();
  }
  // An ended stream without changes. Entries may refer to the newest, so its number stays taken.
  Query remove = database_.Prepare("DELETE FROM stream WHERE number = ?1");
  RETURN_IF_ERROR(remove.Bind(stream.number).Run());
  streams_.erase(stream.number);
  return absl::OkStatus();
}

}  // namespace nestor::store
