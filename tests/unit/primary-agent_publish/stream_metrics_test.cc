#include "tests/unit/primary-agent_publish/publish_fixture.h"

namespace nestor::primary {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class StreamMetricsTest : public StreamTest {
 protected:
  StreamMetricsTest() { spec_.mutable_ha()->set_mode("hot-standby"); }
  // A moment later, as it is scraped.
  std::string Text() {
    clock.Advance(absl::Milliseconds(1000));
    stream_->Tick();
    return metrics_.Text();
  }
  void Ack(absl::Duration clock_ahead = {}) {
    v1::Envelope envelope;
    envelope.mutable_time()->set_seconds(absl::ToUnixSeconds(clock.Wall() + clock_ahead));
    envelope.mutable_ack()->mutable_status()->set_follower_state("FOLLOW");
    stream_->OnFollower("route", envelope);
  }
  void Kea(const std::string& ha_state, bool reachable = true) {
    watch::KeaHealth health;
    health.reachable = reachable;
    health.ha_state = ha_state;
    stream_->OnKea(health);
    stream_->OnHa("hot-standby", "{}");
  }

  // A change that the secondary does not have.
  void Change() {
    for (Recorded& recorded : Record(Subnets({1}))) stream_->OnRecorded(std::move(recorded));
  }
};

constexpr char kSilent[] =
    R"(nestor_peer_silent_seconds{peer="kea-b",relationship="east",service="dhcp4"} )";
constexpr char kOffset[] = R"(nestor_clock_offset_seconds{relationship="east",service="dhcp4"} )";
constexpr char kNormal[] =
    R"(nestor_ha_normal{relationship="east",server="kea-a",service="dhcp4"} )";

std::string HaState(std::string_view state, int value) {
  return fmt::format(
      R"(nestor_ha_state{{relationship="east",server="kea-a",service="dhcp4",state="{}"}} {})",
      state, value);
}

TEST_F(StreamMetricsTest, CountersAreThereFromTheStartOn) {
  for (const char* name : {"changes", "replays", "snapshots"}) {
    EXPECT_THAT(metrics_.Text(),
                HasSubstr(fmt::format(R"(nestor_{}_total{{relationship="east",service="dhcp4"}} 0)",
                                      name)));
  }
}

TEST_F(StreamMetricsTest, TellsHowLongTheSecondarysAgentIsSilent) {
  clock.Advance(absl::Seconds(40));
  EXPECT_THAT(Text(), HasSubstr(fmt::format("{}41\n", kSilent))) << "never heard: since the start";
  Ack();
  EXPECT_THAT(Text(), HasSubstr(fmt::format("{}1\n", kSilent)));
  clock.Advance(absl::Seconds(9));
  EXPECT_THAT(Text(), HasSubstr(fmt::format("{}11\n", kSilent)));
}

TEST_F(StreamMetricsTest, TellsHowFarTheSecondarysClockIsAhead) {
  EXPECT_THAT(Text(), Not(HasSubstr("nestor_clock_offset_seconds")));
  Ack(absl::Seconds(-30));
  EXPECT_THAT(Text(), HasSubstr(fmt::format("{}-30\n", kOffset)));
  Ack(absl::Seconds(12));
  EXPECT_THAT(Text(), HasSubstr(fmt::format("{}12\n", kOffset)));
}

TEST_F(StreamMetricsTest, AChangeThatIsNotAppliedLagsUnlessItIsOnlyObserved) {
  constexpr char kLag[] = R"(nestor_lag_seconds{relationship="east",service="dhcp4"} )";
  Change();
  EXPECT_THAT(Text(), HasSubstr(fmt::format("{}1\n", kLag)));
  spec_.set_observe(true);
  stream_->OnSpec(spec_);
  EXPECT_THAT(Text(), HasSubstr(fmt::format("{}0\n", kLag)));
  EXPECT_EQ(stream_->Status().mirror().lag_seconds(), 0);
}

TEST_F(StreamMetricsTest, TellsTheStateOfHaAndWhetherItIsNormal) {
  Kea("hot-standby");
  EXPECT_THAT(Text(),
              AllOf(HasSubstr(fmt::format("{}1\n", kNormal)), HasSubstr(HaState("hot-standby", 1)),
                    HasSubstr(HaState("partner-down", 0))));
  Kea("partner-down");
  EXPECT_THAT(Text(),
              AllOf(HasSubstr(fmt::format("{}0\n", kNormal)), HasSubstr(HaState("hot-standby", 0)),
                    HasSubstr(HaState("partner-down", 1))));
  Kea("", /*reachable=*/false);
  EXPECT_THAT(Text(), AllOf(HasSubstr(fmt::format("{}0\n", kNormal)),
                            HasSubstr(HaState("partner-down", 0))));
  Kea("");
  EXPECT_THAT(Text(), HasSubstr(fmt::format("{}0\n", kNormal))) << "HA should run";
}

}  // namespace
}  // namespace nestor::primary
