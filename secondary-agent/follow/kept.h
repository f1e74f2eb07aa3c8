#pragma once

#include <absl/status/statusor.h>

#include <deque>
#include <optional>
#include <string>

#include "common/base/clock.h"
#include "common/protocol/follower.h"
#include "common/store/follower_store.h"
#include "nestor/v1/envelope.pb.h"

namespace nestor::secondary {

// What was changed on the secondary while the primary was away, on its way to the primary's
// history: in order, one after another, each again until the primary says that it has it. Protocol
// thread only; the store has them all the while.
class KeptOutbox {
 public:
  // `entry` is durable and not open. One of this id already there stays.
  void Put(const v1::HistoryEntry& entry);
  // The next piece to send now; nothing: none is due. The same again until Sent().
  std::optional<v1::Report> Next(Instant now) const;
  void Sent(Instant now);
  // The primary has it. False: it was not here.
  bool Delivered(const std::string& id);
  // The connection is another: what was sent may be lost.
  void Again(Instant now);

 private:
  struct Item {
    std::string id;
    std::string data;
  };
  std::deque<Item> items_;
  size_t offset_ = 0;  // of the first, how much was sent
  uint32_t index_ = 0;
  Instant not_before_;  // what was sent whole is waited for
  absl::Duration patience_;
};

// Makes durable, or forgets, what `keep` says, on the thread of the store. The entry that is now
// for the primary; nothing: none is.
absl::StatusOr<std::optional<v1::HistoryEntry>> CarryOut(const protocol::Keep& keep,
                                                         const std::string& relationship,
                                                         absl::Time now,
                                                         store::FollowerStore& store);
absl::Status CarryOut(const protocol::SaveBase& save, const std::string& relationship,
                      store::FollowerStore& store);

// What is kept of earlier starts. What is for the primary goes into `outbox`.
absl::StatusOr<protocol::StandingMemory> LoadStanding(const std::string& relationship,
                                                      const protocol::Position& position,
                                                      store::FollowerStore& store,
                                                      KeptOutbox& outbox);

}  // namespace nestor::secondary
