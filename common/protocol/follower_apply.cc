// What the follower brings its Kea to, and what it says about it.

#include <algorithm>

#include "common/base/status.h"
#include "common/config/proto.h"
#include "common/protocol/envelope.h"
#include "common/protocol/follower.h"

namespace nestor::protocol {
namespace {

constexpr absl::Duration kAckGather = absl::Milliseconds(100);
constexpr absl::Duration kAckPeriod = absl::Seconds(1);
constexpr int kMostDriftObjects = 50;
constexpr size_t kMostDriftBytes = size_t{40} << 10;

}  // namespace

// The least sequence that may be applied: an apply that was begun is never undone by an older one.
bool Follower::BelowIntent(uint64_t sequence) const {
  return intent_ && intent_->stream_id == stream_id_ && sequence < intent_->sequence;
}

void Follower::MaybeApply(Instant now) {
  // Fenced, two may claim to be the primary: nothing more of either is applied.
  if (open_ || !known_ || !reachable_ || now < retry_at_ || link_ == LinkState::kFenced) return;
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
  if (verify_asked_) return;
  if (ApplyTarget()) return;
  RepairDrift(now);
}

// How many changes of the queue the next apply takes: all, or those up to what was approved.
size_t Follower::TargetSize() const {
  for (size_t i = 0; i < queue_.size(); ++i) {
    if (queue_[i].sequence == approved_sequence_) return i + 1;
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

bool Follower::ApplyTarget() {
  const size_t size = TargetSize();
  if (!whole_ && size == 0) return PersistAgain();
  ApplyOrder order;
  order.position = whole_ ? whole_->position : position_;
  if (size > 0) {
    const QueuedChange& last = queue_[size - 1];
    order.position = {stream_id_, last.term, last.sequence, last.digest_after};
  }
  if (BelowIntent(order.position.sequence)) return true;  // wait for what follows
  const bool refused = order.position.digest == refused_digest_;
  const bool held = apply_ == ApplyState::kHeld && order.position.sequence == open_target_;
  if (refused || held) return false;
  if (whole_) {
    order.base = whole_->set;
    for (size_t i = 0; i < size; ++i) order.changes.push_back(queue_[i].change);
  } else if (!FromQueue(size, order)) {
    return false;  // Kea has something else than expected
  }
  for (size_t i = 0; i + 1 < size; ++i) order.superseded.push_back(queue_[i].sequence);
  order.approved = approved_sequence_ != 0 && approved_sequence_ == order.position.sequence;
  Start(std::move(order));
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
  if (from >= size) {
    order.base = known_;  // there already: only the position is behind
    order.must_persist = true;
    if (from > size) return false;
    return true;
  }
  order.digest_before = local;
  for (size_t i = from; i < size; ++i) order.changes.push_back(queue_[i].change);
  return true;
}

// Kea has the position's configuration, but its file perhaps not.
bool Follower::PersistAgain() {
  if (position_.sequence == 0 || local_digest() != position_.digest) return false;
  if (resync_ && !ResyncReached()) return true;
  if (persisted_ && !must_persist_) {
    EndResync("COMPLETED", "");
    return true;
  }
  ApplyOrder order;
  order.position = position_;
  order.base = known_;
  order.must_persist = true;
  Start(std::move(order));
  return true;
}

// Kea has something that no change of the primary made: put the position's configuration back.
void Follower::RepairDrift(Instant now) {
  if (position_.sequence == 0 || position_.stream_id != stream_id_) return;
  if (local_digest() == position_.digest || whole_) return;
  if (BelowIntent(position_.sequence)) {
    // The apply that was cut off may have left anything: only the primary can tell what differs.
    if (link_ == LinkState::kFollow && TailSequence() >= intent_->sequence) StartWalk(now);
    return;
  }
  if (position_.digest == repair_refused_) return;
  if (!base_) {
    if (link_ == LinkState::kFollow) StartWalk(now);
    return;
  }
  ApplyOrder order;
  order.position = position_;
  order.base = base_;
  order.must_persist = true;
  // What is being put back was there a moment ago: nothing is removed that a person did not add.
  order.approved = true;
  repairing_ = true;
  Start(std::move(order));
}

void Follower::Start(ApplyOrder order) {
  order.must_persist |= must_persist_;
  if (!repairing_) open_target_ = order.position.sequence;
  state_before_ = apply_;
  apply_ = ApplyState::kApplying;
  open_ = order;
  actions_.push_back(std::move(order));
}

FollowerActions Follower::OnApplied(ApplyEnd end, Instant now) {
  if (!open_) return Take();
  if (end.actual) known_ = end.actual;
  apply_ = ApplyState::kIdle;
  switch (end.kind) {
    case ApplyEnd::Kind::kApplied:
      Applied(end, now);
      break;
    case ApplyEnd::Kind::kDiffersBefore:
      // Somebody changed Kea since it was read.
      if (base_ && known_ && base_ != known_) AnnounceDrift(*base_, *known_, "changed by hand");
      break;
    case ApplyEnd::Kind::kHeld:
      apply_ = ApplyState::kHeld;
      held_sequence_ = open_->position.sequence;
      if (open_->position.sequence != nacked_held_) Nack(end, v1::LOCAL_POLICY, true);
      nacked_held_ = held_sequence_;
      last_error_ = end.text;
      EndResync("ABORTED", end.text);
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
      intent_ = open_->position;
      RetryLater(end, v1::TIMEOUT_UNKNOWN, now);
      break;
  }
  open_.reset();
  repairing_ = false;
  AckSoon(now);
  MaybeApply(now);
  return Take();
}

void Follower::Applied(const ApplyEnd& end, Instant now) {
  const uint64_t before = position_.sequence;
  if (position_.stream_id != open_->position.stream_id) persisted_sequence_ = 0;
  position_ = open_->position;
  base_ = known_;
  intent_.reset();
  if (InStream()) DropApplied();
  persisted_ = end.persisted;
  if (persisted_) {
    persisted_sequence_ = position_.sequence;
    must_persist_ = false;
  } else {
    retry_at_ = now + retry_backoff_.Next(options_.jitter);
  }
  nacked_ = v1::NACK_UNSPECIFIED;
  nacked_held_ = 0;
  repair_refused_.clear();
  if (InStream()) received_ = std::max(received_, position_.sequence);
  if (repairing_ && position_.sequence == before) {
    // Back where it was; a refusal or a hold still stands.
    apply_ = state_before_;
    if (apply_ == ApplyState::kIdle && end.persisted) last_error_.clear();
    return;
  }
  if (approved_sequence_ != 0 && approved_sequence_ <= position_.sequence) approved_sequence_ = 0;
  last_error_ = end.persisted ? std::string() : end.text;
  if (end.persisted) retry_backoff_.Reset();
  if (!refused_digest_.empty()) {
    refused_digest_.clear();
    Remember update;
    update.refused_digest = update.refused_nack = "";
    DoRemember(std::move(update));
  }
  if (end.persisted && ResyncReached()) EndResync("COMPLETED", "");
}

// What waited and is applied now, or was overtaken.
void Follower::DropApplied() {
  superseded_.insert(superseded_.end(), open_->superseded.begin(), open_->superseded.end());
  if (whole_ && whole_->position.sequence <= position_.sequence && open_->base != nullptr &&
      !repairing_) {
    whole_.reset();
  }
  while (!queue_.empty() && queue_.front().sequence <= position_.sequence) {
    queue_bytes_ -= queue_.front().bytes;
    queue_.pop_front();
  }
}

void Follower::Refused(const ApplyEnd& end, v1::NackClass nack_class) {
  apply_ = ApplyState::kRejected;
  intent_.reset();
  last_error_ = end.text;
  if (repairing_) {
    repair_refused_ = open_->position.digest;
  } else {
    refused_digest_ = open_->position.digest;
  }
  Nack(end, nack_class, false);
  Remember update;
  update.refused_digest = refused_digest_;
  update.refused_nack = refused_nack_.SerializeAsString();
  DoRemember(std::move(update));
  // A snapshot that Kea refuses is not kept waiting: the position's configuration serves.
  if (whole_ && !repairing_) {
    queue_.clear();
    queue_bytes_ = 0;
  }
  EndResync("ABORTED", end.text);
}

void Follower::RetryLater(const ApplyEnd& end, v1::NackClass nack_class, Instant now) {
  apply_ = state_before_ == ApplyState::kApplying ? ApplyState::kIdle : state_before_;
  retry_at_ = now + retry_backoff_.Next(options_.jitter);
  last_error_ = end.text;
  if (nacked_ != nack_class) Nack(end, nack_class, true);
  nacked_ = nack_class;
}

void Follower::Nack(const ApplyEnd& end, v1::NackClass nack_class, bool retryable) {
  v1::Nack nack;
  nack.set_nack_class(nack_class);
  nack.set_kea_result(end.kea_result);
  nack.set_kea_text(end.kea_text.substr(0, 8192));
  if (!end.object.key.empty()) {
    nack.mutable_object()->set_kind(std::string(config::KindName(end.object.kind)));
    nack.mutable_object()->set_key(end.object.key);
  }
  nack.set_text(end.text.substr(0, 8192));
  nack.set_active_sequence(position_.sequence);
  nack.set_active_digest(local_digest());
  nack.set_retryable(retryable);
  if (!retryable) refused_nack_ = nack;
  v1::Envelope envelope;
  envelope.set_sequence(open_->position.sequence);
  *envelope.mutable_nack() = std::move(nack);
  Send(std::move(envelope));
}

void Follower::SendAck(Instant now) {
  ack_at_.reset();
  ack_periodic_ = now + kAckPeriod;
  last_ack_ = now;
  if (link_ == LinkState::kConnect && term_ == 0) return;
  v1::Envelope envelope;
  envelope.set_sequence(applied());
  envelope.set_digest_after(local_digest());
  v1::Ack& ack = *envelope.mutable_ack();
  ack.set_received(received_);
  ack.set_applied(applied());
  ack.set_persisted(std::min(options_.observe ? applied() : persisted_sequence_, applied()));
  constexpr size_t kMostSuperseded = 2000;
  const size_t told = std::min(superseded_.size(), kMostSuperseded);
  for (size_t i = 0; i < told; ++i) ack.add_superseded(superseded_[i]);
  superseded_.erase(superseded_.begin(), superseded_.begin() + static_cast<ptrdiff_t>(told));
  Send(std::move(envelope));
}

void Follower::AckSoon(Instant now) {
  if (!ack_at_) ack_at_ = std::max(now, last_ack_ + kAckGather);
  if (now >= *ack_at_) SendAck(now);
}

void Follower::ResyncSynced() {
  resync_synced_ = true;
  resync_target_ = TailSequence();
}

bool Follower::ResyncReached() const {
  return resync_ && resync_synced_ && !whole_ && InStream() && position_.sequence >= resync_target_;
}

void Follower::EndResync(std::string_view to, std::string_view reason) {
  if (!resync_) return;
  v1::State state;
  state.set_what("resync");
  state.set_from("STARTED");
  state.set_to(std::string(to));
  state.set_request_id(resync_->request_id());
  state.set_server(options_.server);
  state.set_reason(std::string(reason));
  resync_.reset();
  actions_.push_back(Announce{std::move(state)});
}

FollowerActions Follower::OnLocal(std::shared_ptr<const config::ObjectSet> set,
                                  std::string_view origin, Instant now) {
  const auto before = std::exchange(known_, std::move(set));
  const std::string local = local_digest();
  if (position_.sequence > 0 && local == position_.digest) {
    base_ = known_;
    if (repair_refused_ == position_.digest) repair_refused_.clear();
  } else if (!open_ && !options_.observe && position_.sequence > 0) {
    const bool ours = std::any_of(queue_.begin(), queue_.end(), [&](const QueuedChange& change) {
      return change.digest_after == local;
    });
    const bool intended = intent_ && intent_->digest == local;
    const bool news = before && config::Bytes(before->Digest()) != local;
    if (news) repair_refused_.clear();
    if (news && base_ && !ours && !intended) {
      AnnounceDrift(*base_, *known_, fmt::format("noticed by {}", origin));
    }
    drift_unseen_ = !before && !ours && !intended;
  }
  AckSoon(now);
  if (compare_asked_) compare_ready_ = true;
  if (verify_asked_ && !open_) {
    verify_asked_ = false;
    apply_ = ApplyState::kIdle;
    StartWalk(now);
  }
  StartCompare(now);
  MaybeApply(now);
  return Take();
}

void Follower::AnnounceDrift(const config::ObjectSet& before, const config::ObjectSet& after,
                             std::string_view reason) {
  const config::ChangeSet drift = config::Diff(before, after);
  if (drift.empty()) return;
  v1::State state;
  state.set_what("drift");
  state.set_server(options_.server);
  size_t bytes = 0;
  int left_out = 0;
  for (const auto& upsert : drift.upserted) {
    bytes += upsert.json.size() + upsert.id.key.size() + 32;
    if (state.upserted_size() >= kMostDriftObjects || bytes > kMostDriftBytes) {
      ++left_out;
      continue;
    }
    v1::Object& object = *state.add_upserted();
    object.set_kind(std::string(config::KindName(upsert.id.kind)));
    object.set_key(upsert.id.key);
    object.set_object(upsert.json);
  }
  for (const auto& id : drift.removed) {
    if (state.removed_size() >= kMostDriftObjects) {
      ++left_out;
      continue;
    }
    v1::ObjectId& object = *state.add_removed();
    object.set_kind(std::string(config::KindName(id.kind)));
    object.set_key(id.key);
  }
  state.set_to(options_.observe ? "reported" : "repairing");
  state.set_reason(fmt::format(
      "{} differs from the primary in {} objects ({}){}", options_.server, drift.size(), reason,
      left_out > 0 ? fmt::format("; {} of them are not listed here", left_out) : std::string()));
  actions_.push_back(Announce{std::move(state)});
}

}  // namespace nestor::protocol
