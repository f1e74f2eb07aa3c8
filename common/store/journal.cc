#include "common/store/journal.h"

#include <absl/base/thread_annotations.h>

#include <algorithm>
#include <limits>

#include "common/lock/mutex.h"
#include "common/store/base_table.h"
#include "common/store/bounds.h"
#include "common/store/relationship_table.h"
#include "common/store/stream_log.h"
#include "common/store/term_table.h"
#include "common/store/transaction_table.h"
#include "common/store/undo_table.h"
#include "common/store/unwritten_table.h"

namespace nestor::store {
namespace {

constexpr uint64_t kMostTerm = std::numeric_limits<int64_t>::max();

class SqliteJournal final : public Journal {
 public:
  explicit SqliteJournal(std::unique_ptr<Database> database)
      : database_(std::move(database)),
        relationships_(*database_),
        log_(*database_),
        terms_(*database_),
        bases_(*database_),
        unwritten_(*database_),
        transactions_(*database_),
        undo_(*database_, mutex_) {}

  // Verifies what is kept in mind.
  absl::Status Load() ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(mutex_);
    RETURN_IF_ERROR(relationships_.All().status());
    return log_.Load();
  }

  absl::StatusOr<std::vector<v1::RelationshipSpec>> Relationships() override {
    MutexLock lock(mutex_);
    return relationships_.All();
  }

  absl::Status SaveRelationship(const v1::RelationshipSpec& spec) override {
    MutexLock lock(mutex_);
    return relationships_.Save(spec);
  }

  absl::Status RemoveRelationship(std::string_view name) override {
    MutexLock lock(mutex_);
    return Write([&]() -> absl::Status {
      mutex_.AssertHeld();
      RETURN_IF_ERROR(relationships_.Remove(name));
      RETURN_IF_ERROR(unwritten_.Set(name, false));
      Stream* const stream = log_.Current(name);
      return stream == nullptr ? absl::OkStatus() : Close(*stream);
    });
  }

  absl::StatusOr<StreamStart> Begin(std::string_view relationship,
                                    std::string_view new_stream_id) override {
    MutexLock lock(mutex_);
    const absl::Status written = Write([&]() -> absl::Status {
      mutex_.AssertHeld();
      const Stream* const stream = log_.Current(relationship);
      if (stream == nullptr) return Open(relationship, new_stream_id, 1);
      ASSIGN_OR_RETURN(const std::vector<TermStart> terms, terms_.Of(stream->number));
      if (terms.back().term == kMostTerm) {
        return Error(absl::StatusCode::kFailedPrecondition, "{}: no term is left", relationship);
      }
      return terms_.Add(stream->number, {terms.back().term + 1, stream->head + 1});
    });
    RETURN_IF_ERROR(written);
    return Describe(relationship);
  }

  absl::Status RaiseTerm(std::string_view relationship, uint64_t term) override {
    MutexLock lock(mutex_);
    ASSIGN_OR_RETURN(const Stream* stream, Find(relationship));
    ASSIGN_OR_RETURN(const std::vector<TermStart> terms, terms_.Of(stream->number));
    if (term <= terms.back().term || term > kMostTerm) {
      return Error(absl::StatusCode::kFailedPrecondition, "{}: term {} cannot follow term {}",
                   relationship, term, terms.back().term);
    }
    return terms_.Add(stream->number, {term, stream->head + 1});
  }

  absl::StatusOr<StreamStart> NewStream(std::string_view relationship,
                                        std::string_view new_stream_id, uint64_t term) override {
    MutexLock lock(mutex_);
    if (term == 0 || term > kMostTerm) {
      return Error(absl::StatusCode::kInvalidArgument, "{}: term {} is out of range", relationship,
                   term);
    }
    const absl::Status written = Write([&]() -> absl::Status {
      mutex_.AssertHeld();
      if (Stream* stream = log_.Current(relationship)) RETURN_IF_ERROR(Close(*stream));
      return Open(relationship, new_stream_id, term);
    });
    RETURN_IF_ERROR(written);
    return Describe(relationship);
  }

