// The primary's agent with a relationship, on a Kea of a test's.
#pragma once

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/config/kea_config.h"
#include "common/protocol/envelope.h"
#include "primary-agent/app/primary_app.h"
#include "tests/support/counting_random.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_kea.h"
#include "tests/support/fake_kea_files.h"
#include "tests/support/fake_reach.h"
#include "tests/support/sim_disk.h"
#include "tests/support/step_executor.h"

namespace nestor::primary {

class Bus final : public bus::PublisherBus {
 public:
  void Publish(std::string_view /*topic*/, std::string_view payload) override {
    const auto envelope = protocol::ParseEnvelope(payload, protocol::kMaxEvent);
    ASSERT_TRUE(envelope.ok());
    events.push_back(*envelope);
  }
  absl::Status Send(std::string_view route, std::string_view payload) override {
    if (route == "operator") {
      v1::OperatorReply reply;
      EXPECT_TRUE(reply.ParseFromArray(payload.data(), static_cast<int>(payload.size())));
      if (reply.last()) replies.push_back(std::move(reply));
    } else {
      const auto envelope = protocol::ParseEnvelope(payload, protocol::kMaxToSecondary);
      EXPECT_TRUE(envelope.ok());
      if (envelope.ok()) to_secondary.push_back(*envelope);
    }
    return absl::OkStatus();
  }
  void OnControl(bus::ControlHandler to) override { handler = std::move(to); }

  bus::ControlHandler handler;
  std::vector<v1::Envelope> events, to_secondary;
  std::vector<v1::OperatorReply> replies;
};

inline std::string Ha(std::string_view server, int delay) {
  return fmt::format(
      R"({{"high-availability":[{{"heartbeat-delay":{},"mode":"load-balancing","peers":[)"
      R"({{"name":"kea-a","role":"primary","url":"http://192.0.2.1:8000/"}},)"
      R"({{"name":"kea-b","role":"secondary","url":"http://192.0.2.2:8000/"}}],)"
      R"("this-server-name":"{}"}}]}})",
      delay, server);
}

// kea-a's configuration, with HA and `pools` of subnet 1.
inline std::string Config(std::string_view pools, int delay = 1000) {
  return fmt::format(
      R"({{"Dhcp4":{{"hooks-libraries":[{{"library":"/h/libdhcp_ha.so","parameters":{}}}],)"
      R"("lease-database":{{"type":"memfile"}},)"
      R"("subnet4":[{{"id":1,"pools":[{}],"subnet":"10.0.0.0/8"}}]}}}})",
      Ha("kea-a", delay), pools);
}

inline constexpr char kHalf[] = R"({"client-class":"HA_kea-a","pool":"10.0.0.1-10.0.0.9"})";
inline constexpr char kBoth[] = R"({"pool":"10.1.0.1-10.1.0.9"})";

class RelationshipsTest : public ::testing::Test {
 protected:
  // A relationship "east" of kea-a with kea-b, both in load-balancing.
  void Begin(bool mirrored = true) {
    v1::RelationshipSpec spec;
    spec.set_name("east");
    spec.set_service(v1::DHCP4);
    spec.set_primary("kea-a");
    spec.set_secondary("kea-b");
    spec.mutable_ha()->set_mode("load-balancing");
    spec.set_split_pools(true);
    if (mirrored) {
      ASSERT_TRUE(journal_->SaveRelationship(spec).ok());
    }
    app_ = std::make_unique<PrimaryApp>(
        PrimaryOptions{
            "kea-a", "0.1", {{DhcpService::kDhcp4, {.hook_socket = "/hook.sock"}}}, true},
        PrimaryWorld{clock_,
                     random_,
                     loop_,
                     disk_queue_,
                     bus_,
                     *journal_,
                     metrics_,
                     files_,
                     reach_,
                     {{DhcpService::kDhcp4, ServiceWorld{kea_, *source_, worker_}}}});
    EXPECT_TRUE(app_->Start().ok());
    Pass(absl::Seconds(2));
  }
  void Run(bool worker = true) {
    while (loop_.Run() || disk_queue_.Run() || (worker && worker_.Run())) {
    }
  }
  void Pass(absl::Duration time, bool worker = true) {
    for (const Instant end = clock_.Now() + time; clock_.Now() < end;) {
      clock_.Advance(absl::Milliseconds(250));
      app_->Tick();
      Run(worker);
    }
  }

  // ---- The secondary.

