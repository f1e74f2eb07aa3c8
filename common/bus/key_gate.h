#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <zmq.hpp>

#include "common/bus/authorized_keys.h"

namespace nestor::bus {

// ZAP domains, by which the gate tells what is connected to.
inline constexpr char kEventsDomain[] = "nestor.events";
inline constexpr char kControlDomain[] = "nestor.control";

// Decides who may connect to the sockets of one context that require keys: ZeroMQ's authentication
// (ZAP, RFC 27), on a thread of its own, so that a handshake never waits for the protocol thread.
//
// Whoever has a right in AuthorizedKeys gets in, to a socket of kEventsDomain only with the right
// to subscribe. A connection then carries its key, from which UserOf() tells name and rights as
// they are now.
class KeyGate {
 public:
  // `keys` and `context` must outlive the gate; `context` can serve nothing else once it is gone.
  // Unavailable: the context has a gate already.
  static absl::StatusOr<std::unique_ptr<KeyGate>> Open(zmq::context_t& context,
                                                       const AuthorizedKeys& keys);
  ~KeyGate();
  KeyGate(const KeyGate&) = delete;
  KeyGate& operator=(const KeyGate&) = delete;

 private:
  KeyGate(zmq::context_t& context, const AuthorizedKeys& keys, zmq::socket_t socket);
  void Serve();
  bool Answer();
  bool Reply(std::string_view request, const AuthorizedKeys::Key* key, std::string_view z85);
  void LogRefusal(std::string_view z85, std::string_view address, std::string_view reason);

  zmq::context_t& context_;
  const AuthorizedKeys& keys_;
  zmq::socket_t socket_;
  absl::Time last_logged_ = absl::InfinitePast();
  int not_logged_ = 0;
  std::thread thread_;
};

// Whom a message on a connection that passed the gate is from: the name its key has now, or had
// when it connected if it is not authorised any more; then without rights.
AuthorizedKeys::Key UserOf(zmq::message_t& frame, const AuthorizedKeys& keys);

}  // namespace nestor::bus