  absl::Status MarkFollowed(std::string_view relationship) override {
    MutexLock lock(mutex_);
    ASSIGN_OR_RETURN(Stream * stream, Find(relationship));
    if (stream->followed_since != 0) return absl::OkStatus();
    ASSIGN_OR_RETURN(const std::vector<TermStart> terms, terms_.Of(stream->number));
    absl::Status status = log_.SetFollowedSince(*stream, terms.back().term);
    if (!status.ok()) log_.Forget();
    return status;
  }

  absl::Status SetUnwritten(std::string_view relationship, bool unwritten) override {
    MutexLock lock(mutex_);
    RETURN_IF_ERROR(Find(relationship).status());
    return unwritten_.Set(relationship, unwritten);
  }

  absl::StatusOr<bool> Had(std::string_view relationship, std::string_view digest) override {
    MutexLock lock(mutex_);
    ASSIGN_OR_RETURN(const Stream* stream, Find(relationship));
    return log_.Had(*stream, digest);
  }

  absl::Status Append(std::string_view relationship, const JournaledChange& change) override {
    MutexLock lock(mutex_);
    ASSIGN_OR_RETURN(Stream * stream, Find(relationship));
    if (change.sequence != stream->head + 1) {
      return Error(absl::StatusCode::kFailedPrecondition,
                   "{}: change {} does not follow the journal's head {}", relationship,
                   change.sequence, stream->head);
    }
    return log_.Append(*stream, change);
  }

  absl::StatusOr<std::vector<JournaledChange>> Read(std::string_view relationship, uint64_t from,
                                                    uint64_t max_bytes) override {
    MutexLock lock(mutex_);
    ASSIGN_OR_RETURN(const Stream* stream, Find(relationship));
    if (from < stream->lowest) {
      return Error(absl::StatusCode::kNotFound,
                   "{}: change {} is no longer in the journal; the oldest is {}", relationship,
                   from, stream->lowest);
    }
    if (from > stream->head) return std::vector<JournaledChange>();
    return log_.Read(*stream, from, max_bytes);
  }

  absl::Status SaveBase(std::string_view relationship, uint64_t sequence,
                        std::string_view packed) override {
    MutexLock lock(mutex_);
    ASSIGN_OR_RETURN(const Stream* stream, Find(relationship));
    if (sequence > stream->head) {
      return Error(absl::StatusCode::kFailedPrecondition,
                   "{}: a base as of change {} is beyond the journal's head {}", relationship,
                   sequence, stream->head);
    }
    return Write([&] {
      mutex_.AssertHeld();
      return bases_.Save(stream->number, sequence, packed);
    });
  }

  absl::StatusOr<Base> LoadBase(std::string_view relationship) override {
    MutexLock lock(mutex_);
    ASSIGN_OR_RETURN(const Stream* stream, Find(relationship));
    return bases_.Load(stream->number);
  }

  absl::StatusOr<uint64_t> Compact(std::string_view relationship, const Retention& retention,
                                   uint64_t held_sequence, absl::Time now) override;

  absl::Status SetOutcome(std::string_view relationship, uint64_t sequence,
                          std::string_view outcome, std::string_view detail) override {
    MutexLock lock(mutex_);
    RETURN_IF_ERROR(log_.Load());
    return log_.SetOutcome(relationship, sequence, outcome, detail);
  }

  absl::Status SetApplied(std::string_view relationship, uint64_t sequence,
                          const std::vector<uint64_t>& superseded,
                          std::string_view detail) override {
    MutexLock lock(mutex_);
    return Write([&] {
      mutex_.AssertHeld();
      return log_.SetApplied(relationship, sequence, superseded, detail);
    });
  }

  absl::Status AddEntry(std::string_view relationship, const v1::HistoryEntry& entry) override {
    MutexLock lock(mutex_);
    RETURN_IF_ERROR(log_.Load());
    return log_.AddEntry(relationship, entry);
  }

