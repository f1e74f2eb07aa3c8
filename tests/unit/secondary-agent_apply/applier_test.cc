#include "tests/unit/secondary-agent_apply/applier_fixture.h"

namespace nestor::secondary {
namespace {

using config::Kind;
using ::testing::Contains;
using ::testing::ElementsAre;
using testing::FakeKea;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST_F(ApplierTest, AppliesAChangeAndWritesItDown) {
  const ApplyResult result = ApplyThird();
  EXPECT_EQ(result.outcome, Outcome::kApplied) << result.text;
  EXPECT_TRUE(result.sent);
  EXPECT_EQ(result.text, "");
  EXPECT_TRUE(Has({1, 2, 3}));
  EXPECT_EQ(result.actual->Digest(), kea_.Objects().Digest());
  EXPECT_EQ(kea_.Accepted("config-set"), 1u);
}

TEST_F(ApplierTest, AppliesSeveralChangesAsOne) {
  Target target = ChangeFrom({1, 2}, {1, 2, 3});
  const Target second = ChangeFrom({1, 2, 3}, {2, 3, 4});
  target.changes.push_back(second.changes.front());
  target.digest_after = second.digest_after;
  EXPECT_EQ(Apply(target).outcome, Outcome::kApplied);
  EXPECT_TRUE(Has({2, 3, 4}));
  EXPECT_EQ(kea_.Accepted("config-set"), 1u);
}

TEST_F(ApplierTest, AppliesAWholeWhateverWasThere) {
  EXPECT_EQ(Apply(Whole(ObjectsOf(Config({5, 6})))).outcome, Outcome::kApplied);
  EXPECT_TRUE(Has({5, 6}));
}

TEST_F(ApplierTest, AppliesAWholeOnlyOverWhatItIsMeantToReplace) {
  Target target = Whole(ObjectsOf(Config({7})));
  target.digest_before = ObjectsOf(Config({1})).Digest();
  target.only_from_before = true;
  EXPECT_EQ(Apply(target).outcome, Outcome::kDiffersBefore);
  EXPECT_THAT(Writes(), IsEmpty());
  target.digest_before = ObjectsOf(Config({1, 2})).Digest();
  EXPECT_EQ(Apply(target).outcome, Outcome::kApplied);
  EXPECT_TRUE(Has({7}));
}

TEST_F(ApplierTest, LeavesWhatBelongsToTheServerAsItWas) {
  EXPECT_EQ(Apply(Whole(ObjectsOf(Config({1, 3}, R"("lease-database":{"type":"mysql"})")))).outcome,
            Outcome::kApplied);
  EXPECT_THAT(kea_.running(), HasSubstr(std::string(kOwn)));
  EXPECT_THAT(kea_.running(), Not(HasSubstr("mysql")));
}

TEST_F(ApplierTest, TestsAndKeepsTheIntentBeforeTheFirstWrite) {
  EXPECT_EQ(ApplyThird().outcome, Outcome::kApplied);
  EXPECT_THAT(arrived_at_intent_, Contains("config-test"));
  EXPECT_THAT(arrived_at_intent_, Not(Contains("config-set")));
  EXPECT_THAT(Writes(), ElementsAre("config-set"));
}

// Kea 3.0 opens HA's listener no more after a test.
TEST_F(ApplierTest, SetsWithoutATestWhereThatDoesHarm) {
  const std::string own = std::string(kOwn) + R"(,"control-sockets":[])";
  ASSERT_TRUE(kea_.Set(Config({1, 2}, own)));
  EXPECT_EQ(ApplyThird().outcome, Outcome::kApplied);
  EXPECT_THAT(kea_.arrived(), Not(Contains("config-test")));
  EXPECT_THAT(Writes(), ElementsAre("config-set"));
}

TEST_F(ApplierTest, SendsNothingIfTheIntentCannotBeKept) {
  intent_ = absl::InternalError("disk full");
  const ApplyResult result = ApplyThird();
  EXPECT_EQ(result.outcome, Outcome::kUnreachable);
  EXPECT_FALSE(result.sent);
  EXPECT_THAT(result.text, HasSubstr("disk full"));
  EXPECT_THAT(Writes(), IsEmpty());
}

TEST_F(ApplierTest, SendsNothingWhereNothingDiffers) {
  const ApplyResult result = Apply(ChangeFrom({1}, {1, 2}));
  EXPECT_EQ(result.outcome, Outcome::kUnchanged);
  EXPECT_FALSE(result.sent);
  EXPECT_THAT(Writes(), IsEmpty());
}

TEST_F(ApplierTest, SendsNothingWhereKeaHasSomethingElse) {
  EXPECT_TRUE(kea_.Set(Config({1, 2, 9})));
  const ApplyResult result = ApplyThird();
  EXPECT_EQ(result.outcome, Outcome::kDiffersBefore);
  EXPECT_FALSE(result.sent);
  EXPECT_EQ(result.actual->Digest(), ObjectsOf(Config({1, 2, 9})).Digest());
  EXPECT_THAT(Writes(), IsEmpty());
}

TEST_F(ApplierTest, HoldsALargeRemoval) {
  hold_ = {.percent = 20, .minimum = 0};
  Target target = ChangeFrom({1, 2}, {1});
  const ApplyResult result = Apply(target);
  EXPECT_EQ(result.outcome, Outcome::kHeld);
  EXPECT_EQ(result.subnets_removed, 1u);
  EXPECT_THAT(result.text, HasSubstr("1 of 2 subnets"));
  EXPECT_THAT(kea_.arrived(), Not(Contains("config-test")));
  EXPECT_THAT(Writes(), IsEmpty());
  target.removal_approved = true;
  EXPECT_EQ(Apply(target).outcome, Outcome::kApplied);
}

TEST_F(ApplierTest, SendsNothingThatContradictsItsDigest) {
  Target target = ChangeFrom({1, 2}, {1, 2, 3});
  target.digest_after[0] ^= 1;
  const ApplyResult result = Apply(target);
  EXPECT_EQ(result.outcome, Outcome::kDigestMismatch);
  EXPECT_FALSE(result.sent);
  EXPECT_THAT(Writes(), IsEmpty());
  // Neither where it would change nothing.
  target.changes.clear();
  EXPECT_EQ(Apply(target).outcome, Outcome::kDigestMismatch);
  EXPECT_THAT(kea_.arrived(), Not(Contains("config-test")));
}

TEST_F(ApplierTest, MirrorsToNoKeaWithAConfigBackend) {
  EXPECT_TRUE(
      kea_.Set(Config({1, 2}, R"("config-control":{"config-databases":[{"type":"postgresql"}]})")));
  const ApplyResult result = ApplyThird();
  EXPECT_EQ(result.outcome, Outcome::kRefused);
  EXPECT_THAT(result.text, HasSubstr("postgresql"));
  EXPECT_THAT(Writes(), IsEmpty());
}

TEST_F(ApplierTest, MirrorsToNoKeaWithSeveralPartners) {
  EXPECT_TRUE(kea_.Set(Config({1, 2}, R"("hooks-libraries":[{"library":"libdhcp_ha.so",
      "parameters":{"high-availability":[{"mode":"hot-standby"},{"mode":"hot-standby"}]}}])")));
  const ApplyResult result = ApplyThird();
  EXPECT_EQ(result.outcome, Outcome::kRefused);
  EXPECT_THAT(result.text, HasSubstr("2 relationships"));
  EXPECT_THAT(Writes(), IsEmpty());
}

TEST_F(ApplierTest, NamesWhatKeaReportsOtherwise) {
  kea_.SetNormalisation([](std::string config) {
    const size_t at = config.find("10.0.3.0/24");
    return at == std::string::npos ? config : config.replace(at, 11, "10.0.3.0/25");
  });
  const ApplyResult result = ApplyThird();
  EXPECT_EQ(result.outcome, Outcome::kDigestMismatch);
  EXPECT_EQ(result.object, (config::ObjectId{Kind::kSubnet, "3"}));
  EXPECT_THAT(result.text, HasSubstr("1 objects otherwise (subnet 10.0.3.0/24 (id 3))"));
  EXPECT_EQ(result.actual->Digest(), kea_.Objects().Digest());
}

TEST_F(ApplierTest, NamesWhatKeaHasBesides) {
  kea_.SetNormalisation([](const std::string&) { return Config({1, 2, 3}); });
  const ApplyResult result = Apply(ChangeFrom({1, 2}, {1}));
  EXPECT_EQ(result.outcome, Outcome::kDigestMismatch);
  EXPECT_EQ(result.object, (config::ObjectId{Kind::kSubnet, "2"}));
}

TEST_F(ApplierTest, SendsNothingToAKeaThatIsAway) {
  kea_.Crash();
  const ApplyResult result = ApplyThird();
  EXPECT_EQ(result.outcome, Outcome::kUnreachable);
  EXPECT_FALSE(result.sent);
  EXPECT_EQ(result.actual, nullptr);
  EXPECT_THAT(result.text, HasSubstr("kea-b"));
}

TEST_F(ApplierTest, SendsNothingAfterAnAnswerThatWasCutOff) {
  kea_.Fail(FakeKea::Fault::kCutOff, 1, "config-get");
  EXPECT_EQ(ApplyThird().outcome, Outcome::kUnreachable);
  EXPECT_THAT(Writes(), IsEmpty());
}

TEST_F(ApplierTest, SendsNothingIfTheTestIsNotAnswered) {
  for (const auto fault : {FakeKea::Fault::kHang, FakeKea::Fault::kLate, FakeKea::Fault::kClosed}) {
    kea_.Fail(fault, 1, "config-test");
    EXPECT_EQ(ApplyThird().outcome, Outcome::kUnreachable);
  }
  EXPECT_THAT(Writes(), IsEmpty());
}

TEST_F(ApplierTest, ItsOwnChangeIsNoNewsToTheSource) {
  EXPECT_EQ(ApplyThird().outcome, Outcome::kApplied);
  EXPECT_FALSE(source_->Poll().changed);
}

TEST_F(ApplierTest, AFailedReadIsStillDue) {
  EXPECT_EQ(ApplyThird().outcome, Outcome::kApplied);
  kea_.Fail(FakeKea::Fault::kCutOff, 1, "config-get");
  EXPECT_EQ(ApplyThird().outcome, Outcome::kUnreachable);
  EXPECT_TRUE(source_->Poll().changed);
}

}  // namespace
}  // namespace nestor::secondary
