// Gaps, and how they are closed: replays and snapshots as the follower asks for and takes them.

#include "tests/unit/common_protocol/follower_fixture.h"

namespace nestor::protocol {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Kind = ApplyEnd::Kind;

class CatchingUpTest : public FollowerTest {
 protected:
  CatchingUpTest() { stream.Add(Subnets({1})); }

  v1::SyncRequest Asked() const {
    const v1::Envelope* request = Last(v1::Envelope::kSyncRequest);
    return request == nullptr ? v1::SyncRequest() : request->sync_request();
  }
  uint64_t Add(int id) { return stream.Add(Subnets({1, id})); }
};

// -- gaps

TEST_F(CatchingUpTest, AChangeThatFollowsIsApplied) {
  Follow();
  Publish(Subnets({1, 2}));
  Finish();
  EXPECT_EQ(follower->position().sequence, 2u);
  EXPECT_EQ(State(), "FOLLOW");
  EXPECT_EQ(kept, 1u);
  EXPECT_EQ(Count(v1::Envelope::kSyncRequest), 0);
}

TEST_F(CatchingUpTest, AMissedChangeIsReplayed) {
  Follow();
  Add(2);
  Publish(Subnets({1, 3}));
  EXPECT_EQ(State(), "CATCHUP");
  EXPECT_EQ(Asked().mode(), v1::REPLAY);
  EXPECT_EQ(Asked().from_sequence(), 2u);
  Transfer(stream.ReplayFrom(2, 3));
  Finish();
  EXPECT_EQ(follower->position().sequence, 3u);
  EXPECT_EQ(kept, 2u);
}

TEST_F(CatchingUpTest, AHeartbeatAloneFindsTheLostLastChange) {
  Follow();
  Add(2);
  Hear(stream.Heartbeat());
  EXPECT_EQ(State(), "CATCHUP");
  Transfer(stream.ReplayFrom(2, 2));
  Finish();
  EXPECT_EQ(State(), "FOLLOW");
  EXPECT_EQ(follower->position().sequence, 2u);
}

TEST_F(CatchingUpTest, ASnapshotReferenceIsAGap) {
  Follow();
  Hear(stream.Reference(Add(2)));
  EXPECT_EQ(State(), "CATCHUP");
  EXPECT_FALSE(order.has_value());
}

TEST_F(CatchingUpTest, AChangeMadeForAnotherContentIsAGap) {
  Follow();
  v1::Envelope change = stream.Change(Add(2));
  change.set_digest_before(std::string(32, 'x'));
  Hear(change);
  EXPECT_EQ(State(), "CATCHUP");
  EXPECT_FALSE(order.has_value());
}

TEST_F(CatchingUpTest, AChangeThatCannotBeReadIsReplacedByASnapshot) {
  Follow();
  v1::Envelope change = stream.Change(Add(2));
  change.mutable_change()->mutable_upserted(0)->set_kind("nonsense");
  Hear(change);
  EXPECT_EQ(Asked().mode(), v1::SNAPSHOT);
  EXPECT_FALSE(order.has_value());
}

TEST_F(CatchingUpTest, RepeatedAndReorderedChangesAreAppliedOnce) {
  Follow();
  Add(2);
  Add(3);
  Hear(stream.Change(2));
  Finish();
  Hear(stream.Change(2));
  EXPECT_FALSE(order.has_value());
  Hear(stream.Change(3));
  Hear(stream.Change(2));
  Finish();
  EXPECT_THAT(applied, ElementsAre(1, 2, 3));
  EXPECT_EQ(Count(v1::Envelope::kSyncRequest), 0);
}

TEST_F(CatchingUpTest, ChangesOfAnotherStreamMeanNothing) {
  Follow();
  StreamDouble other('b', stream.term);
  other.sets = stream.sets;
  other.terms = stream.terms;
  other.Add(Subnets({9}));
  Hear(other.Change(2));
  EXPECT_EQ(State(), "FOLLOW");
  EXPECT_FALSE(order.has_value());
}

TEST_F(CatchingUpTest, AnotherDigestForTheSameHeadIsAskedAbout) {
  Follow();
  v1::Envelope heartbeat = stream.Heartbeat();
  heartbeat.set_digest_after(std::string(32, 'x'));
  Hear(heartbeat);
  EXPECT_EQ(State(), "HELLO");
}

// -- live changes while catching up

TEST_F(CatchingUpTest, LiveChangesAreKeptAsideAndFollowTheReplay) {
  Follow();
  Add(2);
  Publish(Subnets({1, 3}));
  Publish(Subnets({1, 4}));
  Transfer(stream.ReplayFrom(2, 3));
  Finish();
  EXPECT_EQ(follower->position().sequence, 4u);
  EXPECT_EQ(State(), "FOLLOW");
}

TEST_F(CatchingUpTest, WhatNoLongerFitsIsFoundMissingAndAskedForAgain) {
  Follow();
  Add(2);
  Hear(stream.Heartbeat());
  for (int i = 0; i < 1500; ++i) Publish(Subnets({1, 3 + i}));
  Transfer(stream.ReplayFrom(2, 2));
  Hear(stream.Heartbeat());
  EXPECT_NE(State(), "FOLLOW");
  Transfer(Asked().mode() == v1::SNAPSHOT ? stream.SnapshotAt(stream.head())
                                          : stream.ReplayFrom(Asked().from_sequence(), 1502));
  while (order.has_value()) Finish();
  EXPECT_EQ(follower->position().sequence, 1502u);
}

TEST_F(CatchingUpTest, AFullQueueGivesWayToASnapshot) {
  Follow();
  Reachable(false);
  for (int i = 0; i < 1024; ++i) Publish(Subnets({1, 2 + i}));
  EXPECT_EQ(State(), "FOLLOW");
  Publish(Subnets({7}));
  ASSERT_EQ(State(), "SNAPSHOT");
  Transfer(stream.SnapshotAt(stream.head()));
  EXPECT_EQ(State(), "FOLLOW");
  Publish(Subnets({8}));
  EXPECT_EQ(State(), "FOLLOW");
  Reachable(true);
  ASSERT_TRUE(order.has_value());
  EXPECT_NE(order->base, nullptr);
  EXPECT_EQ(order->changes.size(), 1u);
  Finish();
  EXPECT_EQ(follower->position().sequence, stream.head());
}

TEST_F(CatchingUpTest, AReplayLongerThanTheQueueGivesWayToASnapshot) {
  Follow();
  Reachable(false);
  for (int i = 0; i < 1100; ++i) Add(2 + i);
  Hear(stream.Heartbeat());
  Transfer(stream.ReplayFrom(2, stream.head()));
  EXPECT_EQ(State(), "SNAPSHOT");
}

// -- transfers

TEST_F(CatchingUpTest, EachChunkGivesCreditForOneMore) {
  Follow();
  Add(2);
  Hear(stream.Heartbeat());
  EXPECT_EQ(Asked().credit(), kCreditChunks);
  Transfer(stream.ReplayFrom(2, 2));
  EXPECT_EQ(Count(v1::Envelope::kCredit), 1);
  EXPECT_EQ(Last(v1::Envelope::kCredit)->credit().chunks(), 1u);
}

TEST_F(CatchingUpTest, ASilentTransferIsAskedForAgainUnderTheSameNonceAtTheNextChunk) {
  Follow();
  Add(2);
  Hear(stream.Heartbeat());
  const v1::SyncRequest first = Asked();
  const auto replay = stream.ReplayFrom(2, 2);
  Hear(stream.Begin(first.nonce(), *replay));
  Hear(stream.ChunkOf(first.nonce(), *replay, 0));
  Pass(absl::Milliseconds(5100));
  EXPECT_EQ(Count(v1::Envelope::kSyncRequest), 2);
  EXPECT_EQ(Asked().nonce(), first.nonce());
  EXPECT_EQ(Asked().from_sequence(), first.from_sequence());
  EXPECT_EQ(Asked().next_chunk(), 1u);
  Hear(stream.Begin(first.nonce(), *replay));
  Hear(stream.End(first.nonce()));
  Finish();
  EXPECT_EQ(follower->position().sequence, 2u);
}

TEST_F(CatchingUpTest, ATransferThatStaysSilentEndsInAHello) {
  Follow();
  Add(2);
  Pass(absl::Seconds(40));
  EXPECT_EQ(Count(v1::Envelope::kSyncRequest), 7);
  EXPECT_EQ(State(), "HELLO");
}

TEST_F(CatchingUpTest, WorkingIsWaitedFor) {
  Follow();
  Add(2);
  Hear(stream.Heartbeat());
  v1::Envelope working = stream.Envelope(0);
  working.mutable_working()->set_nonce(Asked().nonce());
  for (int second = 0; second < 60; ++second) {
    Hear(working);
    Pass(absl::Seconds(1));
  }
  EXPECT_EQ(Count(v1::Envelope::kSyncRequest), 1);
  EXPECT_EQ(State(), "CATCHUP");
}

TEST_F(CatchingUpTest, AnAbortedTransferIsBegunAnewAfterAWait) {
  Follow();
  Add(2);
  Hear(stream.Heartbeat());
  Hear(stream.End(Asked().nonce(), true));
  EXPECT_EQ(State(), "HELLO");
  EXPECT_EQ(Count(v1::Envelope::kHello), 0);
  Pass(absl::Seconds(1));
  EXPECT_EQ(Count(v1::Envelope::kHello), 1);
}

TEST_F(CatchingUpTest, ATransferThatStaysUselessIsAskedForEverMoreSeldom) {
  Follow();
  Add(2);
  Hear(stream.Heartbeat());
  int transfers = 0;
  for (int tenth = 0; tenth < 6000; ++tenth) {
    Pass(absl::Milliseconds(100));
    if (Count(v1::Envelope::kHello) > 0) Hear(stream.Welcome(v1::SNAPSHOT));
    Forget(v1::Envelope::kHello);
    if (Count(v1::Envelope::kSyncRequest) == 0) continue;
    const uint64_t nonce = Asked().nonce();
    Forget(v1::Envelope::kSyncRequest);
    v1::Envelope begin = stream.Begin(nonce, *stream.SnapshotAt(2));
    begin.mutable_sync_begin()->set_unpacked_bytes(uint64_t{1} << 40);
    Hear(begin);
    ++transfers;
  }
  EXPECT_THAT(transfers, ::testing::AllOf(::testing::Ge(10), ::testing::Le(25)));
  EXPECT_THAT(follower->last_error(), HasSubstr("the configuration is too large"));
}

TEST_F(CatchingUpTest, ASnapshotWithoutItsDigestIsNotApplied) {
  Local(Subnets({}));
  Hear(stream.Heartbeat());
  Hear(stream.Welcome(v1::SNAPSHOT));
  auto wrong = *stream.SnapshotAt(1);
  wrong.label_digest = std::string(32, 'x');
  Transfer(std::make_shared<const protocol::Transfer>(wrong));
  EXPECT_FALSE(order.has_value());
  EXPECT_EQ(State(), "HELLO");
  EXPECT_THAT(follower->last_error(), HasSubstr("has not its digest"));
}

TEST_F(CatchingUpTest, AnEndBeforeTheLastChunkIsADamageThatIsMended) {
  Follow();
  Add(2);
  Hear(stream.Heartbeat());
  const uint64_t nonce = Asked().nonce();
  Hear(stream.Begin(nonce, *stream.ReplayFrom(2, 2)));
  Hear(stream.End(nonce));
  Pass(absl::Milliseconds(1100));
  EXPECT_EQ(Asked().nonce(), nonce);
  EXPECT_EQ(Count(v1::Envelope::kSyncRequest), 2);
  Transfer(stream.ReplayFrom(2, 2));
  Finish();
  EXPECT_EQ(follower->position().sequence, 2u);
}

TEST_F(CatchingUpTest, ReorderedChunksAreAskedForOnceASecondAtMost) {
  Follow();
  Add(2);
  Hear(stream.Heartbeat());
  const uint64_t nonce = Asked().nonce();
  Hear(stream.Begin(nonce, *stream.ReplayFrom(2, 2)));
  for (int i = 0; i < 20; ++i) {
    Hear(stream.ChunkOf(nonce, *stream.ReplayFrom(2, 2), 5));
    Pass(absl::Milliseconds(100), false);
  }
  EXPECT_LE(Count(v1::Envelope::kSyncRequest), 3);
  EXPECT_EQ(State(), "CATCHUP");
}

TEST_F(CatchingUpTest, TransfersUnderAnotherNonceOrTermOrStreamMeanNothing) {
  Follow();
  Add(2);
  Hear(stream.Heartbeat());
  const uint64_t nonce = Asked().nonce();
  const auto replay = stream.ReplayFrom(2, 2);
  StreamDouble elsewhere('b', stream.term), before = stream;
  --before.term;
  for (const auto& [from, as] :
       {std::pair{stream, nonce - 2}, {elsewhere, nonce}, {before, nonce}}) {
    Hear(from.Begin(as, *replay));
    Hear(from.ChunkOf(as, *replay, 0));
    Hear(from.End(as));
  }
  EXPECT_EQ(State(), "CATCHUP");
  EXPECT_EQ(Count(v1::Envelope::kCredit), 0);
}

TEST_F(CatchingUpTest, WithoutAPositionASnapshotIsAskedForAlsoWhereAReplayIsOffered) {
  Local(Subnets({}));
  Hear(stream.Heartbeat());
  Hear(stream.Welcome(v1::REPLAY));
  EXPECT_EQ(Asked().mode(), v1::SNAPSHOT);
}

TEST_F(CatchingUpTest, AReplayThatDoesNotContinueGivesWayToASnapshot) {
  Follow();
  Add(2);
  Add(3);
  Hear(stream.Heartbeat());
  Transfer(stream.ReplayFrom(3, 3));
  EXPECT_EQ(Asked().mode(), v1::SNAPSHOT);
  Transfer(stream.SnapshotAt(3));
  Finish();
  EXPECT_EQ(follower->position().sequence, 3u);
}

TEST_F(CatchingUpTest, ASnapshotMayComeInPlaceOfAReplay) {
  Follow();
  Add(2);
  Hear(stream.Heartbeat());
  Transfer(stream.SnapshotAt(2));
  Finish();
  EXPECT_EQ(follower->position().sequence, 2u);
}

TEST_F(CatchingUpTest, ASnapshotOlderThanWhatIsAppliedMeanwhileIsLetGo) {
  Follow();
  Publish(Subnets({1, 2}));  // is being applied
  Publish(Subnets({1, 3}));
  Add(4);
  Hear(stream.Heartbeat());
  ASSERT_EQ(State(), "APPLYING");
  Finish();
  Finish();
  ASSERT_EQ(follower->position().sequence, 3u);
  Transfer(stream.SnapshotAt(2));
  EXPECT_NE(State(), "FENCED");
  Transfer(stream.ReplayFrom(4, 4));
  Finish();
  EXPECT_EQ(follower->position().sequence, 4u);
}

TEST_F(CatchingUpTest, ALinkThatBreaksWhileATransferIsUnpackedLosesNothing) {
  Follow();
  Add(2);
  Hear(stream.Heartbeat());
  hold_decode = true;
  Transfer(stream.ReplayFrom(2, 2));
  Pass(absl::Seconds(4), false);
  EXPECT_EQ(State(), "STALE");
  Hear(stream.Heartbeat());
  Do(follower->OnDecoded(DecodeTransfer(*held_decode[0].receiver), now));  // too late
  EXPECT_EQ(State(), "HELLO");
  hold_decode = false;
  Hear(stream.Welcome(v1::REPLAY));
  Transfer(stream.ReplayFrom(2, 2));
  Finish();
  EXPECT_EQ(follower->position().sequence, 2u);
}

}  // namespace
}  // namespace nestor::protocol
