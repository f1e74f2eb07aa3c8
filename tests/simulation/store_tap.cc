#include "tests/simulation/store_tap.h"

#include <algorithm>

namespace nestor::simulation {

void VirtualLock::Lock() {
  absl::Duration wait = absl::Microseconds(50);
  // A dead process takes it at once: what it would lock is cut off anyway.
  while (held_ && process_.alive()) {
    process_.clock().Sleep(wait);
    wait = std::min(wait * 2, absl::Milliseconds(5));
  }
  held_ = true;
}

bool StoreTap::Enter() {
  if (!process_.scheduler().InJob() && !starting_ && process_.alive()) {
    observer_.OnViolation("protocol thread waits for nothing",
                          process_.name() + " reached its store on the protocol thread");
  }
  if (!process_.Spend(absl::Microseconds(20))) return false;
  lock_.Lock();
  if (process_.alive()) return true;
  lock_.Unlock();
  return false;
}

// ---- the journal

absl::StatusOr<std::vector<v1::RelationshipSpec>> JournalTap::Relationships() {
  return Run([&] { return inner_->Relationships(); });
}

absl::Status JournalTap::SaveRelationship(const v1::RelationshipSpec& spec) {
  return Run([&] { return inner_->SaveRelationship(spec); });
}

absl::Status JournalTap::RemoveRelationship(std::string_view name) {
  return Run([&] { return inner_->RemoveRelationship(name); });
}

absl::StatusOr<store::StreamStart> JournalTap::Begin(std::string_view relationship,
                                                     std::string_view new_stream_id) {
  return Run([&] {
    auto start = inner_->Begin(relationship, new_stream_id);
    if (start.ok() && rewrite_begin) rewrite_begin(relationship, *start);
    if (start.ok() && process_.alive()) observer_.OnStream(relationship, *start);
    return start;
  });
}

absl::Status JournalTap::RaiseTerm(std::string_view relationship, uint64_t term) {
  return Run([&] {
    const absl::Status status = inner_->RaiseTerm(relationship, term);
    if (status.ok() && process_.alive()) observer_.OnTermRaised(relationship, term);
    return status;
  });
}

absl::StatusOr<store::StreamStart> JournalTap::NewStream(std::string_view relationship,
                                                         std::string_view new_stream_id,
                                                         uint64_t term) {
  return Run([&] {
    auto start = inner_->NewStream(relationship, new_stream_id, term);
    if (start.ok() && process_.alive()) observer_.OnStream(relationship, *start);
    return start;
  });
}

absl::Status JournalTap::MarkFollowed(std::string_view relationship) {
  return Run([&] { return inner_->MarkFollowed(relationship); });
}

absl::Status JournalTap::SetUnwritten(std::string_view relationship, bool unwritten) {
  return Run([&] { return inner_->SetUnwritten(relationship, unwritten); });
}

absl::StatusOr<bool> JournalTap::Had(std::string_view relationship, std::string_view digest) {
  return Run([&] { return inner_->Had(relationship, digest); });
}

absl::Status JournalTap::Append(std::string_view relationship,
                                const store::JournaledChange& change) {
  return Run([&] {
    const absl::Status status = inner_->Append(relationship, change);
    observer_.OnJournaled(relationship, change, !status.ok());
    return status;
  });
}

absl::StatusOr<std::vector<store::JournaledChange>> JournalTap::Read(std::string_view relationship,
                                                                     uint64_t from,
                                                                     uint64_t max_bytes) {
  return Run([&] { return inner_->Read(relationship, from, max_bytes); });
}

absl::Status JournalTap::SaveBase(std::string_view relationship, uint64_t sequence,
                                  std::string_view packed) {
  return Run([&] { return inner_->SaveBase(relationship, sequence, packed); });
}

absl::StatusOr<store::Journal::Base> JournalTap::LoadBase(std::string_view relationship) {
  return Run([&] { return inner_->LoadBase(relationship); });
}

absl::StatusOr<uint64_t> JournalTap::Compact(std::string_view relationship,
                                             const store::Retention& asked, uint64_t held_sequence,
                                             absl::Time now) {
  return Run(
      [&] { return inner_->Compact(relationship, retention.value_or(asked), held_sequence, now); });
}

absl::Status JournalTap::SetOutcome(std::string_view relationship, uint64_t sequence,
                                    std::string_view outcome, std::string_view detail) {
  return Run([&] { return inner_->SetOutcome(relationship, sequence, outcome, detail); });
}

absl::Status JournalTap::SetApplied(std::string_view relationship, uint64_t sequence,
                                    const std::vector<uint64_t>& superseded,
                                    std::string_view detail) {
  return Run([&] { return inner_->SetApplied(relationship, sequence, superseded, detail); });
}

absl::Status JournalTap::AddEntry(std::string_view relationship, const v1::HistoryEntry& entry) {
  return Run([&] { return inner_->AddEntry(relationship, entry); });
}

absl::StatusOr<std::vector<v1::HistoryEntry>> JournalTap::History(std::string_view relationship,
                                                                  uint32_t limit) {
  return Run([&] { return inner_->History(relationship, limit); });
}

absl::StatusOr<v1::HistoryEntry> JournalTap::HistoryOf(std::string_view relationship,
                                                       uint64_t sequence) {
  return Run([&] { return inner_->HistoryOf(relationship, sequence); });
}

absl::StatusOr<uint64_t> JournalTap::AddEntryOnce(std::string_view relationship,
                                                  const v1::HistoryEntry& entry) {
  return Run([&] {
    auto number = inner_->AddEntryOnce(relationship, entry);
    if (number.ok()) observer_.OnKeptTold(relationship, entry);
    return number;
  });
}

absl::StatusOr<v1::HistoryEntry> JournalTap::EntryOf(std::string_view relationship,
                                                     uint64_t entry) {
  return Run([&] { return inner_->EntryOf(relationship, entry); });
}

absl::StatusOr<std::vector<v1::TransactionRecord>> JournalTap::Transactions() {
  return Run([&] { return inner_->Transactions(); });
}

absl::Status JournalTap::SaveTransaction(const v1::TransactionRecord& record) {
  return Run([&] { return inner_->SaveTransaction(record); });
}

absl::Status JournalTap::RemoveTransaction(std::string_view id) {
  return Run([&] { return inner_->RemoveTransaction(id); });
}

// ---- the follower's store

absl::StatusOr<std::vector<v1::RelationshipSpec>> FollowerStoreTap::Relationships() {
  return Run([&] { return inner_->Relationships(); });
}

absl::Status FollowerStoreTap::SaveRelationship(const v1::RelationshipSpec& spec) {
  return Run([&] { return inner_->SaveRelationship(spec); });
}

absl::Status FollowerStoreTap::RemoveRelationship(std::string_view name) {
  return Run([&] { return inner_->RemoveRelationship(name); });
}

absl::StatusOr<store::FollowerMemory> FollowerStoreTap::Load(std::string_view relationship) {
  return Run([&]() -> absl::StatusOr<store::FollowerMemory> {
    if (const auto told = told_.find(relationship); told != told_.end()) return told->second;
    auto memory = inner_->Load(relationship);
    if (memory.ok() && process_.alive()) observer_.OnRecalled(host_, relationship, *memory);
    return memory;
  });
}

absl::Status FollowerStoreTap::Save(std::string_view relationship,
                                    const store::FollowerMemory& memory) {
  return Run([&] {
    return Save(relationship, memory, [&](const store::FollowerMemory& kept) {
      return inner_->Save(relationship, kept);
    });
  });
}

absl::Status FollowerStoreTap::SaveApplied(std::string_view relationship,
                                           const store::FollowerMemory& memory,
                                           const std::vector<uint64_t>& superseded,
                                           std::string_view detail) {
  return Run([&] {
    return Save(relationship, memory, [&](const store::FollowerMemory& kept) {
      // Before: nobody could tell of a commit in which it dies.
      observer_.OnApplied(host_, relationship, memory.position.sequence, superseded);
      return inner_->SaveApplied(relationship, kept, superseded, detail);
    });
  });
}

absl::Status FollowerStoreTap::Save(
    std::string_view relationship, const store::FollowerMemory& memory,
    const std::function<absl::Status(const store::FollowerMemory&)>& save) {
  store::FollowerMemory kept = memory;
  if (late) {
    const auto told = told_.find(relationship);
    const bool first = told == told_.end();
    if (!first) kept = told->second;
    told_[std::string(relationship)] = memory;
    if (first) return absl::OkStatus();
  }
  if (rewrite_save) rewrite_save(kept);
  const absl::Status status = save(kept);
  if (status.ok()) observer_.OnRemembered(host_, relationship, memory);
  return status;
}

absl::Status FollowerStoreTap::Received(std::string_view relationship,
                                        const std::vector<std::string>& changes) {
  return Run([&] {
    observer_.OnReceived(host_, relationship, changes);
    return inner_->Received(relationship, changes);
  });
}

absl::Status FollowerStoreTap::SetOutcome(std::string_view relationship, uint64_t sequence,
                                          std::string_view outcome, std::string_view detail) {
  return Run([&] { return inner_->SetOutcome(relationship, sequence, outcome, detail); });
}

absl::Status FollowerStoreTap::AddEntry(std::string_view relationship,
                                        const v1::HistoryEntry& entry) {
  return Run([&] { return inner_->AddEntry(relationship, entry); });
}

absl::StatusOr<std::vector<v1::HistoryEntry>> FollowerStoreTap::History(
    std::string_view relationship, uint32_t limit) {
  return Run([&] { return inner_->History(relationship, limit); });
}

absl::StatusOr<v1::HistoryEntry> FollowerStoreTap::HistoryOf(std::string_view relationship,
                                                             uint64_t sequence) {
  return Run([&] { return inner_->HistoryOf(relationship, sequence); });
}

absl::StatusOr<v1::HistoryEntry> FollowerStoreTap::EntryOf(std::string_view relationship,
                                                           uint64_t entry) {
  return Run([&] { return inner_->EntryOf(relationship, entry); });
}

absl::Status FollowerStoreTap::SaveBase(std::string_view relationship, std::string_view digest,
                                        std::string_view snapshot) {
  return Run([&] { return inner_->SaveBase(relationship, digest, snapshot); });
}

absl::StatusOr<std::optional<std::string>> FollowerStoreTap::LoadBase(std::string_view relationship,
                                                                      std::string_view digest) {
  return Run([&] { return inner_->LoadBase(relationship, digest); });
}

absl::Status FollowerStoreTap::Keep(std::string_view relationship, const store::KeptChange& kept) {
  return Run([&] {
    const absl::Status status = inner_->Keep(relationship, kept);
    if (status.ok()) observer_.OnKept(host_, kept);
    return status;
  });
}

absl::Status FollowerStoreTap::CloseKept(std::string_view relationship, std::string_view id) {
  return Run([&] {
    const auto all = inner_->Kept(relationship);
    const absl::Status status = inner_->CloseKept(relationship, id);
    if (!status.ok() || !all.ok()) return status;
    for (store::KeptChange kept : *all) {
      kept.open = false;
      if (kept.entry.id() == id) observer_.OnKept(host_, kept);
    }
    return status;
  });
}

absl::StatusOr<std::vector<store::KeptChange>> FollowerStoreTap::Kept(
    std::string_view relationship) {
  return Run([&] { return inner_->Kept(relationship); });
}

absl::Status FollowerStoreTap::ForgetKept(std::string_view relationship, std::string_view id) {
  return Run([&] { return inner_->ForgetKept(relationship, id); });
}

absl::Status FollowerStoreTap::Compact(std::string_view relationship, uint64_t changes) {
  return Run([&] { return inner_->Compact(relationship, changes); });
}

}  // namespace nestor::simulation
