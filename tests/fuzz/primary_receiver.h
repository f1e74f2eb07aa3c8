#pragma once

#include <deque>
#include <memory>
#include <string>
#include <utility>

#include "common/base/status.h"
#include "common/protocol/envelope.h"
#include "common/runtime/metrics.h"
#include "common/store/journal.h"
#include "common/watch/watcher.h"
#include "primary-agent/app/primary_app.h"
#include "tests/fuzz/messages.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_kea.h"
#include "tests/support/fake_kea_files.h"
#include "tests/support/fake_reach.h"
#include "tests/support/sim_disk.h"

namespace nestor::fuzz {

inline void Sound(const absl::Status& status) { Require(status.ok()); }
template <typename T>
T Sound(absl::StatusOr<T> result) {
  Require(result.ok());
  return *std::move(result);
}

// A primary agent that mirrors dhcp4 to kea-b as "east", stream "0123456789abcdef", change 1 being
// three subnets. What it asks of its disk and its Kea is done before the next message.
class PrimaryReceiver {
 public:
  PrimaryReceiver() {
    v1::RelationshipSpec spec;
    spec.set_name("east");
    spec.set_service(v1::DHCP4);
    spec.set_primary("kea-a");
    spec.set_secondary("kea-b");
    Sound(journal_->SaveRelationship(spec));
    Sound(app_.Start());
    Pass(absl::Milliseconds(300));
  }

  // An empty request id in a state or a report stands for that of the last Resync.
  void Hear(std::string_view payload) {
    auto envelope = protocol::ParseEnvelope(payload, protocol::kMaxToPrimary);
    std::string* id = envelope.ok() ? RequestId(*envelope) : nullptr;
    if (id != nullptr && id->empty()) {
      *id = bus_.resync_id;
      bus_.handler(peer_, protocol::Seal(*envelope));
    } else {
      bus_.handler(peer_, payload);
    }
    queue_.Run();
  }
  void Pass(absl::Duration duration) {
    clock_.Advance(duration);
    app_.Tick();
    queue_.Run();
  }

 private:
  static std::string* RequestId(v1::Envelope& envelope) {
    if (envelope.has_state()) return envelope.mutable_state()->mutable_request_id();
    if (envelope.has_report()) return envelope.mutable_report()->mutable_request_id();
    return nullptr;
  }

  class Queue final : public Executor {
   public:
    void Post(Task task) override { tasks_.push_back(std::move(task)); }
    void Run() {
      for (; !tasks_.empty(); tasks_.pop_front()) tasks_.front()();
    }

   private:
    std::deque<Task> tasks_;
  };
  class Counting final : public Random {
   public:
    uint64_t Next() override { return std::exchange(next_, next_ + (kSecond - kFirst)); }

   private:
    static constexpr uint64_t kFirst = 0x3736353433323130;   // "01234567"
    static constexpr uint64_t kSecond = 0x6665646362613938;  // "89abcdef"
    uint64_t next_ = kFirst;
  };
  class Bus final : public bus::PublisherBus {
   public:
    void Publish(std::string_view topic, std::string_view payload) override {
      Require(topic.starts_with("nestor.v1."));
      Require(protocol::ParseEnvelope(payload, protocol::kMaxEvent).ok());
    }
    absl::Status Send(std::string_view /*route*/, std::string_view payload) override {
      if (protocol::MagicOf(payload) == protocol::kOperatorMagic) {
        v1::OperatorReply reply;
        Require(reply.ParseFromArray(payload.data(), static_cast<int>(payload.size())));
        return absl::OkStatus();
      }
      const auto envelope = Sound(protocol::ParseEnvelope(payload, protocol::kMaxToSecondary));
      if (envelope.has_resync()) resync_id = envelope.resync().request_id();
      return absl::OkStatus();
    }
    void OnControl(bus::ControlHandler to) override { handler = std::move(to); }

    bus::ControlHandler handler;
    std::string resync_id;
  };

  static constexpr char kConfiguration[] =
      R"({"Dhcp4":{"subnet4":[{"id":1,"subnet":"192.0.2.0/26"},)"
      R"({"id":2,"subnet":"192.0.2.64/26"},{"id":3,"subnet":"192.0.2.128/26"}]}})";

  const bus::Peer peer_{"route", "kea-b", bus::Rights::All(), false};
  testing::FakeClock clock_;
  Counting random_;
  testing::SimDisk disk_;
  std::unique_ptr<store::Journal> journal_ =
      Sound(store::Journal::Open({.path = "journal.db", .vfs = disk_.vfs()}));
  testing::FakeKea kea_{DhcpService::kDhcp4, clock_, kConfiguration};
  std::unique_ptr<watch::ChangeSource> source_ =
      watch::MakeChangeSource(DhcpService::kDhcp4, kea_, clock_);
  runtime::Metrics metrics_{clock_};
  testing::FakeKeaFiles files_{kea_};
  testing::FakeNetwork addresses_;
  testing::FakeReach reach_{addresses_, {}};
  Bus bus_;
  Queue queue_;
  primary::PrimaryApp app_{
      {"kea-a", "0.1", {}, true},
      {clock_,
       random_,
       queue_,
       queue_,
       bus_,
       *journal_,
       metrics_,
       files_,
       reach_,
       {{DhcpService::kDhcp4, primary::ServiceWorld{kea_, *source_, queue_}}}}};
};

}  // namespace nestor::fuzz
