// Comparing and observing, which change nothing (docs/protocol.md, "Drift and repair").

#include "common/base/status.h"
#include "tests/unit/common_protocol/follower_fixture.h"

namespace nestor::protocol {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

class CompareTest : public FollowerTest {
 protected:
  CompareTest() { stream.Add(Subnets({1, 2, 3})); }

  // The agent was away while Kea came to read `set`.
  void RestartWith(SetPtr set, v1::Join join = v1::CONTINUE) {
    Restart();
    Local(std::move(set), "start");
    Hear(stream.Heartbeat());
    Hear(stream.Welcome(join));
  }
  void Compare(const std::string& id) { Resync(v1::COMPARE, id); }
  // So much that more buckets differ than a repairing walk follows.
  static SetPtr Large() {
    auto set = std::make_shared<config::ObjectSet>();
    for (int i = 0; i < 5000; ++i) {
      set->Put(Subnet(i + 10), "{}");
      set->Put({config::Kind::kClientClass, fmt::format("c{}", i)}, "{}");
      set->Put({config::Kind::kGlobal, fmt::format("g{}", i)}, "{}");
    }
    (void)set->Digest();
    return set;
  }
};

// -- comparing

TEST_F(CompareTest, AComparisonReportsAndChangesNothing) {
  Follow();
  Reachable(false);
  Compare("c1");
  EXPECT_EQ(reads, 1);
  Local(Subnets({1, 2, 99}));
  Walk();
  ASSERT_THAT(compared, SizeIs(1));
  EXPECT_TRUE(compared[0].status.ok());
  EXPECT_EQ(compared[0].request_id, "c1");
  EXPECT_EQ(compared[0].report.only_on_primary(0).key(), "3");
  EXPECT_EQ(compared[0].report.only_on_secondary(0).key(), "99");
  EXPECT_FALSE(order.has_value());
}

TEST_F(CompareTest, EqualConfigurationsCompareInOneQuestion) {
  Follow();
  Compare("c1");
  Local(kea);
  EXPECT_EQ(Walk(), 1);
  ASSERT_THAT(compared, SizeIs(1));
  EXPECT_TRUE(compared[0].report.same());
}

TEST_F(CompareTest, AComparisonOfEverythingIsPossible) {
  Follow();
  Reachable(false);
  Compare("c1");
  Local(Large());
  Walk(2000);
  ASSERT_THAT(compared, SizeIs(1));
  EXPECT_TRUE(compared[0].status.ok()) << compared[0].status;
  EXPECT_EQ(compared[0].report.only_on_secondary_size(), 15000);
}

TEST_F(CompareTest, ALocalChangeDuringAComparisonSpoilsNothing) {
  Follow();
  Reachable(false);
  Compare("c1");
  Local(Subnets({1, 2, 99}));
  Walk(2);
  Local(Subnets({}));
  Walk();
  ASSERT_THAT(compared, SizeIs(1));
  EXPECT_EQ(compared[0].report.only_on_secondary(0).key(), "99");
}

TEST_F(CompareTest, EachComparisonIsAnswered) {
  Follow();
  Compare("c1");
  Compare("c2");
  Local(kea);
  Walk();
  ASSERT_THAT(compared, SizeIs(2));
  EXPECT_EQ(compared[0].request_id, "c1");
  EXPECT_FALSE(compared[0].status.ok());
  EXPECT_EQ(compared[1].request_id, "c2");
  EXPECT_TRUE(compared[1].status.ok());
}

TEST_F(CompareTest, AComparisonWithoutAReadIsAnswered) {
  Follow();
  Compare("c1");
  Pass(absl::Minutes(1));
  ASSERT_THAT(compared, SizeIs(1));
  EXPECT_FALSE(compared[0].status.ok());
}

TEST_F(CompareTest, AComparisonWithoutThePrimaryIsAnswered) {
  Follow();
  Restart();
  Local(Subnets({1, 99}), "start");  // what the primary had is not known any more
  Pass(absl::Seconds(5), false);
  Compare("c1");
  Local(kea);
  ASSERT_THAT(compared, SizeIs(1));
  EXPECT_TRUE(absl::IsUnavailable(compared[0].status));
}

TEST_F(CompareTest, ARepairWaitsForAComparisonUnderWay) {
  Follow();
  Restart();
  Local(Subnets({1, 2, 3}), "start");
  Hear(stream.Heartbeat());
  Hear(stream.Welcome(v1::CONTINUE));
  Compare("c1");
  Local(Subnets({1, 2, 3}));
  Resync(v1::VERIFY);
  Local(Subnets({1, 2, 3}));
  Walk();
  EXPECT_THAT(compared, SizeIs(1));
  Tick();
  Walk();
  Finish();
  EXPECT_EQ(Announced(), "resync STARTED, resync COMPLETED");
}

// -- observing

class ObservingTest : public CompareTest {
 protected:
  ObservingTest() { observe = true; }

