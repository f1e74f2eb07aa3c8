// What the follower says of itself: acks, nacks, drifts, how a resync goes.

#include <algorithm>

#include "common/base/status.h"
#include "common/base/text.h"
#include "common/config/proto.h"
#include "common/protocol/follower.h"

namespace nestor::protocol {
namespace {

constexpr absl::Duration kAckGather = absl::Milliseconds(100);
constexpr absl::Duration kAckPeriod = absl::Seconds(1);
constexpr size_t kMostText = 8192;
constexpr size_t kMostDriftObjects = 50;
constexpr size_t kMostDriftBytes = size_t{40} << 10;

// As much of `drift`, a change of `before`, as there is room for; how many objects are left out.
size_t FillDrift(const config::ChangeSet& drift, const config::ObjectSet& before,
                 v1::State& state) {
  size_t bytes = 0, told = 0;
  const auto fits = [&](const config::ObjectId& id, std::string_view json) {
    const config::Object* replaced = before.Find(id);
    const size_t size =
        json.size() + (replaced == nullptr ? 0 : replaced->json.size()) + 2 * id.key.size() + 64;
    if (told >= kMostDriftObjects || bytes + size > kMostDriftBytes) return false;
    bytes += size;
    ++told;
    if (replaced != nullptr) config::ToProto(id, replaced->json, *state.add_replaced());
    return true;
  };
  for (const auto& upsert : drift.upserted) {
    if (fits(upsert.id, upsert.json)) {
      config::ToProto(upsert.id, upsert.json, *state.add_upserted());
    }
  }
  for (const auto& id : drift.removed) {
    if (fits(id, {})) config::ToProto(id, *state.add_removed());
  }
  state.set_left_out(drift.size() - told);
  return drift.size() - told;
}

}  // namespace

void Follower::Nack(const ApplyEnd& end, v1::NackClass nack_class, bool retryable) {
  v1::Nack nack;
  nack.set_nack_class(nack_class);
  nack.set_kea_result(end.kea_result);
  nack.set_kea_text(Utf8(end.kea_text, kMostText));
  if (!end.object.key.empty()) {
    nack.mutable_object()->set_kind(std::string(config::KindName(end.object.kind)));
    nack.mutable_object()->set_key(end.object.key);
  }
  nack.set_text(Utf8(end.text, kMostText));
  nack.set_active_sequence(position_.sequence);
  nack.set_active_digest(local_digest());
  nack.set_retryable(retryable);
  if (!retryable) refused_nack_ = nack;
  if (open_->position.stream_id != stream_id_) return;  // its number means something else by now
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
  ack.set_applied_by(applied_by_);
  ack.set_persisted(std::min(options_.observe ? applied() : persisted_sequence_, applied()));
  constexpr size_t kMostSuperseded = 2000;
  const size_t told = std::min(superseded_.size(), kMostSuperseded);
  for (size_t i = 0; i < told; ++i) ack.add_superseded(superseded_[i]);
  superseded_.erase(superseded_.begin(), superseded_.begin() + static_cast<ptrdiff_t>(told));
  Send(std::move(envelope));
}

void Follower::Untold(const v1::Ack& ack) {
  superseded_.insert(superseded_.begin(), ack.superseded().begin(), ack.superseded().end());
}

void Follower::AckSoon(Instant now) {
  const Instant soon = std::max(now, last_ack_ + kAckGather);
  if (!ack_at_ || soon < *ack_at_) ack_at_ = soon;
  if (now >= *ack_at_) SendAck(now);
}

// Mostly it is applied before that time is over, and told of with it.
void Follower::AckReceived(Instant now) {
  if (!ack_at_) ack_at_ = now + kAckGather;
}

// Somebody may wait for it, so news of what was only received does not hold it up.
void Follower::AckApplied(Instant now) {
  if (now < last_applied_ack_ + kAckGather) return AckSoon(now);
  last_applied_ack_ = now;
  SendAck(now);
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

// More than is told object by object.
void Follower::AnnounceMuchDrift(std::string_view why) {
  v1::State state;
  state.set_what("drift");
  state.set_server(options_.server);
  state.set_to("reported");
  state.set_reason(
      fmt::format("{} differs from the primary in very many objects ({}); see: "
                  "nestorctl diff {}",
                  options_.server, why, options_.relationship));
  last_error_ = state.reason();
  actions_.push_back(Announce{std::move(state)});
}

void Follower::AnnounceDrift(const config::ObjectSet& before, const config::ObjectSet& after,
                             std::string_view reason) {
  const config::ChangeSet drift = config::Diff(before, after);
  if (drift.empty()) return;
  v1::State state;
  state.set_what("drift");
  state.set_server(options_.server);
  const size_t left_out = FillDrift(drift, before, state);
  const bool stands = stands_ && !PrimaryHere();
  state.set_to(options_.observe ? "reported" : stands ? "standing" : "repairing");
  state.set_reason(fmt::format(
      "{} differs from the primary in {} objects ({}){}{}", options_.server, drift.size(), reason,
      stands ? fmt::format("; that stands until {} is back, and is kept then", options_.primary)
             : std::string(),
      left_out > 0 ? fmt::format("; {} of them are not listed here", left_out) : std::string()));
  actions_.push_back(Announce{std::move(state)});
}

}  // namespace nestor::protocol
