// What the secondary's agent is scraped for, as things happen to its Kea and its primary.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/common_protocol/stream_double.h"
#include "tests/unit/secondary-agent_app/app_fixture.h"

namespace nestor::secondary {
namespace {

using ::testing::HasSubstr;

// A configuration with these subnets and the hook library, without HA.
std::string Config(const std::vector<int>& ids) {
  std::string subnets;
  for (const int id : ids) {
    subnets +=
        fmt::format(R"({}{{"id":{},"subnet":"10.{}.0.0/16"}})", subnets.empty() ? "" : ",", id, id);
  }
  return fmt::format(R"({{"Dhcp4":{{"hooks-libraries":[{{"library":"/h/libdhcp_nestor.so"}}],)"
                     R"("subnet4":[{}]}}}})",
                     subnets);
}

class SecondaryMetricsTest : public AppTest {
 protected:
  SecondaryMetricsTest()
      : AppTest(Config({1, 2, 3, 4, 5, 6, 7, 8}), {.hook_socket = "/hook.sock"}) {
    stream_.Add(Set({1, 2, 3, 4, 5, 6, 7, 8}));
  }

  // The primary's stream and this Kea agree on change 1, and the agent follows.
  void Follow(bool observe = false) {
    v1::RelationshipSpec spec;
    spec.set_name("east");
    spec.set_service(v1::DHCP4);
    spec.set_primary("kea-a");
    spec.set_secondary("kea-b");
    spec.set_observe(observe);
    spec.set_hold_percent(20);
    spec.set_hold_minimum(5);
    protocol::FollowerMemory memory;
    memory.position = {stream_.id, stream_.term, 1, stream_.DigestAt(1)};
    memory.highest_term = stream_.term;
    memory.witnessed_stream = stream_.id;
    ASSERT_TRUE(store_->SaveRelationship(spec).ok());
    ASSERT_TRUE(store_->Save("east", memory).ok());
    ASSERT_TRUE(app_.Start().ok());
    Pass(absl::Seconds(1));
    v1::Envelope welcome = stream_.Welcome(v1::CONTINUE);
    bus_.primary(protocol::Seal(welcome));
    Pass(absl::Seconds(1));
    ASSERT_THAT(Metrics(), HasSubstr(State("FOLLOW", 1)));
  }
  protocol::SetPtr Set(const std::vector<int>& ids) {
    testing::FakeKea kea(DhcpService::kDhcp4, clock_, Config(ids));
    auto set = std::make_shared<config::ObjectSet>(kea.Objects());
    (void)set->Digest();
    return set;
  }
  void Publish(const std::vector<int>& ids) {
    const uint64_t sequence = stream_.Add(Set(ids));
    Say("change", stream_.Change(sequence));
    Pass(absl::Seconds(1));
  }
  void Say(std::string_view kind, v1::Envelope envelope) const {
    bus_.events(protocol::Topic("east", DhcpService::kDhcp4, kind), protocol::Seal(envelope));
  }
  void Pass(absl::Duration time, bool beating = true) {
    AppTest::Pass(time, [&] {
      if (beating) Say("heartbeat", stream_.Heartbeat());
    });
  }
  std::string Metrics() const { return metrics_.Text(); }
  static std::string Series(std::string_view name, int value) {
    return fmt::format("nestor_{}{{relationship=\"east\",service=\"dhcp4\"}} {}\n", name, value);
  }
  static std::string State(std::string_view state, int value) {
    return fmt::format(
        "nestor_mirror_state{{relationship=\"east\",service=\"dhcp4\",state=\"{}\"}} {}\n", state,
        value);
  }

