// The apply: targets, intents, waits, acks, resyncs (docs/protocol.md, "Following", "Ack and
// nack").

#include "tests/unit/common_protocol/follower_fixture.h"

namespace nestor::protocol {
namespace {

using ::testing::ElementsAre;
using Kind = ApplyEnd::Kind;

class ApplyingTest : public FollowerTest {
 protected:
  ApplyingTest() { stream.Add(Subnets({1})); }

  v1::Nack Nack() const {
    const v1::Envelope* envelope = Last(v1::Envelope::kNack);
    return envelope == nullptr ? v1::Nack() : envelope->nack();
  }
  // As after a restart of the agent, joined again.
  void Rejoin(v1::Join join) {
    Restart();
    Local(kea, "start");
    Hear(stream.Heartbeat());
    Hear(stream.Welcome(join));
  }
};

// -- targets

TEST_F(ApplyingTest, OneOrderAtATimeAndTheNewestTargetNext) {
  Follow();
  Publish(Subnets({1, 2}));
  Publish(Subnets({1, 3}));
  Publish(Subnets({1, 4}));
  Publish(Subnets({1, 5}));
  EXPECT_EQ(order->position.sequence, 2u);
  Finish();
  EXPECT_EQ(order->position.sequence, 5u);
  EXPECT_THAT(order->superseded, ElementsAre(3, 4));
  Finish();
  Pass(absl::Milliseconds(200), false);
  EXPECT_EQ(Last(v1::Envelope::kAck)->ack().applied(), 5u);
}

TEST_F(ApplyingTest, SupersededChangesAreToldOnce) {
  Follow();
  Reachable(false);
  for (int i = 0; i < 4; ++i) Publish(Subnets({1, 2 + i}));
  Reachable(true);
  Finish();
  Pass(absl::Seconds(3));
  std::vector<uint64_t> told;
  for (const v1::Envelope& one : sent) {
    if (one.has_ack()) {
      told.insert(told.end(), one.ack().superseded().begin(), one.ack().superseded().end());
    }
  }
  EXPECT_THAT(told, ElementsAre(2, 3, 4));
}

TEST_F(ApplyingTest, WhereTheDigestIsRightAlreadyTheWholeIsLeftAlone) {
  Local(Subnets({1}));
  Hear(stream.Heartbeat());
  Hear(stream.Welcome(v1::SNAPSHOT));
  Transfer(stream.SnapshotAt(1));
  ASSERT_TRUE(order.has_value());
  EXPECT_EQ(DigestOf(order->base), DigestOf(kea));
  Finish();
  EXPECT_EQ(follower->applied(), 1u);
}

TEST_F(ApplyingTest, NothingIsAppliedBeforeKeaWasRead) {
  Hear(stream.Heartbeat());
  Hear(stream.Welcome(v1::SNAPSHOT));
  Transfer(stream.SnapshotAt(1));
  EXPECT_FALSE(order.has_value());
  Local(Subnets({}));
  EXPECT_TRUE(order.has_value());
}

// -- the intent

TEST_F(ApplyingTest, AfterACrashKeaAtTheIntentIsRecordedAsApplied) {
  Follow();
  Publish(Subnets({1, 2}));
  memory.intent = order->position;
  kea = Subnets({1, 2});  // and then the agent died
  Rejoin(v1::REPLAY);
  EXPECT_EQ(Announced(), "");
  Transfer(stream.ReplayFrom(2, 2));
  ASSERT_TRUE(order.has_value());
  EXPECT_EQ(order->base, kea) << "nothing is to be sent to Kea";
  Finish();
  EXPECT_EQ(follower->position().sequence, 2u);
}

TEST_F(ApplyingTest, AfterACrashNothingOlderThanTheIntentIsApplied) {
  Follow();
  Publish(Subnets({1, 2}));
  Publish(Subnets({1, 3}));
  memory.intent = Position{stream.id, stream.term, 3, stream.DigestAt(3)};
  kea = Subnets({1, 9});  // half done, or changed since
  Rejoin(v1::REPLAY);
  Transfer(stream.ReplayFrom(2, 2));
  EXPECT_FALSE(order.has_value());
  Transfer(stream.ReplayFrom(3, 3));
  while (Count(v1::Envelope::kTreeRequest) > 0) Walk();
  ASSERT_TRUE(order.has_value());
  EXPECT_EQ(order->position.sequence, 3u);
  Finish();
  EXPECT_EQ(follower->position().sequence, 3u);
}

TEST_F(ApplyingTest, TheIntentOutlastsTheFileOfWhatCameBeforeIt) {
  Follow();
  Publish(Subnets({1, 2}));
  memory.intent = order->position;
  memory.persisted = false;
  hold_file = true;
  Restart();
  Local(kea);
  EXPECT_FALSE(persist.has_value()) << "Kea may run the intent by now";
  stream.sets.erase(2);  // an old copy of the journal
  ++stream.term;
  Hear(stream.Heartbeat());
  Hear(stream.Welcome(v1::CONTINUE));
  EXPECT_EQ(State(), "FENCED");
}

TEST_F(ApplyingTest, ASilentKeaIsReadBeforeAnythingElse) {
  Follow();
  Publish(Subnets({1, 2}));
  FinishAs(Kind::kUnknown);
  EXPECT_EQ(Nack().nack_class(), v1::TIMEOUT_UNKNOWN);
  EXPECT_TRUE(Nack().retryable());
  EXPECT_FALSE(order.has_value());
  Local(Subnets({1, 2}));  // it had taken it
  EXPECT_EQ(Announced(), "");
  Pass(absl::Seconds(2));
  ASSERT_TRUE(order.has_value());
  EXPECT_EQ(order->base, kea);
  Finish();
  EXPECT_EQ(follower->position().sequence, 2u);
}

TEST_F(ApplyingTest, WhatASilentKeaTookIsNoDriftAlsoWhenANewerTargetCame) {
  Follow();
  Publish(Subnets({1, 2}));
  FinishAs(Kind::kUnknown);
  Publish(Subnets({1, 3}));
  kea = Subnets({1, 2});  // it had taken it; nobody has read it yet
  Pass(absl::Seconds(2));
  Finish();
  EXPECT_EQ(Announced(), "");
  Finish();
  EXPECT_EQ(follower->position().sequence, 3u);
}

// The version that Kea took is on the way to what it refuses: going back would be older.
TEST_F(ApplyingTest, ARefusalDoesNotUndoWhatASilentKeaTook) {
  Follow();
  Publish(Subnets({1, 2}));
  FinishAs(Kind::kUnknown);
  Publish(Subnets({1, 3}));
  kea = Subnets({1, 2});
  Pass(absl::Seconds(2));
  Finish();  // differs from what the order was made for
  ASSERT_EQ(order->position.sequence, 3u);
  FinishAs(Kind::kRefused);
  ASSERT_TRUE(order.has_value());
  EXPECT_EQ(order->position.sequence, 2u);
  EXPECT_EQ(order->base, kea);
  Finish();
  EXPECT_FALSE(order.has_value());
  EXPECT_EQ(follower->position().sequence, 2u);
  EXPECT_EQ(State(), "REJECTED");
}

// -- waits

TEST_F(ApplyingTest, AnUnreachableKeaIsTriedAgainEverMoreSeldom) {
  Follow();
  Publish(Subnets({1, 2}));
  int tries = 0;
  for (int tenth = 0; tenth < 6000; ++tenth) {
    if (order.has_value()) {
      FinishAs(Kind::kUnreachable);
      ++tries;
    }
    Pass(absl::Milliseconds(100));
  }
  EXPECT_THAT(tries, ::testing::AllOf(::testing::Ge(12), ::testing::Le(25)));
  EXPECT_EQ(Count(v1::Envelope::kNack), 1);
  EXPECT_EQ(Nack().nack_class(), v1::UNREACHABLE);
}

TEST_F(ApplyingTest, AKeaThatAnswersAgainIsGivenItsTargetAtOnce) {
  Follow();
  Publish(Subnets({1, 2}));
  FinishAs(Kind::kUnreachable);
  Reachable(false);
  Pass(absl::Minutes(5));
  EXPECT_FALSE(order.has_value());
  Reachable(true);
  EXPECT_TRUE(order.has_value());
}

// -- acks

TEST_F(ApplyingTest, NewsIsAckedWithin100MillisecondsAndGathered) {
  Follow();
  Pass(absl::Milliseconds(500), false);
  sent.clear();
  for (int i = 0; i < 50; ++i) {
    Publish(Subnets({1, 2 + i}));
    if (order.has_value()) Finish();
  }
  EXPECT_LE(Count(v1::Envelope::kAck), 2);
  Pass(absl::Milliseconds(100), false);
  EXPECT_LE(Count(v1::Envelope::kAck), 3);
  EXPECT_EQ(Last(v1::Envelope::kAck)->ack().applied(), 51u);
}

TEST_F(ApplyingTest, WhatWasAppliedIsAckedAtOnceThoughItsReceiptWasAckedJustNow) {
  Follow();
  Pass(absl::Milliseconds(500), false);
  Publish(Subnets({1, 2}));
  ASSERT_TRUE(order.has_value());
  Finish();
  EXPECT_EQ(Last(v1::Envelope::kAck)->ack().applied(), 2u);
}

TEST_F(ApplyingTest, WithoutNewsItAcksEachSecond) {
  Follow();
  Pass(absl::Seconds(10));
  EXPECT_THAT(Count(v1::Envelope::kAck), ::testing::AllOf(::testing::Ge(9), ::testing::Le(12)));
}

TEST_F(ApplyingTest, ReceivedIsAckedWhenItIsDurable) {
  Follow();
  Reachable(false);
  Publish(Subnets({1, 2}));
  Pass(absl::Milliseconds(200), false);
  const v1::Ack& ack = Last(v1::Envelope::kAck)->ack();
  EXPECT_EQ(ack.received(), 2u);
  EXPECT_EQ(ack.applied(), 1u);
}

TEST_F(ApplyingTest, ASnapshotIsReceivedWhenItIsApplied) {
  Local(Subnets({}));
  Hear(stream.Heartbeat());
  Hear(stream.Welcome(v1::SNAPSHOT));
  Transfer(stream.SnapshotAt(1));
  EXPECT_EQ(follower->received(), 0u);
  Finish();
  EXPECT_EQ(follower->received(), 1u);
}

// -- resync

TEST_F(ApplyingTest, AResyncIsStartedAndCompletedOnce) {
  Follow();
  Resync(v1::RESYNC_SNAPSHOT, "one");
  Resync(v1::RESYNC_SNAPSHOT, "one");
  EXPECT_EQ(Count(v1::Envelope::kSyncRequest), 1);
  Transfer(stream.SnapshotAt(1));
  Finish();
  EXPECT_EQ(Announced(), "resync STARTED, resync COMPLETED");
  Forget(v1::Envelope::kSyncRequest);
  Resync(v1::RESYNC_SNAPSHOT, "one");
  EXPECT_EQ(Count(v1::Envelope::kSyncRequest), 0);
  EXPECT_EQ(Announced(), "resync STARTED, resync COMPLETED");
}

TEST_F(ApplyingTest, AResyncIsNotCompletedByWhatWasUnderWayBefore) {
  Follow();
  Publish(Subnets({1, 2}));
  Resync(v1::RESYNC_SNAPSHOT);
  Transfer(stream.SnapshotAt(2));
  Finish();
  EXPECT_EQ(Announced(), "resync STARTED");
  Finish();
  EXPECT_EQ(Announced(), "resync STARTED, resync COMPLETED");
}

TEST_F(ApplyingTest, AResyncThatIsRefusedIsAborted) {
  Follow();
  stream.Add(Subnets({1, 2}));
  Resync(v1::RESYNC_SNAPSHOT);
  Transfer(stream.SnapshotAt(2));
  FinishAs(Kind::kRefused);
  EXPECT_EQ(Announced(), "resync STARTED, resync ABORTED");
}

TEST_F(ApplyingTest, AResyncAsksWhenTheLinkIsBackIfItIsBroken) {
  Follow();
  Pass(absl::Seconds(4), false);
  Resync(v1::RESYNC_SNAPSHOT);
  Hear(stream.Heartbeat());
  Hear(stream.Welcome(v1::CONTINUE));
  Transfer(stream.SnapshotAt(1));
  Finish();
  EXPECT_EQ(Announced(), "resync STARTED, resync COMPLETED");
}

TEST_F(ApplyingTest, AReplayResyncCompletesAlsoWhenNothingIsMissing) {
  Follow();
  Pass(absl::Seconds(4), false);
  Resync(v1::RESYNC_REPLAY);
  Hear(stream.Heartbeat());
  Hear(stream.Welcome(v1::CONTINUE));
  if (order.has_value()) Finish();
  EXPECT_EQ(Announced(), "resync STARTED, resync COMPLETED");
}

}  // namespace
}  // namespace nestor::protocol
