#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/protocol/position.h"
#include "common/store/journal.h"
#include "common/store/undo_log.h"

namespace nestor::store {

using protocol::FollowerMemory;
using protocol::Position;

// What was changed on this server while the primary was away.
struct KeptChange {
  v1::HistoryEntry entry;  // with an id
  bool open = true;        // it still stands, so it may become another; else it is for the primary
  std::string digest;      // of the configuration with it, 32 bytes
};

// The secondary's durable memory. As Journal in threads, durability and errors.
class FollowerStore {
 public:
  virtual ~FollowerStore() = default;

  static absl::StatusOr<std::unique_ptr<FollowerStore>> Open(const OpenOptions& options);

  virtual absl::StatusOr<std::vector<v1::RelationshipSpec>> Relationships() = 0;
  // Adds or replaces.
  virtual absl::Status SaveRelationship(const v1::RelationshipSpec& spec) = 0;
  // Removes it with its memory and what was kept of it; its history stays. NotFound.
  virtual absl::Status RemoveRelationship(std::string_view name) = 0;

  virtual absl::StatusOr<FollowerMemory> Load(std::string_view relationship) = 0;
  // Replaces all of the memory in one commit.
  virtual absl::Status Save(std::string_view relationship, const FollowerMemory& memory) = 0;
  // The same, and in that commit the history has what was applied up to `memory.position`, as by
  // Journal::SetApplied().
  virtual absl::Status SaveApplied(std::string_view relationship, const FollowerMemory& memory,
                                   const std::vector<uint64_t>& superseded,
                                   std::string_view detail) = 0;

  // Keeps a received change for the history, outcome "pending"; one already there stays as it is.
  // `changes` are serialised v1::Envelopes. Not synced by itself: it outlives this process, and a
  // failure of the power from the next write on. The primary has it until it is applied.
  virtual absl::Status Received(std::string_view relationship,
                                const std::vector<std::string>& changes) = 0;
  virtual absl::Status SetOutcome(std::string_view relationship, uint64_t sequence,
                                  std::string_view outcome, std::string_view detail) = 0;
  virtual absl::Status AddEntry(std::string_view relationship, const v1::HistoryEntry& entry) = 0;
  virtual absl::StatusOr<std::vector<v1::HistoryEntry>> History(std::string_view relationship,
                                                                uint32_t limit) = 0;
  virtual absl::StatusOr<v1::HistoryEntry> HistoryOf(std::string_view relationship,
                                                     uint64_t sequence) = 0;
  virtual absl::StatusOr<v1::HistoryEntry> EntryOf(std::string_view relationship,
                                                   uint64_t entry) = 0;

  // Keeps the configuration `snapshot`, a v1::Snapshot, in place of the one before.
  virtual absl::Status SaveBase(std::string_view relationship, std::string_view digest,
                                std::string_view snapshot) = 0;
  // Nothing: none of this digest is kept.
  virtual absl::StatusOr<std::optional<std::string>> LoadBase(std::string_view relationship,
                                                              std::string_view digest) = 0;
  // Keeps a change in place of the one of its id. One that is no longer open goes into the history
  // in the same commit, and is never replaced again.
  virtual absl::Status Keep(std::string_view relationship, const KeptChange& kept) = 0;
  // It is not open any more, as it was kept last. Nothing happens where it is not there.
  virtual absl::Status CloseKept(std::string_view relationship, std::string_view id) = 0;
  // Those that the primary is not known to have, oldest first; at most one of them is open.
  virtual absl::StatusOr<std::vector<KeptChange>> Kept(std::string_view relationship) = 0;
  // The primary has it, or it was undone. Nothing happens where it is not there.
  virtual absl::Status ForgetKept(std::string_view relationship, std::string_view id) = 0;

  // Keeps the newest `changes` rows of the history.
  virtual absl::Status Compact(std::string_view relationship, uint64_t changes) = 0;

  virtual UndoLog& undo() = 0;
};

}  // namespace nestor::store
