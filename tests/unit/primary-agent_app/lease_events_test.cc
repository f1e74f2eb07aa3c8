#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <map>

#include "common/protocol/envelope.h"
#include "primary-agent/app/primary_app.h"
#include "primary-agent/publish/lease_feed.h"
#include "tests/support/counting_random.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_kea.h"
#include "tests/support/fake_kea_files.h"
#include "tests/support/fake_reach.h"
#include "tests/support/sim_disk.h"

namespace nestor::primary {
namespace {

using ::testing::Contains;
using ::testing::SizeIs;

constexpr int kATurn = LeaseFeed::kMostATurn;

class Queue final : public Executor {
 public:
  void Post(Task task) override { tasks_.push_back(std::move(task)); }
  // What is there now, and not what that posts. The number.
  size_t RunOnce() {
    std::deque<Task> tasks = std::exchange(tasks_, {});
    for (Task& task : tasks) task();
    return tasks.size();
  }

 private:
  std::deque<Task> tasks_;
};

class Bus final : public bus::PublisherBus {
 public:
  void Publish(std::string_view topic, std::string_view payload) override {
    const auto envelope = protocol::ParseEnvelope(payload, protocol::kMaxEvent);
    ASSERT_TRUE(envelope.ok());
    published.emplace_back(topic);
    if (envelope->has_lease()) leases.push_back(envelope->lease().address());
  }
  absl::Status Send(std::string_view /*route*/, std::string_view payload) override {
    if (room == 0) return absl::UnavailableError("full");
    --room;
    v1::OperatorReply reply;
    EXPECT_TRUE(reply.ParseFromArray(payload.data(), static_cast<int>(payload.size())));
    if (reply.has_event()) ++watched[std::string(protocol::KindOf(reply.event().envelope()))];
    return absl::OkStatus();
  }
  void OnControl(bus::ControlHandler to) override { handler = std::move(to); }

  bus::ControlHandler handler;
  std::vector<std::string> published, leases;
  std::map<std::string, int> watched;  // what the watcher was sent, by kind
  int room = 1'000'000;                // of the watcher's connection
};

// A primary agent that mirrors dhcp4 as "east", and a dhcp6 without a relationship.
class LeaseEventsTest : public ::testing::Test {
 protected:
  LeaseEventsTest() {
    v1::RelationshipSpec spec;
    spec.set_name("east");
    spec.set_service(v1::DHCP4);
    spec.set_primary("kea-a");
    spec.set_secondary("kea-b");
    EXPECT_TRUE(journal_->SaveRelationship(spec).ok());
    EXPECT_TRUE(app_.Start().ok());
    Turn();
    bus_.published.clear();
  }

  // A turn of the loop. True: it asked for the next one at once.
  bool Turn() {
    app_.Tick();
    worker_.RunOnce();
    return loop_.RunOnce() > 0;
  }
  void Give(watch::LeaseNotices& notices, int count) {
    const char* const network = &notices == &leases4_ ? "10.0.0." : "2001:db8::";
    for (int i = 0; i < count; ++i) {
      notices.Add(fmt::format(R"({{"notice":"lease","event":"committed","address":"{}{}"}})",
                              network, given_++));
    }
  }
  void Watch() const {
    v1::OperatorRequest request;
    request.set_magic(protocol::kOperatorMagic);
    request.set_request_id(1);
    for (const char* kind : {"lease", "heartbeat"}) request.mutable_watch()->add_kinds(kind);
    bus_.handler({"noc", "noc", bus::Rights::All(), false}, request.SerializeAsString());
  }

  static constexpr char kV4[] = R"({"Dhcp4":{"subnet4":[{"id":1,"subnet":"10.0.0.0/8"}]}})";
  static constexpr char kV6[] = R"({"Dhcp6":{"subnet6":[]}})";

