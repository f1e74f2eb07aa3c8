#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/store/follower_store.h"
#include "common/store/journal.h"
#include "tests/simulation/process.h"

namespace nestor::simulation {

// What the stores were told and said, for the oracles.
class StoreObserver {
 public:
  virtual ~StoreObserver() = default;
  // A start of a stream is durable.
  virtual void OnStream(std::string_view relationship, const store::StreamStart& start) = 0;
  virtual void OnTermRaised(std::string_view relationship, uint64_t term) = 0;
  // A change is durable in the journal; or, uncertain, the disk failed meanwhile: it may be found
  // there at the next start, or not.
  virtual void OnJournaled(std::string_view relationship, const store::JournaledChange& change,
                           bool uncertain) = 0;
  // A follower's memory is durable.
  virtual void OnRemembered(std::string_view host, std::string_view relationship,
                            const store::FollowerMemory& memory) = 0;
  // A follower's memory was read back.
  virtual void OnRecalled(std::string_view host, std::string_view relationship,
                          const store::FollowerMemory& memory) = 0;
  // A follower was to keep these changes as received, each an envelope.
  virtual void OnReceived(std::string_view host, std::string_view relationship,
                          const std::vector<std::string>& changes) = 0;
  // A follower recorded a change as applied, and what it overtook.
  virtual void OnApplied(std::string_view host, std::string_view relationship, uint64_t sequence,
                         const std::vector<uint64_t>& superseded) = 0;
  // A follower made durable, or closed, what was changed on its server while the primary was away.
  virtual void OnKept(std::string_view host, const store::KeptChange& kept) = 0;
  // The journal has such a change in its history.
  virtual void OnKeptTold(std::string_view relationship, const v1::HistoryEntry& entry) = 0;
  // An oracle of the world itself was broken.
  virtual void OnViolation(std::string_view oracle, std::string text) = 0;
};

// One at a time, in virtual time: a second caller waits without holding the baton.
class VirtualLock {
 public:
  explicit VirtualLock(Process& process) : process_(process) {}
  void Lock();
  void Unlock() { held_ = false; }

 private:
  Process& process_;
  bool held_ = false;
};

// What both taps have in common: time passes, a dead process reaches nothing, the protocol thread
// must not wait.
class StoreTap {
 public:
  StoreTap(Process& process, StoreObserver& observer)
      : process_(process), observer_(observer), lock_(process) {}

  // Start() may block for the disk on the scheduler's thread.
  void SetStarting(bool starting) { starting_ = starting; }

 protected:
  template <typename Call>
  auto Run(Call call) -> decltype(call()) {
    if (!Enter()) return absl::InternalError("the disk is gone");
    auto result = call();
    lock_.Unlock();
    if (!process_.alive()) return absl::InternalError("the disk is gone");
    return result;
  }
  bool Enter();

  class UndoTap final : public store::UndoLog {
   public:
    UndoTap(StoreTap& tap, store::UndoLog& inner) : tap_(tap), inner_(inner) {}
    absl::StatusOr<std::optional<v1::UndoRecord>> Load(DhcpService service) override {
      return tap_.Run([&] { return inner_.Load(service); });
    }
    absl::Status Save(DhcpService service, const v1::UndoRecord& record) override {
      return tap_.Run([&] { return inner_.Save(service, record); });
    }
    absl::Status Remove(DhcpService service) override {
      return tap_.Run([&] { return inner_.Remove(service); });
    }

   private:
    StoreTap& tap_;
    store::UndoLog& inner_;
  };

  Process& process_;
  StoreObserver& observer_;
  VirtualLock lock_;
  bool starting_ = false;
};

class JournalTap final : public store::Journal, public StoreTap {
 public:
  JournalTap(Process& process, StoreObserver& observer, std::unique_ptr<store::Journal> inner)
      : StoreTap(process, observer), inner_(std::move(inner)) {}

  // How long changes are kept, in place of what the app asks for.
  std::optional<store::Retention> retention;
  // Changes what Begin() says; for showing that a rule matters.
  std::function<void(std::string_view relationship, store::StreamStart&)> rewrite_begin;

