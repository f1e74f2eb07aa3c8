#include "tests/simulation/liveness_oracle.h"

#include <algorithm>

namespace nestor::simulation {
namespace {

constexpr absl::Duration kTransferPatience = absl::Seconds(15);
constexpr int kHeartbeats = 3;
// A network that held them back delivers several at once, and a round trip needs time between two.
constexpr absl::Duration kApart = absl::Milliseconds(500);

}  // namespace

void LivenessOracle::OnSent(const v1::Envelope& envelope) {
  if (envelope.has_hello()) transfer_.reset();  // it joins anew, whatever was under way
  if (envelope.has_sync_request()) {
    const uint64_t nonce = envelope.sync_request().nonce();  // a retry keeps it
    if (!transfer_ || transfer_->nonce != nonce) transfer_ = {scheduler_.Now(), nonce};
  }
  const bool has_it = lost_ && envelope.has_ack() && envelope.ack().applied() >= lost_->sequence;
  if (has_it || envelope.has_sync_request()) lost_.reset();
}

void LivenessOracle::OnEvent(const v1::Envelope& envelope) {
  if (!lost_ || !envelope.has_heartbeat() || envelope.sequence() < lost_->sequence) return;
  if (scheduler_.Now() - lost_->at < kApart) return;
  lost_->at = scheduler_.Now();
  if (++lost_->heartbeats <= kHeartbeats) return;
  chronicle_.Violate("L3", fmt::format("{} was lost, and {} heartbeats later nobody asks for it",
                                       lost_->sequence, kHeartbeats));
}

void LivenessOracle::OnReceived(const v1::Envelope& envelope) {
  if (!transfer_ || !envelope.has_sync_end()) return;
  if (envelope.sync_end().nonce() == transfer_->nonce) transfer_.reset();
}

void LivenessOracle::Check(bool excused) {
  const absl::Duration now = scheduler_.Now();
  if (calm_since_ && excused) calm_since_ = now;
  if (calm_since_ && transfer_ && now - std::max(*calm_since_, transfer_->at) > kTransferPatience) {
    chronicle_.Violate("L2", fmt::format("transfer {} has not ended in {}", transfer_->nonce,
                                         absl::FormatDuration(kTransferPatience)));
  }
}

}  // namespace nestor::simulation
