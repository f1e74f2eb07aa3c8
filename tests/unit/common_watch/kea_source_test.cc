#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/watch/watcher.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_kea.h"

namespace nestor::watch {
namespace {

using ::testing::ElementsAre;
using testing::FakeClock;
using testing::FakeKea;
using ::testing::HasSubstr;

std::string Hooked(std::string_view library) {
  return fmt::format(
      R"({{"Dhcp4":{{"hooks-libraries":[{{"library":"/hooks/{}"}}],"subnet4":[]}}}})", library);
}

constexpr std::string_view kPlain = R"({"Dhcp4":{"valid-lifetime":1}})";
constexpr std::string_view kOther = R"({"Dhcp4":{"valid-lifetime":2}})";
constexpr std::string_view kPair =
    R"({"Dhcp4":{"hooks-libraries":[{"library":"/hooks/libdhcp_lease_cmds.so"},)"
    R"({"library":"/hooks/libdhcp_ha.so","parameters":{"high-availability":[)"
    R"({"mode":"hot-standby","heartbeat-delay":4000}]}}]}})";

// A source that was read once, a while after its Kea was configured.
class KeaSourceTest : public ::testing::Test {
 protected:
  explicit KeaSourceTest(std::string_view config = kPlain, std::string version = "2.2.0")
      : kea_(DhcpService::kDhcp4, clock_, std::string(config), std::move(version)),
        source_(MakeChangeSource(DhcpService::kDhcp4, kea_, clock_)) {}

  void SetUp() override {
    clock_.Advance(absl::Seconds(2));
    EXPECT_EQ(PollAndRead(), "start");
    kea_.Forget();
  }

  std::string Poll() {
    const ChangeSource::Notice notice = source_->Poll();
    EXPECT_EQ(notice.changed, !notice.origin.empty());
    return notice.origin;
  }
  // As an agent does: reads where something changed, in `time`.
  std::string PollAndRead(absl::Duration time = absl::ZeroDuration()) {
    std::string origin = Poll();
    if (!origin.empty()) Read(time);
    return origin;
  }
  void Read(absl::Duration time = absl::ZeroDuration()) {
    ReadWhile([&] { clock_.Advance(time); });
  }
  // Reads; Kea is at it when `meanwhile` happens.
  void ReadWhile(const std::function<void()>& meanwhile) {
    kea_.before_answer = [&](std::string_view command) {
      if (command == "config-get") meanwhile();
    };
    EXPECT_TRUE(source_->Read(ChangeSource::By::kLeast, absl::Seconds(1)).ok());
    kea_.before_answer = nullptr;
  }
  // Polls once a second, reading where told to; how often that was.
  int ReadsWithin(absl::Duration time, absl::Duration each_takes = absl::ZeroDuration()) {
    int reads = 0;
    for (const Instant end = clock_.Now() + time; clock_.Now() < end;) {
      clock_.Advance(absl::Seconds(1));
      if (!PollAndRead(each_takes).empty()) ++reads;
    }
    return reads;
  }

