// What the bus costs on top of ZeroMQ: a change from its commit to the follower's handler, and a
// snapshot from its bytes to its bytes. Both with keys, over loopback, each held against bare
// sockets with the same keys and sizes, measured in turns in the same run; `ratio` is the median of
// the turns' ratios.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "common/config/object_set.h"
#include "common/protocol/envelope.h"
#include "common/protocol/sync_transfer.h"
#include "tests/bench/disk.h"
#include "tests/bench/sockets.h"
#include "tests/bench/turns.h"

namespace nestor::bench {
namespace {

constexpr char kTopic[] = "nestor.v1.east.dhcp4.change";
constexpr int kEvents = 200;  // a turn
constexpr size_t kSnapshotBytes = 50'000'000;

void SendBare(zmq::socket_t& socket, const std::string& topic, const std::string& payload) {
  zmq_send(socket.handle(), topic.data(), topic.size(), ZMQ_SNDMORE);
  zmq_send(socket.handle(), payload.data(), payload.size(), 0);
}

// Sends until something arrives.
void ConnectBare(Sockets& sockets, const std::string& topic, const std::string& payload) {
  zmq::message_t first, second;
  sockets.connected.set(zmq::sockopt::rcvtimeo, 100);
  do {
    SendBare(sockets.bound, topic, payload);
  } while (!sockets.connected.recv(first));
  while (sockets.connected.recv(second)) {
  }
  sockets.connected.set(zmq::sockopt::rcvtimeo, -1);
}

// From before the journal's commit to the handler, half of the changes taking less; the limit is a
// bare commit of the same bytes, then their way from a PUB to a SUB. Goal: 2 at most.
void PublishToHandler(benchmark::State& state) {
  const Folder folder;
  Changes changes(folder.File("journal.db"));
  BareTable table(folder.File("bare.db"));
  const std::string bytes(Changes::kEnvelopeBytes + Changes::kReplacedBytes, 'b');
  const std::string payload(Changes::kEnvelopeBytes, 'p');
  Buses buses;
  int heard = 0;
  buses.follower->OnEvent([&](std::string_view, std::string_view) { ++heard; });
  Connect(buses, kTopic, payload, heard);
  Sockets bare(zmq::socket_type::pub, zmq::socket_type::sub);
  ConnectBare(bare, kTopic, payload);
  zmq::message_t first, second;

  Turns turns;
  for (auto _ : state) {
    const double measured = MedianOf(kEvents, [&] {
      const int before = heard;
      buses.publisher->Publish(kTopic, changes.Append());
      Run(*buses.follower, [&] { return heard > before; });
    });
    const double limit = MedianOf(kEvents, [&] {
      table.Append(bytes);
      SendBare(bare.bound, kTopic, payload);
      (void)bare.connected.recv(first);
      (void)bare.connected.recv(second);
    });
    turns.Add(measured, limit);
    state.SetIterationTime(measured);
  }
  turns.Report(state, 1e6, "us");
}
BENCHMARK(PublishToHandler)->UseManualTime()->Iterations(15)->Unit(benchmark::kMicrosecond);

// Reservations, as a v1::Snapshot writes them.
std::string SnapshotPayload() {
  v1::Snapshot snapshot;
  size_t bytes = 0;
  for (unsigned i = 0; bytes < kSnapshotBytes; ++i) {
    const std::string mac = fmt::format(
        "02:{}", config::Hex(config::Bytes(config::HashOf(fmt::format("{}", i)))).substr(0, 10));
    v1::Object& object = *snapshot.add_objects();
    object.set_kind("reservation");
    object.set_key(fmt::format("{}/hw-address/{}", i / 1000 + 1, mac));
    object.set_object(fmt::format(
        R"({{"boot-file-name":"","client-classes":[],"hostname":"host-{}","hw-address":"{}",)"
        R"("ip-address":"10.{}.{}.{}","next-server":"0.0.0.0","option-data":[],)"
        R"("server-hostname":""}})",
        i, mac, i >> 16, (i >> 8) & 255, i & 255));
    bytes += object.ByteSizeLong() + 4;
  }
  return snapshot.SerializeAsString();
}

using TransferPtr = std::shared_ptr<const protocol::Transfer>;

TransferPtr Packed(const std::string& payload) {
  return protocol::MakeTransfer(v1::SNAPSHOT, 1, std::string(32, 'd'), payload);
}

// A primary that answers each SyncRequest with `payload`, made ready anew, on a thread of its own.
class Primary {
 public:
  Primary(bus::PolledPublisherBus& bus, const std::string& payload) : bus_(bus), payload_(payload) {
    bus_.OnControl([this](const bus::Peer& from, std::string_view text) {
      const auto envelope = OrExit(protocol::ParseEnvelope(text, protocol::kMaxToPrimary));
      if (envelope.has_sync_request()) Begin(from.route, envelope.sync_request());
      if (envelope.has_credit()) sender_->AddCredit(envelope.credit().chunks());
      Pump(from.route);
    });
    thread_ = std::thread([this] { Run(bus_, [this] { return stopped_.load(); }); });
  }
  ~Primary() {
    stopped_ = true;
    thread_.join();
  }