  protocol::StreamDouble stream_;
};

TEST_F(SecondaryMetricsTest, APairThatIsWellHasNothingThatWantsAPerson) {
  Follow();
  for (const auto& series :
       {Series("relationship_state", 0), Series("change_refused", 0), Series("held_sequence", 0),
        Series("drift_unsettled", 0), Series("standing_objects", 0), Series("drifts_total", 0),
        Series("applies_total", 0), std::string("nestor_hook_loaded{service=\"dhcp4\"} 1\n")}) {
    EXPECT_THAT(Metrics(), HasSubstr(series));
  }
  EXPECT_THAT(
      Metrics(),
      HasSubstr("nestor_ha_normal{relationship=\"east\",server=\"kea-b\",service=\"dhcp4\"} "
                "1\n"));
}

TEST_F(SecondaryMetricsTest, EachChangeOfKeaIsCounted) {
  Follow();
  Publish({1, 2, 3, 4, 5, 6, 7, 8, 9});
  EXPECT_THAT(Metrics(), HasSubstr(Series("applies_total", 1)));
  Publish({1, 2, 3, 4, 5, 6, 7, 8});
  EXPECT_THAT(Metrics(), HasSubstr(Series("applies_total", 2)));
}

TEST_F(SecondaryMetricsTest, AChangeThatKeaRefusedIsToldUntilANewerOneIsTaken) {
  Follow();
  kea_.Refuse("nestor-apply", "no");
  kea_.Refuse("config-test", "no");
  Publish({1, 2, 3, 4, 5, 6, 7, 8, 9});
  EXPECT_THAT(Metrics(), HasSubstr(Series("change_refused", 1)));
  EXPECT_THAT(Metrics(), HasSubstr(State("REJECTED", 1)));
  EXPECT_THAT(Metrics(), HasSubstr(State("FOLLOW", 0)));
  EXPECT_THAT(Metrics(), HasSubstr(Series("drift_unsettled", 0)));
  kea_.Refuse("nestor-apply", "");
  kea_.Refuse("config-test", "");
  Publish({1, 2, 3, 4, 5, 6, 7, 8, 10});
  EXPECT_THAT(Metrics(), HasSubstr(Series("change_refused", 0)));
}

TEST_F(SecondaryMetricsTest, AHeldChangeIsToldByItsNumber) {
  Follow();
  Publish({1});
  EXPECT_THAT(Metrics(), HasSubstr(Series("held_sequence", 2)));
  EXPECT_THAT(Metrics(), HasSubstr(State("HELD", 1)));
}

TEST_F(SecondaryMetricsTest, DriftThatKeaDoesNotGiveUpStaysUnsettled) {
  Follow();
  Pass(absl::Seconds(6));  // what is found sooner may be from before
  kea_.Refuse("nestor-apply", "no");
  kea_.Refuse("config-test", "no");
  ASSERT_TRUE(kea_.Set(Config({1, 2, 3, 4, 5, 6, 7, 8, 99})));
  Pass(absl::Seconds(5));
  EXPECT_THAT(Metrics(), HasSubstr(Series("drift_unsettled", 1)));
  EXPECT_THAT(Metrics(), HasSubstr(Series("drifts_total", 1)));
  ASSERT_TRUE(kea_.Set(Config({1, 2, 3, 4, 5, 6, 7, 8})));
  Pass(absl::Seconds(5));
  EXPECT_THAT(Metrics(), HasSubstr(Series("drift_unsettled", 0)));
}

TEST_F(SecondaryMetricsTest, WhereItOnlyObservesADifferenceStaysUnsettled) {
  Follow(/*observe=*/true);
  ASSERT_TRUE(kea_.Set(Config({1, 2, 3})));
  Pass(absl::Seconds(5));
  EXPECT_THAT(Metrics(), HasSubstr(Series("drift_unsettled", 1)));
}

TEST_F(SecondaryMetricsTest, TellsHowLongThePrimarysAgentIsSilentAndWhatStandsMeanwhile) {
  constexpr char kSilent[] =
      "nestor_peer_silent_seconds{peer=\"kea-a\",relationship=\"east\",service=\"dhcp4\"} ";
  Follow();
  EXPECT_THAT(Metrics(), HasSubstr(fmt::format("{}0\n", kSilent)));
  Pass(absl::Seconds(20), /*beating=*/false);
  EXPECT_THAT(Metrics(), HasSubstr(fmt::format("{}20\n", kSilent)));
  ASSERT_TRUE(kea_.Set(Config({1, 2, 3, 4, 5, 6, 7, 8, 99})));
  Pass(absl::Seconds(5), /*beating=*/false);
  EXPECT_THAT(Metrics(), HasSubstr(Series("standing_objects", 1)));
  EXPECT_THAT(Metrics(), HasSubstr(Series("drift_unsettled", 0)));
}

TEST_F(SecondaryMetricsTest, AKeaWithoutTheHookLibraryIsTold) {
  Follow();
  ASSERT_TRUE(kea_.Set(R"({"Dhcp4":{"subnet4":[{"id":1,"subnet":"10.1.0.0/16"}]}})"));
  Pass(absl::Seconds(5));
  EXPECT_THAT(Metrics(), HasSubstr("nestor_hook_loaded{service=\"dhcp4\"} 0\n"));
}

}  // namespace
}  // namespace nestor::secondary