  void Observe(SetPtr local) {
    Local(std::move(local));
    Hear(stream.Heartbeat());
    Hear(stream.Welcome(v1::SNAPSHOT));
    ASSERT_EQ(State(), "FOLLOW");
  }
};

TEST_F(ObservingTest, DifferencesAreReportedOnceAndNothingIsApplied) {
  Observe(Subnets({1, 2, 99}));
  Walk();
  EXPECT_EQ(Announced(), "drift reported");
  EXPECT_THAT(follower->last_error(), HasSubstr("2 objects differ"));
  EXPECT_TRUE(follower->HasDrift());
  Pass(absl::Minutes(5));
  EXPECT_EQ(Walk(), 0);
  EXPECT_FALSE(order.has_value());
  EXPECT_EQ(Count(v1::Envelope::kSyncRequest), 0);
}

TEST_F(ObservingTest, EqualServersAreAckedAsApplied) {
  Observe(Subnets({1, 2, 3}));
  EXPECT_EQ(follower->applied(), 1u);
  EXPECT_FALSE(follower->HasDrift());
  EXPECT_EQ(Walk(), 0);
}

TEST_F(ObservingTest, GapsMeanNothing) {
  Observe(Subnets({1, 2, 3}));
  stream.Add(Subnets({4}));
  stream.Add(Subnets({5}));
  Publish(Subnets({6}));
  EXPECT_EQ(follower->head(), 4u);
  EXPECT_EQ(State(), "FOLLOW");
  Walk();
  EXPECT_EQ(Announced(), "drift reported");
  EXPECT_FALSE(order.has_value());
}

TEST_F(ObservingTest, ServersThatDifferInAlmostEverythingAreNotWalkedInCircles) {
  Observe(Large());
  EXPECT_LT(Walk(500), 20);
  EXPECT_EQ(Announced(), "drift reported");
  Pass(absl::Seconds(20));
  EXPECT_EQ(Walk(500), 0);
}

TEST_F(ObservingTest, APrimaryThatDoesNotAnswerIsAskedSeldom) {
  Observe(Subnets({9}));
  Pass(absl::Minutes(10));
  EXPECT_LT(Count(v1::Envelope::kTreeRequest), 100);
}

TEST_F(ObservingTest, AResyncIsAborted) {
  Observe(Subnets({9}));
  for (const auto mode : {v1::RESYNC_SNAPSHOT, v1::VERIFY, v1::RESYNC_REPLAY}) {
    announced.clear();
    Resync(mode, v1::ResyncMode_Name(mode));
    EXPECT_EQ(Announced(), "resync STARTED, resync ABORTED");
  }
  Local(kea);
  Walk();
  EXPECT_FALSE(order.has_value());
}

TEST_F(ObservingTest, MirroringBeginsWhenObservingEnds) {
  Observe(Subnets({9}));
  Do(follower->SetObserve(false, now));
  Hear(stream.Welcome(v1::SNAPSHOT));
  Transfer(stream.SnapshotAt(1));
  Finish();
  EXPECT_EQ(DigestOf(kea), stream.head_digest());
}

TEST_F(CompareTest, NothingMoreIsAppliedOnceOnlyObserving) {
  Follow();
  RestartWith(Subnets({1, 2, 99}));
  Walk(2);
  Do(follower->SetObserve(true, now));
  Hear(stream.Welcome(v1::CONTINUE));
  Walk();
  Publish(Subnets({7}));
  Walk();
  EXPECT_FALSE(order.has_value());
}

TEST_F(CompareTest, ObservingDoesNotLiftAFence) {
  Follow();
  v1::Envelope fenced = stream.Envelope(0);
  fenced.mutable_fenced()->set_text("two primaries");
  Hear(fenced);
  Do(follower->SetObserve(true, now));
  EXPECT_EQ(State(), "FENCED");
}

}  // namespace
}  // namespace nestor::protocol
