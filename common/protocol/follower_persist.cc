// What the follower has written to Kea's file, so that a restarted Kea has it too.

#include <algorithm>

#include "common/protocol/follower.h"

namespace nestor::protocol {
namespace {

constexpr Instant kNever{absl::InfiniteDuration()};

}  // namespace

// The file is to be written, at `due` or earlier.
void Follower::NotPersisted(Instant due) {
  persisted_ = false;
  ++unpersisted_;
  persist_at_ = std::min(persist_at_, due);
}

// Also while Kea is brought further: the file may be one or more changes behind, but not for long.
void Follower::MaybePersist(Instant now) {
  if (persisted_ || persisting_ || now < persist_at_ || !reachable_ || options_.observe) return;
  // Kea may be about to have more by an apply that was cut off: nothing older goes into its file.
  if (intent_ && intent_->stream_id == position_.stream_id &&
      intent_->sequence > position_.sequence) {
    return;
  }
  if (open_ || position_.sequence == 0 || !known_ || local_digest() != position_.digest) return;
  persist_at_ = kNever;
  persisting_ = {position_, unpersisted_};
  actions_.push_back(Persist{position_, known_});
}

FollowerActions Follower::OnPersisted(const PersistEnd& end, Instant now) {
  if (!persisting_) return Take();
  const auto [written, unpersisted] = *std::exchange(persisting_, std::nullopt);
  if (end.persisted) {
    persist_error_.clear();
    persist_backoff_.Reset();
    if (written.stream_id == position_.stream_id) {
      persisted_sequence_ = std::max(persisted_sequence_, written.sequence);
    }
    persisted_ = unpersisted == unpersisted_;
    AckSoon(now);
  } else {
    persist_error_ = end.text;
    persist_at_ = std::min(persist_at_, now + persist_backoff_.Next(options_.jitter));
  }
  MaybeApply(now);
  return Take();
}

FollowerActions Follower::OnStopping(Instant now) {
  // What is under way is finished, though nobody will hear of it.
  if (persisting_ && persisting_->unpersisted == unpersisted_) return Take();
  if (!persisted_) persist_at_ = now;
  persisting_.reset();
  MaybePersist(now);
  for (FollowerAction& action : actions_) {
    if (auto* persist = std::get_if<Persist>(&action)) persist->at_once = true;
  }
  return Take();
}

}  // namespace nestor::protocol
