// What a primary agent says of its relationships, and how it ends one whose secondary is gone.
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
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

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

std::string Ha(std::string_view server, int delay) {
  return fmt::format(
      R"({{"high-availability":[{{"heartbeat-delay":{},"mode":"load-balancing","peers":[)"
      R"({{"name":"kea-a","role":"primary","url":"http://192.0.2.1:8000/"}},)"
      R"({{"name":"kea-b","role":"secondary","url":"http://192.0.2.2:8000/"}}],)"
      R"("this-server-name":"{}"}}]}})",
      delay, server);
}

// kea-a's configuration, with HA and `pools` of subnet 1.
std::string Config(std::string_view pools, int delay = 1000) {
  return fmt::format(
      R"({{"Dhcp4":{{"hooks-libraries":[{{"library":"/h/libdhcp_ha.so","parameters":{}}}],)"
      R"("lease-database":{{"type":"memfile"}},)"
      R"("subnet4":[{{"id":1,"pools":[{}],"subnet":"10.0.0.0/8"}}]}}}})",
      Ha("kea-a", delay), pools);
}

constexpr char kHalf[] = R"({"client-class":"HA_kea-a","pool":"10.0.0.1-10.0.0.9"})";
constexpr char kBoth[] = R"({"pool":"10.1.0.1-10.1.0.9"})";

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
    EXPECT_THAT(bus_.replies, SizeIs(1));
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

TEST_F(RelationshipsTest, EachTransitionOfTheStateIsAnEvent) {
  Begin();
  Pass(absl::Seconds(3));
  Transitions();
  Ack();
  Pass(absl::Milliseconds(500));
  EXPECT_THAT(Transitions(), ElementsAre("IMPAIRED to OK"));
  EXPECT_EQ(Status().state(), "OK") << Status().ShortDebugString();
  Ack(1000, "REJECTED");
  Pass(absl::Milliseconds(500));
  EXPECT_THAT(Transitions(), ElementsAre("OK to IMPAIRED"));
  Ack();
  Pass(absl::Milliseconds(500));
  EXPECT_THAT(Transitions(), ElementsAre("IMPAIRED to OK"));
  kea_.Crash();
  Pass(absl::Milliseconds(750));
  EXPECT_THAT(Transitions(), ElementsAre("OK to IMPAIRED"));
  Ack(1000, "FOLLOW", false);
  Pass(absl::Milliseconds(500));
  EXPECT_THAT(Transitions(), ElementsAre("IMPAIRED to DOWN"));
  EXPECT_EQ(Status().state(), "DOWN");
  Pass(absl::Seconds(4));  // now its agent is silent too
  EXPECT_EQ(Status().state(), "DOWN");
  EXPECT_THAT(Transitions(), IsEmpty());
}

TEST_F(RelationshipsTest, AKeaWithoutTheHookLibraryIsMetered) {
  Begin();
  EXPECT_THAT(metrics_.Text(), HasSubstr("nestor_hook_loaded{service=\"dhcp4\"} 0\n"));
}

TEST_F(RelationshipsTest, HaThatWasChangedOnOneServerIsAReason) {
  Begin();
  Ack(2000);
  EXPECT_EQ(Status().state(), "IMPAIRED");
  EXPECT_THAT(Status().reasons(),
              ElementsAre(HasSubstr("heartbeat-delay is 1000 on kea-a and 2000 on kea-b")));
  EXPECT_TRUE(kea_.Set(Config(kHalf, 2000)));
  Pass(absl::Seconds(5));
  Ack(2000);
  EXPECT_EQ(Status().state(), "OK") << Status().ShortDebugString();
}

TEST_F(RelationshipsTest, ParametersOfHaAreInNoEvent) {
  Begin();
  Ack();
  Pass(absl::Seconds(1));
  int acks = 0;
  for (const v1::Envelope& event : bus_.events) {
    acks += event.has_ack_event() ? 1 : 0;
    EXPECT_FALSE(event.ack_event().ack().status().has_ha_parameters());
  }
  EXPECT_GT(acks, 0);
}

TEST_F(RelationshipsTest, TheSecondaryHearsOfThePrimarysSide) {
  Begin();
  bus_.to_secondary.clear();
  Hello();
  ASSERT_FALSE(bus_.to_secondary.empty());
  const v1::Welcome& welcome = bus_.to_secondary.back().welcome();
  ASSERT_EQ(welcome.relationships_size(), 1);
  ASSERT_EQ(welcome.sides_size(), 1);
  EXPECT_EQ(welcome.sides(0).ha_state(), "load-balancing");
  EXPECT_EQ(welcome.sides(0).ha_parameters(), Ha("kea-a", 1000));
}

TEST_F(RelationshipsTest, PoolsThatComeLaterAndAreNotSplitAreWarnedOf) {
  Begin();
  Ack();
  EXPECT_THAT(Status().warnings(), IsEmpty());
  EXPECT_TRUE(kea_.Set(Config(fmt::format("{},{}", kHalf, kBoth))));
  Pass(absl::Seconds(5));
  Ack();
  EXPECT_EQ(Status().state(), "OK") << Status().ShortDebugString();
  EXPECT_THAT(Status().warnings(), ElementsAre(HasSubstr("10.1.0.1 - 10.1.0.9 in subnet")));
  EXPECT_TRUE(kea_.Set(Config(kHalf)));
  Pass(absl::Seconds(5));
  Ack();
  EXPECT_THAT(Status().warnings(), IsEmpty());
}

