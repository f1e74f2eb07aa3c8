// What the bus costs on top of ZeroMQ: an event from Publish() to its handler, and a snapshot's
// chunks under credit. Both with keys, over loopback, each held against bare sockets with the same
// keys and sizes, measured in turns in the same run; `ratio` is the median of the turns' ratios.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>
#include <zmq.hpp>

#include "common/agent/keys.h"
#include "common/bus/zmq_bus.h"

namespace nestor::bus {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kEventBytes = 1024;
constexpr int kEvents = 1000;  // a turn
constexpr size_t kChunkBytes = size_t{256} << 10;
constexpr size_t kChunks = 50'000'000 / kChunkBytes + 1;
constexpr size_t kCredit = 8;

double Since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Times of what is measured and of its limit, turn by turn.
struct Turns {
  std::vector<double> measured, limit, ratios;

  void Add(double measured_s, double limit_s) {
    measured.push_back(measured_s);
    limit.push_back(limit_s);
    ratios.push_back(measured_s / limit_s);
  }
  void Report(benchmark::State& state, double in_unit, const std::string& unit) const {
    state.counters[unit] = in_unit * Median(measured);
    state.counters["limit_" + unit] = in_unit * Median(limit);
    state.counters["ratio"] = Median(ratios);
  }
};

template <typename T>
T OrExit(absl::StatusOr<T> result) {
  if (result.ok()) return *std::move(result);
  fmt::print(stderr, "{}\n", result.status().ToString());
  std::exit(1);
}

struct KeyPair {
  KeyPair() { zmq_curve_keypair(public_key, secret); }
  char public_key[41], secret[41];
};

// A publisher's bus and a follower's, with keys.
class Buses {
 public:
  Buses() {
    std::string folder = std::filesystem::temp_directory_path() / "nestor-bench-XXXXXX";
    if (mkdtemp(folder.data()) == nullptr) std::exit(1);
    std::ofstream(folder + "/kea-b.public")
        << agent::FormatPublic("kea-b", follower_key_.public_key) << "rights: replicate\n";
    publisher = OrExit(
        OpenPublisherBus({.events = "tcp://127.0.0.1:*",
                          .control = "tcp://127.0.0.1:*",
                          .operator_socket = "",
                          .security = PublisherBusOptions::Security{primary_key_.secret, folder}}));
    std::filesystem::remove_all(folder);
    follower = OrExit(OpenFollowerBus(
        {.events = publisher->EventsEndpoint(),
         .control = publisher->ControlEndpoint(),
         .operator_socket = "",
         .security = FollowerBusOptions::Security{follower_key_.secret, primary_key_.public_key}}));
  }

