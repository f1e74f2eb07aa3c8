#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/store/undo_log.h"
#include "nestor/v1/envelope.pb.h"
#include "nestor/v1/operator.pb.h"
#include "nestor/v1/relationship.pb.h"

namespace nestor::store {

// How a database file is opened.
struct OpenOptions {
  std::string path;
  std::string vfs;  // SQLite's VFS; empty: the operating system's
};

// How long changes are kept for replay. The newest is always kept.
struct Retention {
  uint64_t changes = 10'000;
  uint64_t bytes = uint64_t{256} << 20;
  absl::Duration age = absl::Hours(24 * 30);
  // A connected secondary's position is held up to so many times these bounds.
  uint64_t hard_cap_factor = 4;
};

// One start of a publisher within a stream.
struct TermStart {
  uint64_t term = 0;
  uint64_t first_sequence = 0;  // of the first change that this term made or will make
};

// A relationship's stream as found, with the term of this start already durable.
struct StreamStart {
  std::string stream_id;  // 16 bytes
  uint64_t term = 0;
  std::vector<TermStart> terms;  // oldest first; the last is this term's
  uint64_t head = 0;             // 0: nothing journaled yet
  std::string head_digest;       // 32 bytes, or empty
  uint64_t lowest = 0;           // the oldest change still there; head + 1 if none
  uint64_t followed_since = 0;   // the term in which a follower was first welcomed; 0: none was
  bool unwritten = false;        // as SetUnwritten() said last
};

// One change as it is kept. `envelope` is what is published and replayed, serialised.
struct JournaledChange {
  uint64_t sequence = 0;
  uint64_t term = 0;
  std::string digest_after;  // 32 bytes
  std::string envelope;      // v1::Envelope with a Change, whole (never a snapshot reference)
  std::string replaced;      // v1::Snapshot: what its upserts and removals were before
  uint64_t upserted = 0, removed = 0;
  std::string origin;
  absl::Time noticed;
};

// The primary's durable memory: relationships, and for each a stream of changes, a base to rebuild
// the head's configuration from, and a history; and what it takes to end or undo a change of a
// relationship. One SQLite file, WAL, synchronous=FULL: what a method says is durable when it
// returns OK. Every row has a checksum.
//
// Thread-safe; every method may wait for the disk, so never call one on the protocol thread.
// NotFound wherever a stream is needed and Begin() never made one. Errors of all: ResourceExhausted
// (disk full), DataLoss (a row or the file is damaged), Internal (the disk failed: stop publishing;
// nothing is retried).
class Journal {
 public:
  virtual ~Journal() = default;

  // Opens or creates the file and checks it (quick_check). FailedPrecondition: written by a newer
  // version; or another process has it open (the text says which). DataLoss: damaged.
  static absl::StatusOr<std::unique_ptr<Journal>> Open(const OpenOptions& options);

  virtual absl::StatusOr<std::vector<v1::RelationshipSpec>> Relationships() = 0;
  // Adds or replaces: an adoption that a failing disk left half done is simply made again.
  virtual absl::Status SaveRelationship(const v1::RelationshipSpec& spec) = 0;
  // Removes it with its stream; its history stays. NotFound.
  virtual absl::Status RemoveRelationship(std::string_view name) = 0;

  // Finds the stream, or makes one with id `new_stream_id` and term 1; otherwise raises the term
  // by one.
  virtual absl::StatusOr<StreamStart> Begin(std::string_view relationship,
                                            std::string_view new_stream_id) = 0;
  // The same stream goes on under `term`. FailedPrecondition: it is not higher than the current.
  virtual absl::Status RaiseTerm(std::string_view relationship, uint64_t term) = 0;
  // Forgets the stream and its base and starts another at `term`. The sequence goes on from 1; the
  // ended stream's changes stay in the history until Compact() drops them.
  virtual absl::StatusOr<StreamStart> NewStream(std::string_view relationship,
                                                std::string_view new_stream_id, uint64_t term) = 0;
  // A follower was welcomed on this stream; only the first time counts.
  virtual absl::Status MarkFollowed(std::string_view relationship) = 0;