  FakeClock clock_;
  FakeKea kea_;
  std::unique_ptr<ChangeSource> source_;
};

TEST_F(KeaSourceTest, AsksForNothingButTheStatusWhereNothingChanges) {
  EXPECT_EQ(Poll(), "");
  clock_.Advance(absl::Hours(100));
  EXPECT_EQ(Poll(), "");
  EXPECT_THAT(kea_.arrived(), ElementsAre("status-get", "status-get"));
}

TEST_F(KeaSourceTest, NoticesAConfigSet) {
  EXPECT_TRUE(kea_.Set(std::string(kOther)));
  EXPECT_EQ(Poll(), "reload");
}

TEST_F(KeaSourceTest, NoticesAReloadThoughTheFileIsTheSame) {
  EXPECT_TRUE(kea_.Reload());
  EXPECT_EQ(Poll(), "reload");
}

TEST_F(KeaSourceTest, NoticesARestart) {
  EXPECT_TRUE(kea_.Restart());
  EXPECT_EQ(Poll(), "restart");
}

TEST_F(KeaSourceTest, NoticesARestartThatWasSeenAsAnAbsence) {
  kea_.Crash();
  EXPECT_FALSE(source_->Poll().health.reachable);
  clock_.Advance(absl::Seconds(30));
  EXPECT_TRUE(kea_.Restart());
  EXPECT_EQ(Poll(), "restart");
}

TEST_F(KeaSourceTest, NoticesARestartUnderTheSamePid) {
  clock_.Advance(absl::Seconds(5));
  EXPECT_EQ(Poll(), "");
  EXPECT_TRUE(kea_.RestartUnderTheSamePid());
  EXPECT_EQ(Poll(), "restart");
  EXPECT_EQ(ReadsWithin(absl::Seconds(10)), 1);
}

TEST_F(KeaSourceTest, NoticesARestartUnderTheSamePidThoughItWasAwayForLongerThanItHadRun) {
  kea_.Crash();
  EXPECT_EQ(Poll(), "");
  clock_.Advance(absl::Seconds(10));
  EXPECT_TRUE(kea_.RestartUnderTheSamePid());
  clock_.Advance(absl::Seconds(5));
  EXPECT_EQ(PollAndRead(), "restart");
  EXPECT_EQ(ReadsWithin(absl::Minutes(5)), 0);
}

TEST_F(KeaSourceTest, IsContentOnceItWasRead) {
  EXPECT_TRUE(kea_.Set(std::string(kOther)));
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(PollAndRead(), "reload");
  EXPECT_EQ(ReadsWithin(absl::Minutes(5)), 0);
}

TEST_F(KeaSourceTest, SaysSoUntilItWasReadWell) {
  EXPECT_TRUE(kea_.Set(std::string(kOther)));
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(Poll(), "reload");
  EXPECT_EQ(Poll(), "reload");
  Read();
  EXPECT_EQ(Poll(), "");
}

TEST_F(KeaSourceTest, WhatCameToNothingKeepsItsOrigin) {
  EXPECT_TRUE(kea_.Set(std::string(kOther)));
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(PollAndRead(), "reload");
  source_->Forget();
  EXPECT_EQ(Poll(), "reload");
  Read();
  EXPECT_EQ(Poll(), "");
  // Nothing was noticed: somebody else asked for the read.
  source_->Forget();
  EXPECT_EQ(Poll(), "command");
}

TEST_F(KeaSourceTest, NoticesASecondChangeWithinTheSecondOfTheRead) {
  EXPECT_TRUE(kea_.Set(std::string(kOther)));
  EXPECT_EQ(PollAndRead(), "reload");
  EXPECT_TRUE(kea_.Set(std::string(kPlain)));  // status-get is the same as before
  EXPECT_EQ(Poll(), "");
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(PollAndRead(), "reload");
  EXPECT_EQ(ReadsWithin(absl::Minutes(5)), 0);
}

TEST_F(KeaSourceTest, NoticesAChangeBetweenThePollAndTheRead) {
  EXPECT_TRUE(kea_.Set(std::string(kOther)));
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(Poll(), "reload");
  EXPECT_TRUE(kea_.Set(std::string(kPlain)));
  Read();
  EXPECT_EQ(Poll(), "reload");
}

TEST_F(KeaSourceTest, NoticesAChangeDuringTheRead) {
  EXPECT_TRUE(kea_.Set(std::string(kOther)));
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(Poll(), "reload");
  ReadWhile([this] { EXPECT_TRUE(kea_.Set(std::string(kPlain))); });
  EXPECT_EQ(Poll(), "reload");
}

TEST_F(KeaSourceTest, TheWallClockIsNoneOfItsBusiness) {
  clock_.JumpWall(absl::Hours(-5));
  EXPECT_EQ(Poll(), "");
}

TEST_F(KeaSourceTest, AnUnreachableKeaIsReportedWithItsReason) {
  kea_.Crash();
  clock_.Advance(absl::Seconds(1));
  const ChangeSource::Notice notice = source_->Poll();
  EXPECT_FALSE(notice.health.reachable);
  EXPECT_FALSE(notice.changed);
  EXPECT_THAT(notice.health.error, HasSubstr("refused"));
  EXPECT_EQ(notice.health.as_of, clock_.Now());
}

TEST_F(KeaSourceTest, AKeaThatHangsIsUnreachable) {
  kea_.Hang(1);
  EXPECT_FALSE(source_->Poll().health.reachable);
  EXPECT_TRUE(source_->Poll().health.reachable);
}

TEST_F(KeaSourceTest, ARefusedStatusIsReportedEvenWithoutWords) {
  kea_.Refuse("status-get", " ");
  const ChangeSource::Notice notice = source_->Poll();
  EXPECT_FALSE(notice.health.reachable);
  EXPECT_THAT(notice.health.error, HasSubstr("status-get"));
}

TEST_F(KeaSourceTest, AKeaThatHasNotReadItsFileYetIsNotThere) {
  kea_.SetStarting(true);
  const ChangeSource::Notice notice = source_->Poll();
  EXPECT_FALSE(notice.health.reachable);
  EXPECT_THAT(notice.health.error, HasSubstr("starting"));
  kea_.SetStarting(false);
  EXPECT_EQ(Poll(), "");
}

TEST_F(KeaSourceTest, KnowsTheVersion) {
  EXPECT_EQ(source_->Poll().health.version, "2.2.0");
  EXPECT_EQ(source_->Poll().health.ha_state, "");
}

// config-backend-pull is among every Kea's commands.
TEST_F(KeaSourceTest, NeverAuditsAKeaThatOnlyChangesByReload) {
  EXPECT_EQ(ReadsWithin(absl::Hours(1)), 0);
  EXPECT_EQ(kea_.Accepted("config-get"), 1u);
}

class PairTest : public KeaSourceTest {
 protected:
  PairTest() : KeaSourceTest(kPair) {}
};

TEST_F(PairTest, KnowsTheHaState) {
  EXPECT_EQ(source_->Poll().health.ha_state, "waiting");
  clock_.Advance(absl::Seconds(4));
  EXPECT_EQ(source_->Poll().health.ha_state, "hot-standby");
}

TEST_F(PairTest, NeverAuditsForTheSakeOfLeases) { EXPECT_EQ(ReadsWithin(absl::Hours(1)), 0); }

class AuditTest : public KeaSourceTest {
 protected:
  explicit AuditTest(std::string version = "2.2.0")
      : KeaSourceTest(Hooked("libdhcp_host_cmds.so"), std::move(version)) {}
};

TEST_F(AuditTest, ReadsNowAndThenWhereCommandsChangeWithoutAReload) {
  const int reads = ReadsWithin(absl::Minutes(10));
  EXPECT_GT(reads, 0);
  EXPECT_LE(reads, 120);  // no closer than five seconds
}

TEST_F(AuditTest, ReadingTakesLessThanAFiveHundredthOfTheTime) {
  for (const absl::Duration each : {absl::Milliseconds(40), absl::Milliseconds(450)}) {
    EXPECT_TRUE(kea_.Reload());  // so that the next read is timed
    clock_.Advance(absl::Seconds(1));
    EXPECT_EQ(PollAndRead(each), "reload");
    const absl::Duration time = absl::Hours(2);
    const int reads = ReadsWithin(time, each);
    EXPECT_GT(reads, 0);
    EXPECT_LE(reads * each, 0.002 * time) << each;
  }
}

TEST_F(AuditTest, SaysItIsACommand) {
  kea_.ChangeInProcess(Hooked("libdhcp_class_cmds.so"));
  clock_.Advance(absl::Seconds(5));
  EXPECT_EQ(Poll(), "command");
}

TEST_F(AuditTest, EndsWhenAReloadTakesTheCommandsAway) {
  EXPECT_TRUE(kea_.Set(std::string(kPlain)));
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(PollAndRead(), "reload");
  EXPECT_EQ(ReadsWithin(absl::Minutes(10)), 0);
}

TEST_F(KeaSourceTest, AuditsBeginWhenAReloadBringsTheCommands) {
  EXPECT_TRUE(kea_.Set(Hooked("libdhcp_subnet_cmds.so")));
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(PollAndRead(), "reload");
  EXPECT_GT(ReadsWithin(absl::Minutes(10)), 0);
}

class HashAuditTest : public AuditTest {
 protected:
  HashAuditTest() : AuditTest("2.6.3") {}
};

TEST_F(HashAuditTest, AsksForTheHashInsteadOfTheConfiguration) {
  EXPECT_EQ(ReadsWithin(absl::Minutes(10)), 0);
  EXPECT_GT(kea_.Accepted("config-hash-get"), 1u);
}

TEST_F(HashAuditTest, NoticesACommandOnce) {
  kea_.ChangeInProcess(R"({"Dhcp4":{"valid-lifetime":9}})");
  EXPECT_EQ(ReadsWithin(absl::Minutes(1)), 1);
}

TEST_F(HashAuditTest, NoticesACommandDuringTheRead) {
  EXPECT_TRUE(kea_.Reload());
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(Poll(), "reload");
  ReadWhile([this] { kea_.ChangeInProcess(R"({"Dhcp4":{"valid-lifetime":9}})"); });
  clock_.Advance(absl::Minutes(1));
  EXPECT_EQ(Poll(), "command");
}

TEST_F(HashAuditTest, HashingTakesLessThanAFiveHundredthOfTheTime) {
  const absl::Duration each = absl::Milliseconds(400);
  kea_.before_command = [&](std::string_view command) {
    if (command == "config-hash-get") clock_.Advance(each);
    return FakeKea::Fault::kNone;
  };
  const size_t before = kea_.Accepted("config-hash-get");
  const absl::Duration time = absl::Hours(2);
  (void)ReadsWithin(time);
  EXPECT_LE(static_cast<int64_t>(kea_.Accepted("config-hash-get") - before) * each, 0.0021 * time);
}

}  // namespace
}  // namespace nestor::watch