  int given_ = 0;
  testing::FakeClock clock_;
  testing::CountingRandom random_;
  testing::SimDisk disk_;
  std::unique_ptr<store::Journal> journal_ =
      *store::Journal::Open({.path = "journal.db", .vfs = disk_.vfs()});
  testing::FakeKea v4_{DhcpService::kDhcp4, clock_, kV4}, v6_{DhcpService::kDhcp6, clock_, kV6};
  std::unique_ptr<watch::ChangeSource> source4_ = watch::MakeChangeSource(DhcpService::kDhcp4, v4_,
                                                                          clock_),
                                       source6_ = watch::MakeChangeSource(DhcpService::kDhcp6, v6_,
                                                                          clock_);
  watch::LeaseNotices leases4_, leases6_;
  runtime::Metrics metrics_{clock_};
  testing::FakeKeaFiles files_{v4_};
  testing::FakeNetwork addresses_;
  testing::FakeReach reach_{addresses_, {}};
  Bus bus_;
  Queue loop_, worker_;
  PrimaryApp app_{
      {"kea-a", "0.1", {}, true},
      {clock_,
       random_,
       loop_,
       worker_,
       bus_,
       *journal_,
       metrics_,
       files_,
       reach_,
       {{DhcpService::kDhcp4, ServiceWorld{v4_, *source4_, worker_, nullptr, &leases4_}},
        {DhcpService::kDhcp6, ServiceWorld{v6_, *source6_, worker_, nullptr, &leases6_}}}}};
};

TEST_F(LeaseEventsTest, ATurnPublishesABoundedNumberAndTheNextFollowsAtOnce) {
  while (Turn()) {
  }
  Give(leases4_, 2 * kATurn + 1);
  EXPECT_TRUE(Turn());
  EXPECT_THAT(bus_.leases, SizeIs(kATurn));
  EXPECT_TRUE(Turn());
  EXPECT_FALSE(Turn());
  ASSERT_THAT(bus_.leases, SizeIs(2 * kATurn + 1));
  for (int i = 0; i <= 2 * kATurn; ++i)
    EXPECT_EQ(bus_.leases[static_cast<size_t>(i)], fmt::format("10.0.0.{}", i));
  EXPECT_THAT(bus_.published, Contains("nestor.v1.east.dhcp4.lease"));
}

TEST_F(LeaseEventsTest, AreCountedFromTheStartOn) {
  constexpr char kCount[] = R"(nestor_lease_events_total{relationship="east",service="dhcp4"} )";
  EXPECT_THAT(metrics_.Text(), ::testing::HasSubstr(fmt::format("{}0\n", kCount)));
  Give(leases4_, 2);
  Turn();
  EXPECT_THAT(metrics_.Text(), ::testing::HasSubstr(fmt::format("{}2\n", kCount)));
}

TEST_F(LeaseEventsTest, WhatElseIsDueGoesOutBeforeThem) {
  Give(leases4_, 2 * kATurn);
  clock_.Advance(absl::Seconds(2));
  bus_.published.clear();
  Turn();
  ASSERT_FALSE(bus_.published.empty());
  EXPECT_EQ(bus_.published.front(), "nestor.v1.east.dhcp4.heartbeat");
}

TEST_F(LeaseEventsTest, WhatNoRelationshipIsOfIsTakenAndNotPublished) {
  Give(leases6_, 3);
  Turn();
  EXPECT_TRUE(leases6_.empty());
  EXPECT_THAT(metrics_.Text(), ::testing::HasSubstr(R"({reason="refused",service="dhcp6"} 0)"));
  EXPECT_THAT(bus_.leases, SizeIs(0));
}

TEST_F(LeaseEventsTest, AWatcherWithoutRoomLosesLeasesAndNotTheWatch) {
  Watch();
  Give(leases4_, 3);
  Turn();
  EXPECT_EQ(bus_.watched["lease"], 3);
  bus_.room = 1;
  Give(leases4_, kATurn);
  Turn();
  EXPECT_EQ(bus_.watched["lease"], 4);
  bus_.room = 1'000;  // kept for what is not a lease
  Give(leases4_, kATurn);
  Turn();
  EXPECT_EQ(bus_.watched["lease"], 4);
  clock_.Advance(absl::Seconds(2));
  Give(leases4_, 1);
  Turn();
  EXPECT_GE(bus_.watched["heartbeat"], 1);
  EXPECT_EQ(bus_.watched["lease"], 5);
  EXPECT_THAT(bus_.leases, SizeIs(4 + 2 * kATurn)) << "who subscribes has them all";
  EXPECT_THAT(metrics_.Text(),
              ::testing::HasSubstr(fmt::format(
                  R"(nestor_lease_events_dropped_total{{reason="watcher",service="dhcp4"}} {})",
                  2 * kATurn - 1)));
}

}  // namespace
}  // namespace nestor::primary
