// The link: joining a stream, staying on it, leaving it (docs/protocol.md, "Joining", "Following").

#include "tests/unit/common_protocol/follower_fixture.h"

namespace nestor::protocol {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using JoiningTest = LinkTest;

TEST_F(JoiningTest, AsksNothingBeforeAHeartbeatArrivesOnTheSubscription) {
  Local(Subnets({}));
  Pass(absl::Seconds(60), false);
  EXPECT_THAT(sent, IsEmpty());
  EXPECT_EQ(State(), "CONNECT");
  Hear(stream.Heartbeat());
  EXPECT_EQ(State(), "HELLO");
  ASSERT_EQ(Count(v1::Envelope::kHello), 1);
  EXPECT_EQ(Last(v1::Envelope::kHello)->hello().stream_id(), "");
}

TEST_F(JoiningTest, BeforeKeaWasReadTheStateIsInit) { EXPECT_EQ(State(), "INIT"); }

TEST_F(JoiningTest, SaysHelloAgainEverMoreSeldomUntilAWelcomeComes) {
  Hear(stream.Heartbeat());
  Pass(absl::Seconds(10));
  EXPECT_EQ(Count(v1::Envelope::kHello), 4);  // at 0, 0.8, 2.3, 5.3 s
  Forget(v1::Envelope::kHello);
  Pass(absl::Minutes(5));
  EXPECT_THAT(Count(v1::Envelope::kHello), ::testing::AllOf(::testing::Ge(10), ::testing::Le(16)));
}

TEST_F(JoiningTest, SaysHelloAtOnceWhenThePublisherBeginsToServe) {
  v1::Envelope baseline = stream.Heartbeat();
  baseline.mutable_heartbeat()->set_publisher_state(v1::BASELINE);
  for (int second = 0; second < 20; ++second) {
    Hear(baseline);
    Pass(absl::Seconds(1), false);
  }
  Forget(v1::Envelope::kHello);
  Hear(stream.Heartbeat());
  Tick();
  EXPECT_EQ(Count(v1::Envelope::kHello), 1);
}

TEST_F(JoiningTest, SaysHelloAtOnceWhenThePrimaryAnswersAgain) {
  Local(Subnets({}));
  Hear(stream.Heartbeat());
  Pass(absl::Seconds(60));
  Forget(v1::Envelope::kHello);
  Do(follower->OnConnected(now));
  EXPECT_EQ(Count(v1::Envelope::kHello), 1);
  Hear(stream.Welcome(v1::SNAPSHOT));
  Do(follower->OnConnected(now));  // joined: nothing to ask
  EXPECT_EQ(Count(v1::Envelope::kHello), 1);
}

TEST_F(JoiningTest, TheTermOfAWelcomeIsDurableBeforeItIsActedUpon) {
  hold_memory = true;
  Hear(stream.Heartbeat());
  Hear(stream.Welcome(v1::SNAPSHOT));
  ASSERT_EQ(held_memory.size(), 1u);
  EXPECT_EQ(held_memory[0].highest_term, stream.term);
  EXPECT_EQ(Count(v1::Envelope::kSyncRequest), 0);
  EXPECT_EQ(follower->term(), 0u);
  Do(follower->OnRemembered(held_memory[0].token, now));
  EXPECT_EQ(Count(v1::Envelope::kSyncRequest), 1);
  EXPECT_EQ(follower->term(), stream.term);
}

TEST_F(JoiningTest, ABurstOfChangesDoesNotKeepAFollowerFromJoiningANewTerm) {
  Follow();
  PrimaryRestarts();
  Hear(stream.Heartbeat());
  hold_memory = true;
  Hear(stream.Welcome(v1::CONTINUE));
  for (int i = 3; i < 8; ++i) Publish(Subnets({1, 2, i}));
  EXPECT_EQ(Count(v1::Envelope::kHello), 1);
  ASSERT_EQ(held_memory.size(), 1u);
  Do(follower->OnRemembered(held_memory[0].token, now));
  EXPECT_EQ(State(), "FOLLOW");
}

TEST_F(JoiningTest, WithNothingJournaledYetItAsksAgain) {
  StreamDouble empty('e');
  Hear(empty.Heartbeat());
  Hear(empty.Welcome(v1::SNAPSHOT));
  EXPECT_EQ(State(), "HELLO");
  EXPECT_EQ(Count(v1::Envelope::kSyncRequest), 0);
  stream = empty;
  stream.Add(Subnets({1}));
  Pass(absl::Seconds(2));
  EXPECT_GE(Count(v1::Envelope::kHello), 2);
}

TEST_F(JoiningTest, ContinuesAtTheHead) {
  Follow();
  Restart();
  Local(kea);
  Hear(stream.Heartbeat());
  Hear(stream.Welcome(v1::CONTINUE));
  EXPECT_EQ(State(), "FOLLOW");
  EXPECT_FALSE(order.has_value());
}

TEST_F(JoiningTest, TellsItsPositionAndTheHighestTermItWitnessed) {
  stream.term = 7;
  Follow();
  Restart();
  Hear(stream.Heartbeat());
  const v1::Envelope& envelope = *Last(v1::Envelope::kHello);
  EXPECT_EQ(envelope.hello().stream_id(), stream.id);
  EXPECT_EQ(envelope.hello().position_sequence(), 2u);
  EXPECT_EQ(envelope.hello().highest_term(), 7u);
  EXPECT_EQ(envelope.hello().witnessed_stream(), stream.id);
  EXPECT_EQ(envelope.digest_after(), stream.head_digest());
}

TEST_F(JoiningTest, ThreeMissedHeartbeatsMakeItStaleAndTheNextOneJoinsAgain) {
  Follow();
  Pass(absl::Milliseconds(3100), false);
  EXPECT_EQ(State(), "FOLLOW");
  Pass(absl::Milliseconds(200), false);
  EXPECT_EQ(State(), "STALE");
  Hear(stream.Heartbeat());
  EXPECT_EQ(State(), "HELLO");
}

TEST_F(JoiningTest, AGoodbyeMakesItStale) {
  Follow();
  v1::Envelope bye = stream.Envelope(0);
  bye.mutable_bye();
  Hear(bye);
  EXPECT_EQ(State(), "STALE");
}

TEST_F(JoiningTest, AGoodbyeOfAnotherTermMeansNothing) {
  stream.term = 5;
  Follow();
  v1::Envelope bye = stream.Envelope(0);
  bye.set_term(4);
  bye.mutable_bye();
  Hear(bye);
  EXPECT_EQ(State(), "FOLLOW");
}

TEST_F(JoiningTest, AHigherTermIsJoinedAnew) {
  Follow();
  PrimaryRestarts();
  Hear(stream.Heartbeat());
  EXPECT_EQ(State(), "HELLO");
  Hear(stream.Welcome(v1::CONTINUE));
  EXPECT_EQ(State(), "FOLLOW");
  EXPECT_EQ(memory.highest_term, stream.term);
}

TEST_F(JoiningTest, MessagesOfALowerTermHaveNoEffect) {
  stream.term = 5;
  Follow();
  StreamDouble old = stream;
  old.term = 4;
  old.Add(Subnets({9}));
  Hear(old.Heartbeat());
  Hear(old.Change(3));
  v1::Envelope fenced = old.Envelope(0);
  fenced.mutable_fenced()->set_text("stop");
  Hear(fenced);
  EXPECT_EQ(State(), "FOLLOW");
  EXPECT_EQ(follower->head(), 2u);
  EXPECT_FALSE(order.has_value());
}

TEST_F(JoiningTest, AWelcomeOfALowerTermIsNotBelieved) {
  stream.term = 5;
  Follow();
  PrimaryRestarts();
  Hear(stream.Heartbeat());
  StreamDouble old = stream;
  old.term = 4;
  Hear(old.Welcome(v1::CONTINUE));
  EXPECT_EQ(State(), "HELLO");
}

TEST_F(JoiningTest, APublisherThatOnlySpeaksInALowerTermIsToldOfTheHigherOne) {
  stream.term = 5;
  Follow();
  stream.term = 4;
  Pass(absl::Seconds(5));
  ASSERT_GE(Count(v1::Envelope::kHello), 1);
  EXPECT_EQ(Last(v1::Envelope::kHello)->hello().highest_term(), 5u);
}

TEST_F(JoiningTest, APublisherWhoseHeadWentBackIsAskedAgain) {
  Follow();
  const auto behind = stream.HeartbeatOf(1);
  for (int second = 0; second < 5; ++second) {
    Hear(behind);
    Pass(absl::Seconds(1), false);
  }
  EXPECT_GE(Count(v1::Envelope::kHello), 1);
}

// -- fencing

TEST_F(JoiningTest, ALostJournalIsFollowedFromASnapshotOfTheNewStream) {
  Follow();
  StreamDouble next('b', stream.term + 1);
  next.Add(Subnets({5}));
  stream = next;
  Hear(stream.Heartbeat());
  Hear(stream.Welcome(v1::SNAPSHOT));
  EXPECT_EQ(Last(v1::Envelope::kSyncRequest)->sync_request().mode(), v1::SNAPSHOT);
  Transfer(stream.SnapshotAt(1));
  Finish();
  EXPECT_EQ(follower->position().stream_id, stream.id);
  EXPECT_EQ(follower->position().sequence, 1u);
}

TEST_F(JoiningTest, NothingIsSaidToBeAppliedOfAStreamBeforeItIs) {
  for (int i = 3; i < 9; ++i) stream.Add(Subnets({1, i}));
  Follow();
  StreamDouble next('b', stream.term + 1);
  for (int i = 0; i < 20; ++i) next.Add(Subnets({5, i}));
  stream = next;
  Hear(stream.Heartbeat());
  Hear(stream.Welcome(v1::SNAPSHOT));
  Pass(absl::Seconds(2));
  const v1::Envelope& ack = *Last(v1::Envelope::kAck);
  ASSERT_EQ(ack.stream_id(), stream.id);
  EXPECT_EQ(ack.ack().applied(), 0u);
  EXPECT_EQ(ack.ack().persisted(), 0u);
  EXPECT_EQ(ack.ack().received(), 0u);
}

TEST_F(JoiningTest, AnApplyOfTheOldStreamThatEndsLateDisturbsNothingOfTheNew) {
  for (int i = 3; i < 9; ++i) stream.Add(Subnets({1, i}));
  Follow();
  Resync(v1::RESYNC_SNAPSHOT);
  Transfer(stream.SnapshotAt(8));
  ASSERT_TRUE(order.has_value());
  StreamDouble next('b', stream.term + 1);
  next.Add(Subnets({5}));
  stream = next;
  Hear(stream.Heartbeat());
  Hear(stream.Welcome(v1::SNAPSHOT));
  Transfer(stream.SnapshotAt(1));
  Finish();  // what was begun before
  ASSERT_TRUE(order.has_value());
  Finish();
  EXPECT_EQ(follower->position().stream_id, stream.id);
  EXPECT_EQ(follower->position().sequence, 1u);
  EXPECT_THAT(applied, ElementsAre(8, 8, 1));
}

}  // namespace
}  // namespace nestor::protocol
