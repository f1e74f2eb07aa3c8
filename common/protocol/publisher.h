#pragma once

#include <optional>
#include <string>

#include "common/base/clock.h"
#include "common/protocol/join.h"
#include "nestor/v1/envelope.pb.h"

namespace nestor::protocol {

// What can happen to a publisher.
enum class PublisherEvent {
  kRecovered,  // the journal was read and the term raised
  kBaseline,   // the running configuration was read and journaled
  kKeaGone,
  kKeaBack,
  kJournalBroken,
  kFenced,
  kNewStream,  // an operator began anew
};

// The publisher's states: RECOVER, BASELINE, SERVE, DEGRADED, READONLY, FENCED.
v1::PublisherState NextState(v1::PublisherState state, PublisherEvent event);

// The primary's half of the protocol, for one relationship: its state, what it published last, and
// when a heartbeat is due. Pure.
class Publisher {
 public:
  Publisher(StreamView stream, Instant now)
      : stream_(std::move(stream)), next_heartbeat_(now), next_regular_(now) {}

  void On(PublisherEvent event) { state_ = NextState(state_, event); }
  void Fence(std::string text);
  v1::PublisherState state() const { return state_; }
  const std::string& fenced_text() const { return fenced_text_; }
  const StreamView& stream() const { return stream_; }

  // Whether followers may be welcomed: what is in the journal is served even while Kea is away.
  bool Serves() const;
  // Whether a change may be published.
  bool Publishes() const;

  // A change was handed to the socket.
  void Published(uint64_t sequence, std::string digest, Instant now);
  void Compacted(uint64_t lowest) { stream_.lowest = lowest; }
  void Welcomed() {
    if (stream_.followed_since == 0) stream_.followed_since = stream_.term;
    stream_.welcomed = stream_.term;
  }
  // The same stream under a higher term, or another stream.
  void Restart(StreamView stream, Instant now);

  // Each second, and 200 ms after the last change of a burst.
  bool HeartbeatDue(Instant now) const { return now >= next_heartbeat_; }
  // The heartbeat to send now; the next is due in a second.
  v1::Envelope Heartbeat(Instant now);

 private:
  StreamView stream_;
  v1::PublisherState state_ = v1::RECOVER;
  std::string fenced_text_;
  Instant next_heartbeat_;  // at most a second after the last
  Instant next_regular_;
};

}  // namespace nestor::protocol
