#pragma once

#include <absl/status/status.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace nestor::bus {

// What a key may do, from the `rights:` line of its file in authorized.d.
struct Rights {
  bool subscribe = false;  // receive events; ask for status, history and diff; watch
  bool replicate = false;  // be the secondary of relationships that name this key's server
  bool operate = false;    // everything nestorctl can do

  static constexpr Rights All() { return {true, true, true}; }
};

// The other end of a control socket. The right to do a thing comes from `rights` and `user`, which
// the key proved, never from `route`, which the peer chose.
struct Peer {
  std::string route;  // opaque; answers go back by it. Unique over all sockets of the process.
  std::string user;   // the authorised key's name (its file's name without .public); "local" for
                      // the operator socket; empty where no security is configured
  Rights rights;
  bool local = false;  // came in by the operator socket
};

// Receives control messages and operators' requests: one payload frame each.
using ControlHandler = std::function<void(const Peer& from, std::string_view payload)>;

// The primary's sockets: PUB for events, ROUTER for control, ROUTER on ipc for operators. Used on
// the protocol thread only.
class PublisherBus {
 public:
  virtual ~PublisherBus() = default;

  // Sends an event to whoever subscribes. Never blocks; a slow subscriber loses it.
  virtual void Publish(std::string_view topic, std::string_view payload) = 0;

  // Sends one frame to a peer that a message came from. Unavailable: it is gone, or its queue is
  // full; nothing was sent.
  virtual absl::Status Send(std::string_view route, std::string_view payload) = 0;

  virtual void OnControl(ControlHandler handler) = 0;
};

// The secondary's sockets: SUB and DEALER to its primary, ROUTER on ipc for operators. Used on the
// protocol thread only.
class FollowerBus {
 public:
  virtual ~FollowerBus() = default;

  // Subscribes to, or leaves, the topics that begin with `prefix`.
  virtual void Subscribe(std::string_view prefix) = 0;
  virtual void Unsubscribe(std::string_view prefix) = 0;

  // Sends one frame to the primary. Unavailable: no connection is up, or its queue is full.
  virtual absl::Status SendToPrimary(std::string_view payload) = 0;

  // Answers an operator.
  virtual absl::Status Send(std::string_view route, std::string_view payload) = 0;

  using EventHandler = std::function<void(std::string_view topic, std::string_view payload)>;
  using PrimaryHandler = std::function<void(std::string_view payload)>;
  virtual void OnEvent(EventHandler handler) = 0;
  virtual void OnPrimary(PrimaryHandler handler) = 0;
  virtual void OnOperator(ControlHandler handler) = 0;
};

}  // namespace nestor::bus
