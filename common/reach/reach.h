#pragma once

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <cstdint>
#include <memory>
#include <string>

namespace nestor::reach {

// Finds out whether one server can be reached from another at an address where Kea is to listen,
// before it does.
//
// A host is an IPv4 or IPv6 address, without brackets; nothing is looked up. InvalidArgument of
// both methods: the host is no address, or the port is 0. Thread-safe.
class Reach {
 public:
  virtual ~Reach() = default;

  // Binds the address and answers each connection with `token`, at most 1024 bytes, then closes it,
  // for `duration`, at most a day, on a thread of its own. One that is listening already at this
  // address is ended first. Never blocks.
  //
  // FailedPrecondition  the address is not this host's, or in use; the text says which and what to
  //                     do.
  // Unavailable         it is not possible now for another reason.
  // InvalidArgument     also: the token is longer.
  virtual absl::Status Listen(const std::string& host, uint16_t port, const std::string& token,
                              absl::Duration duration) = 0;
  // Ends whatever listens, so that the addresses are free for Kea.
  virtual void EndListening() = 0;

  // Connects to it and reads `token`; with an empty token it is enough to connect. Blocks for at
  // most `timeout`.
  //
  // Unavailable         it cannot be connected to, or the connection broke; the text says why:
  //                     refused, no route, timed out.
  // FailedPrecondition  somebody else answers there.
  virtual absl::Status Probe(const std::string& host, uint16_t port, const std::string& token,
                             absl::Duration timeout) = 0;
};

// By this host's sockets. Its end ends what listens.
std::unique_ptr<Reach> LocalReach();

}  // namespace nestor::reach