  absl::StatusOr<uint64_t> AddEntryOnce(std::string_view relationship,
                                        const v1::HistoryEntry& entry) override {
    MutexLock lock(mutex_);
    RETURN_IF_ERROR(log_.Load());
    ASSIGN_OR_RETURN(const uint64_t there, log_.EntryNamed(relationship, entry.id()));
    if (there != 0) return there;
    RETURN_IF_ERROR(log_.AddEntry(relationship, entry));
    return log_.last_entry();
  }

  absl::StatusOr<v1::HistoryEntry> EntryOf(std::string_view relationship, uint64_t entry) override {
    MutexLock lock(mutex_);
    RETURN_IF_ERROR(log_.Load());
    return log_.EntryOf(relationship, entry);
  }

  absl::StatusOr<std::vector<v1::HistoryEntry>> History(std::string_view relationship,
                                                        uint32_t limit) override {
    MutexLock lock(mutex_);
    RETURN_IF_ERROR(log_.Load());
    return log_.History(relationship, limit);
  }

  absl::StatusOr<v1::HistoryEntry> HistoryOf(std::string_view relationship,
                                             uint64_t sequence) override {
    MutexLock lock(mutex_);
    RETURN_IF_ERROR(log_.Load());
    return log_.HistoryOf(relationship, sequence);
  }

  absl::StatusOr<std::vector<v1::TransactionRecord>> Transactions() override {
    MutexLock lock(mutex_);
    return transactions_.All();
  }

  absl::Status SaveTransaction(const v1::TransactionRecord& record) override {
    MutexLock lock(mutex_);
    return transactions_.Save(record);
  }

  absl::Status RemoveTransaction(std::string_view id) override {
    MutexLock lock(mutex_);
    return transactions_.Remove(id);
  }

  UndoLog& undo() override { return undo_; }

 private:
  // Runs `body` in a transaction; what is in mind of the streams is read anew if it failed.
  template <typename Body>
  absl::Status Write(Body&& body) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    RETURN_IF_ERROR(log_.Load());
    absl::Status status = database_->Transact(body);
    if (!status.ok()) log_.Forget();
    return status;
  }