TEST_F(RelationshipsTest, TheListHasStatesAndSinceWhen) {
  Begin();
  Ack();
  Pass(absl::Seconds(1));
  const absl::Time now = clock_.Wall();
  ASSERT_EQ(List().relationships_size(), 1);
  const v1::RelationshipView view = List().relationships(0);
  EXPECT_EQ(view.state(), "NORMAL");
  EXPECT_EQ(view.mode(), "load-balancing");
  EXPECT_EQ(view.primary_ha_state(), "load-balancing");
  EXPECT_EQ(view.secondary_ha_state(), "load-balancing");
  EXPECT_GE(view.state_since().seconds(), absl::ToUnixSeconds(now) - 3);
  EXPECT_LE(view.state_since().seconds(), absl::ToUnixSeconds(now));
}

TEST_F(RelationshipsTest, TheListDoesNotWaitForAKeaThatHangs) {
  Begin(false);
  // The worker is busy with it, and does nothing else.
  v1::OperatorRequest request;
  request.set_magic(protocol::kOperatorMagic);
  request.mutable_list();
  bus_.handler({"operator", "root", bus::Rights::All(), true}, request.SerializeAsString());
  ASSERT_THAT(bus_.replies, SizeIs(1));
  ASSERT_EQ(bus_.replies[0].relationships().relationships_size(), 1);
  const v1::RelationshipView& view = bus_.replies[0].relationships().relationships(0);
  EXPECT_EQ(view.state(), "DETECTED");
  EXPECT_EQ(view.secondary(), "kea-b");
  EXPECT_EQ(view.primary_ha_state(), "load-balancing");
}

TEST_F(RelationshipsTest, IsRemovedWithoutItsSecondaryWhichHearsItWhenItReturns) {
  Begin();
  Hello();
  EXPECT_EQ(RemoveAlone().transaction().state(), "REFUSED") << "it is there";
  Pass(absl::Seconds(40));
  const v1::OperatorReply reply = RemoveAlone();
  EXPECT_EQ(reply.exit_code(), 0) << reply.ShortDebugString();
  EXPECT_EQ(reply.transaction().state(), "DONE");
  EXPECT_EQ(reply.transaction().without(), "kea-b");
  EXPECT_EQ(config::HaMode(DhcpService::kDhcp4, json::ParseKea(kea_.running())->root()), "");
  EXPECT_EQ(kea_.file(), kea_.running());
  EXPECT_THAT(List().relationships(), IsEmpty());
  // Also after another start of the agent.
  app_.reset();
  Run();
  Begin(false);
  bus_.to_secondary.clear();
  Hello();
  Run();
  EXPECT_THAT(Ended(true), ::testing::Contains("east"));
  EXPECT_THAT(Ended(false), ::testing::Contains("east"));
  // It has ended there too, and that is the end of it.
  Hello("");
  Run();
  bus_.to_secondary.clear();
  Hello();
  Run();
  EXPECT_THAT(Ended(true), IsEmpty());
  EXPECT_THAT(*journal_->Transactions(), IsEmpty());
}

TEST_F(RelationshipsTest, AChangeThatWaitsForALostSecondaryAloneIsLeft) {
  Begin();
  v1::TransactionRecord record;
  record.set_transaction("11111111111111111111111111111111");
  record.set_kind(v1::TransactionRecord::EDIT);
  record.set_stage(v1::TransactionRecord::BEGUN);
  v1::RelationshipSpec spec;
  spec.set_name("east");
  spec.set_service(v1::DHCP4);
  spec.set_primary("kea-a");
  spec.set_secondary("kea-b");
  record.set_spec(spec.SerializeAsString());
  record.set_spec_before(spec.SerializeAsString());
  ASSERT_TRUE(journal_->SaveTransaction(record).ok());
  app_.reset();
  Run();
  Begin(false);  // it is being undone
  Pass(absl::Seconds(20));
  EXPECT_THAT(Status().reasons(), ::testing::Contains(HasSubstr("it is being edited")));
  const v1::OperatorReply reply = RemoveAlone();
  EXPECT_EQ(reply.transaction().state(), "DONE") << reply.ShortDebugString();
  EXPECT_THAT(*journal_->Transactions(), SizeIs(2));
  // It returns, and is to undo what it did.
  bus_.to_secondary.clear();
  Hello();
  Run();
  std::vector<v1::SiteRequest> asked;
  for (const v1::Envelope& envelope : bus_.to_secondary) {
    if (envelope.has_site_request()) asked.push_back(envelope.site_request());
  }
  ASSERT_THAT(asked, SizeIs(1));
  EXPECT_TRUE(asked[0].has_undo());
  EXPECT_EQ(asked[0].transaction(), record.transaction());
  v1::Envelope done;
  done.set_sender("kea-b");
  done.set_relationship("east");
  done.mutable_site_reply()->set_transaction(asked[0].transaction());
  done.mutable_site_reply()->set_number(asked[0].number());
  done.mutable_site_reply()->set_start(asked[0].start());
  bus_.handler(peer_, protocol::Seal(done));
  Run();
  EXPECT_THAT(*journal_->Transactions(), SizeIs(1));
}

}  // namespace
}  // namespace nestor::primary
