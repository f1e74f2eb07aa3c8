#pragma once

#include <absl/status/status.h>

#include <string_view>
#include <utility>
#include <zmq.hpp>

#include "common/bus/authorized_keys.h"
#include "common/bus/bus.h"

namespace nestor::bus {

// How many messages of one socket a turn of the loop takes.
inline constexpr int kMessagesATurn = 128;

// A ROUTER: takes messages of one payload frame from many peers, and answers them by route.
//
// A route names one connection: ZeroMQ makes it up when the connection begins and does not tell it
// to the peer. ZMQ_ROUTER_HANDOVER is off, so nobody can take over another's route by asking for
// it; a peer that connects again has a new route.
class Router {
 public:
  // Whom messages are from: whoever reaches a local socket, anybody where no keys are required, or
  // the holder of an authorised key.
  struct Local {};
  struct Anybody {};

  Router(zmq::socket_t socket, char prefix, Local);
  Router(zmq::socket_t socket, char prefix, Anybody);
  // `keys` must outlive the Router.
  Router(zmq::socket_t socket, char prefix, const AuthorizedKeys& keys);

  // Hands at most kMessagesATurn waiting messages to `handler`. True: more may be waiting.
  bool Dispatch(const ControlHandler& handler);

  // Whether `route` is of this socket: such routes begin with the prefix.
  bool Owns(std::string_view route) const { return route.starts_with(prefix_); }

  // Unavailable: the peer is gone, or its queue is full; nothing was sent.
  absl::Status Send(std::string_view route, std::string_view payload);

  zmq::socket_t& socket() { return socket_; }

 private:
  bool DispatchOne(const ControlHandler& handler);
  void Identify(zmq::message_t& payload, Peer& peer) const;

  zmq::socket_t socket_;
  char prefix_;
  bool local_;
  const AuthorizedKeys* keys_;  // null: no keys are required
};

}  // namespace nestor::bus
