#include "common/protocol/publisher.h"

#include <algorithm>

namespace nestor::protocol {

v1::PublisherState NextState(v1::PublisherState state, PublisherEvent event) {
  using enum PublisherEvent;
  switch (event) {
    case kFenced:
      return v1::PUBLISHER_FENCED;
    case kNewStream:
      return v1::SERVE;
    case kJournalBroken:
      return state == v1::PUBLISHER_FENCED ? state : v1::READONLY;
    case kRecovered:
      return state == v1::RECOVER ? v1::BASELINE : state;
    case kBaseline:
      return state == v1::BASELINE || state == v1::DEGRADED || state == v1::READONLY ? v1::SERVE
                                                                                     : state;
    case kKeaBack:
      // Before the first baseline, Kea answering is no news.
      return state == v1::DEGRADED ? v1::SERVE : state;
    case kKeaGone:
      return state == v1::SERVE || state == v1::BASELINE ? v1::DEGRADED : state;
  }
  return state;
}

void Publisher::Fence(std::string text) {
  fenced_text_ = std::move(text);
  On(PublisherEvent::kFenced);
}

bool Publisher::Serves() const {
  switch (state_) {
    case v1::SERVE:
      return true;
    case v1::DEGRADED:
    case v1::READONLY:
      return stream_.head > 0;
    default:
      return false;
  }
}

bool Publisher::Publishes() const {
  return state_ == v1::BASELINE || state_ == v1::SERVE || state_ == v1::DEGRADED;
}

void Publisher::Published(uint64_t sequence, std::string digest, Instant now) {
  stream_.head = sequence;
  stream_.head_digest = std::move(digest);
  if (stream_.lowest == 0) stream_.lowest = sequence;
  constexpr absl::Duration kAfterBurst = absl::Milliseconds(200);
  // A burst that does not end puts no heartbeat off.
  next_heartbeat_ = std::min(next_regular_, now + kAfterBurst);
}

void Publisher::Restart(StreamView stream, Instant now) {
  stream_ = std::move(stream);
  fenced_text_.clear();
  next_heartbeat_ = next_regular_ = now;
}

v1::Envelope Publisher::Heartbeat(Instant now) {
  next_heartbeat_ = next_regular_ = now + absl::Seconds(1);
  v1::Envelope envelope;
  envelope.set_sequence(stream_.head);
  envelope.set_digest_after(stream_.head_digest);
  envelope.mutable_heartbeat()->set_lowest_sequence(stream_.lowest);
  envelope.mutable_heartbeat()->set_publisher_state(state_);
  return envelope;
}

}  // namespace nestor::protocol
