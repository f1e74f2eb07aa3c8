#include "common/bus/router.h"

#include "common/bus/key_gate.h"
#include "common/bus/socket.h"
#include "common/log/log.h"

namespace nestor::bus {
namespace {

constexpr std::string_view kLocalUser = "local";

}  // namespace

Router::Router(zmq::socket_t socket, char prefix, Local)
    : socket_(std::move(socket)), prefix_(prefix), local_(true), keys_(nullptr) {}

Router::Router(zmq::socket_t socket, char prefix, Anybody)
    : socket_(std::move(socket)), prefix_(prefix), local_(false), keys_(nullptr) {}

Router::Router(zmq::socket_t socket, char prefix, const AuthorizedKeys& keys)
    : socket_(std::move(socket)), prefix_(prefix), local_(false), keys_(&keys) {}

bool Router::Dispatch(const ControlHandler& handler) {
  for (int taken = 0; taken < kMessagesATurn; ++taken) {
    if (!DispatchOne(handler)) return false;
  }
  return true;
}

bool Router::DispatchOne(const ControlHandler& handler) {
  zmq::message_t id, payload;
  if (!Receive(socket_, id)) return false;
  // libzmq 4.3.4 may lose the identity frame's properties; the payload's are whole.
  if (!id.more() || !Receive(socket_, payload)) return true;
  Peer peer;
  peer.route = prefix_;
  peer.route.append(static_cast<const char*>(id.data()), id.size());
  Identify(payload, peer);
  if (payload.more()) {
    NESTOR_LOG(warn, "MESSAGE_REFUSED", "from={} bytes={} reason=\"more than one frame\"",
               peer.user, payload.size());
    SkipRest(socket_, payload);
    return true;
  }
  if (handler) handler(peer, {static_cast<const char*>(payload.data()), payload.size()});
  return true;
}

void Router::Identify(zmq::message_t& payload, Peer& peer) const {
  peer.local = local_;
  if (keys_ == nullptr) {
    peer.rights = Rights::All();
    if (local_) peer.user = kLocalUser;
    return;
  }
  AuthorizedKeys::Key key = UserOf(payload, *keys_);
  peer.user = std::move(key.name);
  peer.rights = key.rights;
}

absl::Status Router::Send(std::string_view route, std::string_view payload) {
  const absl::Status addressed = bus::Send(socket_, route.substr(1), /*more=*/true);
  return addressed.ok() ? bus::Send(socket_, payload) : addressed;
}

}  // namespace nestor::bus
