#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/store/database.h"
#include "common/store/tables.h"

namespace nestor::store {

// A stream of changes and what the store keeps in mind of it.
struct Stream {
  int64_t number = 0;
  std::string relationship;
  std::string stream_id;
  bool current = true;
  uint64_t followed_since = 0;

  uint64_t head = 0;    // 0: no change was ever kept
  uint64_t lowest = 1;  // of the changes still there; head + 1: none
  std::string head_digest;
  uint64_t total_bytes = 0;     // of all changes ever kept
  uint64_t undecided_from = 1;  // every change below has an outcome for good
};

// A row of the table of changes, without the change itself.
struct ChangeRow {
  int64_t id = 0;
  uint64_t term = 0;
  std::string digest_after;
  int64_t noticed_ns = 0;
  uint64_t upserted = 0, removed = 0;
  std::string origin;
  uint64_t envelope_bytes = 0, replaced_bytes = 0;  // uncompressed
  uint64_t total_bytes = 0;

  uint64_t sequence() const { return SequenceOf(id); }
  uint64_t bytes() const { return envelope_bytes + replaced_bytes; }
};

// The streams of changes and the history that journal and follower's store have in common.
//
// Keeps the streams' heads in memory. After a transaction that failed, Forget() them. Nothing here
// begins a transaction except where said. Not thread-safe; `database` must outlive it.
class StreamLog {
 public:
  explicit StreamLog(Database& database) : database_(database) {}

  // Reads and verifies the streams, outcomes and entries unless they are in mind.
  absl::Status Load();
  void Forget() { loaded_ = false; }

  // The streams' pointers are valid until Forget() or the stream's removal. nullptr: none.
  Stream* Current(std::string_view relationship);
  Stream* Find(std::string_view relationship, std::string_view stream_id);
  // Of a relationship, the current one first, then the newest of the ended ones.
  std::vector<Stream*> Of(std::string_view relationship);

  // Ends the current stream and makes another, or an ended one, the current. Needs a transaction.
  absl::StatusOr<Stream*> Start(std::string_view relationship, std::string_view stream_id);
  absl::Status Resume(Stream& stream);
  absl::Status End(Stream& stream);
  absl::Status SetFollowedSince(Stream& stream, uint64_t term);

  // Keeps a change; one of this sequence must not be there.
  absl::Status Append(Stream& stream, const JournaledChange& change);
  absl::StatusOr<bool> Has(const Stream& stream, uint64_t sequence);
  // As Journal::Had().
  absl::StatusOr<bool> Had(const Stream& stream, std::string_view digest);
  // As Journal::Read(), from a sequence that is there.
  absl::StatusOr<std::vector<JournaledChange>> Read(const Stream& stream, uint64_t from,
                                                    uint64_t max_bytes);
  // The last sequence up to which `drops` says true of every change; 0: of none.
  absl::StatusOr<uint64_t> Prefix(const Stream& stream,
                                  const std::function<bool(const ChangeRow&)>& drops);
  // Removes the changes up to `sequence` and, when an ended stream is left empty, the stream too.
  absl::Status Drop(Stream& stream, uint64_t sequence);

  // NotFound: no such change.
  absl::Status SetOutcome(std::string_view relationship, uint64_t sequence,
                          std::string_view outcome, std::string_view detail);
  // As Journal::SetApplied(), in the caller's transaction.
  absl::Status SetApplied(std::string_view relationship, uint64_t sequence,
                          const std::vector<uint64_t>& superseded, std::string_view detail);
  absl::Status AddEntry(std::string_view relationship, const v1::HistoryEntry& entry);
  absl::StatusOr<std::vector<v1::HistoryEntry>> History(std::string_view relationship,
                                                        uint32_t limit);
  absl::StatusOr<v1::HistoryEntry> HistoryOf(std::string_view relationship, uint64_t sequence);
  absl::StatusOr<v1::HistoryEntry> EntryOf(std::string_view relationship, uint64_t entry);
  // The number of the entry with this id; 0: there is none.
  absl::StatusOr<uint64_t> EntryNamed(std::string_view relationship, std::string_view id);
  // Of the entry that AddEntry() added last.
  uint64_t last_entry() const { return static_cast<uint64_t>(next_entry_ - 1); }
  // Removes the entries that are not among the newest `keep` or are older than `oldest_ns`.
  absl::Status DropEntries(std::string_view relationship, uint64_t keep, int64_t oldest_ns);
  // Removes all but the newest `rows` changes and entries together.
  absl::Status KeepNewest(std::string_view relationship, uint64_t rows);

 private:
  struct EntryRow {
    int64_t after_id = 0;
    v1::HistoryEntry entry;
  };
  struct Decision {
    int64_t id = 0;
    std::string_view outcome, detail;
  };

  absl::Status LoadStreams();
  absl::Status LoadHead(Stream& stream);
  absl::Status VerifyOutcomes();
  absl::Status VerifyEntries();
  absl::Status Save(const Stream& stream);
  absl::Status ReadRow(const Query& row, ChangeRow& out) const;
  absl::StatusOr<JournaledChange> ReadContent(const Query& row, const ChangeRow& head) const;
  absl::Status WriteOutcome(int64_t id, std::string_view outcome, std::string_view detail);
  absl::Status Undecided(const Stream& stream, uint64_t last, std::vector<int64_t>& ids);
  absl::Status AddUnlessApplied(int64_t id, std::vector<int64_t>& ids);
  absl::Status WriteDecisions(const std::vector<Decision>& decisions);
  absl::Status DropEntriesBelow(std::string_view relationship, int64_t id);
  absl::Status ListChanges(const Stream& stream, uint64_t limit, std::vector<EntryRow>& changes);
  absl::Status ListEntries(std::string_view relationship, uint64_t limit,
                           std::vector<EntryRow>& entries);
  absl::StatusOr<v1::HistoryEntry> ReadEntry(const Query& row) const;
  absl::StatusOr<std::string> OutcomeOf(const Query& row, int first, v1::HistoryEntry& entry) const;

  Database& database_;
  bool loaded_ = false;
  std::map<int64_t, Stream> streams_;
  int64_t next_stream_ = 1;
  int64_t next_entry_ = 1;
};

}  // namespace nestor::store
