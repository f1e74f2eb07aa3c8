// The follower's transfers: replays and snapshots, asked for, collected, taken over.

#include <algorithm>

#include "common/base/status.h"
#include "common/config/proto.h"
#include "common/protocol/envelope.h"
#include "common/protocol/follower.h"

namespace nestor::protocol {
namespace {

constexpr absl::Duration kSyncPatience = absl::Seconds(5);
constexpr int kSyncTries = 6;
// A transfer that came in disorder is not asked for again more often than this.
constexpr absl::Duration kSyncSpacing = absl::Seconds(1);

}  // namespace

void Follower::RequestSync(v1::Join mode, Instant now) {
  // Without a position in this stream there is nothing to replay from.
  sync_mode_ = TailSequence() > 0 ? mode : v1::SNAPSHOT;
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
  sync_asked_ = now;
  sync_deadline_ = now + kSyncPatience;
}

// The transfer did not come in time.
void Follower::RetrySync(Instant now) {
  if (++sync_tries_ > kSyncTries) return ToHello(now);
  SendSyncRequest(now);
}

// The transfer is of no use. Another is asked for, but not at once: it may be as bad.
void Follower::SyncFailed(std::string_view why, Instant now) {
  link_error_ = fmt::format("transfer from the primary: {}", why);
  ToHello(now, sync_backoff_.Next(options_.jitter));
}

void Follower::OnSync(const v1::Envelope& envelope, Instant now) {
  if (!sync_ || decoding_ || envelope.term() != term_ || envelope.stream_id() != stream_id_) return;
  absl::Status status;
  if (envelope.has_sync_begin() && envelope.sync_begin().nonce() == sync_->nonce()) {
    status = sync_->Begin(envelope);
  } else if (envelope.has_chunk() && envelope.chunk().nonce() == sync_->nonce()) {
    const auto added = sync_->Add(envelope.chunk());
    status = added.status();
    if (added.ok() && *added) GiveCredit();
  } else if (envelope.has_sync_end() && envelope.sync_end().nonce() == sync_->nonce()) {
    if (envelope.sync_end().aborted()) return SyncFailed(envelope.sync_end().text(), now);
    if (sync_->complete()) {
      decoding_ = true;
      actions_.push_back(Decode{sync_});
    } else {
      status = Error(absl::StatusCode::kDataLoss, "it ended early");
    }
  } else if (!envelope.has_working() || envelope.working().nonce() != sync_->nonce()) {
    return;
  }
  sync_deadline_ = now + kSyncPatience;
  if (status.ok()) return;
  if (!absl::IsDataLoss(status)) return SyncFailed(Message(status), now);
  // A part is missing: it is asked for again where it broke off.
  sync_deadline_ = std::max(now, sync_asked_ + kSyncSpacing);
}

void Follower::GiveCredit() {
  sync_tries_ = 0;  // it gets on
  v1::Envelope credit;
  credit.mutable_credit()->set_nonce(sync_->nonce());
  credit.mutable_credit()->set_chunks(1);
  Send(std::move(credit));
}

FollowerActions Follower::OnDecoded(Decoded decoded, Instant now) {
  if (!sync_ || !decoding_ || decoded.nonce != sync_->nonce()) return Take();
  decoding_ = false;
  if (!decoded.status.ok()) {
    SyncFailed(Message(decoded.status), now);
    return Take();
  }
  sync_.reset();
  sync_backoff_.Reset();
  const bool taken = decoded.mode == v1::SNAPSHOT ? TakeSnapshot(decoded) : TakeReplay(decoded);
  if (!taken) {
    RequestSync(v1::SNAPSHOT, now);
    return Take();
  }
  const v1::ResyncMode asked = resync_ ? resync_->mode() : v1::RESYNC_UNSPECIFIED;
  if (asked == v1::RESYNC_REPLAY ||
      (asked == v1::RESYNC_SNAPSHOT && decoded.mode == v1::SNAPSHOT)) {
    ResyncSynced();
  }
  head_ = std::max(head_, TailSequence());
  if (head_ == TailSequence()) head_digest_ = TailDigest();
  ToFollow(now);
  if (link_ == LinkState::kFollow && head_ > TailSequence()) RequestSync(v1::REPLAY, now);
  MaybeApply(now);
  return Take();
}

bool Follower::TakeSnapshot(Decoded& decoded) {
  // What is held may have got beyond it while it was on its way.
  if (InStream() && decoded.label < position_.sequence) return true;
  ForgetQueue();
  whole_ =
      Whole{{stream_id_, term_, decoded.label, decoded.label_digest}, std::move(decoded.whole)};
  return true;
}

// False: it does not continue what is held here, or there is no room for it: take the whole.
bool Follower::TakeReplay(Decoded& decoded) {
  std::vector<std::string> kept;
  bool room = true;
  for (size_t i = 0; i < decoded.changes.size(); ++i) {
    QueuedChange& change = decoded.changes[i];
    if (change.sequence <= TailSequence()) continue;
    room = Room(change.bytes);
    const bool next = change.sequence == TailSequence() + 1 && change.term <= term_ &&
                      change.digest_before == TailDigest();
    if (!next || !room) break;
    kept.push_back(std::move(decoded.envelopes[i]));
    Enqueue(std::move(change));
  }
  const bool any = !kept.empty();
  if (any) actions_.push_back(KeepReceived{std::move(kept), TailSequence()});
  return room && (any || decoded.label <= TailSequence());
}

Decoded DecodeTransfer(const SyncReceiver& receiver) {
  // Exactly what was announced: a payload that ends early is not read.
  const auto read = [&](google::protobuf::MessageLite& message) {
    return message.ParseFromBoundedZeroCopyStream(receiver.Payload().get(),
                                                  static_cast<int>(receiver.unpacked_bytes()));
  };
  Decoded decoded;
  decoded.nonce = receiver.nonce();
  decoded.mode = receiver.mode();
  decoded.label = receiver.label();
  decoded.label_digest = receiver.label_digest();
  decoded.status = receiver.Finish();
  if (!decoded.status.ok()) return decoded;
  if (decoded.mode == v1::SNAPSHOT) {
    v1::Snapshot snapshot;
    if (!read(snapshot)) {
      decoded.status = Error(absl::StatusCode::kDataLoss, "the snapshot cannot be read");
      return decoded;
    }
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
  if (!read(replay)) {
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