  std::unique_ptr<PolledPublisherBus> publisher;
  std::unique_ptr<PolledFollowerBus> follower;

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
void Run(PolledBus& bus, Done done) {
  std::vector<zmq::pollitem_t> items = bus.PollItems();
  bool more = false;
  while (!done()) {
    zmq::poll(items, std::chrono::milliseconds(more ? 0 : 10));
    more = bus.Dispatch();
  }
}

template <typename Send>
double MedianOf(int times, Send send_and_wait) {
  std::vector<double> each;
  for (int i = 0; i < times; ++i) {
    const auto start = Clock::now();
    send_and_wait();
    each.push_back(Since(start));
  }
  return Median(std::move(each));
}

// From Publish() to the handler, half of the events taking less. Goal: 2 at most.
void EventToHandler(benchmark::State& state) {
  const std::string topic = "nestor.v1.east4.dhcp4.change";
  const std::string payload(kEventBytes, 'x');
  Buses buses;
  int heard = 0;
  buses.follower->OnEvent([&](std::string_view, std::string_view) { ++heard; });
  buses.follower->Subscribe("nestor.v1.");
  while (heard == 0) {
    buses.publisher->Publish(topic, payload);
    const auto start = Clock::now();
    Run(*buses.follower, [&] { return heard > 0 || Since(start) > 0.01; });
  }
  Sockets bare(zmq::socket_type::pub, zmq::socket_type::sub);
  const auto send = [&] {
    zmq_send(bare.bound.handle(), topic.data(), topic.size(), ZMQ_SNDMORE);
    zmq_send(bare.bound.handle(), payload.data(), payload.size(), 0);
  };
  zmq::message_t first, second;
  bare.connected.set(zmq::sockopt::rcvtimeo, 10);
  for (send(); !bare.connected.recv(first); send()) {
  }
  (void)bare.connected.recv(second);
  bare.connected.set(zmq::sockopt::rcvtimeo, -1);

  Turns turns;
  for (auto _ : state) {
    const double measured = MedianOf(kEvents, [&] {
      const int before = heard;
      buses.publisher->Publish(topic, payload);
      Run(*buses.follower, [&] { return heard > before; });
    });
    const double limit = MedianOf(kEvents, [&] {
      send();
      (void)bare.connected.recv(first);
      (void)bare.connected.recv(second);
    });
    turns.Add(measured, limit);
    state.SetIterationTime(measured);
  }
  turns.Report(state, 1e6, "us");
}
BENCHMARK(EventToHandler)->UseManualTime()->Iterations(15)->Unit(benchmark::kMicrosecond);

// Seconds for all chunks by the bus: each chunk that arrives gives credit for one more.
double TransferByBus(Buses& buses, const std::string& chunk) {
  size_t requests = 0, sent = 0, arrived = 0;
  buses.publisher->OnControl([&](const Peer& from, std::string_view) {
    for (size_t credit = requests++ == 0 ? kCredit : 1; credit > 0 && sent < kChunks; --credit) {
      if (!buses.publisher->Send(from.route, chunk).ok()) std::exit(1);
      ++sent;
    }
  });
  buses.follower->OnPrimary([&](std::string_view) {
    ++arrived;
    if (!buses.follower->SendToPrimary("credit").ok()) std::exit(1);
  });
  std::thread publishing([&] { Run(*buses.publisher, [&] { return requests == kChunks + 1; }); });
  bool begun = false;
  Run(*buses.follower,
      [&] { return begun || (begun = buses.follower->SendToPrimary("begin").ok()); });
  const auto start = Clock::now();
  Run(*buses.follower, [&] { return arrived == kChunks; });
  const double seconds = Since(start);
  publishing.join();
  return seconds;
}

void ServeBare(zmq::socket_t& router, const std::string& chunk) {
  zmq::message_t id, request;
  size_t requests = 0;
  for (size_t sent = 0; requests < kChunks + 1; ++requests) {
    (void)router.recv(id);
    (void)router.recv(request);
    for (size_t credit = requests == 0 ? kCredit : 1; credit > 0 && sent < kChunks; --credit) {
      zmq_send(router.handle(), id.data(), id.size(), ZMQ_SNDMORE);
      zmq_send(router.handle(), chunk.data(), chunk.size(), 0);
      ++sent;
    }
  }
}

double TransferBare(Sockets& sockets, const std::string& chunk) {
  std::thread serving([&] { ServeBare(sockets.bound, chunk); });
  const auto start = Clock::now();
  zmq_send(sockets.connected.handle(), "begin", 5, 0);
  zmq::message_t arrived;
  for (size_t i = 0; i < kChunks; ++i) {
    (void)sockets.connected.recv(arrived);
    zmq_send(sockets.connected.handle(), "credit", 6, 0);
  }
  const double seconds = Since(start);
  serving.join();
  return seconds;
}

// 50 MB in chunks of 256 KiB under a credit of 8. Goal: 2 at most.
void SnapshotTransfer(benchmark::State& state) {
  const std::string chunk(kChunkBytes, 'x');
  Buses buses;
  Sockets bare(zmq::socket_type::router, zmq::socket_type::dealer);
  (void)TransferByBus(buses, chunk);
  (void)TransferBare(bare, chunk);
  Turns turns;
  for (auto _ : state) {
    const double measured = TransferByBus(buses, chunk);
    turns.Add(measured, TransferBare(bare, chunk));
    state.SetIterationTime(measured);
  }
  turns.Report(state, 1e3, "ms");
}
BENCHMARK(SnapshotTransfer)->UseManualTime()->Iterations(15)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace nestor::bus

BENCHMARK_MAIN();
