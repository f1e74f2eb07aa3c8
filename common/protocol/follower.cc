#include "common/protocol/follower.h"

#include "common/base/status.h"
#include "common/config/proto.h"
#include "common/protocol/envelope.h"

namespace nestor::protocol {

Follower::Follower(Options options, FollowerMemory memory, uint64_t nonce_seed, Instant now)
    : options_(std::move(options)),
      position_(std::move(memory.position)),
      // What an apply that was cut off left with Kea is perhaps not in its file.
      persisted_(memory.persisted && !memory.intent),
      persisted_sequence_(memory.persisted ? position_.sequence : 0),
      highest_term_(memory.highest_term),
      witnessed_stream_(std::move(memory.witnessed_stream)),
      intent_(std::move(memory.intent)),
      approved_sequence_(memory.approved_sequence),
      refused_digest_(std::move(memory.refused_digest)),
      heard_(now),
      heard_term_(highest_term_),
      heard_stream_(witnessed_stream_),
      next_hello_(now),
      received_(position_.sequence),
      next_nonce_(nonce_seed | 1),
      sync_asked_(now),
      sync_deadline_(now),
      retry_at_(now),
      persist_at_(now),
      doubt_until_(now),
      keep_at_(now),
      kept_prefix_(fmt::format("{}-{:x}", options_.server, nonce_seed)),
      ack_periodic_(now),
      compare_deadline_(now),
      walk_deadline_(now),
      walk_at_(now),
      next_snapshot_(now) {
  if (memory.paused) {
    apply_ = ApplyState::kPaused;
    last_error_ = fmt::format(
        "a change was rejected by an operator; nothing more is applied until: nestorctl resync {}",
        options_.relationship);
  }
  if (refused_nack_.ParseFromString(memory.refused_nack) && !refused_digest_.empty()) {
    if (apply_ == ApplyState::kIdle) {
      apply_ = ApplyState::kRejected;
      last_error_ = refused_nack_.text();
    }
  }
  head_ = position_.sequence;
  head_digest_ = position_.digest;
}

FollowerActions Follower::Take() { return std::exchange(actions_, {}); }

void Follower::DoRemember(Remember update) {
  update.token = next_token_++;
  actions_.push_back(std::move(update));
}

std::string Follower::StateName() const {
  if (link_ == LinkState::kFenced) return "FENCED";
  if (apply_ == ApplyState::kPaused) return "PAUSED";
  if (apply_ == ApplyState::kHeld) return "HELD";
  if (apply_ == ApplyState::kApplying) return "APPLYING";
  switch (link_) {
    case LinkState::kConnect:
      return known_ ? "CONNECT" : "INIT";
    case LinkState::kHello:
      return "HELLO";
    case LinkState::kCatchup:
      return "CATCHUP";
    case LinkState::kSnapshot:
      return "SNAPSHOT";
    case LinkState::kStale:
      return "STALE";
    case LinkState::kFenced:
      return "FENCED";
    case LinkState::kFollow:
      break;
  }
  if (apply_ == ApplyState::kRejected) return "REJECTED";
  if (apply_ == ApplyState::kVerify) return "VERIFY";
  return "FOLLOW";
}

uint64_t Follower::applied() const {
  const uint64_t reached = InStream() || stream_id_.empty() ? position_.sequence : 0;
  if (!options_.observe) return reached;
  const bool at_head = known_ && !head_digest_.empty() && local_digest() == head_digest_;
  return at_head ? head_ : reached;
}

std::string Follower::local_digest() const {
  return known_ ? std::string(config::Bytes(known_->Digest())) : std::string();
}

FollowerActions Follower::Tick(Instant now) {
  NoteAway(now);
  TickLink(now);
  StartCompare(now);
  if (walk_ && now >= walk_deadline_) {
    WalkFailed(Error(absl::StatusCode::kUnavailable, "the primary did not answer"), now);
  }
  MaybeApply(now);
  if ((ack_at_ && now >= *ack_at_) || now >= ack_periodic_) SendAck(now);
  return Take();
}

FollowerActions Follower::OnEnvelope(const v1::Envelope& envelope, std::string_view payload,
                                     Instant now) {
  switch (envelope.body_case()) {
    case v1::Envelope::kHeartbeat:
      OnHeartbeat(envelope, now);
      break;
    case v1::Envelope::kChange:
      OnChange(envelope, payload, now);
      break;
    case v1::Envelope::kWelcome:
      OnWelcome(envelope, now);
      break;
    case v1::Envelope::kSyncBegin:
    case v1::Envelope::kChunk:
    case v1::Envelope::kSyncEnd:
    case v1::Envelope::kWorking:
      OnSync(envelope, now);
      break;
    case v1::Envelope::kTreeReply:
      OnTreeReply(envelope, now);
      break;
    case v1::Envelope::kResync:
      return RequestResync(envelope.resync(), now);
    case v1::Envelope::kFenced:
      // Only the publisher that this follower follows may say that it stopped.
      if (envelope.term() >= term_) ToFenced(envelope.fenced().text());
      break;
    case v1::Envelope::kBye:
      if (envelope.term() == term_ && Joined()) ToStale(now);
      break;
    // Events for others, and what only a publisher receives.
    case v1::Envelope::kState:
    case v1::Envelope::kAckEvent:
    case v1::Envelope::kLease:
    case v1::Envelope::kHello:
    case v1::Envelope::kSyncRequest:
    case v1::Envelope::kCredit:
    case v1::Envelope::kAck:
    case v1::Envelope::kNack:
    case v1::Envelope::kTreeRequest:
    case v1::Envelope::kReport:
    case v1::Envelope::kReportKept:
    case v1::Envelope::kSiteRequest:
    case v1::Envelope::kSiteReply:
    case v1::Envelope::kDecision:
    case v1::Envelope::BODY_NOT_SET:
      break;
  }
  MaybeApply(now);
  return Take();
}

FollowerActions Follower::OnReceived(uint64_t up_to, Instant now) {
  // What was kept of another stream is none of this one's.
  if (up_to > received_ && up_to <= TailSequence()) {
    received_ = up_to;
    AckReceived(now);
  }
  return Take();
}

FollowerActions Follower::OnRemembered(uint64_t token, Instant now) {
  if (token == welcome_token_) {
    highest_term_ = heard_term_;
    witnessed_stream_ = heard_stream_;
    if (welcome_) ActOnWelcome(now);
  }
  MaybeApply(now);
  return Take();
}

FollowerActions Follower::OnReachable(bool reachable, Instant now) {
  if (reachable != reachable_) {
    reachable_ = reachable;
    if (reachable) {
      retry_at_ = now;
      // What was asked for while it was away may have got lost.
      if (!known_ || verify_asked_ || compare_asked_) actions_.push_back(ReadLocal{});
    }
    AckSoon(now);
  }
  MaybeApply(now);
  return Take();
}

FollowerActions Follower::OnConnected(Instant now) {
  if (link_ == LinkState::kHello) {
    hello_backoff_.Reset();
    SendHello(now);
  }
  return Take();
}

absl::StatusOr<FollowerActions> Follower::Decide(uint64_t sequence, bool approve, Instant now) {
  const bool held = held_sequence() != 0;
  if (!held || sequence != held_sequence_) {
    return Error(absl::StatusCode::kFailedPrecondition, "relationship {}: change {} is not held{}",
                 options_.relationship, sequence,
                 held ? fmt::format("; change {} is", held_sequence_) : std::string());
  }
  Remember update;
  update.paused = !approve;
  if (approve) {
    approved_sequence_ = sequence;
    update.approved_sequence = sequence;
    apply_ = ApplyState::kIdle;
    last_error_.clear();
  } else {
    apply_ = ApplyState::kPaused;
    last_error_ = fmt::format(
        "change {} was rejected by an operator; nothing more is applied until: nestorctl resync {}",
        sequence, options_.relationship);
  }
  DoRemember(std::move(update));
  AckSoon(now);
  MaybeApply(now);
  return Take();
}

FollowerActions Follower::RequestResync(const v1::Resync& resync, Instant now) {
  if (resync.mode() == v1::COMPARE) {
    AskCompare(resync, now);
    return Take();
  }
  if (resync.request_id() == last_resync_) return Take();
  last_resync_ = resync.request_id();
  EndResync("ABORTED", "overtaken by another resync");
  resync_ = resync;
  resync_synced_ = false;
  v1::State started;
  started.set_what("resync");
  started.set_to("STARTED");
  started.set_request_id(resync.request_id());
  started.set_server(options_.server);
  started.set_reason(resync.reason());
  actions_.push_back(Announce{std::move(started)});
  if (options_.observe) {
    EndResync("ABORTED",
              fmt::format("{} only observes, nothing is applied to {}; compare them with: "
                          "nestorctl diff {}",
                          options_.relationship, options_.server, options_.relationship));
    if (link_ == LinkState::kFenced) ToHello(now);
    return Take();
  }
  // A person's word overrides what was refused, held or paused before.
  Remember update;
  update.paused = false;
  update.refused_digest = update.refused_nack = "";
  DoRemember(std::move(update));
  refused_digest_.clear();
  repair_refused_.clear();
  last_error_.clear();
  NotPersisted(now);
  if (apply_ != ApplyState::kApplying) apply_ = ApplyState::kIdle;
  if (walk_purpose_ == WalkPurpose::kRepair) walk_.reset();  // one order at a time
  snapshot_backoff_.Reset();
  next_snapshot_ = now;
  retry_at_ = now;
  if (link_ == LinkState::kFenced) {
    ToHello(now);
  } else if (!Joined()) {
    // Its turn comes with the next Welcome.
  } else if (resync.mode() == v1::VERIFY) {
    Verify();
  } else {
    RequestSync(resync.mode() == v1::RESYNC_REPLAY ? v1::REPLAY : v1::SNAPSHOT, now);
  }
  return Take();
}

FollowerActions Follower::SetObserve(bool observe, Instant now) {
  if (options_.observe == observe) return Take();
  options_.observe = observe;
  if (observe) {
    EndResync("ABORTED", "from now on the relationship only observes");
    if (!standing_.id.empty()) {
      actions_.push_back(Keep{0, standing_.id, false, nullptr, nullptr, {}, {}});
      standing_ = {};
      keeping_ = 0;
    }
    EndStanding();
    verify_asked_ = verify_ready_ = false;
    if (walk_purpose_ == WalkPurpose::kRepair) walk_.reset();
    if (apply_ != ApplyState::kApplying && apply_ != ApplyState::kPaused) {
      apply_ = ApplyState::kIdle;
    }
  }
  ForgetQueue();
  if (Joined() || link_ == LinkState::kHello) ToHello(now);
  return Take();
}

absl::StatusOr<QueuedChange> ToQueued(const v1::Envelope& envelope, size_t bytes) {
  ASSIGN_OR_RETURN(config::ChangeSet change, config::FromProto(envelope.change()));
  if (envelope.digest_before().size() != 32 || envelope.digest_after().size() != 32) {
    return Error(absl::StatusCode::kInvalidArgument, "change without its digests");
  }
  QueuedChange queued;
  queued.sequence = envelope.sequence();
  queued.term = envelope.term();
  queued.digest_before = envelope.digest_before();
  queued.digest_after = envelope.digest_after();
  queued.change = std::make_shared<const config::ChangeSet>(std::move(change));
  queued.bytes = bytes;
  return queued;
}

}  // namespace nestor::protocol
