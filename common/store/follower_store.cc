#include "common/store/follower_store.h"

#include <absl/base/thread_annotations.h>

#include "common/lock/mutex.h"
#include "common/store/change_objects.h"
#include "common/store/kept_table.h"
#include "common/store/memory_table.h"
#include "common/store/relationship_table.h"
#include "common/store/stream_log.h"
#include "common/store/undo_table.h"

namespace nestor::store {
namespace {

class SqliteFollowerStore final : public FollowerStore {
 public:
  explicit SqliteFollowerStore(std::unique_ptr<Database> database)
      : database_(std::move(database)),
        relationships_(*database_),
        memories_(*database_),
        kept_(*database_),
        log_(*database_),
        undo_(*database_, mutex_) {}

  // Verifies what is kept in mind.
  absl::Status Load() ABSL_LOCKS_EXCLUDED(mutex_) {
    MutexLock lock(mutex_);
    RETURN_IF_ERROR(relationships_.All().status());
    RETURN_IF_ERROR(memories_.Verify());
    RETURN_IF_ERROR(kept_.Verify());
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
      RETURN_IF_ERROR(memories_.Remove(name));
      RETURN_IF_ERROR(kept_.Forget(name));
      Stream* const stream = log_.Current(name);
      return stream == nullptr ? absl::OkStatus() : log_.End(*stream);
    });
  }

  absl::StatusOr<FollowerMemory> Load(std::string_view relationship) override {
    MutexLock lock(mutex_);
    return memories_.Load(relationship);
  }

  absl::Status Save(std::string_view relationship, const FollowerMemory& memory) override {
    MutexLock lock(mutex_);
    return memories_.Save(relationship, memory);
  }

  absl::Status SaveApplied(std::string_view relationship, const FollowerMemory& memory,
                           const std::vector<uint64_t>& superseded,
                           std::string_view detail) override {
    MutexLock lock(mutex_);
    return Write([&]() -> absl::Status {
      mutex_.AssertHeld();
      RETURN_IF_ERROR(log_.SetApplied(relationship, memory.position.sequence, superseded, detail));
      return memories_.Save(relationship, memory);
    });
  }

  absl::Status Received(std::string_view relationship,
                        const std::vector<std::string>& changes) override {
    MutexLock lock(mutex_);
    const auto keep = [&]() -> absl::Status {
      mutex_.AssertHeld();
      for (const std::string& bytes : changes) RETURN_IF_ERROR(Keep(relationship, bytes));
      return absl::OkStatus();
    };
    return Write(keep, /*synced=*/false);
  }

  absl::Status SetOutcome(std::string_view relationship, uint64_t sequence,
                          std::string_view outcome, std::string_view detail) override {
    MutexLock lock(mutex_);
    RETURN_IF_ERROR(log_.Load());
    return log_.SetOutcome(relationship, sequence, outcome, detail);
  }

  absl::Status AddEntry(std::string_view relationship, const v1::HistoryEntry& entry) override {
    MutexLock lock(mutex_);
    RETURN_IF_ERROR(log_.Load());
    return log_.AddEntry(relationship, entry);
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

  absl::StatusOr<v1::HistoryEntry> EntryOf(std::string_view relationship, uint64_t entry) override {
    MutexLock lock(mutex_);
    RETURN_IF_ERROR(log_.Load());
    return log_.EntryOf(relationship, entry);
  }

  absl::Status SaveBase(std::string_view relationship, std::string_view digest,
                        std::string_view snapshot) override {
    MutexLock lock(mutex_);
    return kept_.SaveBase(relationship, digest, snapshot);
  }

  absl::StatusOr<std::optional<std::string>> LoadBase(std::string_view relationship,
                                                      std::string_view digest) override {
    MutexLock lock(mutex_);
    return kept_.LoadBase(relationship, digest);
  }

  absl::Status Keep(std::string_view relationship, const KeptChange& kept) override {
    MutexLock lock(mutex_);
    return Write([&]() -> absl::Status {
      mutex_.AssertHeld();
      ASSIGN_OR_RETURN(const auto before, kept_.Load(relationship, kept.entry.id()));
      if (before && !before->open) return absl::OkStatus();
      RETURN_IF_ERROR(kept_.Save(relationship, kept));
      return kept.open ? absl::OkStatus() : log_.AddEntry(relationship, kept.entry);
    });
  }

  absl::Status CloseKept(std::string_view relationship, std::string_view id) override {
    MutexLock lock(mutex_);
    return Write([&]() -> absl::Status {
      mutex_.AssertHeld();
      ASSIGN_OR_RETURN(auto kept, kept_.Load(relationship, id));
      if (!kept || !kept->open) return absl::OkStatus();
      kept->open = false;
      RETURN_IF_ERROR(kept_.Save(relationship, *kept));
      return log_.AddEntry(relationship, kept->entry);
    });
  }

  absl::StatusOr<std::vector<KeptChange>> Kept(std::string_view relationship) override {
    MutexLock lock(mutex_);
    return kept_.All(relationship);
  }

  absl::Status ForgetKept(std::string_view relationship, std::string_view id) override {
    MutexLock lock(mutex_);
    return kept_.Remove(relationship, id);
  }

  absl::Status Compact(std::string_view relationship, uint64_t changes) override {
    MutexLock lock(mutex_);
    RETURN_IF_ERROR(log_.Load());
    absl::Status status = log_.KeepNewest(relationship, changes);
    if (!status.ok()) log_.Forget();
    return status;
  }

  UndoLog& undo() override { return undo_; }

 private:
  // Runs `body` in a transaction; what is in mind of the streams is read anew if it failed.
  template <typename Body>
  absl::Status Write(Body&& body, bool synced = true) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    RETURN_IF_ERROR(log_.Load());
    absl::Status status = synced ? database_->Transact(body) : database_->TransactUnsynced(body);
    if (!status.ok()) log_.Forget();
    return status;
  }

  absl::Status Keep(std::string_view relationship, std::string_view bytes)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    std::string stream_id;
    ASSIGN_OR_RETURN(const JournaledChange change, ChangeFromEnvelope(bytes, stream_id));
    Stream* stream = log_.Find(relationship, stream_id);
    if (stream == nullptr) {
      ASSIGN_OR_RETURN(stream, log_.Start(relationship, stream_id));
    } else if (!stream->current) {
      RETURN_IF_ERROR(log_.Resume(*stream));
    }
    ASSIGN_OR_RETURN(const bool there, log_.Has(*stream, change.sequence));
    return there ? absl::OkStatus() : log_.Append(*stream, change);
  }

  Mutex mutex_;
  const std::unique_ptr<Database> database_ ABSL_PT_GUARDED_BY(mutex_);
  RelationshipTable relationships_ ABSL_GUARDED_BY(mutex_);
  MemoryTable memories_ ABSL_GUARDED_BY(mutex_);
  KeptTable kept_ ABSL_GUARDED_BY(mutex_);
  StreamLog log_ ABSL_GUARDED_BY(mutex_);
  UndoTable undo_;  // locks for itself
};

}  // namespace

absl::StatusOr<std::unique_ptr<FollowerStore>> FollowerStore::Open(const OpenOptions& options) {
  ASSIGN_OR_RETURN(std::unique_ptr<Database> database, Database::Open(options, FollowerSchema()));
  auto store = std::make_unique<SqliteFollowerStore>(std::move(database));
  RETURN_IF_ERROR(store->Load());
  return std::unique_ptr<FollowerStore>(std::move(store));
}

}  // namespace nestor::store
