// What the follower brings its Kea to, and what it says about it.

#include <algorithm>

#include "common/base/status.h"
#include "common/config/proto.h"
#include "common/protocol/envelope.h"
#include "common/protocol/follower.h"

namespace nestor::protocol {
namespace {

// Overtaken changes that are told one by one.
constexpr uint64_t kMostPassed = 100'000;

// From a change until it is written to Kea's file, with what follows it meanwhile. After a
// config-set, which is felt anyway, nothing is waited for.
constexpr absl::Duration kGather = absl::Seconds(2);

}  // namespace

// The least sequence that may be applied: an apply that was begun is never undone by an older one.
bool Follower::BelowIntent(uint64_t sequence) const {
  return intent_ && intent_->stream_id == stream_id_ && sequence < intent_->sequence;
}

// Whether a configuration lies on the way from the position to a target, so that it is no drift.
bool Follower::OnTheWay(std::string_view digest) const {
  if (intent_ && intent_->digest == digest) return true;
  if (whole_ && whole_->position.digest == digest) return true;
  return std::any_of(queue_.begin(), queue_.end(),
                     [&](const QueuedChange& change) { return change.digest_after == digest; });
}

void Follower::MaybeApply(Instant now) {
  NoteAway(now);
  MaybePersist(now);
  if (open_ || !known_ || !reachable_ || Stands(now)) return;
  // Fenced, two may claim to be the primary: nothing more of either is applied.
  if (now < retry_at_ || link_ == LinkState::kFenced) return;
  if (options_.observe) return ObserveDrift(now);
  switch (apply_) {
    case ApplyState::kApplying:
    case ApplyState::kVerify:
      return;
    case ApplyState::kPaused:
      if (!TargetIsHere()) return;
      Resume();
      break;
    case ApplyState::kHeld:
    case ApplyState::kRejected:
    case ApplyState::kIdle:
      break;
  }
  if (verify_asked_) {
    if (verify_ready_ && !walk_) StartWalk(now);
    return;
  }
  if (ApplyTarget(now)) return;
  RepairDrift(now);
}

// How many changes of the queue the next apply takes: all, or those up to what was approved.
size_t Follower::TargetSize() const {
  const auto approved = [this](uint64_t sequence) {
    return sequence == approved_sequence_ && !BelowIntent(sequence);
  };
  if (whole_ && approved(whole_->position.sequence)) return 0;
  for (size_t i = 0; i < queue_.size(); ++i) {
    if (approved(queue_[i].sequence)) return i + 1;
  }
  return queue_.size();
}

// The primary came back to what Kea has: there is nothing left that a person would have to decide.
bool Follower::TargetIsHere() const {
  if (!whole_ && queue_.empty()) return false;
  const std::string& target = queue_.empty() ? whole_->position.digest : queue_.back().digest_after;
  return target == local_digest();
}

void Follower::Resume() {
  apply_ = ApplyState::kIdle;
  last_error_.clear();
  Remember update;
  update.paused = false;
  DoRemember(std::move(update));
}

// True: an order was begun, or it is right to wait.
bool Follower::ApplyTarget(Instant now) {
  const size_t size = TargetSize();
  if (!whole_ && size == 0) return Settled();
  ApplyOrder order;
  order.position = whole_ ? whole_->position : position_;
  if (size > 0) {
    const QueuedChange& last = queue_[size - 1];
    order.position = {stream_id_, last.term, last.sequence, last.digest_after};
  }
  if (BelowIntent(order.position.sequence)) return true;  // wait for what follows
  const bool refused = order.position.digest == refused_digest_;
  const bool held = apply_ == ApplyState::kHeld && order.position.sequence == open_target_;
  if (refused) {
    apply_ = ApplyState::kRejected;
    if (last_error_.empty()) last_error_ = refused_nack_.text();
  }
  if (refused || held) return RecordReached(now);
  if (whole_) {
    order.base = whole_->set;
    for (size_t i = 0; i < size; ++i) order.changes.push_back(queue_[i].change);
  } else if (!FromQueue(size, order)) {
    return RecordReached(now);
  }
  // What leads back to the position's configuration removes nothing that a person did not add.
  order.approved = (approved_sequence_ != 0 && approved_sequence_ == order.position.sequence) ||
                   (InStream() && order.position.digest == position_.digest);
  Start(std::move(order), Purpose::kTarget, now);
  return true;
}

// Fills in what leads from what Kea has to the first `size` changes of the queue. False: Kea has
// none of the configurations along that way.
bool Follower::FromQueue(size_t size, ApplyOrder& order) {
  const std::string local = local_digest();
  size_t from = 0;
  if (local != position_.digest) {
    const auto located = std::find_if(queue_.begin(), queue_.end(), [&](const QueuedChange& c) {
      return c.digest_after == local;
    });
    from = static_cast<size_t>(located - queue_.begin()) + 1;
    if (located == queue_.end()) {
      if (!base_) return false;
      // Drift and a change at once: from what should be there.
      order.base = base_;
      from = 0;
    }
  }
  if (from > size) return false;
  if (from == size) {
    order.base = known_;  // there already: only the position is behind
    return true;
  }
  order.digest_before = local;
  for (size_t i = from; i < size; ++i) order.changes.push_back(queue_[i].change);
  return true;
}

// Where the target is not to be tried, but Kea has a configuration on the way to it: that becomes
// the position, since going back from it would be going back to something older.
bool Follower::RecordReached(Instant now) {
  const std::string local = local_digest();
  size_t size = queue_.size();
  while (size > 0 && queue_[size - 1].digest_after != local) --size;
  ApplyOrder order;
  if (size > 0) {
    const QueuedChange& last = queue_[size - 1];
    order.position = {stream_id_, last.term, last.sequence, last.digest_after};
  } else if (whole_ && whole_->position.digest == local) {
    order.position = whole_->position;
  } else {
    return false;
  }
  order.base = known_;
  Start(std::move(order), Purpose::kRecord, now);
  return true;
}

// True: Kea has the position's configuration, and nothing else is to be had.
bool Follower::Settled() {
  if (position_.sequence == 0 || local_digest() != position_.digest) return false;
  if (resync_ && !ResyncReached()) return true;
  EndResync("COMPLETED", "");
  if (apply_ == ApplyState::kIdle) {
    // All is as it should be, by whomever: what went wrong on the way is over.
    last_error_.clear();
    nacked_ = v1::NACK_UNSPECIFIED;
  }
  return true;
}

// Kea has something that no change of the primary made: put the position's configuration back.
void Follower::RepairDrift(Instant now) {
  if (position_.sequence == 0 || !InStream() || local_digest() == position_.digest) return;
  if (BelowIntent(position_.sequence)) {
    // The apply that was cut off may have left anything: only the primary can tell what differs.
    const bool ahead = TailSequence() >= intent_->sequence;
    if (ahead && TailDigest() != refused_digest_) WalkToHead(now);
    return;
  }
  if (!base_) return WalkToHead(now);
  if (position_.digest == repair_refused_) return;
  ApplyOrder order;
  order.position = position_;
  order.base = base_;
  // What is being put back was there a moment ago: nothing is removed that a person did not add.
  order.approved = true;
  Start(std::move(order), Purpose::kRepair, now);
}

void Follower::Start(ApplyOrder order, Purpose purpose, Instant now) {
  // What a snapshot's label covers was overtaken by the snapshot; that is not told one by one.
  uint64_t passed = InStream() ? position_.sequence + 1 : 1;
  if (whole_) passed = std::max(passed, whole_->position.sequence);
  const uint64_t least = order.position.sequence - std::min(order.position.sequence, kMostPassed);
  passed = std::max(passed, least);
  for (; passed < order.position.sequence; ++passed) order.superseded.push_back(passed);
  if (purpose == Purpose::kTarget) open_target_ = order.position.sequence;
  open_purpose_ = purpose;
  // What was changed meanwhile is not kept yet, or not even read.
  if (order.base && (stands_ || InDoubt(now))) order.digest_before = local_digest();
  state_before_ = apply_;
  apply_ = ApplyState::kApplying;
  open_ = order;
  actions_.push_back(std::move(order));
}

FollowerActions Follower::OnApplied(const ApplyEnd& end, Instant now) {
  if (!open_) return Take();
  if (end.actual) known_ = end.actual;
  apply_ = ApplyState::kIdle;
  switch (end.kind) {
    case ApplyEnd::Kind::kApplied:
      Applied(end, now);
      break;
    case ApplyEnd::Kind::kDiffersBefore:
      // Somebody changed Kea since it was read.
      if (base_ && known_ && !OnTheWay(local_digest())) {
        AnnounceDrift(*base_, *known_, "changed by hand");
      }
      break;
    case ApplyEnd::Kind::kHeld:
      apply_ = ApplyState::kHeld;
      held_sequence_ = open_->position.sequence;
      if (open_->position.sequence != nacked_held_) Nack(end, v1::LOCAL_POLICY, true);
      nacked_held_ = held_sequence_;
      last_error_ = end.text;
      if (resync_synced_) EndResync("ABORTED", end.text);
      break;
    case ApplyEnd::Kind::kRefused:
      Refused(end, v1::REJECTED_CONFIG);
      break;
    case ApplyEnd::Kind::kServiceBroken:
      Refused(end, v1::SERVICE_BROKEN);
      break;
    case ApplyEnd::Kind::kDigestMismatch:
      Refused(end, v1::DIGEST_MISMATCH);
      break;
    case ApplyEnd::Kind::kUnreachable:
      RetryLater(end, v1::UNREACHABLE, now);
      break;
    case ApplyEnd::Kind::kUnknown:
      // An apply that was cut off earlier may have led further than what is only to be kept.
      if (open_purpose_ == Purpose::kTarget || !intent_) intent_ = open_->position;
      RetryLater(end, v1::TIMEOUT_UNKNOWN, now);
      break;
  }
  open_.reset();
  if (end.kind == ApplyEnd::Kind::kApplied) {
    AckApplied(now);
  } else {
    AckSoon(now);
  }
  MaybeApply(now);
  return Take();
}

void Follower::Applied(const ApplyEnd& end, Instant now) {
  if (position_.stream_id != open_->position.stream_id) persisted_sequence_ = 0;
  position_ = open_->position;
  base_ = known_;
  EndStanding();
  if (end.overwritten) {
    AnnounceDrift(*base_, *end.overwritten, "changed by hand during an apply");
    if (!PrimaryHere()) KeepAside(end.overwritten);
  }
  const bool reached = !intent_ || intent_->stream_id != position_.stream_id ||
                       intent_->sequence <= position_.sequence;
  if (reached) intent_.reset();
  if (InStream()) DropApplied();
  if (!end.by.empty()) applied_by_ = end.by;
  NotPersisted(end.by == "config-set" ? now : now + kGather);
  retry_backoff_.Reset();
  nacked_ = v1::NACK_UNSPECIFIED;
  repair_refused_.clear();
  if (InStream()) received_ = std::max(received_, position_.sequence);
  if (!refused_digest_.empty() && position_.digest == refused_digest_) ForgetRefusal();
  if (open_purpose_ != Purpose::kTarget) {
    // A refusal or a hold of what follows still stands.
    const bool mended = state_before_ == ApplyState::kRejected && refused_digest_.empty();
    apply_ = mended ? ApplyState::kIdle : state_before_;
    if (apply_ == ApplyState::kIdle) last_error_.clear();
    if (apply_ == ApplyState::kRejected) last_error_ = refused_nack_.text();
    if (ResyncReached()) EndResync("COMPLETED", "");
    return;
  }
  nacked_held_ = 0;
  if (approved_sequence_ != 0 && approved_sequence_ <= position_.sequence) approved_sequence_ = 0;
  last_error_.clear();
  if (!refused_digest_.empty()) ForgetRefusal();
  // Verified is enough: whether Kea's file could be written too, the status says.
  if (ResyncReached()) EndResync("COMPLETED", "");
}

void Follower::ForgetRefusal() {
  refused_digest_.clear();
  Remember update;
  update.refused_digest = update.refused_nack = "";
  DoRemember(std::move(update));
}

// What waited and is applied now, or was overtaken.
void Follower::DropApplied() {
  superseded_.insert(superseded_.end(), open_->superseded.begin(), open_->superseded.end());
  const bool past_whole = whole_ && whole_->position.sequence <= position_.sequence;
  if (past_whole && open_->base != nullptr && open_purpose_ != Purpose::kRepair) whole_.reset();
  while (!queue_.empty() && queue_.front().sequence <= position_.sequence) {
    queue_bytes_ -= queue_.front().bytes;
    queue_.pop_front();
  }
}

void Follower::Refused(const ApplyEnd& end, v1::NackClass nack_class) {
  apply_ = ApplyState::kRejected;
  // Kea does not have this one; what it had before may still be ahead of the position.
  if (intent_ && intent_->sequence == open_->position.sequence) intent_.reset();
  last_error_ = end.text;
  if (open_purpose_ == Purpose::kRepair) {
    repair_refused_ = open_->position.digest;
  } else {
    refused_digest_ = open_->position.digest;
  }
  Nack(end, nack_class, false);
  Remember update;
  update.refused_digest = refused_digest_;
  update.refused_nack = refused_nack_.SerializeAsString();
  if (approved_sequence_ != 0 && approved_sequence_ == open_->position.sequence) {
    update.approved_sequence = approved_sequence_ = 0;  // what was approved cannot be had
  }
  DoRemember(std::move(update));
  if (resync_synced_) EndResync("ABORTED", end.text);
}

void Follower::RetryLater(const ApplyEnd& end, v1::NackClass nack_class, Instant now) {
  apply_ = state_before_ == ApplyState::kApplying ? ApplyState::kIdle : state_before_;
  retry_at_ = now + retry_backoff_.Next(options_.jitter);
  last_error_ = end.text;
  if (nacked_ != nack_class) Nack(end, nack_class, true);
  nacked_ = nack_class;
}

FollowerActions Follower::OnLocal(std::shared_ptr<const config::ObjectSet> set,
                                  std::string_view origin, Instant now) {
  const auto before = std::exchange(known_, std::move(set));
  const std::string local = local_digest();
  NoteStanding(origin, before ? config::Bytes(before->Digest()) : std::string_view(), now);
  if (position_.sequence > 0 && local == position_.digest) {
    base_ = known_;
    if (repair_refused_ == position_.digest) {
      // A person did what Kea had refused to take back.
      repair_refused_.clear();
      if (apply_ == ApplyState::kRejected && refused_digest_.empty()) {
        apply_ = ApplyState::kIdle;
        last_error_.clear();
      }
    }
  } else if (!open_ && !options_.observe && position_.sequence > 0) {
    const bool ours = OnTheWay(local);
    const bool news = before && config::Bytes(before->Digest()) != local;
    if (news) repair_refused_.clear();
    if ((news || !before) && base_ && !ours) {
      AnnounceDrift(*base_, *known_, fmt::format("noticed by {}", origin));
    }
    drift_unseen_ = !before && !ours && !base_;
  }
  AckSoon(now);
  if (compare_asked_) compare_ready_ = true;
  if (verify_asked_ && !open_) verify_ready_ = true;
  StartCompare(now);
  MaybeApply(now);
  return Take();
}

}  // namespace nestor::protocol