  absl::StatusOr<std::vector<v1::RelationshipSpec>> Relationships() override;
  absl::Status SaveRelationship(const v1::RelationshipSpec& spec) override;
  absl::Status RemoveRelationship(std::string_view name) override;
  absl::StatusOr<store::StreamStart> Begin(std::string_view relationship,
                                           std::string_view new_stream_id) override;
  absl::Status RaiseTerm(std::string_view relationship, uint64_t term) override;
  absl::StatusOr<store::StreamStart> NewStream(std::string_view relationship,
                                               std::string_view new_stream_id,
                                               uint64_t term) override;
  absl::Status MarkFollowed(std::string_view relationship) override;
  absl::Status SetUnwritten(std::string_view relationship, bool unwritten) override;
  absl::StatusOr<bool> Had(std::string_view relationship, std::string_view digest) override;
  absl::Status Append(std::string_view relationship, const store::JournaledChange& change) override;
  absl::StatusOr<std::vector<store::JournaledChange>> Read(std::string_view relationship,
                                                           uint64_t from,
                                                           uint64_t max_bytes) override;
  absl::Status SaveBase(std::string_view relationship, uint64_t sequence,
                        std::string_view packed) override;
  absl::StatusOr<Base> LoadBase(std::string_view relationship) override;
  absl::StatusOr<uint64_t> Compact(std::string_view relationship, const store::Retention& retention,
                                   uint64_t held_sequence, absl::Time now) override;
  absl::Status SetOutcome(std::string_view relationship, uint64_t sequence,
                          std::string_view outcome, std::string_view detail) override;
  absl::Status SetApplied(std::string_view relationship, uint64_t sequence,
                          const std::vector<uint64_t>& superseded,
                          std::string_view detail) override;
  absl::Status AddEntry(std::string_view relationship, const v1::HistoryEntry& entry) override;
  absl::StatusOr<std::vector<v1::HistoryEntry>> History(std::string_view relationship,
                                                        uint32_t limit) override;
  absl::StatusOr<v1::HistoryEntry> HistoryOf(std::string_view relationship,
                                             uint64_t sequence) override;
  absl::StatusOr<uint64_t> AddEntryOnce(std::string_view relationship,
                                        const v1::HistoryEntry& entry) override;
  absl::StatusOr<v1::HistoryEntry> EntryOf(std::string_view relationship, uint64_t entry) override;
  absl::StatusOr<std::vector<v1::TransactionRecord>> Transactions() override;
  absl::Status SaveTransaction(const v1::TransactionRecord& record) override;
  absl::Status RemoveTransaction(std::string_view id) override;
  store::UndoLog& undo() override { return undo_; }

 private:
  std::unique_ptr<store::Journal> inner_;
  UndoTap undo_{*this, inner_->undo()};
};

class FollowerStoreTap final : public store::FollowerStore, public StoreTap {
 public:
  FollowerStoreTap(Process& process, StoreObserver& observer, std::string host,
                   std::unique_ptr<store::FollowerStore> inner)
      : StoreTap(process, observer), host_(std::move(host)), inner_(std::move(inner)) {}

  // For showing that a rule matters: changes what Save() keeps of the memory.
  std::function<void(store::FollowerMemory&)> rewrite_save;
  // The same: each Save() is durable only with the next.
  bool late = false;

  absl::StatusOr<std::vector<v1::RelationshipSpec>> Relationships() override;
  absl::Status SaveRelationship(const v1::RelationshipSpec& spec) override;
  absl::Status RemoveRelationship(std::string_view name) override;
  absl::StatusOr<store::FollowerMemory> Load(std::string_view relationship) override;
  absl::Status Save(std::string_view relationship, const store::FollowerMemory& memory) override;
  absl::Status SaveApplied(std::string_view relationship, const store::FollowerMemory& memory,
                           const std::vector<uint64_t>& superseded,
                           std::string_view detail) override;
  absl::Status Received(std::string_view relationship,
                        const std::vector<std::string>& changes) override;
  absl::Status SetOutcome(std::string_view relationship, uint64_t sequence,
                          std::string_view outcome, std::string_view detail) override;
  absl::Status AddEntry(std::string_view relationship, const v1::HistoryEntry& entry) override;
  absl::StatusOr<std::vector<v1::HistoryEntry>> History(std::string_view relationship,
                                                        uint32_t limit) override;
  absl::StatusOr<v1::HistoryEntry> HistoryOf(std::string_view relationship,
                                             uint64_t sequence) override;
  absl::StatusOr<v1::HistoryEntry> EntryOf(std::string_view relationship, uint64_t entry) override;
  absl::Status SaveBase(std::string_view relationship, std::string_view digest,
                        std::string_view snapshot) override;
  absl::StatusOr<std::optional<std::string>> LoadBase(std::string_view relationship,
                                                      std::string_view digest) override;
  absl::Status Keep(std::string_view relationship, const store::KeptChange& kept) override;
  absl::Status CloseKept(std::string_view relationship, std::string_view id) override;
  absl::StatusOr<std::vector<store::KeptChange>> Kept(std::string_view relationship) override;
  absl::Status ForgetKept(std::string_view relationship, std::string_view id) override;
  absl::Status Compact(std::string_view relationship, uint64_t changes) override;
  store::UndoLog& undo() override { return undo_; }

 private:
  absl::Status Save(std::string_view relationship, const store::FollowerMemory& memory,
                    const std::function<absl::Status(const store::FollowerMemory&)>& save);

  std::string host_;
  std::unique_ptr<store::FollowerStore> inner_;
  UndoTap undo_{*this, inner_->undo()};
  std::map<std::string, store::FollowerMemory, std::less<>> told_;  // `late`
};

}  // namespace nestor::simulation
