#pragma once

#include <absl/status/statusor.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>
#include <zmq.hpp>

#include "common/bus/bus.h"

namespace nestor::bus {

// What a loop needs to wait for a bus and let it work. A bus belongs to one thread at a time, which
// calls everything of it but ReloadKeys(); the thread that opened it may hand it over once.
class PolledBus {
 public:
  virtual ~PolledBus() = default;

  // Every socket, with ZMQ_POLLIN: for zmq::poll, beside what else wakes the loop. The same for the
  // bus's whole life. A poll may return without any of them ready.
  virtual std::vector<zmq::pollitem_t> PollItems() = 0;

  // Hands waiting messages to their handlers: the other agent's before operators', events last, at
  // most 128 of each. Never waits. True: more may be waiting, so poll without a timeout next. Must
  // be called after every poll that reported something; calling it without is harmless. A message
  // without a handler is dropped.
  virtual bool Dispatch() = 0;
};

// Addresses are ZeroMQ's: "tcp://192.0.2.1:5570", "tcp://[::1]:5570", "ipc:///run/x.sock". What is
// bound may have the port *, which takes a free one.
struct PublisherBusOptions {
  struct Security {
    std::string secret_key;       // Z85
    std::string authorized_keys;  // the directory of *.public files
  };

  std::string events;
  std::string control;
  std::string operator_socket;       // a path; empty: none
  std::optional<Security> security;  // absent: whoever connects has all rights
};

class PolledPublisherBus : public PublisherBus, public PolledBus {
 public:
  // Where the sockets are bound, with the port that was taken.
  virtual std::string EventsEndpoint() = 0;
  virtual std::string ControlEndpoint() = 0;

  // Reads the authorised keys anew. Who lost rights has lost them from the next message on; who
  // lost its key keeps its connection, but no control message of it has any right, and it does not
  // come back. Unavailable: the directory cannot be read, and the keys are what they were. Any
  // thread.
  virtual absl::Status ReloadKeys() = 0;
};

// Binds the sockets. `Peer::user` is the name of the key that the connection proved.
//
// InvalidArgument  an address or a key that is none
// Unavailable      an address is in use, its directory is missing, a right is missing, or a living
//                  agent answers at `operator_socket`
absl::StatusOr<std::unique_ptr<PolledPublisherBus>> OpenPublisherBus(
    const PublisherBusOptions& options);

struct FollowerBusOptions {
  struct Security {
    std::string secret_key;   // this agent's, Z85
    std::string primary_key;  // the primary's public key, Z85
  };

  std::string events;
  std::string control;
  std::string operator_socket;       // a path; empty: none
  std::optional<Security> security;  // absent: the primary has none either
};

class PolledFollowerBus : public FollowerBus, public PolledBus {};

// Binds the operator socket and begins to connect; that goes on, and again after each loss, for as
// long as the bus lives. Errors as above.
absl::StatusOr<std::unique_ptr<PolledFollowerBus>> OpenFollowerBus(
    const FollowerBusOptions& options);

}  // namespace nestor::bus
