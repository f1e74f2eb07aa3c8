// Refusals and holds (docs/protocol.md, "Ack and nack", "Drift and repair").

#include "tests/unit/common_protocol/follower_fixture.h"

namespace nestor::protocol {
namespace {

using Kind = ApplyEnd::Kind;

class RefusalTest : public FollowerTest {
 protected:
  RefusalTest() { stream.Add(Subnets({1})); }

  v1::Nack Nack() const {
    const v1::Envelope* envelope = Last(v1::Envelope::kNack);
    return envelope == nullptr ? v1::Nack() : envelope->nack();
  }
  // Follows with change 2 published and refused.
  void Refuse(Kind kind = Kind::kRefused) {
    Follow();
    Publish(Subnets({1, 2}));
    FinishAs(kind, "Kea said no");
  }
  // As after a restart of the agent, joined again.
  void Rejoin(v1::Join join) {
    Restart();
    Local(kea, "start");
    Hear(stream.Heartbeat());
    Hear(stream.Welcome(join));
  }
};

// -- refusals

TEST_F(RefusalTest, ARefusalIsNackedAndRemembered) {
  Refuse();
  EXPECT_EQ(State(), "REJECTED");
  EXPECT_EQ(Nack().nack_class(), v1::REJECTED_CONFIG);
  EXPECT_EQ(Nack().text(), "Kea said no");
  EXPECT_FALSE(Nack().retryable());
  EXPECT_EQ(Nack().active_sequence(), 1u);
  EXPECT_EQ(Nack().active_digest(), stream.DigestAt(1));
  EXPECT_EQ(Last(v1::Envelope::kNack)->sequence(), 2u);
  EXPECT_EQ(memory.refused_digest, stream.DigestAt(2));
}

TEST_F(RefusalTest, DriftIsThereUntilItIsPutBackAndARefusedChangeIsNone) {
  Refuse();
  EXPECT_FALSE(follower->HasDrift());
  Local(Subnets({1, 77}));
  EXPECT_TRUE(follower->HasDrift());
  FinishAs(Kind::kRefused);
  EXPECT_TRUE(follower->HasDrift()) << "Kea does not take it back";
  Local(Subnets({1}));
  EXPECT_FALSE(follower->HasDrift());
}

TEST_F(RefusalTest, ARefusedTargetIsNotTriedAgainByItself) {
  Refuse();
  Pass(absl::Minutes(10));
  EXPECT_FALSE(order.has_value());
  Rejoin(v1::REPLAY);
  Transfer(stream.ReplayFrom(2, 2));
  Pass(absl::Minutes(1));
  EXPECT_FALSE(order.has_value());
  EXPECT_EQ(State(), "REJECTED");
  EXPECT_EQ(follower->last_error(), "Kea said no");
}

TEST_F(RefusalTest, ANewerTargetIsTriedAndClearsTheRefusal) {
  Refuse();
  Publish(Subnets({1, 3}));
  ASSERT_TRUE(order.has_value());
  Finish();
  EXPECT_EQ(State(), "FOLLOW");
  EXPECT_EQ(memory.refused_digest, "");
  EXPECT_EQ(follower->last_error(), "");
}

TEST_F(RefusalTest, AReturnToWhatServesEndsTheRefusal) {
  Refuse();
  Publish(Subnets({1}));
  ASSERT_TRUE(order.has_value());
  Finish();
  EXPECT_EQ(State(), "FOLLOW");
}

TEST_F(RefusalTest, AnOperatorsResyncTriesARefusedTargetAgain) {
  Refuse();
  Resync(v1::RESYNC_SNAPSHOT);
  EXPECT_TRUE(order.has_value());
  Transfer(stream.SnapshotAt(2));
  Finish();
  if (order.has_value()) Finish();
  EXPECT_EQ(State(), "FOLLOW");
  EXPECT_EQ(Announced(), "resync STARTED, resync COMPLETED");
}

TEST_F(RefusalTest, BrokenServicesAndMismatchesAreRefusalsOfTheirOwnClass) {
  Refuse(Kind::kServiceBroken);
  EXPECT_EQ(Nack().nack_class(), v1::SERVICE_BROKEN);
  EXPECT_EQ(State(), "REJECTED");
  Publish(Subnets({1, 3}));
  FinishAs(Kind::kDigestMismatch);
  EXPECT_EQ(Nack().nack_class(), v1::DIGEST_MISMATCH);
  EXPECT_EQ(State(), "REJECTED");
}

TEST_F(RefusalTest, AfterAMismatchTheLastGoodConfigurationIsPutBack) {
  Follow();
  Publish(Subnets({1, 2}));
  kea = Subnets({1, 2, 99});
  FinishAs(Kind::kDigestMismatch);
  ASSERT_TRUE(order.has_value());
  EXPECT_EQ(order->position.sequence, 1u);
  Finish();
  EXPECT_EQ(State(), "REJECTED");
  EXPECT_EQ(DigestOf(kea), stream.DigestAt(1));
}

TEST_F(RefusalTest, WhileASnapshotStandsRefusedDriftIsPutBack) {
  Follow();
  Resync(v1::RESYNC_SNAPSHOT);
  stream.Add(Subnets({1, 2}));
  Transfer(stream.SnapshotAt(2));
  FinishAs(Kind::kRefused);
  Local(Subnets({1, 77}));
  ASSERT_TRUE(order.has_value());
  EXPECT_EQ(order->position.sequence, 1u);
  Finish();
  EXPECT_EQ(State(), "REJECTED");
}

TEST_F(RefusalTest, AfterARestartNotPersistedIsMendedWithoutTryingWhatWasRefused) {
  Follow();
  Publish(Subnets({1, 2}));
  FinishAs(Kind::kRefused);
  memory.persisted = false;
  Rejoin(v1::REPLAY);
  EXPECT_TRUE(memory.persisted);
  Transfer(stream.ReplayFrom(2, 2));
  EXPECT_FALSE(order.has_value());
  EXPECT_EQ(State(), "REJECTED");
}

// -- held

TEST_F(RefusalTest, AHeldChangeWaitsForAPerson) {
  Follow();
  Publish(Subnets({}));
  FinishAs(Kind::kHeld, "removes all");
  EXPECT_EQ(State(), "HELD");
  EXPECT_EQ(follower->held_sequence(), 2u);
  EXPECT_EQ(Nack().nack_class(), v1::LOCAL_POLICY);
  Pass(absl::Minutes(10));
  EXPECT_FALSE(order.has_value());
  EXPECT_TRUE(absl::IsFailedPrecondition(Decide(3, true)));
  EXPECT_TRUE(Decide(2, true).ok());
  ASSERT_TRUE(order.has_value());
  EXPECT_TRUE(order->approved);
  EXPECT_EQ(memory.approved_sequence, 2u);
  Finish();
  EXPECT_EQ(State(), "FOLLOW");
}

TEST_F(RefusalTest, ARejectedChangePausesUntilAResync) {
  Follow();
  Publish(Subnets({}));
  FinishAs(Kind::kHeld);
  EXPECT_TRUE(Decide(2, false).ok());
  EXPECT_EQ(State(), "PAUSED");
  EXPECT_TRUE(memory.paused);
  Publish(Subnets({1, 2}));
  Pass(absl::Minutes(1));
  EXPECT_FALSE(order.has_value());
  Rejoin(v1::REPLAY);
  Transfer(stream.ReplayFrom(2, 3));
  EXPECT_EQ(State(), "PAUSED");
  EXPECT_FALSE(order.has_value());
  Resync(v1::RESYNC_SNAPSHOT);
  Transfer(stream.SnapshotAt(3));
  EXPECT_FALSE(memory.paused);
  while (order.has_value()) Finish();
  EXPECT_EQ(State(), "FOLLOW");
}

TEST_F(RefusalTest, APauseEndsByItselfWhenThePrimaryComesBackToWhatServes) {
  Follow();
  Publish(Subnets({}));
  FinishAs(Kind::kHeld);
  EXPECT_TRUE(Decide(2, false).ok());
  Publish(Subnets({1}));
  EXPECT_FALSE(memory.paused);
  ASSERT_TRUE(order.has_value());
  Finish();
  EXPECT_EQ(State(), "FOLLOW");
}

TEST_F(RefusalTest, ANewerTargetIsTriedWhileOneIsHeld) {
  Follow();
  Publish(Subnets({}));
  FinishAs(Kind::kHeld);
  Publish(Subnets({1, 2}));
  ASSERT_TRUE(order.has_value());
  EXPECT_EQ(order->position.sequence, 3u);
  EXPECT_FALSE(order->approved);
  Finish();
  EXPECT_EQ(State(), "FOLLOW");
}

TEST_F(RefusalTest, ApprovalIsForTheChangeApprovedAndNoLaterOne) {
  Follow();
  Publish(Subnets({}));
  FinishAs(Kind::kHeld);
  Reachable(false);
  Publish(Subnets({9}));
  EXPECT_TRUE(Decide(2, true).ok());
  Reachable(true);
  EXPECT_EQ(order->position.sequence, 2u);
  EXPECT_TRUE(order->approved);
  Finish();
  EXPECT_EQ(order->position.sequence, 3u);
  EXPECT_FALSE(order->approved);
}

TEST_F(RefusalTest, AHeldSnapshotIsApprovedAlsoWhenChangesFollowedIt) {
  Local(Subnets({5, 6, 7}));
  Hear(stream.Heartbeat());
  Hear(stream.Welcome(v1::SNAPSHOT));
  Transfer(stream.SnapshotAt(1));
  FinishAs(Kind::kHeld);
  Reachable(false);
  Publish(Subnets({1, 2}));
  EXPECT_TRUE(Decide(1, true).ok());
  Reachable(true);
  ASSERT_TRUE(order.has_value());
  EXPECT_EQ(order->position.sequence, 1u);
  EXPECT_TRUE(order->approved);
  Finish();
  Finish();
  EXPECT_EQ(follower->position().sequence, 2u);
}

}  // namespace
}  // namespace nestor::protocol