  absl::StatusOr<Stream*> Find(std::string_view relationship)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    RETURN_IF_ERROR(log_.Load());
    if (Stream* stream = log_.Current(relationship)) return stream;
    return Error(absl::StatusCode::kNotFound, "{}: there is no stream", relationship);
  }

  absl::Status Open(std::string_view relationship, std::string_view stream_id, uint64_t term)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    ASSIGN_OR_RETURN(const Stream* stream, log_.Start(relationship, stream_id));
    return terms_.Add(stream->number, {term, 1});
  }

  // Ends the stream; its changes stay for the history.
  absl::Status Close(Stream& stream) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    RETURN_IF_ERROR(bases_.Remove(stream.number));
    RETURN_IF_ERROR(terms_.Remove(stream.number));
    return log_.End(stream);
  }

  absl::StatusOr<StreamStart> Describe(std::string_view relationship)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    ASSIGN_OR_RETURN(const Stream* stream, Find(relationship));
    StreamStart start;
    ASSIGN_OR_RETURN(start.terms, terms_.Of(stream->number));
    start.stream_id = stream->stream_id;
    start.term = start.terms.back().term;
    start.head = stream->head;
    start.head_digest = stream->head_digest;
    start.lowest = stream->lowest;
    start.followed_since = stream->followed_since;
    ASSIGN_OR_RETURN(start.unwritten, unwritten_.Has(relationship));
    return start;
  }

  absl::Status CompactCurrent(Stream& stream, const Retention& retention, uint64_t held_sequence,
                              absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status CompactEnded(std::string_view relationship, const Retention& retention,
                            absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<Weight> WeightOf(const Stream& stream) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Mutex mutex_;
  const std::unique_ptr<Database> database_ ABSL_PT_GUARDED_BY(mutex_);
  RelationshipTable relationships_ ABSL_GUARDED_BY(mutex_);
  StreamLog log_ ABSL_GUARDED_BY(mutex_);
  TermTable terms_ ABSL_GUARDED_BY(mutex_);
  BaseTable bases_ ABSL_GUARDED_BY(mutex_);
  UnwrittenTable unwritten_ ABSL_GUARDED_BY(mutex_);
  TransactionTable transactions_ ABSL_GUARDED_BY(mutex_);
  UndoTable undo_;  // locks for itself
};

absl::StatusOr<uint64_t> SqliteJournal::Compact(std::string_view relationship,
                                                const Retention& retention, uint64_t held_sequence,
                                                absl::Time now) {
  MutexLock lock(mutex_);
  const absl::Status written = Write([&]() -> absl::Status {
    mutex_.AssertHeld();
    if (Stream* stream = log_.Current(relationship)) {
      RETURN_IF_ERROR(CompactCurrent(*stream, retention, held_sequence, now));
    }
    RETURN_IF_ERROR(CompactEnded(relationship, retention, now));
    return log_.DropEntries(relationship, retention.changes,
                            absl::ToUnixNanos(now - retention.age));
  });
  RETURN_IF_ERROR(written);
  const Stream* const stream = log_.Current(relationship);
  return stream == nullptr ? 1 : stream->lowest;
}

absl::Status SqliteJournal::CompactCurrent(Stream& stream, const Retention& retention,
                                           uint64_t held_sequence, absl::Time now) {
  ASSIGN_OR_RETURN(const uint64_t base, bases_.Sequence(stream.number));
  if (stream.head == 0) return absl::OkStatus();
  const uint64_t last_droppable = std::min(base, stream.head - 1);
  const Retention hard = HardCap(retention);
  const auto drops = [&](const ChangeRow& row) {
    if (row.sequence() > last_droppable) return false;
    const Weight weight = {stream.head - row.sequence() + 1,
                           stream.total_bytes - row.total_bytes + row.bytes()};
    const absl::Duration age = now - absl::FromUnixNanos(row.noticed_ns);
    const bool held = held_sequence != 0 && row.sequence() > held_sequence;
    return Exceeds(held ? hard : retention, weight, age);
  };
  ASSIGN_OR_RETURN(const uint64_t last, log_.Prefix(stream, drops));
  if (last == 0) return absl::OkStatus();
  RETURN_IF_ERROR(log_.Drop(stream, last));
  return terms_.RemoveBelow(stream.number, stream.lowest);
}

absl::StatusOr<Weight> SqliteJournal::WeightOf(const Stream& stream) {
  if (stream.lowest > stream.head) return Weight{};
  Weight weight = {stream.head - stream.lowest + 1, 0};
  // The rows are read only until the first has told what lies above it.
  RETURN_IF_ERROR(log_.Prefix(stream,
                              [&](const ChangeRow& row) {
                                weight.bytes = stream.total_bytes - row.total_bytes + row.bytes();
                                return false;
                              })
                      .status());
  return weight;
}

absl::Status SqliteJournal::CompactEnded(std::string_view relationship, const Retention& retention,
                                         absl::Time now) {
  Weight newer;
  for (Stream* stream : log_.Of(relationship)) {
    if (!stream->current && stream->lowest <= stream->head) {
      const auto drops = [&](const ChangeRow& row) {
        const Weight weight = {newer.changes + stream->head - row.sequence() + 1,
                               newer.bytes + stream->total_bytes - row.total_bytes + row.bytes()};
        return Exceeds(retention, weight, now - absl::FromUnixNanos(row.noticed_ns));
      };
      ASSIGN_OR_RETURN(const uint64_t last, log_.Prefix(*stream, drops));
      const bool gone = last == stream->head;
      if (last != 0) RETURN_IF_ERROR(log_.Drop(*stream, last));
      if (gone) continue;
    }
    ASSIGN_OR_RETURN(const Weight weight, WeightOf(*stream));
    newer.changes += weight.changes;
    newer.bytes += weight.bytes;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<Journal>> Journal::Open(const OpenOptions& options) {
  ASSIGN_OR_RETURN(std::unique_ptr<Database> database, Database::Open(options, JournalSchema()));
  auto journal = std::make_unique<SqliteJournal>(std::move(database));
  RETURN_IF_ERROR(journal->Load());
  return std::unique_ptr<Journal>(std::move(journal));
}

}  // namespace nestor::store
