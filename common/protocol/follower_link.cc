// The follower's link to its publisher: joining, following, finding gaps and closing them.

#include <algorithm>

#include "common/base/status.h"
#include "common/config/proto.h"
#include "common/protocol/envelope.h"
#include "common/protocol/follower.h"

namespace nestor::protocol {
namespace {

constexpr absl::Duration kStaleAfter = absl::Milliseconds(3200);  // three heartbeats missed
constexpr absl::Duration kSyncPatience = absl::Seconds(5);
constexpr int kSyncTries = 6;
constexpr size_t kMostBuffered = 1024;
constexpr size_t kMostBufferedBytes = size_t{32} << 20;

}  // namespace

uint64_t Follower::TailSequence() const {
  if (!queue_.empty()) return queue_.back().sequence;
  return whole_ ? whole_->position.sequence : position_.sequence;
}

const std::string& Follower::TailDigest() const {
  if (!queue_.empty()) return queue_.back().digest_after;
  return whole_ ? whole_->position.digest : position_.digest;
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
      if (!decoding_ && now >= sync_deadline_) {
        if (++sync_tries_ > kSyncTries) {
          ToHello(now);
        } else {
          SendSyncRequest(now);
        }
      }
      break;
    case LinkState::kFollow:
      break;
  }
  if (now - heard_ >= kStaleAfter) {
    link_ = LinkState::kStale;
    welcome_.reset();
    AckSoon(now);
  }
}

