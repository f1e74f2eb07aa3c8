// The follower's link to its publisher: joining, following, finding gaps and closing them.

#include <algorithm>

#include "common/base/status.h"
#include "common/config/proto.h"
#include "common/protocol/envelope.h"
#include "common/protocol/follower.h"

namespace nestor::protocol {
namespace {

constexpr absl::Duration kStaleAfter = absl::Milliseconds(3200);  // three heartbeats missed
constexpr size_t kMostBuffered = 1024;
constexpr size_t kMostBufferedBytes = size_t{32} << 20;

}  // namespace

uint64_t Follower::TailSequence() const {
  if (!queue_.empty()) return queue_.back().sequence;
  if (whole_) return whole_->position.sequence;
  return InStream() ? position_.sequence : 0;
}

const std::string& Follower::TailDigest() const {
  static const std::string none;
  if (!queue_.empty()) return queue_.back().digest_after;
  if (whole_) return whole_->position.digest;
  return InStream() ? position_.digest : none;
}

bool Follower::Room(size_t bytes) const {
  return queue_.size() < kMostBuffered && queue_bytes_ + bytes <= kMostBufferedBytes;
}

void Follower::TickLink(Instant now) {
  switch (link_) {
    case LinkState::kConnect:
    case LinkState::kStale:
    case LinkState::kFenced:
      return;  // the next heartbeat, or an operator, goes on
    case LinkState::kHello:
      if (now >= next_hello_) SendHello(now);
      break;
    case LinkState::kCatchup:
    case LinkState::kSnapshot:
      if (!decoding_ && now >= sync_deadline_) RetrySync(now);
      break;
    case LinkState::kFollow:
      break;
  }
  if (now - heard_ >= kStaleAfter) ToStale(now);
}

void Follower::ToStale(Instant now) {
  link_ = LinkState::kStale;
  welcome_.reset();
  AckSoon(now);
}

void Follower::OnHeartbeat(const v1::Envelope& envelope, Instant now) {
  const bool mine = envelope.term() == term_ && envelope.stream_id() == stream_id_;
  switch (link_) {
    case LinkState::kConnect:
    case LinkState::kStale:
      // Any publisher's heartbeat shows that the subscription has arrived; only its Welcome is
      // believed.
      heard_ = now;
      publisher_state_ = envelope.heartbeat().publisher_state();
      ToHello(now);
      return;
    case LinkState::kFenced:
      publisher_state_ = envelope.heartbeat().publisher_state();
      // A publisher that began anew is above everything witnessed.
      if (envelope.term() > highest_term_) {
        heard_ = now;
        ToHello(now);
      }
      return;
    case LinkState::kHello: {
      heard_ = now;
      const auto before = publisher_state_;
      publisher_state_ = envelope.heartbeat().publisher_state();
      // Until now it did not answer a Hello.
      if (publisher_state_ == v1::SERVE && before != v1::SERVE) next_hello_ = now;
      return;
    }
    case LinkState::kCatchup:
    case LinkState::kSnapshot:
    case LinkState::kFollow:
      break;
  }
  if (envelope.term() < term_) return;
  if (!mine) return ToHello(now);
  // One heartbeat may be overtaken by a Welcome. A publisher whose head stays behind what it said
  // before has lost something: it counts as silent, and is asked anew.
  if (envelope.sequence() < std::max(head_, InStream() ? position_.sequence : 0)) return;
  heard_ = now;
  publisher_state_ = envelope.heartbeat().publisher_state();
  head_ = envelope.sequence();
  head_digest_ = envelope.digest_after();
  if (link_ != LinkState::kFollow) return;
  if (options_.observe) {
    received_ = head_;
    return;
  }
  if (head_ > TailSequence()) return RequestSync(v1::REPLAY, now);
  if (head_ == TailSequence() && head_digest_ != TailDigest()) ToHello(now);
}

void Follower::OnChange(const v1::Envelope& envelope, std::string_view payload, Instant now) {
  if (envelope.term() != term_ || envelope.stream_id() != stream_id_) {
    if (envelope.term() > term_ && Joined()) ToHello(now);
    return;
  }
  if (link_ == LinkState::kCatchup || link_ == LinkState::kSnapshot) {
    if (buffered_.size() < kMostBuffered &&
        buffered_bytes_ + payload.size() <= kMostBufferedBytes) {
      buffered_.emplace_back(envelope, payload);
      buffered_bytes_ += payload.size();
    }
    return;
  }
  if (link_ != LinkState::kFollow) return;
  if (envelope.sequence() > head_) {
    head_ = envelope.sequence();
    head_digest_ = envelope.digest_after();
  }
  if (options_.observe) {
    received_ = head_;
    AckSoon(now);
    return;
  }
  if (envelope.sequence() <= TailSequence()) return;
  const bool next = envelope.previous_sequence() == TailSequence();
  const bool whole = !envelope.change().snapshot_reference();
  if (!next || !whole || envelope.digest_before() != TailDigest()) {
    return RequestSync(v1::REPLAY, now);
  }
  // A snapshot takes the place of all that waits.
  if (!Room(payload.size())) return RequestSync(v1::SNAPSHOT, now);
  auto queued = ToQueued(envelope, payload.size());
  if (!queued.ok()) {
    last_error_ = fmt::format("change {}: {}", ChangeName(envelope.term(), envelope.sequence()),
                              Message(queued.status()));
    return RequestSync(v1::SNAPSHOT, now);
  }
  actions_.push_back(KeepReceived{{std::string(payload)}, envelope.sequence()});
  Enqueue(*std::move(queued));
}

void Follower::Enqueue(QueuedChange change) {
  queue_bytes_ += change.bytes;
  queue_.push_back(std::move(change));
}

void Follower::ToHello(Instant now, absl::Duration wait) {
  link_ = LinkState::kHello;
  welcome_.reset();
  sync_.reset();
  decoding_ = false;
  buffered_.clear();
  buffered_bytes_ = 0;
  hello_backoff_.Reset();
  next_hello_ = now + wait;
  if (wait == absl::ZeroDuration()) SendHello(now);
}

void Follower::SendHello(Instant now) {
  v1::Envelope envelope;
  envelope.set_digest_after(position_.digest);
  v1::Hello& hello = *envelope.mutable_hello();
  hello.set_server(options_.server);
  hello.set_version(options_.version);
  hello.set_stream_id(position_.stream_id);
  hello.set_position_term(position_.term);
  hello.set_position_sequence(position_.sequence);
  hello.set_highest_term(heard_term_);
  hello.set_witnessed_stream(heard_stream_);
  Send(std::move(envelope));
  next_hello_ = now + hello_backoff_.Next(options_.jitter);
}

void Follower::OnWelcome(const v1::Envelope& envelope, Instant now) {
  const v1::Welcome& welcome = envelope.welcome();
  if (link_ != LinkState::kHello || envelope.term() < heard_term_) return;
  if (welcome.join() == v1::REFUSED) return ToFenced(welcome.text());
  if (envelope.stream_id().size() != 16 || envelope.term() == 0) return;
  const bool heard = envelope.term() == heard_term_;
  if (heard && !heard_stream_.empty() && heard_stream_ != envelope.stream_id()) {
    return ToFenced(
        fmt::format("two primaries publish for {} in term {}: stop one of the agents, then: "
                    "nestorctl resync {}",
                    options_.relationship, envelope.term(), options_.relationship));
  }
  welcome_ = envelope;
  const bool another = !heard_stream_.empty() && heard_stream_ != envelope.stream_id();
  heard_term_ = envelope.term();
  heard_stream_ = envelope.stream_id();
  if (heard_term_ == highest_term_ && heard_stream_ == witnessed_stream_) return ActOnWelcome(now);
  Remember update;
  if (another) {
    ForgetHold();
    update.approved_sequence = 0;
  }
  update.highest_term = envelope.term();
  update.witnessed_stream = envelope.stream_id();
  welcome_token_ = next_token_;
  DoRemember(std::move(update));
}

// What Kea here has, or may have, that the publisher by its Welcome has not; empty: nothing.
std::string Follower::ConflictWith(const v1::Envelope& welcome) const {
  Position held;
  const auto holds = [&](const Position& position) {
    const bool ours = position.stream_id == welcome.stream_id();
    if (ours && position.sequence > held.sequence) held = position;
  };
  holds(position_);
  if (intent_) holds(*intent_);
  if (open_) holds(open_->position);
  if (welcome.sequence() < held.sequence) {
    return fmt::format(
        "the primary's journal ends at change {}, {} holds change {}: an old copy of the journal "
        "was restored; to go on from the primary's: nestorctl resync {}",
        welcome.sequence(), options_.server, held.sequence, options_.relationship);
  }
  if (held.sequence > 0 && welcome.sequence() == held.sequence &&
      welcome.digest_after() != held.digest) {
    return fmt::format(
        "{} holds change {} with another content than the primary's journal; to go on from the "
        "primary's: nestorctl resync {}",
        options_.server, held.sequence, options_.relationship);
  }
  return {};
}

void Follower::ForgetQueue() {
  queue_.clear();
  queue_bytes_ = 0;
  whole_.reset();
}

// The numbers that were held or approved mean something else in another stream.
void Follower::ForgetHold() {
  approved_sequence_ = held_sequence_ = nacked_held_ = open_target_ = 0;
  if (apply_ == ApplyState::kHeld) apply_ = ApplyState::kIdle;
  if (state_before_ == ApplyState::kHeld) state_before_ = ApplyState::kIdle;
}

// A person said that what the primary has now counts, whatever is held here: it is of no stream any
// more, and only tells what was changed by hand.
void Follower::ForgetPosition() {
  ForgetQueue();
  position_.stream_id.clear();
  if (intent_) intent_->stream_id.clear();
  persisted_ = false;
  ++unpersisted_;
  persisted_sequence_ = 0;
  received_ = 0;
}

void Follower::ActOnWelcome(Instant now) {
  const v1::Envelope welcome = *std::exchange(welcome_, std::nullopt);
  highest_term_ = std::max(highest_term_, welcome.term());
  witnessed_stream_ = welcome.stream_id();
  const bool whole_asked = resync_ && resync_->mode() == v1::RESYNC_SNAPSHOT;
  if (std::string conflict = ConflictWith(welcome); !conflict.empty()) {
    ForgetQueue();
    if (!whole_asked) return ToFenced(std::move(conflict));
    if (welcome.welcome().publisher_state() != v1::SERVE) {
      // What its Kea has is what a person wants, not what is left of its journal.
      link_error_ = fmt::format("{}. The resync waits until Kea there answers", conflict);
      return;  // Hello again
    }
    if (open_) return;  // Hello again, when it has ended
    ForgetPosition();
  }
  const bool beyond = TailSequence() > welcome.sequence();
  const bool at_head = TailSequence() == welcome.sequence();
  if (stream_id_ == welcome.stream_id() &&
      (beyond || (at_head && TailDigest() != welcome.digest_after()))) {
    // Received from a journal that is no more.
    ForgetQueue();
    ForgetHold();
    Remember update;
    update.approved_sequence = 0;
    DoRemember(std::move(update));
  }
  if (stream_id_ != welcome.stream_id() || position_.stream_id != welcome.stream_id()) {
    ForgetQueue();
    superseded_.clear();
    received_ = 0;
  }
  stream_id_ = welcome.stream_id();
  term_ = welcome.term();
  head_ = welcome.sequence();
  head_digest_ = welcome.digest_after();
  heard_ = now;
  if (welcome.welcome().publisher_state() != v1::PUBLISHER_UNSPECIFIED) {
    publisher_state_ = welcome.welcome().publisher_state();
  }
  if (options_.observe) return ToFollow(now);
  if (welcome.welcome().join() == v1::SNAPSHOT || whole_asked) {
    if (welcome.sequence() == 0) return;  // nothing journaled yet; Hello again
    RequestSync(v1::SNAPSHOT, now);
  } else if (head_ > TailSequence()) {
    RequestSync(v1::REPLAY, now);
  } else {
    ToFollow(now);
  }
}

void Follower::ToFollow(Instant now) {
  link_ = LinkState::kFollow;
  sync_.reset();
  link_error_.clear();
  if (options_.observe) received_ = head_;
  AckSoon(now);
  if (resync_ && !resync_synced_ && !options_.observe) {
    // What a resync of these modes asks for; a snapshot was asked for at the Welcome.
    if (resync_->mode() == v1::VERIFY) Verify();
    if (resync_->mode() == v1::RESYNC_REPLAY) ResyncSynced();
  }
  TakeBuffered(now);
}

void Follower::TakeBuffered(Instant now) {
  auto events = std::exchange(buffered_, {});
  buffered_bytes_ = 0;
  for (const auto& [envelope, payload] : events) {
    if (link_ != LinkState::kFollow) return;  // a gap: what is left comes with the replay
    OnChange(envelope, payload, now);
  }
}

void Follower::ToFenced(std::string text) {
  link_ = LinkState::kFenced;
  welcome_.reset();
  sync_.reset();
  if (link_error_ != text) {
    v1::State state;
    state.set_what("fenced");
    state.set_to("FENCED");
    state.set_server(options_.server);
    state.set_reason(text);
    actions_.push_back(Announce{std::move(state)});
  }
  EndResync("ABORTED", text);
  link_error_ = std::move(text);
}

}  // namespace nestor::protocol
