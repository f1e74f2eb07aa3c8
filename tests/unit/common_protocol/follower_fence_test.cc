// Fencing: a follower that must not follow, and how that ends (docs/protocol.md, "Joining").

#include "tests/unit/common_protocol/follower_fixture.h"

namespace nestor::protocol {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Kind = ApplyEnd::Kind;

class FenceTest : public LinkTest {
 protected:
  // The primary comes back with a journal that ends before what may be in Kea.
  void FenceByAnOlderJournal() {
    Follow();
    Publish(Subnets({1, 2, 3}));
    FinishAs(Kind::kUnknown);
    FenceByHead(2);
  }
  // The primary comes back with a journal that ends at `head`.
  void FenceByHead(uint64_t head) {
    PrimaryRestarts();
    stream.sets.erase(stream.sets.upper_bound(head), stream.sets.end());
    Hear(stream.Heartbeat());
    Hear(stream.Welcome(v1::CONTINUE));
    ASSERT_EQ(State(), "FENCED");
  }
  void ResyncToAnOlderJournal() {
    FenceByHead(1);
    Resync(v1::RESYNC_SNAPSHOT);
    Hear(stream.Welcome(v1::CONTINUE));
    ASSERT_EQ(State(), "SNAPSHOT");
  }
};

TEST_F(FenceTest, ARefusalFencesUntilAHigherTermIsHeard) {
  Hear(stream.Heartbeat());
  v1::Envelope refused = stream.Welcome(v1::REFUSED);
  refused.mutable_welcome()->set_text("go away");
  Hear(refused);
  EXPECT_EQ(State(), "FENCED");
  EXPECT_EQ(follower->last_error(), "go away");
}

TEST_F(FenceTest, APublisherThatSaysItIsFencedIsNotAskedAgain) {
  Follow();
  v1::Envelope fenced = stream.Envelope(0);
  fenced.mutable_fenced()->set_text("two primaries");
  Hear(fenced);
  EXPECT_EQ(State(), "FENCED");
  EXPECT_EQ(Announced(), "fenced FENCED");
  sent.clear();
  Pass(absl::Minutes(1));
  EXPECT_EQ(Count(v1::Envelope::kHello), 0);
}

TEST_F(FenceTest, AHigherTermLiftsTheFenceAndTheReasonIsForgotten) {
  Follow();
  v1::Envelope fenced = stream.Envelope(0);
  fenced.mutable_fenced()->set_text("two primaries");
  Hear(fenced);
  PrimaryRestarts();
  Hear(stream.Heartbeat());
  Hear(stream.Welcome(v1::CONTINUE));
  EXPECT_EQ(State(), "FOLLOW");
  EXPECT_EQ(follower->last_error(), "");
}

TEST_F(FenceTest, AJournalThatEndsBeforeThePositionFencesForGood) {
  Follow();
  PrimaryRestarts();
  stream.sets.erase(2);
  Hear(stream.Heartbeat());
  Hear(stream.Welcome(v1::REPLAY));
  EXPECT_EQ(State(), "FENCED");
  EXPECT_THAT(follower->last_error(), HasSubstr("an old copy of the journal was restored"));
  sent.clear();
  Pass(absl::Minutes(1));
  EXPECT_EQ(State(), "FENCED");
  EXPECT_EQ(Count(v1::Envelope::kHello), 0);
}

TEST_F(FenceTest, AJournalThatEndsBeforeTheIntentFences) {
  Follow();
  Publish(Subnets({1, 2, 3}));
  FinishAs(Kind::kUnknown);
  Restart();
  Local(kea);
  PrimaryRestarts();
  stream.sets.erase(3);
  Hear(stream.Heartbeat());
  Hear(stream.Welcome(v1::CONTINUE));
  EXPECT_EQ(State(), "FENCED");
  EXPECT_FALSE(order.has_value());
}

TEST_F(FenceTest, AJournalThatEndsBeforeWhatIsBeingAppliedFences) {
  Follow();
  Publish(Subnets({1, 2, 3}));
  ASSERT_TRUE(order.has_value());
  PrimaryRestarts();
  stream.sets.erase(3);
  Hear(stream.Heartbeat());
  Hear(stream.Welcome(v1::CONTINUE));
  EXPECT_EQ(State(), "FENCED");
}

TEST_F(FenceTest, WhatWasReceivedFromAJournalThatIsNoMoreIsNotApplied) {
  for (const bool shorter : {true, false}) {
    Follow();
    Reachable(false);
    Publish(Subnets({1, 2, 3}));
    PrimaryRestarts();
    stream.sets.erase(3);
    if (!shorter) stream.Add(Subnets({4}));
    Hear(stream.Heartbeat());
    Hear(stream.Welcome(shorter ? v1::CONTINUE : v1::REPLAY));
    if (!shorter) Transfer(stream.ReplayFrom(3, 3));
    Reachable(true);
    if (!shorter) Finish();
    EXPECT_FALSE(order.has_value());
    EXPECT_EQ(State(), "FOLLOW");
    EXPECT_EQ(follower->position().digest, stream.head_digest());
    memory = {};
    stream = StreamDouble('c');
    stream.Add(Subnets({1}));
    stream.Add(Subnets({1, 2}));
    Restart();
  }
}

TEST_F(FenceTest, TheSameTermOfAnotherStreamFences) {
  Follow();
  StreamDouble other('b', stream.term);
  other.Add(Subnets({7}));
  stream = other;
  Pass(absl::Milliseconds(1100));
  Hear(other.Welcome(v1::SNAPSHOT));
  EXPECT_EQ(State(), "FENCED");
  EXPECT_THAT(follower->last_error(), HasSubstr("two primaries"));
}

TEST_F(FenceTest, AResyncGoesOnFromAnOlderJournal) {
  FenceByAnOlderJournal();
  Resync(v1::RESYNC_SNAPSHOT);
  EXPECT_EQ(State(), "HELLO");
  Hear(stream.Welcome(v1::CONTINUE));
  Transfer(stream.SnapshotAt(2));
  Pass(absl::Seconds(2));
  Finish();
  EXPECT_EQ(State(), "FOLLOW");
  EXPECT_EQ(Announced(), "fenced FENCED, resync STARTED, resync COMPLETED");
}

TEST_F(FenceTest, AResyncToAnOlderJournalWaitsForWhatItsKeaHas) {
  FenceByAnOlderJournal();
  Resync(v1::RESYNC_SNAPSHOT);
  v1::Envelope away = stream.Welcome(v1::CONTINUE);
  away.mutable_welcome()->set_publisher_state(v1::DEGRADED);
  const int asked = Count(v1::Envelope::kSyncRequest);
  Hear(away);
  EXPECT_EQ(State(), "HELLO");
  EXPECT_EQ(Count(v1::Envelope::kSyncRequest), asked);
  Hear(stream.Welcome(v1::CONTINUE));
  EXPECT_EQ(Count(v1::Envelope::kSyncRequest), asked + 1);
}

TEST_F(FenceTest, AResyncOfWhatIsFencedAgainIsAborted) {
  Hear(stream.Heartbeat());
  v1::Envelope refused = stream.Welcome(v1::REFUSED);
  refused.mutable_welcome()->set_text("go away");
  Hear(refused);
  Resync(v1::RESYNC_SNAPSHOT);
  Hear(refused);
  EXPECT_EQ(State(), "FENCED");
  EXPECT_THAT(Announced(), ::testing::EndsWith("resync STARTED, resync ABORTED"));
}

// -- what was changed by hand, when an older journal's snapshot is to take its place

TEST_F(FenceTest, WhatStandsWithoutABaseIsKeptAsAChangeOfTheSnapshot) {
  Follow();
  Restart();
  Local(Subnets({1, 99}));
  ResyncToAnOlderJournal();
  EXPECT_THAT(Kept(), IsEmpty());
  hold_keep = true;
  Transfer(stream.SnapshotAt(1));
  EXPECT_FALSE(order.has_value()) << "it is not kept yet";
  FinishKeep();
  EXPECT_THAT(Kept(), ElementsAre("closed +99"));
  ASSERT_TRUE(order.has_value());
  Finish();
  EXPECT_EQ(DigestOf(kea), stream.head_digest());
}

TEST_F(FenceTest, WhatIsChangedWhileTheSnapshotIsOnItsWayIsKeptToo) {
  Follow();
  Pass(absl::Seconds(10), /*beating=*/false);
  Local(Subnets({1, 2, 5}));
  ResyncToAnOlderJournal();
  Local(Subnets({1, 2, 6}));
  Transfer(stream.SnapshotAt(1));
  ASSERT_THAT(Kept(), ElementsAre("closed +5", "closed +6"));
  EXPECT_THAT(kept_changes[1].detail, HasSubstr("after change 1/2"));
  ASSERT_TRUE(order.has_value());
}

TEST_F(FenceTest, WhatIsNoticedOnlyWhileTheSnapshotIsOnItsWayIsKeptToo) {
  Follow();
  ResyncToAnOlderJournal();
  Local(Subnets({1, 2, 5}));
  Transfer(stream.SnapshotAt(1));
  EXPECT_THAT(Kept(), ElementsAre("closed +5"));
  ASSERT_TRUE(order.has_value());
}

TEST_F(FenceTest, WhatAnApplyThatWasCutOffLeftIsNoChangeByHand) {
  Follow();
  Publish(Subnets({1, 2, 3}));
  FinishAs(Kind::kUnknown);
  Restart();
  Local(Subnets({1, 2, 3}));
  ResyncToAnOlderJournal();
  Transfer(stream.SnapshotAt(1));
  ASSERT_TRUE(order.has_value());
  Finish();
  EXPECT_THAT(Kept(), IsEmpty());
}

TEST_F(FenceTest, ThePrimaryThatFencesIsNotSaidToBeAway) {
  Follow();
  Restart();
  Local(kea);
  FenceByHead(1);
  Pass(absl::Seconds(10));
  Resync(v1::RESYNC_SNAPSHOT);
  Tick();
  EXPECT_EQ(Announced(), "fenced FENCED, resync STARTED");
}

// -- another stream

}  // namespace
}  // namespace nestor::protocol
