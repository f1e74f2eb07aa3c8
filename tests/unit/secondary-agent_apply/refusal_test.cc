#include "tests/unit/secondary-agent_apply/applier_fixture.h"

namespace nestor::secondary {
namespace {

using config::Kind;
using config::ObjectId;
using ::testing::ElementsAre;
using testing::FakeKea;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// A change of two subnets, so that only the position can tell which one is meant.
class RefusalTest : public ApplierTest {
 protected:
  explicit RefusalTest(std::string version = "2.2.0") : ApplierTest(std::move(version)) {}
  ApplyResult ApplyTwo() { return Apply(ChangeFrom({1, 2}, {1, 2, 3, 4})); }

  // Kea counts from the brace on, so that is where the object begins for it.
  const FakeKea::Rule against_third_ = Against(R"({"id":3,)", "no");
  const FakeKea::Rule against_fourth_ = Against(R"("id":4,)", "no such pool");
};

TEST_F(RefusalTest, ARefusedTestLeavesEverythingAsItWas) {
  kea_.SetRules(against_fourth_);
  const ApplyResult result = ApplyTwo();
  EXPECT_EQ(result.outcome, Outcome::kRefused);
  EXPECT_FALSE(result.sent);
  EXPECT_EQ(result.kea_result, 1);
  EXPECT_THAT(result.kea_text, HasSubstr("no such pool (<wire>:0:"));
  EXPECT_EQ(result.object, (ObjectId{Kind::kSubnet, "4"}));
  EXPECT_THAT(result.text, HasSubstr("change 7/1042: Kea on kea-b refused subnet 10.0.4.0/24 (id "
                                     "4): no such pool"));
  EXPECT_THAT(result.text, HasSubstr("Nothing of it was applied; kea-b serves what it served"));
  EXPECT_THAT(Writes(), IsEmpty());
  EXPECT_TRUE(arrived_at_intent_.empty());
  EXPECT_TRUE(kea_.ServesDhcp());
}

TEST_F(RefusalTest, CountsInTheCommandThatWasRefused) {
  // One byte before the object is still the comma: config-test is a byte longer than config-set.
  kea_.SetRules(against_third_);
  EXPECT_EQ(ApplyTwo().object, (ObjectId{Kind::kSubnet, "3"}));
  kea_.SetRules({}, against_third_);
  EXPECT_EQ(ApplyTwo().object, (ObjectId{Kind::kSubnet, "3"}));
}

TEST_F(RefusalTest, ARefusedSetIsFollowedByTheLastGoodConfiguration) {
  kea_.SetRules({}, against_fourth_);
  const std::string before = kea_.running();
  const ApplyResult result = ApplyTwo();
  EXPECT_EQ(result.outcome, Outcome::kRefused) << result.text;
  EXPECT_TRUE(result.sent);
  EXPECT_EQ(result.object, (ObjectId{Kind::kSubnet, "4"}));
  EXPECT_THAT(result.text, HasSubstr("was put back; kea-b serves what it served before"));
  EXPECT_THAT(Writes(), ElementsAre("config-set", "config-set"));
  EXPECT_EQ(kea_.Accepted("config-set"), 1u);
  EXPECT_EQ(kea_.running(), before);
  EXPECT_TRUE(Has({1, 2}));
  EXPECT_EQ(result.actual->Digest(), kea_.Objects().Digest());
  clock_.Advance(absl::Minutes(1));
  EXPECT_TRUE(kea_.ServesDhcp());
}

TEST_F(RefusalTest, NothingComesBetweenTheRefusalAndThePuttingBack) {
  kea_.SetRules({}, against_fourth_);
  EXPECT_EQ(ApplyTwo().outcome, Outcome::kRefused);
  const std::vector<std::string> arrived = kea_.arrived();
  const auto first = std::find(arrived.begin(), arrived.end(), "config-set");
  ASSERT_NE(first, arrived.end());
  EXPECT_EQ(*(first + 1), "config-set");
}

class NewerKeaTest : public RefusalTest {
 protected:
  NewerKeaTest() : RefusalTest("2.6.3") {}
};

TEST_F(NewerKeaTest, PutsBackWithoutTheHash) {
  kea_.SetRules({}, against_fourth_);
  const ApplyResult result = ApplyTwo();
  EXPECT_EQ(result.outcome, Outcome::kRefused) << result.text;
  EXPECT_EQ(kea_.Accepted("config-set"), 1u);
}

// A process that was killed between a config-set and Kea's refusal leaves a Kea that reports the
// configuration of before and serves nothing.
class CutOffTest : public RefusalTest {
 protected:
  CutOffTest() {
    kea_.SetRules({}, [](std::string_view) { return std::string("no"); });
    (void)kea_.Send("config-set", Config({1, 2, 3}), absl::Seconds(1));
    kea_.SetRules({}, {});
    EXPECT_FALSE(kea_.ServesDhcp());
    applier_.Suspect(ObjectsOf(Config({1, 2, 3})).Digest());
  }
};

TEST_F(CutOffTest, WhatKeaRunsIsSetAgainThoughNothingDiffers) {
  const ApplyResult result = Apply(Whole(ObjectsOf(Config({1, 2}))));
  EXPECT_EQ(result.outcome, Outcome::kUnchanged);
  EXPECT_FALSE(result.sent) << "the change itself was there already";
  EXPECT_EQ(kea_.Accepted("config-set"), 1u);
  clock_.Advance(absl::Minutes(1));
  EXPECT_TRUE(kea_.ServesDhcp());
  EXPECT_EQ(Apply(Whole(ObjectsOf(Config({1, 2})))).outcome, Outcome::kUnchanged);
  EXPECT_EQ(kea_.Accepted("config-set"), 1u);
}

TEST_F(CutOffTest, WhatKeaRunsIsSetAgainThoughTheChangeIsRefused) {
  kea_.SetRules(against_fourth_, {});
  EXPECT_EQ(ApplyTwo().outcome, Outcome::kRefused);
  clock_.Advance(absl::Minutes(1));
  EXPECT_TRUE(kea_.ServesDhcp());
}

TEST_F(CutOffTest, AGoodChangeAloneBringsKeaBack) {
  EXPECT_EQ(ApplyThird().outcome, Outcome::kApplied);
  EXPECT_EQ(kea_.Accepted("config-set"), 1u);
}

TEST_F(CutOffTest, AKeaThatCannotBeBroughtBackIsSaidToBeBroken) {
  kea_.SetRules({}, [](std::string_view) { return std::string("no address to listen on"); });
  const ApplyResult result = Apply(Whole(ObjectsOf(Config({1, 2}))));
  EXPECT_EQ(result.outcome, Outcome::kUnknown);  // and tried again
  EXPECT_THAT(result.text, HasSubstr("cut off in the middle"));
  EXPECT_THAT(result.text, HasSubstr("Restart Kea"));
  kea_.SetRules({}, {});
  EXPECT_EQ(Apply(Whole(ObjectsOf(Config({1, 2})))).outcome, Outcome::kUnchanged);
  EXPECT_EQ(kea_.Accepted("config-set"), 1u);
}

TEST_F(RefusalTest, AnEarlierApplyThatTookPlaceIsNotSetAgain) {
  applier_.Suspect(ObjectsOf(Config({1, 2})).Digest());
  EXPECT_EQ(Apply(Whole(ObjectsOf(Config({1, 2})))).outcome, Outcome::kUnchanged);
  EXPECT_THAT(Writes(), IsEmpty());
}

TEST_F(RefusalTest, AKeaThatRefusesItsOwnConfigurationTooIsBroken) {
  kea_.SetRules({}, [](std::string_view) { return std::string("no address to listen on"); });
  const ApplyResult result = ApplyTwo();
  EXPECT_EQ(result.outcome, Outcome::kServiceBroken);
  EXPECT_THAT(result.text, HasSubstr("DHCP on kea-b may not be served. Restart Kea"));
  EXPECT_THAT(result.text, Not(HasSubstr("serves what it served")));
  EXPECT_FALSE(kea_.ServesDhcp());
}

TEST_F(RefusalTest, AKeaWithoutItsHooksIsBroken) {
  kea_.SetRules({}, against_fourth_);
  kea_.before_answer = [&](std::string_view command) {
    if (command == "config-set") kea_.Harm(FakeKea::Damage::kNoHooks, true);
  };
  const ApplyResult result = ApplyTwo();
  EXPECT_EQ(result.outcome, Outcome::kServiceBroken);
  EXPECT_THAT(result.text, HasSubstr("the command ha-heartbeat is gone"));
}

TEST_F(RefusalTest, AKeaWithoutItsLeasesIsBroken) {
  kea_.SetRules({}, against_fourth_);
  kea_.before_answer = [&](std::string_view command) {
    if (command == "config-set") kea_.Harm(FakeKea::Damage::kNoLeases, true);
  };
  const ApplyResult result = ApplyTwo();
  EXPECT_EQ(result.outcome, Outcome::kServiceBroken);
  EXPECT_THAT(result.text, HasSubstr("no current lease manager"));
}

TEST_F(RefusalTest, DamageThatTheLastGoodConfigurationMendsIsNone) {
  for (const auto damage : {FakeKea::Damage::kNoHooks, FakeKea::Damage::kNoLeases}) {
    kea_.SetDamage(damage);
    kea_.SetRules({}, against_fourth_);
    EXPECT_EQ(ApplyTwo().outcome, Outcome::kRefused);
  }
}

TEST_F(RefusalTest, AKeaThatLocksTheAgentOutIsBroken) {
  kea_.SetDamage(FakeKea::Damage::kLockedOut);
  kea_.SetRules({}, against_fourth_);
  const ApplyResult result = ApplyTwo();
  EXPECT_EQ(result.outcome, Outcome::kServiceBroken);
  EXPECT_EQ(result.actual, nullptr);
}

// ---- Kea falls silent at config-set.

TEST_F(RefusalTest, ASilentKeaThatHasTheChangeHasAppliedIt) {
  for (const auto fault :
       {FakeKea::Fault::kLate, FakeKea::Fault::kCutOff, FakeKea::Fault::kClosed}) {
    EXPECT_TRUE(kea_.Set(Config({1, 2})));
    kea_.Fail(fault, 1, "config-set");
    const ApplyResult result = ApplyTwo();
    EXPECT_EQ(result.outcome, Outcome::kApplied) << result.text;
    EXPECT_TRUE(Has({1, 2, 3, 4}));
  }
}

TEST_F(RefusalTest, ASilentKeaThatMayHaveRefusedGetsTheLastGoodConfiguration) {
  for (const auto fault :
       {FakeKea::Fault::kLate, FakeKea::Fault::kCutOff, FakeKea::Fault::kClosed}) {
    kea_.Forget();
    kea_.SetRules({}, against_fourth_);
    kea_.Fail(fault, 1, "config-set");
    const ApplyResult result = ApplyTwo();
    EXPECT_EQ(result.outcome, Outcome::kUnknown);
    EXPECT_EQ(result.actual->Digest(), ObjectsOf(Config({1, 2})).Digest());
    EXPECT_THAT(Writes(), ElementsAre("config-set", "config-set"));
    clock_.Advance(absl::Minutes(1));
    EXPECT_TRUE(kea_.ServesDhcp());
  }
}

TEST_F(RefusalTest, ASilentKeaThatCannotTakeTheLastGoodConfigurationIsBroken) {
  kea_.SetRules({}, [](std::string_view) { return std::string("no"); });
  kea_.Fail(FakeKea::Fault::kCutOff, 1, "config-set");
  EXPECT_EQ(ApplyTwo().outcome, Outcome::kServiceBroken);
}

TEST_F(RefusalTest, AKeaThatNeverHeardOfItIsLeftAlone) {
  kea_.Fail(FakeKea::Fault::kUnavailable, 1, "config-set");
  const ApplyResult result = ApplyTwo();
  EXPECT_EQ(result.outcome, Outcome::kUnknown);
  EXPECT_THAT(Writes(), IsEmpty());
}

TEST_F(RefusalTest, AKeaThatDiesOverItIsWaitedForAWhile) {
  int asked = 0;
  kea_.before_answer = [&](std::string_view command) {
    if (command == "config-set" && asked == 0) kea_.Crash();
  };
  kea_.before_command = [&](std::string_view command) {
    if (!kea_.up() && command == "config-get" && ++asked == 10) kea_.Restart();
    return FakeKea::Fault::kNone;
  };
  const ApplyResult result = ApplyTwo();
  // It is back with its file, in which the change was not.
  EXPECT_EQ(result.outcome, Outcome::kUnknown);
  ASSERT_NE(result.actual, nullptr);
  EXPECT_EQ(result.actual->Digest(), ObjectsOf(Config({1, 2})).Digest());
}

TEST_F(RefusalTest, AKeaThatStaysAwayIsUnknown) {
  kea_.before_answer = [&](std::string_view command) {
    if (command == "config-set") kea_.Crash();
  };
  const Instant began = clock_.Now();
  const ApplyResult result = ApplyTwo();
  EXPECT_EQ(result.outcome, Outcome::kUnknown);
  EXPECT_TRUE(result.sent);
  EXPECT_EQ(result.actual, nullptr);
  EXPECT_LT(clock_.Now() - began, absl::Minutes(3));
}

TEST_F(RefusalTest, AnAcceptedChangeThatCannotBeReadBackIsUnknown) {
  int reads = 0;
  kea_.before_command = [&](std::string_view command) {
    return command == "config-get" && ++reads > 1 ? FakeKea::Fault::kHang : FakeKea::Fault::kNone;
  };
  const ApplyResult result = ApplyTwo();
  EXPECT_EQ(result.outcome, Outcome::kUnknown);
  EXPECT_EQ(result.actual, nullptr);
  EXPECT_TRUE(Has({1, 2, 3, 4}));
  EXPECT_TRUE(source_->Poll().changed);
}

TEST_F(RefusalTest, AHangingKeaIsWaitedForNoLongerThanPromised) {
  kea_.Fail(FakeKea::Fault::kLate, 1, "config-set");
  int reads = 0;
  kea_.before_command = [&](std::string_view command) {
    return command == "config-get" && ++reads > 1 ? FakeKea::Fault::kHang : FakeKea::Fault::kNone;
  };
  const Instant began = clock_.Now();
  EXPECT_EQ(ApplyTwo().outcome, Outcome::kUnknown);
  EXPECT_GT(reads, 1);
  EXPECT_LT(clock_.Now() - began, absl::Minutes(3));
}

}  // namespace
}  // namespace nestor::secondary