  // Whether Kea's own file may be older than what an operator had the agent make Kea run.
  virtual absl::Status SetUnwritten(std::string_view relationship, bool unwritten) = 0;
  // Whether a change that is still kept made the configuration `digest`, 32 bytes.
  virtual absl::StatusOr<bool> Had(std::string_view relationship, std::string_view digest) = 0;

  // Appends the next change. FailedPrecondition: `sequence` is not head + 1.
  virtual absl::Status Append(std::string_view relationship, const JournaledChange& change) = 0;
  // Changes from `from` on, in order, while they fit into `max_bytes` (at least one). NotFound:
  // `from` is below the lowest. Empty: `from` is beyond the head.
  virtual absl::StatusOr<std::vector<JournaledChange>> Read(std::string_view relationship,
                                                            uint64_t from, uint64_t max_bytes) = 0;

  // Keeps the whole configuration (v1::Snapshot, packed by the caller) as of change `sequence`.
  // FailedPrecondition: `sequence` is beyond the head.
  virtual absl::Status SaveBase(std::string_view relationship, uint64_t sequence,
                                std::string_view packed) = 0;
  struct Base {
    uint64_t sequence = 0;
    std::string packed;
  };
  // NotFound: none.
  virtual absl::StatusOr<Base> LoadBase(std::string_view relationship) = 0;

  // Drops what `retention` no longer keeps; never anything above the base or, within the hard cap,
  // above `held_sequence` (0: nobody holds). Returns the lowest sequence left.
  virtual absl::StatusOr<uint64_t> Compact(std::string_view relationship,
                                           const Retention& retention, uint64_t held_sequence,
                                           absl::Time now) = 0;

  // What became of a change, shown by the history: "applied", "refused", ... NotFound: no such
  // change in this stream or an ended one.
  virtual absl::Status SetOutcome(std::string_view relationship, uint64_t sequence,
                                  std::string_view outcome, std::string_view detail) = 0;
  // Sets "superseded" or "applied" for the pending and held changes up to `sequence`: those in
  // `superseded` the former, the others the latter. `sequence` itself becomes "applied" also where
  // it was refused before; what an ended stream left open becomes "superseded". `detail`, of those
  // applied, is shown by the history. Nothing is written where nothing changes.
  virtual absl::Status SetApplied(std::string_view relationship, uint64_t sequence,
                                  const std::vector<uint64_t>& superseded,
                                  std::string_view detail) = 0;
  // Something that is no change: a drift, a resync, a decision. `entry.sequence` 0.
  virtual absl::Status AddEntry(std::string_view relationship, const v1::HistoryEntry& entry) = 0;
  // Adds what has an id, unless it is there already. Returns its number.
  virtual absl::StatusOr<uint64_t> AddEntryOnce(std::string_view relationship,
                                                const v1::HistoryEntry& entry) = 0;
  // The newest `limit` changes and entries, newest first; 0: 100. A change comes without its
  // objects; an entry with them while those of all entries told stay under 256 KiB.
  virtual absl::StatusOr<std::vector<v1::HistoryEntry>> History(std::string_view relationship,
                                                                uint32_t limit) = 0;
  // One change with its objects and what they replaced. NotFound.
  virtual absl::StatusOr<v1::HistoryEntry> HistoryOf(std::string_view relationship,
                                                     uint64_t sequence) = 0;
  // One entry that is no change, whole, by its number. NotFound.
  virtual absl::StatusOr<v1::HistoryEntry> EntryOf(std::string_view relationship,
                                                   uint64_t entry) = 0;

  // The changes of relationships that this agent coordinates and that have not ended, by id.
  virtual absl::StatusOr<std::vector<v1::TransactionRecord>> Transactions() = 0;
  // Adds, or replaces that of the same transaction.
  virtual absl::Status SaveTransaction(const v1::TransactionRecord& record) = 0;
  // Nothing happens where there is none.
  virtual absl::Status RemoveTransaction(std::string_view id) = 0;

  virtual UndoLog& undo() = 0;
};

}  // namespace nestor::store
