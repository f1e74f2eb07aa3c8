#include <algorithm>
#include <iterator>
#include <set>

#include "common/store/change_objects.h"
#include "common/store/stream_log.h"

namespace nestor::store {
namespace {

constexpr uint32_t kDefaultLimit = 100;
// Objects of entries that one History() gives at most.
constexpr uint64_t kMostEntryObjects = 256 << 10;

constexpr std::string_view kPending = "pending";
constexpr std::string_view kHeld = "held";
constexpr std::string_view kWaiting = "waiting";
constexpr std::string_view kApplied = "applied";
constexpr std::string_view kSuperseded = "superseded";

bool IsFinal(std::string_view outcome) {
  return outcome != kPending && outcome != kHeld && outcome != kWaiting;
}

void DescribeChange(const ChangeRow& row, v1::HistoryEntry& entry) {
  entry.set_sequence(row.sequence());
  entry.set_term(row.term);
  SetTime(absl::FromUnixNanos(row.noticed_ns), *entry.mutable_time());
  entry.set_what("change");
  entry.set_origin(row.origin);
  entry.set_upserted_count(row.upserted);
  entry.set_removed_count(row.removed);
  entry.set_outcome(std::string(kPending));
}

void DropObjects(v1::HistoryEntry& entry) {
  entry.clear_upserted();
  entry.clear_removed();
  entry.clear_replaced();
}

}  // namespace

absl::Status StreamLog::VerifyOutcomes() {
  Query rows = database_.Prepare("SELECT * FROM outcome ORDER BY id");
  while (true) {
    ASSIGN_OR_RETURN(const bool found, rows.Next());
    if (!found) return absl::OkStatus();
    RETURN_IF_ERROR(rows.Verify("outcome", 0, 3));
    const auto stream = streams_.find(StreamOf(rows.Integer(0)));
    if (stream == streams_.end() || !IsFinal(rows.Bytes(1))) continue;
    if (SequenceOf(rows.Integer(0)) == stream->second.undecided_from) {
      ++stream->second.undecided_from;
    }
  }
}

absl::Status StreamLog::VerifyEntries() {
  next_entry_ = 1;
  Query rows = database_.Prepare("SELECT * FROM entry ORDER BY id");
  while (true) {
    ASSIGN_OR_RETURN(const bool found, rows.Next());
    if (!found) return absl::OkStatus();
    RETURN_IF_ERROR(rows.Verify("entry", 0, 5));
    next_entry_ = rows.Integer(0) + 1;
  }
}

absl::Status StreamLog::SetOutcome(std::string_view relationship, uint64_t sequence,
                                   std::string_view outcome, std::string_view detail) {
  for (Stream* stream : Of(relationship)) {
    ASSIGN_OR_RETURN(const bool there, Has(*stream, sequence));
    if (!there) continue;
    RETURN_IF_ERROR(WriteOutcome(ChangeId(stream->number, sequence), outcome, detail));
    if (!IsFinal(outcome)) stream->undecided_from = std::min(stream->undecided_from, sequence);
    return absl::OkStatus();
  }
  return Error(absl::StatusCode::kNotFound, "{}: there is no change {}", relationship, sequence);
}

absl::Status StreamLog::WriteOutcome(int64_t id, std::string_view outcome,
                                     std::string_view detail) {
  Query write = database_.Prepare("INSERT OR REPLACE INTO outcome VALUES(?1, ?2, ?3, ?4)");
  return write.BindRow("outcome", id, outcome, detail).Run();
}

absl::Status StreamLog::Undecided(const Stream& stream, uint64_t last, std::vector<int64_t>& ids) {
  const int64_t first = ChangeId(stream.number, stream.undecided_from);
  Query rows = database_.Prepare(
      "SELECT change.id, outcome.id, outcome.outcome, outcome.detail, outcome.sum FROM change "
      "LEFT JOIN outcome ON outcome.id = change.id WHERE change.id BETWEEN ?1 AND ?2 "
      "ORDER BY change.id");
  rows.Bind(first, ChangeId(stream.number, last));
  while (true) {
    ASSIGN_OR_RETURN(const bool found, rows.Next());
    if (!found) return absl::OkStatus();
    v1::HistoryEntry entry;
    ASSIGN_OR_RETURN(const std::string outcome, OutcomeOf(rows, 1, entry));
    if (!IsFinal(outcome)) ids.push_back(rows.Integer(0));
  }
}

absl::Status StreamLog::SetApplied(std::string_view relationship, uint64_t sequence,
                                   const std::vector<uint64_t>& superseded,
                                   std::string_view detail) {
  Stream* const current = Current(relationship);
  if (current == nullptr) return absl::OkStatus();
  const uint64_t last = std::min(sequence, current->head);
  const std::set<uint64_t> passed(superseded.begin(), superseded.end());
  std::vector<Decision> decisions;
  std::vector<int64_t> ids;
  if (last >= current->undecided_from) RETURN_IF_ERROR(Undecided(*current, last, ids));
  if (last == sequence && (ids.empty() || SequenceOf(ids.back()) != last)) {
    RETURN_IF_ERROR(AddUnlessApplied(ChangeId(current->number, last), ids));
  }
  decisions.reserve(ids.size());
  for (const int64_t id : ids) {
    if (passed.contains(SequenceOf(id))) {
      decisions.push_back({id, kSuperseded, {}});
    } else {
      decisions.push_back({id, kApplied, detail});
    }
  }
  // What an ended stream left open was overtaken by the snapshot that began this one.
  for (Stream* stream : Of(relationship)) {
    if (stream == current || stream->undecided_from > stream->head) continue;
    ids.clear();
    RETURN_IF_ERROR(Undecided(*stream, stream->head, ids));
    for (const int64_t id : ids) decisions.push_back({id, kSuperseded, {}});
  }
  RETURN_IF_ERROR(WriteDecisions(decisions));
  current->undecided_from = std::max(current->undecided_from, last + 1);
  for (Stream* stream : Of(relationship)) {
    if (stream != current) stream->undecided_from = stream->head + 1;
  }
  return absl::OkStatus();
}

// A change that was refused and then, tried again, applied.
absl::Status StreamLog::AddUnlessApplied(int64_t id, std::vector<int64_t>& ids) {
  Query row = database_.Prepare("SELECT * FROM outcome WHERE id = ?1");
  ASSIGN_OR_RETURN(const bool found, row.Bind(id).Next());
  if (!found) return absl::OkStatus();
  RETURN_IF_ERROR(row.Verify("outcome", 0, 3));
  if (row.Bytes(1) != kApplied && row.Bytes(1) != kSuperseded) ids.push_back(id);
  return absl::OkStatus();
}

absl::Status StreamLog::WriteDecisions(const std::vector<Decision>& decisions) {
  for (const Decision& decision : decisions) {
    RETURN_IF_ERROR(WriteOutcome(decision.id, decision.outcome, decision.detail));
  }
  return absl::OkStatus();
}

absl::Status StreamLog::AddEntry(std::string_view relationship, const v1::HistoryEntry& entry) {
  int64_t after = 0;
  for (const Stream* stream : Of(relationship)) {
    after = std::max(after, ChangeId(stream->number, stream->head));
  }
  const std::string bytes = entry.SerializeAsString();
  Query insert = database_.Prepare("INSERT INTO entry VALUES(?1, ?2, ?3, ?4, ?5, ?6)");
  insert.BindRow("entry", next_entry_, relationship, after, absl::ToUnixNanos(TimeOf(entry.time())),
                 bytes);
  RETURN_IF_ERROR(insert.Run());
  ++next_entry_;
  return absl::OkStatus();
}

absl::StatusOr<std::string> StreamLog::OutcomeOf(const Query& row, int first,
                                                 v1::HistoryEntry& entry) const {
  if (row.Null(first)) return std::string(kPending);
  RETURN_IF_ERROR(row.Verify("outcome", first, 3));
  entry.set_outcome(row.Text(first + 1));
  entry.set_detail(row.Text(first + 2));
  return entry.outcome();
}

absl::Status StreamLog::ListChanges(const Stream& stream, uint64_t limit,
                                    std::vector<EntryRow>& changes) {
  Query rows = database_.Prepare(
      "SELECT change.id, term, digest_after, noticed_ns, upserted, removed, origin, envelope_bytes,"
      " replaced_bytes, total_bytes, change.sum, outcome.id, outcome.outcome, outcome.detail,"
      " outcome.sum FROM change LEFT JOIN outcome ON outcome.id = change.id "
      "WHERE change.id BETWEEN ?1 AND ?2 ORDER BY change.id DESC");
  rows.Bind(ChangeId(stream.number, 0), ChangeId(stream.number, kMostSequence));
  while (changes.size() < limit) {
    ASSIGN_OR_RETURN(const bool found, rows.Next());
    if (!found) break;
    ChangeRow row;
    RETURN_IF_ERROR(ReadRow(rows, row));
    EntryRow& listed = changes.emplace_back();
    listed.after_id = row.id;
    DescribeChange(row, listed.entry);
    RETURN_IF_ERROR(OutcomeOf(rows, 11, listed.entry).status());
  }
  return absl::OkStatus();
}

absl::Status StreamLog::ListEntries(std::string_view relationship, uint64_t limit,
                                    std::vector<EntryRow>& entries) {
  uint64_t object_bytes = 0;
  Query rows = database_.Prepare("SELECT * FROM entry WHERE relationship = ?1 ORDER BY id DESC");
  rows.Bind(relationship);
  while (entries.size() < limit) {
    ASSIGN_OR_RETURN(const bool found, rows.Next());
    if (!found) break;
    EntryRow& listed = entries.emplace_back();
    listed.after_id = rows.Integer(2);
    ASSIGN_OR_RETURN(listed.entry, ReadEntry(rows));
    object_bytes += rows.Bytes(4).size();
    if (object_bytes > kMostEntryObjects) DropObjects(listed.entry);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<v1::HistoryEntry>> StreamLog::History(std::string_view relationship,
                                                                 uint32_t limit) {
  if (limit == 0) limit = kDefaultLimit;
  std::vector<EntryRow> merged;
  RETURN_IF_ERROR(ListEntries(relationship, limit, merged));
  for (const Stream* stream : Of(relationship)) {
    std::vector<EntryRow> changes;
    RETURN_IF_ERROR(ListChanges(*stream, limit, changes));
    std::move(changes.begin(), changes.end(), std::back_inserter(merged));
  }
  // Entries come before the change that they were made after, so they stay in front of it.
  std::stable_sort(merged.begin(), merged.end(),
                   [](const EntryRow& a, const EntryRow& b) { return a.after_id > b.after_id; });
  std::vector<v1::HistoryEntry> history;
  for (EntryRow& row : merged) {
    if (history.size() == limit) break;
    history.push_back(std::move(row.entry));
  }
  return history;
}

absl::StatusOr<v1::HistoryEntry> StreamLog::HistoryOf(std::string_view relationship,
                                                      uint64_t sequence) {
  for (const Stream* stream : Of(relationship)) {
    if (sequence == 0 || sequence > kMostSequence) break;
    Query row = database_.Prepare(
        "SELECT change.*, outcome.* FROM change LEFT JOIN outcome ON outcome.id = change.id "
        "WHERE change.id = ?1");
    ASSIGN_OR_RETURN(const bool found, row.Bind(ChangeId(stream->number, sequence)).Next());
    if (!found) continue;
    ChangeRow head;
    RETURN_IF_ERROR(ReadRow(row, head));
    v1::HistoryEntry entry;
    DescribeChange(head, entry);
    RETURN_IF_ERROR(OutcomeOf(row, 14, entry).status());
    ASSIGN_OR_RETURN(const JournaledChange change, ReadContent(row, head));
    if (absl::Status status = AddObjects(change.envelope, change.replaced, entry); !status.ok()) {
      return database_.Damaged("change", head.id, Message(status));
    }
    return entry;
  }
  return Error(absl::StatusCode::kNotFound, "{}: there is no change {} in the history",
               relationship, sequence);
}

absl::StatusOr<v1::HistoryEntry> StreamLog::ReadEntry(const Query& row) const {
  RETURN_IF_ERROR(row.Verify("entry", 0, 5));
  const std::string_view bytes = row.Bytes(4);
  v1::HistoryEntry entry;
  if (!entry.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return database_.Damaged("entry", row.Integer(0), "it cannot be read");
  }
  entry.set_entry(row.Unsigned(0));
  return entry;
}

absl::StatusOr<v1::HistoryEntry> StreamLog::EntryOf(std::string_view relationship, uint64_t entry) {
  Query row = database_.Prepare("SELECT * FROM entry WHERE relationship = ?1 AND id = ?2");
  ASSIGN_OR_RETURN(const bool found, row.Bind(relationship, entry).Next());
  if (found) return ReadEntry(row);
  return Error(absl::StatusCode::kNotFound, "{}: there is no entry e{} in the history",
               relationship, entry);
}

absl::StatusOr<uint64_t> StreamLog::EntryNamed(std::string_view relationship, std::string_view id) {
  Query rows = database_.Prepare("SELECT * FROM entry WHERE relationship = ?1 ORDER BY id DESC");
  rows.Bind(relationship);
  while (true) {
    ASSIGN_OR_RETURN(const bool found, rows.Next());
    if (!found) return 0;
    ASSIGN_OR_RETURN(const v1::HistoryEntry entry, ReadEntry(rows));
    if (entry.id() == id) return entry.entry();
  }
}

absl::Status StreamLog::DropEntriesBelow(std::string_view relationship, int64_t id) {
  Query remove = database_.Prepare("DELETE FROM entry WHERE relationship = ?1 AND id < ?2");
  return remove.Bind(relationship, id).Run();
}

absl::Status StreamLog::DropEntries(std::string_view relationship, uint64_t keep,
                                    int64_t oldest_ns) {
  int64_t first_kept = next_entry_;
  {
    Query rows =
        database_.Prepare("SELECT id, time_ns FROM entry WHERE relationship = ?1 ORDER BY id DESC");
    rows.Bind(relationship);
    for (uint64_t kept = 0; kept < keep; ++kept) {
      ASSIGN_OR_RETURN(const bool found, rows.Next());
      if (!found || rows.Integer(1) < oldest_ns) break;
      first_kept = rows.Integer(0);
    }
  }
  return DropEntriesBelow(relationship, first_kept);
}

absl::Status StreamLog::KeepNewest(std::string_view relationship, uint64_t rows) {
  // Ids of changes, and of entries behind the change that they were made after.
  std::vector<std::pair<int64_t, int64_t>> ids;
  {
    Query entries = database_.Prepare("SELECT after_id, id FROM entry WHERE relationship = ?1");
    entries.Bind(relationship);
    while (true) {
      ASSIGN_OR_RETURN(const bool found, entries.Next());
      if (!found) break;
      ids.emplace_back(entries.Integer(0), entries.Integer(1));
    }
  }
  for (const Stream* stream : Of(relationship)) {
    Query changes = database_.Prepare("SELECT id FROM change WHERE id BETWEEN ?1 AND ?2");
    changes.Bind(ChangeId(stream->number, 0), ChangeId(stream->number, kMostSequence));
    while (true) {
      ASSIGN_OR_RETURN(const bool found, changes.Next());
      if (!found) break;
      ids.emplace_back(changes.Integer(0), 0);
    }
  }
  if (ids.size() <= rows) return absl::OkStatus();
  std::sort(ids.begin(), ids.end());
  const size_t dropped = ids.size() - rows;
  int64_t last_change = 0, last_entry = 0;
  for (size_t i = 0; i < dropped; ++i) {
    if (ids[i].second == 0) last_change = ids[i].first;
    last_entry = std::max(last_entry, ids[i].second);
  }
  return database_.Transact([&]() -> absl::Status {
    for (Stream* stream : Of(relationship)) {
      if (stream->number > StreamOf(last_change) || last_change == 0) continue;
      const bool whole = stream->number < StreamOf(last_change);
      RETURN_IF_ERROR(Drop(*stream, whole ? stream->head : SequenceOf(last_change)));
    }
    return DropEntriesBelow(relationship, last_entry + 1);
  });
}

}  // namespace nestor::store
