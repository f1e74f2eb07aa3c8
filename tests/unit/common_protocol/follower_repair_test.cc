// Drift and its repair (docs/protocol.md, "Drift and repair").

#include "tests/unit/common_protocol/follower_fixture.h"

namespace nestor::protocol {
namespace {

using ::testing::SizeIs;
using Kind = ApplyEnd::Kind;

class RepairTest : public FollowerTest {
 protected:
  RepairTest() { stream.Add(Subnets({1, 2, 3})); }

  // The agent was away while Kea came to read `set`.
  void RestartWith(SetPtr set, v1::Join join = v1::CONTINUE) {
    Restart();
    Local(std::move(set), "start");
    Hear(stream.Heartbeat());
    Hear(stream.Welcome(join));
  }
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

TEST_F(RepairTest, DriftIsReportedWithItsContentAndPutBack) {
  Follow();
  Local(Subnets({1, 2, 99}));
  ASSERT_THAT(announced, SizeIs(1));
  EXPECT_EQ(Announced(), "drift repairing");
  EXPECT_EQ(announced[0].upserted(0).key(), "99");
  EXPECT_EQ(announced[0].removed(0).key(), "3");
  ASSERT_TRUE(order.has_value());
  EXPECT_TRUE(order->approved);
  Finish();
  EXPECT_EQ(DigestOf(kea), stream.head_digest());
  EXPECT_EQ(State(), "FOLLOW");
}

TEST_F(RepairTest, DriftThatCannotBePutBackIsTriedOncePerNews) {
  Follow();
  Local(Subnets({1}));
  FinishAs(Kind::kRefused);
  EXPECT_EQ(State(), "REJECTED");
  Pass(absl::Minutes(10));
  EXPECT_FALSE(order.has_value());
  Local(Subnets({2}));
  EXPECT_TRUE(order.has_value());
}

TEST_F(RepairTest, AChangeAndDriftAtOnceAreOneStep) {
  Follow();
  Reachable(false);
  Publish(Subnets({1, 2, 3, 4}));
  Local(Subnets({1, 99}));
  Reachable(true);
  Finish();
  EXPECT_EQ(follower->position().sequence, 2u);
  EXPECT_EQ(DigestOf(kea), stream.head_digest());
}

TEST_F(RepairTest, DriftFoundAtTheStartIsLocatedByTheTree) {
  Follow();
  RestartWith(Subnets({1, 2, 99}));
  EXPECT_EQ(State(), "VERIFY");
  EXPECT_EQ(Walk(), 4);  // root, kind, two buckets
  EXPECT_EQ(Announced(), "drift repairing");
  ASSERT_TRUE(order.has_value());
  EXPECT_TRUE(order->approved) << "only what a person added is removed";
  Finish();
  EXPECT_EQ(DigestOf(kea), stream.head_digest());
  EXPECT_EQ(State(), "FOLLOW");
}

TEST_F(RepairTest, AWalkIsBegunAgainWhenThePrimaryMoves) {
  Follow();
  RestartWith(Subnets({1, 2, 99}));
  Walk(2);
  Publish(Subnets({1, 2, 3, 4}));
  Walk();
  ASSERT_TRUE(order.has_value());
  EXPECT_EQ(order->position.sequence, 2u);
  Finish();
  EXPECT_EQ(DigestOf(kea), stream.head_digest());
}

TEST_F(RepairTest, AWalkDoesNotPassOverAChangeThatDidNotCome) {
  Follow();
  RestartWith(Subnets({1, 2, 99}));
  stream.Add(Subnets({1, 2, 3, 4}));
  Walk();
  EXPECT_FALSE(order.has_value());
  Hear(stream.Change(2));
  Walk();
  ASSERT_TRUE(order.has_value());
  EXPECT_EQ(order->position.sequence, 2u);
  Finish();
  EXPECT_EQ(DigestOf(kea), stream.head_digest());
}

TEST_F(RepairTest, AWalkThatIsNotAnsweredGivesWayToASnapshot) {
  Follow();
  RestartWith(Subnets({1, 2, 99}));
  Pass(absl::Seconds(30));
  EXPECT_EQ(State(), "SNAPSHOT");
  Transfer(stream.SnapshotAt(1));
  Finish();
  EXPECT_EQ(DigestOf(kea), stream.head_digest());
}

TEST_F(RepairTest, AWalkThatMeetsTooManyBucketsGivesWayToASnapshot) {
  Follow();
  RestartWith(Large());
  Walk();
  EXPECT_EQ(State(), "SNAPSHOT");
}

TEST_F(RepairTest, SnapshotsThatNobodyAskedForAreRareAndHoldUpNoChange) {
  Follow();
  RestartWith(Large());
  int snapshots = 0;
  for (int tenth = 0; tenth < 18000; ++tenth) {
    Pass(absl::Milliseconds(100));
    Walk();
    if (Count(v1::Envelope::kSyncRequest) == 0) continue;
    ++snapshots;
    Transfer(stream.SnapshotAt(stream.head()));
    Forget(v1::Envelope::kSyncRequest);
    ASSERT_TRUE(order.has_value());
    kea = Large();
    FinishAs(Kind::kDiffersBefore);
    while (order.has_value()) FinishAs(Kind::kDigestMismatch);
    Publish(Subnets({1, 2, tenth + 10}));
  }
  EXPECT_LE(snapshots, 15);
}

TEST_F(RepairTest, ALateReplyToAnEarlierWalkIsNotBelieved) {
  Follow();
  RestartWith(Subnets({1, 2, 99}));
  const v1::Envelope late = stream.TreeReply(Last(v1::Envelope::kTreeRequest)->tree_request());
  Pass(absl::Milliseconds(5100));
  Publish(Subnets({1, 2, 3, 4}));
  Hear(late);
  Walk();
  ASSERT_TRUE(order.has_value());
  EXPECT_EQ(order->position.digest, stream.head_digest());
  Finish();
  EXPECT_EQ(State(), "FOLLOW");
}

TEST_F(RepairTest, TreeRepliesOfALowerTermOrAnotherStreamMeanNothing) {
  stream.term = 5;
  Follow();
  RestartWith(Subnets({1, 2, 99}));
  const auto request = Last(v1::Envelope::kTreeRequest)->tree_request();
  StreamDouble old = stream, other('b', 5);
  old.term = 4;
  other.sets = stream.sets;
  Hear(old.TreeReply(request));
  Hear(other.TreeReply(request));
  EXPECT_EQ(Count(v1::Envelope::kTreeRequest), 1);
}

TEST_F(RepairTest, ALocalChangeDuringAWalkIsFoundByTheApply) {
  Follow();
  RestartWith(Subnets({1, 2, 99}));
  Walk(2);
  Local(Subnets({1, 55}));
  Walk();
  ASSERT_TRUE(order.has_value());
  Finish();
  EXPECT_EQ(DigestOf(kea), stream.head_digest());
  EXPECT_EQ(State(), "FOLLOW");
  EXPECT_THAT(kept_changes, SizeIs(2)) << "as it was found, and as it was replaced";
}

TEST_F(RepairTest, AWalkThatFailsWhileFencedLeavesTheFence) {
  Follow();
  RestartWith(Subnets({1, 2, 99}));
  v1::Envelope fenced = stream.Envelope(0);
  fenced.mutable_fenced()->set_text("two primaries");
  Hear(fenced);
  Pass(absl::Minutes(2));
  EXPECT_EQ(State(), "FENCED");
  EXPECT_EQ(Count(v1::Envelope::kSyncRequest), 0);
}

// Without the position's configuration in memory only the head can be walked to, which is what
// Kea refused.
TEST_F(RepairTest, DriftFoundAtTheStartWhileTheHeadIsRefusedDoesNotWalkInCircles) {
  Follow();
  Publish(Subnets({1, 2, 3, 4}));
  FinishAs(Kind::kRefused);
  RestartWith(Subnets({1, 99}), v1::REPLAY);
  Transfer(stream.ReplayFrom(2, 2));
  EXPECT_LT(Walk(200), 10);
  Pass(absl::Seconds(10));
  EXPECT_LT(Walk(200), 10);
  EXPECT_EQ(State(), "REJECTED");
}

TEST_F(RepairTest, DriftFoundAtTheStartWhileTheHeadWasRefusedIsRepairedByTheNextChange) {
  Follow();
  Publish(Subnets({1, 2, 3, 4}));
  FinishAs(Kind::kRefused);
  RestartWith(Subnets({1, 99}), v1::REPLAY);
  Transfer(stream.ReplayFrom(2, 2));
  Walk(200);
  ASSERT_EQ(State(), "REJECTED");
  Publish(Subnets({1, 2, 3}));
  Pass(absl::Seconds(2));
  Walk();
  ASSERT_TRUE(order.has_value());
  EXPECT_EQ(order->position.sequence, 3u);
  Finish();
  EXPECT_EQ(State(), "FOLLOW");
}

TEST_F(RepairTest, DriftFoundAtTheStartWhileTheHeadIsHeldIsNotTriedInCircles) {
  Follow();
  Publish(Subnets({}));
  FinishAs(Kind::kHeld);
  RestartWith(Subnets({1, 99}), v1::REPLAY);
  Transfer(stream.ReplayFrom(2, 2));
  int orders = 0;
  for (int i = 0; i < 20; ++i) {
    Walk(50);
    if (order.has_value()) {
      ++orders;
      FinishAs(Kind::kHeld);
    }
    Pass(absl::Seconds(1));
  }
  EXPECT_EQ(orders, 1);
  EXPECT_EQ(State(), "HELD");
  ASSERT_TRUE(Decide(2, true).ok());
  Walk();
  ASSERT_TRUE(order.has_value());
  EXPECT_TRUE(order->approved);
}

TEST_F(RepairTest, AVerifyingResyncRepairsWhatDiffersAndCompletes) {
  Follow();
  Resync(v1::VERIFY);
  EXPECT_EQ(reads, 1);
  Local(Subnets({1, 2, 3}));
  EXPECT_EQ(State(), "VERIFY");
  Walk();
  Finish();
  EXPECT_EQ(Announced(), "resync STARTED, resync COMPLETED");
}

TEST_F(RepairTest, AVerifyingResyncWaitsForTheLink) {
  Follow();
  Pass(absl::Seconds(5), false);
  Resync(v1::VERIFY);
  Hear(stream.Heartbeat());
  Hear(stream.Welcome(v1::CONTINUE));
  Local(kea);
  Walk();
  Finish();
  EXPECT_EQ(Announced(), "resync STARTED, resync COMPLETED");
}

TEST_F(RepairTest, AReadThatKeaOwesIsAskedForAgainWhenItAnswers) {
  Follow();
  Reachable(false);
  Resync(v1::VERIFY);
  Reachable(true);
  EXPECT_EQ(reads, 2);
}

}  // namespace
}  // namespace nestor::protocol
