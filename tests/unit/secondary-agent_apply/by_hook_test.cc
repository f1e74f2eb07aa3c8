#include "tests/unit/secondary-agent_apply/applier_fixture.h"

namespace nestor::secondary {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::string_view kWithHook =
    R"("hooks-libraries":[{"library":"/hooks/libdhcp_nestor.so"},)"
    R"({"library":"/hooks/libdhcp_lease_cmds.so"},)"
    R"({"library":"/hooks/libdhcp_ha.so","parameters":{"high-availability":[)"
    R"({"mode":"hot-standby","this-server-name":"kea-b"}]}}])";

// An applier at a Kea that has the hook library loaded.
class ByHookTest : public ApplierTest {
 protected:
  ByHookTest() {
    EXPECT_TRUE(kea_.Set(Config({1, 2}, kWithHook)));
    (void)kea_.Send("config-write", {}, absl::Seconds(1));
    clock_.Advance(absl::Minutes(1));
    kea_.Forget();
  }
};

TEST_F(ByHookTest, ChangesOneObjectAndLeavesHaAlone) {
  const ApplyResult result = ApplyThird();
  EXPECT_EQ(result.outcome, Outcome::kApplied);
  EXPECT_EQ(result.by, ApplyBy::kHook);
  EXPECT_TRUE(result.sent);
  EXPECT_TRUE(Has({1, 2, 3}));
  EXPECT_THAT(kea_.arrived(), Contains("nestor-apply"));
  for (const char* disruptive : {"config-get", "config-test", "config-set"}) {
    EXPECT_THAT(kea_.arrived(), Not(Contains(disruptive)));
  }
}

TEST_F(ByHookTest, TheIntentComesFirst) {
  (void)ApplyThird();
  EXPECT_THAT(arrived_at_intent_, Not(Contains("nestor-apply")));
}

TEST_F(ByHookTest, WithoutTheIntentNothingIsSent) {
  intent_ = absl::UnavailableError("the disk is full");
  const ApplyResult result = ApplyThird();
  EXPECT_EQ(result.outcome, Outcome::kUnreachable);
  EXPECT_TRUE(Has({1, 2}));
}

TEST_F(ByHookTest, TheSecondChangeIsSentWithoutAReadBefore) {
  (void)ApplyThird();
  const size_t slices = kea_.Accepted("nestor-get"), polls = kea_.Accepted("status-get");
  const ApplyResult result = Apply(ChangeFrom({1, 2, 3}, {1, 2, 3, 4}));
  EXPECT_EQ(result.outcome, Outcome::kApplied);
  EXPECT_TRUE(Has({1, 2, 3, 4}));
  EXPECT_EQ(kea_.Accepted("nestor-get"), slices);
  EXPECT_EQ(kea_.Accepted("status-get"), polls);
}

TEST_F(ByHookTest, WhereKeaHasSomethingElseMeanwhileItIsRead) {
  (void)ApplyThird();
  kea_.ChangeInProcess(Config({1, 2, 3, 9}, kWithHook));
  const ApplyResult result = Apply(ChangeFrom({1, 2, 3}, {1, 2, 3, 4}));
  EXPECT_EQ(result.outcome, Outcome::kDiffersBefore);
  EXPECT_TRUE(Has({1, 2, 3, 9}));
}

TEST_F(ByHookTest, AKeaThatIsGoneWasSentNothing) {
  (void)ApplyThird();
  kea_.Crash();
  const ApplyResult result = Apply(ChangeFrom({1, 2, 3}, {1, 2, 3, 4}));
  EXPECT_EQ(result.outcome, Outcome::kUnreachable);
  EXPECT_FALSE(result.sent);
}

TEST_F(ByHookTest, ARefusalNamesTheObjectAndChangesNothing) {
  kea_.SetRules(Against("10.0.3.0", "that subnet is taken"));
  const ApplyResult result = ApplyThird();
  EXPECT_EQ(result.outcome, Outcome::kRefused);
  EXPECT_EQ(result.object, (config::ObjectId{config::Kind::kSubnet, "3"}));
  EXPECT_THAT(result.text, HasSubstr("subnet 10.0.3.0/24 (id 3)"));
  EXPECT_THAT(result.text, HasSubstr("that subnet is taken"));
  EXPECT_THAT(result.text, HasSubstr("kea-b serves what it served before"));
  EXPECT_TRUE(Has({1, 2}));
  EXPECT_THAT(Writes(), ElementsAre());
}

TEST_F(ByHookTest, WhatOnlyAConfigSetChangesGoesByConfigSet) {
  config::ObjectSet wanted = ObjectsOf(Config({1, 2}));
  wanted.Put({config::Kind::kGlobal, "dhcp4o6-port"}, "600");
  const ApplyResult result = Apply(Whole(wanted));
  EXPECT_EQ(result.outcome, Outcome::kApplied);
  EXPECT_EQ(result.by, ApplyBy::kConfigSet);
  EXPECT_THAT(Writes(), ElementsAre("config-set"));
}

TEST_F(ByHookTest, AConfigSetBehindAChangeByTheLibraryReadsTheText) {
  (void)ApplyThird();
  config::ObjectSet before = ObjectsOf(Config({1, 2, 3})), after = before;
  after.Put({config::Kind::kGlobal, "dhcp4o6-port"}, "600");
  Target target;
  target.label = "change 7/1043";
  target.changes = {config::Diff(before, after)};
  target.digest_before = before.Digest();
  target.digest_after = after.Digest();
  const ApplyResult result = Apply(target);
  EXPECT_EQ(result.outcome, Outcome::kApplied);
  EXPECT_EQ(result.by, ApplyBy::kConfigSet);
}

TEST_F(ByHookTest, AChangeByHandInBetweenIsNotOverwritten) {
  kea_.before_command = [this, done = false](std::string_view command) mutable {
    if (command == "nestor-apply" && !std::exchange(done, true)) {
      kea_.ChangeInProcess(Config({1, 2, 9}, kWithHook));
    }
    return testing::FakeKea::Fault::kNone;
  };
  const ApplyResult result = ApplyThird();
  EXPECT_EQ(result.outcome, Outcome::kDiffersBefore);
  EXPECT_TRUE(Has({1, 2, 9}));
}

TEST_F(ByHookTest, AnEarlierIntentCostsNoRestartOfHa) {
  applier_.Suspect(ObjectsOf(Config({1, 2, 7})).Digest());
  const ApplyResult result = ApplyThird();
  EXPECT_EQ(result.outcome, Outcome::kApplied);
  EXPECT_EQ(result.by, ApplyBy::kHook);
  EXPECT_THAT(Writes(), ElementsAre());
}

TEST_F(ByHookTest, SilenceIsFoundOutAboutByReading) {
  kea_.Fail(testing::FakeKea::Fault::kCutOff, 1, "nestor-apply");
  const ApplyResult result = ApplyThird();
  EXPECT_EQ(result.outcome, Outcome::kApplied);
  EXPECT_TRUE(Has({1, 2, 3}));
  EXPECT_THAT(Writes(), ElementsAre());
}

}  // namespace
}  // namespace nestor::secondary
