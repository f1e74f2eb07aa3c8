#pragma once

#include <cstdint>

#include "common/store/database.h"

namespace nestor::store {

// Every row has the checksum of the fields before it. Names and bytes alike are kept as BLOB.
//
// A change's id is its stream's number and its sequence, so that changes lie in the table in the
// order of streams and, within each, of sequences, and appending touches one page.
constexpr int kSequenceBits = 40;
constexpr uint64_t kMostSequence = (uint64_t{1} << kSequenceBits) - 1;

constexpr int64_t ChangeId(int64_t stream, uint64_t sequence) {
  return (stream << kSequenceBits) | static_cast<int64_t>(sequence);
}
constexpr uint64_t SequenceOf(int64_t change_id) {
  return static_cast<uint64_t>(change_id) & kMostSequence;
}
constexpr int64_t StreamOf(int64_t change_id) { return change_id >> kSequenceBits; }

// In both files:
//
// stream   what changes are counted in. `current` 0: ended, kept for the history of its changes.
// change   a change; `sum` is over what the history lists, `content_sum` over the rest.
//          `envelope` and `replaced` are compressed where their size is not the one told.
//          `total_bytes` counts all changes of the stream up to and with this one.
// outcome  what became of a change; no row: pending.
// entry    what is no change; `after_id` is the newest change of the relationship at that time.
inline constexpr std::string_view kSharedTables = R"sql(
CREATE TABLE relationship(
  name BLOB PRIMARY KEY, spec BLOB NOT NULL, sum INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE stream(
  number INTEGER PRIMARY KEY, relationship BLOB NOT NULL, stream_id BLOB NOT NULL,
  current INTEGER NOT NULL, followed INTEGER NOT NULL, sum INTEGER NOT NULL);
CREATE TABLE change(
  id INTEGER PRIMARY KEY, term INTEGER NOT NULL, digest_after BLOB NOT NULL,
  noticed_ns INTEGER NOT NULL, upserted INTEGER NOT NULL, removed INTEGER NOT NULL,
  origin BLOB NOT NULL, envelope_bytes INTEGER NOT NULL, replaced_bytes INTEGER NOT NULL,
  total_bytes INTEGER NOT NULL, sum INTEGER NOT NULL,
  envelope BLOB NOT NULL, replaced BLOB NOT NULL, content_sum INTEGER NOT NULL);
CREATE TABLE outcome(
  id INTEGER PRIMARY KEY, outcome BLOB NOT NULL, detail BLOB NOT NULL, sum INTEGER NOT NULL);
CREATE TABLE entry(
  id INTEGER PRIMARY KEY, relationship BLOB NOT NULL, after_id INTEGER NOT NULL,
  time_ns INTEGER NOT NULL, entry BLOB NOT NULL, sum INTEGER NOT NULL);
)sql";

// term        the starts of a stream's publisher.
// base        the whole configuration as of a change; its bytes are in base_chunk, whose ids are
//             the stream's number and the chunk's index.
inline constexpr std::string_view kJournalTables = R"sql(
CREATE TABLE term(
  stream INTEGER NOT NULL REFERENCES stream(number) ON DELETE CASCADE, term INTEGER NOT NULL,
  first_sequence INTEGER NOT NULL, sum INTEGER NOT NULL,
  PRIMARY KEY(stream, term)) WITHOUT ROWID;
CREATE TABLE base(
  stream INTEGER PRIMARY KEY REFERENCES stream(number) ON DELETE CASCADE,
  sequence INTEGER NOT NULL, bytes INTEGER NOT NULL, sum INTEGER NOT NULL);
CREATE TABLE base_chunk(
  id INTEGER PRIMARY KEY, sequence INTEGER NOT NULL, data BLOB NOT NULL, sum INTEGER NOT NULL);
)sql";

// unwritten   the relationships whose Kea may start from a file that is older than what it was made
//             to run.
inline constexpr std::string_view kUnwrittenTable = R"sql(
CREATE TABLE unwritten(
  relationship BLOB PRIMARY KEY, sum INTEGER NOT NULL) WITHOUT ROWID;
)sql";

// memory  what the secondary remembers; `intended` 0: no apply was begun.
inline constexpr std::string_view kFollowerTables = R"sql(
CREATE TABLE memory(
  relationship BLOB PRIMARY KEY, stream_id BLOB NOT NULL, term INTEGER NOT NULL,
  sequence INTEGER NOT NULL, digest BLOB NOT NULL, persisted INTEGER NOT NULL,
  highest_term INTEGER NOT NULL, witnessed_stream BLOB NOT NULL, intended INTEGER NOT NULL,
  intent_stream_id BLOB NOT NULL, intent_term INTEGER NOT NULL, intent_sequence INTEGER NOT NULL, intent_digest BLOB NOT NULL,
  approved_sequence INTEGER NOT NULL, paused INTEGER NOT NULL, refused_digest BLOB NOT NULL,
  refused_nack BLOB NOT NULL, sum INTEGER NOT NULL) WITHOUT ROWID;
)sql";

// undo                what a server had before a change of a relationship, a v1::UndoRecord.
inline constexpr std::string_view kUndoTable = R"sql(
CREATE TABLE undo(
  service INTEGER PRIMARY KEY, record BLOB NOT NULL, sum INTEGER NOT NULL);
)sql";

// transaction_record  a change of a relationship that has not ended, a v1::TransactionRecord.
inline constexpr std::string_view kUndoAndTransactionTables = R"sql(
CREATE TABLE undo(
  service INTEGER PRIMARY KEY, record BLOB NOT NULL, sum INTEGER NOT NULL);
CREATE TABLE transaction_record(
  id BLOB PRIMARY KEY, record BLOB NOT NULL, sum INTEGER NOT NULL) WITHOUT ROWID;
)sql";

// kept           what was changed on the secondary while the primary was away, a v1::HistoryEntry,
//                compressed where its size is not the one told. `open` 0: it is to be told the
//                primary, and goes away when that has it.
// standing_base  the configuration, a v1::Snapshot, that such a change is a change of.
inline constexpr std::string_view kKeptTables = R"sql(
CREATE TABLE kept(
  number INTEGER PRIMARY KEY, relationship BLOB NOT NULL, id BLOB NOT NULL,
  open INTEGER NOT NULL, digest BLOB NOT NULL, bytes INTEGER NOT NULL, entry BLOB NOT NULL, sum INTEGER NOT NULL, UNIQUE(relationship, id));
CREATE TABLE standing_base(
  relationship BLOB PRIMARY KEY, digest BLOB NOT NULL, bytes INTEGER NOT NULL,
  snapshot BLOB NOT NULL, sum INTEGER NOT NULL) WITHOUT ROWID;
)sql";

inline Schema JournalSchema() {
  return {"journal",
          0x4e53544a,
          {kSharedTables, kJournalTables, kUnwrittenTable, kUndoAndTransactionTables}};
}
inline Schema FollowerSchema() {
  return {"store", 0x4e535453, {kSharedTables, kFollowerTables, kUndoTable, kKeptTables}};
}

}  // namespace nestor::store