void Follower::OnHeartbeat(const v1::Envelope& envelope, Instant now) {
  const bool mine = envelope.term() == term_ && envelope.stream_id() == stream_id_;
  switch (link_) {
    case LinkState::kConnect:
    case LinkState::kStale:
      // Any publisher's heartbeat shows that the subscription has arrived; only its Welcome is
      // believed.
      heard_ = now;
      ToHello(now);
      return;
    case LinkState::kFenced:
      // A publisher that began anew is above everything witnessed.
      if (envelope.term() > highest_term_) {
        heard_ = now;
        ToHello(now);
      }
      return;
    case LinkState::kHello:
      heard_ = now;
      return;
    case LinkState::kCatchup:
    case LinkState::kSnapshot:
    case LinkState::kFollow:
      break;
  }
  if (envelope.term() < term_) return;
  if (!mine) return ToHello(now);
  heard_ = now;
  publisher_state_ = envelope.heartbeat().publisher_state();
  if (envelope.sequence() < head_) return;
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
    const bool joined = link_ != LinkState::kConnect && link_ != LinkState::kFenced;
    if (envelope.term() > term_ && joined) ToHello(now);
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
  const bool room =
      queue_.size() < kMostBuffered && queue_bytes_ + payload.size() <= kMostBufferedBytes;
  if (!next || !whole || !room || envelope.digest_before() != TailDigest()) {
    return RequestSync(v1::REPLAY, now);
  }
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

void Follower::ToHello(Instant now) {
  link_ = LinkState::kHello;
  welcome_.reset();
  sync_.reset();
  decoding_ = false;
  buffered_.clear();
  buffered_bytes_ = 0;
  hello_backoff_.Reset();
  SendHello(now);
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
  hello.set_highest_term(highest_term_);
  hello.set_witnessed_stream(witnessed_stream_);
  Send(std::move(envelope));
  next_hello_ = now + hello_backoff_.Next(options_.jitter);
}

void Follower::OnWelcome(const v1::Envelope& envelope, Instant now) {
  const v1::Welcome& welcome = envelope.welcome();
  if (link_ != LinkState::kHello || envelope.term() < highest_term_) return;
  if (welcome.join() == v1::REFUSED) return ToFenced(welcome.text());
  if (envelope.stream_id().size() != 16 || envelope.term() == 0) return;
  const bool witnessed = envelope.term() == highest_term_;
  if (witnessed && !witnessed_stream_.empty() && witnessed_stream_ != envelope.stream_id()) {
    return ToFenced(
        fmt::format("two primaries publish for {} in term {}: stop one of the agents, then: "
                    "nestorctl resync {}",
                    options_.relationship, envelope.term(), options_.relationship));
  }
  welcome_ = envelope;
  if (witnessed && !witnessed_stream_.empty()) return ActOnWelcome(now);
  Remember update;
  update.highest_term = envelope.term();
  update.witnessed_stream = envelope.stream_id();
  welcome_token_ = next_token_;
  DoRemember(std::move(update));
}

void Follower::ActOnWelcome(Instant now) {
  const v1::Envelope welcome = *std::exchange(welcome_, std::nullopt);
  const bool same_stream = welcome.stream_id() == position_.stream_id;
  const uint64_t least = std::max(
      position_.sequence,
      intent_ && intent_->stream_id == welcome.stream_id() ? intent_->sequence : uint64_t{0});
  if (same_stream && welcome.sequence() < least) {
    return ToFenced(fmt::format(
        "the primary's journal ends at change {}, {} holds change {}: an old copy of the journal "
        "was restored; to go on from the primary's: nestorctl resync {}",
        welcome.sequence(), options_.server, least, options_.relationship));
  }
  highest_term_ = std::max(highest_term_, welcome.term());
  witnessed_stream_ = welcome.stream_id();
  if (stream_id_ != welcome.stream_id() || !same_stream) {
    queue_.clear();
    queue_bytes_ = 0;
    whole_.reset();
  }
  stream_id_ = welcome.stream_id();
  term_ = welcome.term();
  head_ = welcome.sequence();
  head_digest_ = welcome.digest_after();
  heard_ = now;
  if (options_.observe) return ToFollow(now);
  const bool whole_asked = resync_ && resync_->mode() == v1::RESYNC_SNAPSHOT;
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
  if (options_.observe) received_ = head_;
  AckSoon(now);
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
  if (last_error_ != text) {
    v1::State state;
    state.set_what("fenced");
    state.set_to("FENCED");
    state.set_server(options_.server);
    state.set_reason(text);
    actions_.push_back(Announce{std::move(state)});
  }
  last_error_ = std::move(text);
}

void Follower::RequestSync(v1::Join mode, Instant now) {
  // Without a position in this stream there is nothing to replay from.
  const bool in_stream = TailSequence() > 0 && (whole_ || position_.stream_id == stream_id_);
  sync_mode_ = in_stream ? mode : v1::SNAPSHOT;
  link_ = sync_mode_ == v1::REPLAY ? LinkState::kCatchup : LinkState::kSnapshot;
  next_nonce_ += 2;
  sync_ = std::make_shared<SyncReceiver>(next_nonce_);
  decoding_ = false;
  sync_tries_ = 0;
  SendSyncRequest(now);
}

void Follower::SendSyncRequest(Instant now) {
  v1::Envelope envelope;
  v1::SyncRequest& request = *envelope.mutable_sync_request();
  request.set_nonce(sync_->nonce());
  request.set_mode(sync_mode_);
  request.set_from_sequence(sync_mode_ == v1::REPLAY ? TailSequence() + 1 : 0);
  request.set_next_chunk(sync_->next_chunk());
  request.set_credit(kCreditChunks);
  Send(std::move(envelope));
  sync_deadline_ = now + kSyncPatience;
}

void Follower::OnSync(const v1::Envelope& envelope, Instant now) {
  if (!sync_ || decoding_ || envelope.term() != term_ || envelope.stream_id() != stream_id_) return;
  absl::Status status;
  if (envelope.has_sync_begin() && envelope.sync_begin().nonce() == sync_->nonce()) {
    status = sync_->Begin(envelope);
  } else if (envelope.has_chunk() && envelope.chunk().nonce() == sync_->nonce()) {
    const auto added = sync_->Add(envelope.chunk());
    status = added.status();
    if (added.ok() && *added) {
      v1::Envelope credit;
      credit.mutable_credit()->set_nonce(sync_->nonce());
      credit.mutable_credit()->set_chunks(1);
      Send(std::move(credit));
    }
  } else if (envelope.has_sync_end() && envelope.sync_end().nonce() == sync_->nonce()) {
    if (envelope.sync_end().aborted()) return ToHello(now);
    decoding_ = true;
    actions_.push_back(Decode{sync_});
  } else if (!envelope.has_working() || envelope.working().nonce() != sync_->nonce()) {
    return;
  }
  sync_deadline_ = now + kSyncPatience;
  // A damaged or reordered transfer is asked for again where it broke off.
  if (!status.ok()) sync_deadline_ = now;
}

FollowerActions Follower::OnDecoded(Decoded decoded, Instant now) {
  if (!sync_ || !decoding_ || decoded.nonce != sync_->nonce()) return Take();
  decoding_ = false;
  if (!decoded.status.ok()) {
    last_error_ = fmt::format("transfer from the primary: {}", Message(decoded.status));
    ToHello(now);
    return Take();
  }
  sync_.reset();
  resync_synced_ = true;
  if (decoded.mode == v1::SNAPSHOT) {
    if (position_.stream_id == stream_id_ && decoded.label < position_.sequence) {
      ToFenced(fmt::format("the primary offers change {}, older than change {} that is applied",
                           decoded.label, position_.sequence));
      return Take();
    }
    queue_.clear();
    queue_bytes_ = 0;
    whole_ = Whole{{stream_id_, term_, decoded.label, decoded.label_digest},
                   std::move(decoded.whole),
                   resync_.has_value()};
    received_ = decoded.label;
  } else {
    std::vector<std::string> kept;
    for (size_t i = 0; i < decoded.changes.size(); ++i) {
      QueuedChange& change = decoded.changes[i];
      if (change.sequence <= TailSequence()) continue;
      if (change.sequence != TailSequence() + 1 || change.digest_before != TailDigest()) break;
      kept.push_back(std::move(decoded.envelopes[i]));
      Enqueue(std::move(change));
    }
    if (!kept.empty()) {
      actions_.push_back(KeepReceived{std::move(kept), TailSequence()});
    } else if (decoded.label > TailSequence()) {
      // It does not continue what is held here: take the whole.
      RequestSync(v1::SNAPSHOT, now);
      return Take();
    }
  }
  head_ = std::max(head_, TailSequence());
  if (head_ == TailSequence()) head_digest_ = TailDigest();
  ToFollow(now);
  if (link_ == LinkState::kFollow && head_ > TailSequence()) RequestSync(v1::REPLAY, now);
  MaybeApply(now);
  return Take();
}

Decoded DecodeTransfer(SyncReceiver& receiver) {
  Decoded decoded;
  decoded.nonce = receiver.nonce();
  decoded.mode = receiver.mode();
  decoded.label = receiver.label();
  decoded.label_digest = receiver.label_digest();
  auto payload = receiver.Finish();
  decoded.status = payload.status();
  if (!payload.ok()) return decoded;
  if (decoded.mode == v1::SNAPSHOT) {
    v1::Snapshot snapshot;
    if (!snapshot.ParseFromString(*payload)) {
      decoded.status = Error(absl::StatusCode::kDataLoss, "the snapshot cannot be read");
      return decoded;
    }
    payload->clear();
    payload->shrink_to_fit();
    auto set = config::FromProto(std::move(snapshot));
    decoded.status = set.status();
    if (!set.ok()) return decoded;
    if (config::Bytes(set->Digest()) != decoded.label_digest) {
      decoded.status = Error(absl::StatusCode::kDataLoss, "the snapshot has not its digest");
      return decoded;
    }
    decoded.whole = std::make_shared<const config::ObjectSet>(*std::move(set));
    return decoded;
  }
  v1::Replay replay;
  if (!replay.ParseFromString(*payload)) {
    decoded.status = Error(absl::StatusCode::kDataLoss, "the replay cannot be read");
    return decoded;
  }
  for (const v1::Envelope& envelope : replay.changes()) {
    std::string text = envelope.SerializeAsString();
    auto queued = ToQueued(envelope, text.size());
    decoded.status = queued.status();
    if (!queued.ok()) return decoded;
    decoded.changes.push_back(*std::move(queued));
    decoded.envelopes.push_back(std::move(text));
  }
  return decoded;
}

}  // namespace nestor::protocol