 private:
  void Begin(const std::string& route, const v1::SyncRequest& request) {
    const auto transfer = Packed(payload_);
    sender_.emplace(request.nonce(), transfer, 0, request.credit());
    v1::Envelope begin;
    begin.set_sequence(transfer->label);
    begin.set_digest_after(transfer->label_digest);
    *begin.mutable_sync_begin() = sender_->Begin();
    OrExit(bus_.Send(route, protocol::Seal(begin)));
  }
  void Pump(const std::string& route) {
    while (auto chunk = sender_->Next()) {
      v1::Envelope envelope;
      *envelope.mutable_chunk() = *std::move(chunk);
      OrExit(bus_.Send(route, protocol::Seal(envelope)));
      sender_->Sent();
    }
    if (!sender_->EndDue()) return;
    v1::Envelope end;
    end.mutable_sync_end()->set_nonce(sender_->nonce());
    OrExit(bus_.Send(route, protocol::Seal(end)));
    sender_->Ended();
  }

  bus::PolledPublisherBus& bus_;
  const std::string& payload_;
  std::optional<protocol::SyncSender> sender_;
  std::atomic<bool> stopped_ = false;
  std::thread thread_;
};

// Asks a Primary for its payload, checks it and reads it as a parser does, a piece at a time.
void Receive(bus::PolledFollowerBus& bus, uint64_t nonce,
             const std::function<void(std::string_view)>& take) {
  const auto ask = [&](v1::Envelope envelope) {
    return bus.SendToPrimary(protocol::Seal(envelope));
  };
  protocol::SyncReceiver receiver(nonce);
  bool ended = false;
  bus.OnPrimary([&](std::string_view text) {
    const auto envelope = OrExit(protocol::ParseEnvelope(text, protocol::kMaxToSecondary));
    if (envelope.has_sync_begin()) OrExit(receiver.Begin(envelope));
    if (envelope.has_chunk() && OrExit(receiver.Add(envelope.chunk()))) {
      v1::Envelope credit;
      credit.mutable_credit()->set_nonce(nonce);
      credit.mutable_credit()->set_chunks(1);
      OrExit(ask(std::move(credit)));
    }
    if (!envelope.has_sync_end()) return;
    OrExit(receiver.Finish());
    const auto payload = receiver.Payload();
    const void* piece = nullptr;
    int size = 0;
    while (payload->Next(&piece, &size)) {
      take({static_cast<const char*>(piece), static_cast<size_t>(size)});
    }
    ended = true;
  });
  v1::Envelope request;
  request.mutable_sync_request()->set_nonce(nonce);
  request.mutable_sync_request()->set_mode(v1::SNAPSHOT);
  request.mutable_sync_request()->set_credit(protocol::kCreditChunks);
  bool asked = false;  // not before the connection is up
  Run(bus, [&] { return asked || (asked = ask(request).ok()); });
  Run(bus, [&] { return ended; });
}

void PushAndPull(Sockets& sockets, const std::string& payload) {
  std::thread pushing([&] {
    for (size_t at = 0; at < payload.size(); at += protocol::kChunkBytes) {
      const size_t bytes = std::min(protocol::kChunkBytes, payload.size() - at);
      zmq_send(sockets.bound.handle(), payload.data() + at, bytes, 0);
    }
  });
  zmq::message_t message;
  for (size_t arrived = 0; arrived < payload.size(); arrived += message.size()) {
    (void)sockets.connected.recv(message);
  }
  pushing.join();
}

// 50 MB of snapshot: packed and hashed, sent in chunks under credit, checked and unpacked. The
// limit is the same 50 MB as messages of 256 KiB from a PUSH to a PULL. Goal: 2 at most.
void SnapshotTransfer(benchmark::State& state) {
  const std::string payload = SnapshotPayload();
  Buses buses;
  const Primary primary(*buses.publisher, payload);
  Sockets bare(zmq::socket_type::push, zmq::socket_type::pull);
  uint64_t nonce = 1;
  std::string received;
  Receive(*buses.follower, nonce, [&](std::string_view piece) { received += piece; });
  if (received != payload) state.SkipWithError("other bytes arrived");
  PushAndPull(bare, payload);
  Turns turns;
  for (auto _ : state) {
    size_t bytes = 0;
    const double measured = Seconds([&] {
      Receive(*buses.follower, ++nonce, [&](std::string_view piece) { bytes += piece.size(); });
    });
    if (bytes != payload.size()) state.SkipWithError("other bytes arrived");
    turns.Add(measured, Seconds([&] { PushAndPull(bare, payload); }));
    state.SetIterationTime(measured);
  }
  turns.Report(state, 1e3, "ms");
  state.counters["pack_ms"] = 1e3 * MedianOf(3, [&] { benchmark::DoNotOptimize(Packed(payload)); });
  state.counters["sent_MB"] = static_cast<double>(Packed(payload)->packed.size()) / 1e6;
}

BENCHMARK(SnapshotTransfer)->UseManualTime()->Iterations(15)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace nestor::bench

BENCHMARK_MAIN();
