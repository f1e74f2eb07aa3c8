#pragma once

#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <zmq.hpp>

#include "common/agent/keys.h"
#include "common/bus/zmq_bus.h"
#include "tests/bench/turns.h"

namespace nestor::bench {

struct KeyPair {
  KeyPair() { zmq_curve_keypair(public_key, secret); }
  char public_key[41], secret[41];
};

// A publisher's bus and a follower's, with keys.
class Buses {
 public:
  Buses() {
    using bus::FollowerBusOptions, bus::PublisherBusOptions;
    std::string folder = std::filesystem::temp_directory_path() / "nestor-bench-XXXXXX";
    if (mkdtemp(folder.data()) == nullptr) std::exit(1);
    std::ofstream(folder + "/kea-b.public")
        << agent::FormatPublic("kea-b", follower_key_.public_key)
        << "rights: subscribe replicate\n";
    publisher = OrExit(bus::OpenPublisherBus(
        {.events = "tcp://127.0.0.1:*",
         .control = "tcp://127.0.0.1:*",
         .operator_socket = "",
         .security = PublisherBusOptions::Security{primary_key_.secret, folder}}));
    std::filesystem::remove_all(folder);
    follower = OrExit(bus::OpenFollowerBus(
        {.events = publisher->EventsEndpoint(),
         .control = publisher->ControlEndpoint(),
         .operator_socket = "",
         .security = FollowerBusOptions::Security{follower_key_.secret, primary_key_.public_key}}));
  }

  std::unique_ptr<bus::PolledPublisherBus> publisher;
  std::unique_ptr<bus::PolledFollowerBus> follower;

 private:
  KeyPair primary_key_, follower_key_;
};

// Two bare sockets with keys, one bound, one connected, each in a context of its own.
class Sockets {
 public:
  Sockets(zmq::socket_type bound_type, zmq::socket_type connected_type)
      : bound(bound_context_, bound_type), connected(connected_context_, connected_type) {
    bound.set(zmq::sockopt::linger, 0);
    bound.set(zmq::sockopt::curve_server, true);
    bound.set(zmq::sockopt::curve_secretkey, server_key_.secret);
    bound.bind("tcp://127.0.0.1:*");
    connected.set(zmq::sockopt::linger, 0);
    connected.set(zmq::sockopt::curve_serverkey, server_key_.public_key);
    connected.set(zmq::sockopt::curve_publickey, client_key_.public_key);
    connected.set(zmq::sockopt::curve_secretkey, client_key_.secret);
    if (connected_type == zmq::socket_type::sub) connected.set(zmq::sockopt::subscribe, "");
    connected.connect(bound.get(zmq::sockopt::last_endpoint));
  }

 private:
  zmq::context_t bound_context_, connected_context_;
  KeyPair server_key_, client_key_;

 public:
  zmq::socket_t bound, connected;
};

// Lets a bus work until `done`, as an agent's loop does.
template <typename Done>
void Run(bus::PolledBus& bus, Done done) {
  std::vector<zmq::pollitem_t> items = bus.PollItems();
  bool more = false;
  while (!done()) {
    zmq::poll(items, std::chrono::milliseconds(more ? 0 : 10));
    more = bus.Dispatch();
  }
}

// Lets `bus` work for `seconds`.
inline void RunFor(double seconds, bus::PolledBus& bus) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  Run(bus, [&] { return std::chrono::steady_clock::now() > until; });
}

// Publishes until an event came through to `heard`, which the follower's handler counts, and none
// is under way.
inline void Connect(Buses& buses, const std::string& topic, const std::string& payload,
                    const int& heard) {
  buses.follower->Subscribe("nestor.v1.");
  while (heard == 0) {
    buses.publisher->Publish(topic, payload);
    RunFor(0.01, *buses.follower);
  }
  RunFor(0.1, *buses.follower);
}

}  // namespace nestor::bench