  void Hello(const std::string& follows = "east", const std::string& kea = "2.2.0") const {
    v1::Envelope envelope;
    envelope.set_sender("kea-b");
    v1::Hello& hello = *envelope.mutable_hello();
    hello.set_server("kea-b");
    hello.add_services(v1::DHCP4);
    hello.add_kea_versions(kea);
    if (!follows.empty()) hello.add_relationships(follows);
    bus_.handler(peer_, protocol::Seal(envelope));
  }
  // Follows, and has what kea-a has.
  void Ack(int delay = 1000, const std::string& state = "FOLLOW", bool reachable = true) const {
    const v1::Envelope* head = nullptr;
    for (const v1::Envelope& event : bus_.events) {
      if (event.has_heartbeat()) head = &event;
    }
    ASSERT_NE(head, nullptr);
    v1::Envelope envelope;
    envelope.set_sender("kea-b");
    envelope.set_relationship("east");
    envelope.set_service(v1::DHCP4);
    envelope.set_stream_id(head->stream_id());
    envelope.set_digest_after(head->digest_after());
    envelope.mutable_ack()->set_applied(head->sequence());
    v1::SideStatus& side = *envelope.mutable_ack()->mutable_status();
    side.set_server("kea-b");
    side.set_follower_state(state);
    side.set_reachable(reachable);
    side.set_ha_state("load-balancing");
    side.set_ha_parameters(Ha("kea-b", delay));
    bus_.handler(peer_, protocol::Seal(envelope));
  }

  // ---- The operator.

  v1::OperatorReply Ask(v1::OperatorRequest request, bool worker = true) {
    request.set_magic(protocol::kOperatorMagic);
    request.set_request_id(++request_);
    bus_.replies.clear();
    bus_.handler({"operator", "root", bus::Rights::All(), true}, request.SerializeAsString());
    for (int turn = 0; bus_.replies.empty() && turn < 400; ++turn) Pass(absl::Seconds(1), worker);
    EXPECT_THAT(bus_.replies, ::testing::SizeIs(1));
    return bus_.replies.empty() ? v1::OperatorReply() : bus_.replies.front();
  }
  v1::RelationshipStatus Status() {
    v1::OperatorRequest request;
    request.mutable_status();
    const v1::OperatorReply reply = Ask(request);
    return reply.status().relationships_size() == 1 ? reply.status().relationships(0)
                                                    : v1::RelationshipStatus();
  }
  v1::RelationshipList List(bool worker = true) {
    v1::OperatorRequest request;
    request.mutable_list();
    return Ask(request, worker).relationships();
  }
  v1::OperatorReply RemoveAlone() {
    v1::OperatorRequest request;
    request.mutable_remove()->set_name("east");
    request.mutable_remove()->set_without_secondary(true);
    return Ask(request);
  }
  // "IMPAIRED to OK" of the relationship's `state` events since the last call.
  std::vector<std::string> Transitions() {
    std::vector<std::string> transitions;
    for (const v1::Envelope& event : bus_.events) {
      if (event.state().what() != "relationship") continue;
      transitions.push_back(event.state().from() + " to " + event.state().to());
    }
    std::erase_if(bus_.events, [](const v1::Envelope& event) { return event.has_state(); });
    return transitions;
  }
  std::vector<std::string> Ended(bool without) const {
    std::vector<std::string> ended;
    for (const v1::Envelope& envelope : bus_.to_secondary) {
      const auto& names = without ? envelope.welcome().ended_without() : envelope.welcome().ended();
      ended.insert(ended.end(), names.begin(), names.end());
    }
    return ended;
  }

  const bus::Peer peer_{"kea-b's", "kea-b", {.replicate = true}, false};
  uint64_t request_ = 0;
  testing::FakeClock clock_;
  testing::CountingRandom random_;
  testing::SimDisk disk_;
  std::unique_ptr<store::Journal> journal_ =
      *store::Journal::Open({.path = "journal.db", .vfs = disk_.vfs()});
  testing::FakeKea kea_{DhcpService::kDhcp4, clock_, Config(kHalf)};
  std::unique_ptr<watch::ChangeSource> source_ =
      watch::MakeChangeSource(DhcpService::kDhcp4, kea_, clock_);
  runtime::Metrics metrics_{clock_};
  testing::FakeKeaFiles files_{kea_};
  testing::FakeNetwork addresses_;
  testing::FakeReach reach_{addresses_, {}};
  mutable Bus bus_;
  testing::StepExecutor loop_, worker_, disk_queue_;
  std::unique_ptr<PrimaryApp> app_;
};

}  // namespace nestor::primary
