// What is changed on the secondary while the primary is away (docs/protocol.md, "While the primary
// is away").

#include "tests/unit/common_protocol/follower_fixture.h"

namespace nestor::protocol {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Kind = ApplyEnd::Kind;

class AwayTest : public FollowerTest {
 protected:
  AwayTest() { stream.Add(Subnets({1, 2, 3})); }

  void SetUp() override {
    FollowerTest::SetUp();
    Follow();
  }
  void GoAway() {
    Pass(absl::Seconds(10), /*beating=*/false);
    ASSERT_EQ(State(), "STALE");
  }
  void ComeBack(v1::Join join = v1::CONTINUE) {
    ++stream.term;
    Hear(stream.Heartbeat());
    Hear(stream.Welcome(join));
  }
  // The agent dies and starts with what its store holds, while Kea runs `set`.
  void StartAgain(SetPtr set) {
    Restart();
    Local(std::move(set), "start");
  }
  v1::Envelope HeartbeatSaying(v1::PublisherState state) {
    v1::Envelope heartbeat = stream.Heartbeat();
    heartbeat.mutable_heartbeat()->set_publisher_state(state);
    return heartbeat;
  }
};

TEST_F(AwayTest, ADriftStandsUntilThePrimaryIsBackAndIsKeptFirst) {
  GoAway();
  Local(Subnets({1, 2, 4}));
  EXPECT_FALSE(order.has_value());
  EXPECT_EQ(Announced(), "primary away, drift standing");
  EXPECT_THAT(announced[1].reason(), HasSubstr("stands until kea-a is back"));
  EXPECT_EQ(announced[1].replaced(0).key(), "3");
  EXPECT_TRUE(follower->stands());
  EXPECT_FALSE(follower->HasDrift()) << "nobody puts it back now";
  EXPECT_EQ(follower->standing_objects(), 2u);
  EXPECT_THAT(Kept(), ElementsAre("open +4 -3"));
  Pass(absl::Hours(1), /*beating=*/false);
  EXPECT_FALSE(order.has_value());

  hold_keep = true;
  ComeBack();
  EXPECT_FALSE(order.has_value()) << "it is not kept yet";
  FinishKeep();
  EXPECT_THAT(Kept(), ElementsAre("closed +4 -3"));
  ASSERT_TRUE(order.has_value());
  Finish();
  EXPECT_EQ(DigestOf(kea), stream.head_digest());
  EXPECT_FALSE(follower->stands());
  EXPECT_EQ(Announced(), "primary away, drift standing, primary here");
}

TEST_F(AwayTest, EachChangeIsKeptAsTheWholeOfWhatDiffers) {
  GoAway();
  Local(Subnets({1, 2, 3, 4}));
  Local(Subnets({1, 2, 3, 4, 5}));
  EXPECT_THAT(Kept(), ElementsAre("open +4 +5"));
  ComeBack();
  EXPECT_THAT(Kept(), ElementsAre("closed +4 +5"));
}

TEST_F(AwayTest, WhatIsUndoneByHandIsNotKept) {
  GoAway();
  Local(Subnets({1, 2}));
  Local(Subnets({1, 2, 3}));
  EXPECT_THAT(Kept(), IsEmpty());
  EXPECT_FALSE(follower->stands());
  ComeBack();
  EXPECT_THAT(Kept(), IsEmpty());
  EXPECT_FALSE(order.has_value());
}

TEST_F(AwayTest, WhatKeaForgetsWhenItStartsAnewIsKept) {
  GoAway();
  Local(Subnets({1, 2, 3, 4}));
  Local(Subnets({1, 2, 3}), "restart");
  EXPECT_THAT(Kept(), ElementsAre("closed +4"));
  Local(Subnets({1, 2}));
  ComeBack();
  EXPECT_THAT(Kept(), ElementsAre("closed +4", "closed -3"));
}

TEST_F(AwayTest, AKeaThatStartsWithWhatItHadIsKeptOnce) {
  GoAway();
  Local(Subnets({1, 2, 3, 4}));
  Local(Subnets({1, 2, 3, 4}), "restart");
  ComeBack();
  EXPECT_THAT(Kept(), ElementsAre("closed +4"));
}

TEST_F(AwayTest, AKeaThatStartsFromAFileOlderThanThePositionIsBroughtForwardAtOnce) {
  hold_file = true;
  Publish(Subnets({1, 2, 3, 4}));
  Finish();
  Pass(absl::Seconds(10), /*beating=*/false);
  Local(Subnets({1, 2, 3}), "restart");
  ASSERT_TRUE(order.has_value());
  Finish();
  EXPECT_THAT(Kept(), IsEmpty());
}

TEST_F(AwayTest, TheAgentsRestartLosesNothingOfIt) {
  GoAway();
  Local(Subnets({1, 2, 3, 4}));
  StartAgain(Subnets({1, 2, 3, 4, 5}));  // 5 came while it was down
  EXPECT_THAT(Kept(), ElementsAre("open +4 +5"));
  EXPECT_FALSE(order.has_value());
  EXPECT_TRUE(follower->stands());
  ComeBack();
  EXPECT_THAT(Kept(), ElementsAre("closed +4 +5"));
  Finish();
  EXPECT_EQ(DigestOf(kea), stream.head_digest());
}

TEST_F(AwayTest, WhatKeaForgotWhileTheAgentWasDownIsKept) {
  GoAway();
  Local(Subnets({1, 2, 3, 4}));
  StartAgain(Subnets({1, 2, 3}));
  EXPECT_THAT(Kept(), ElementsAre("closed +4"));
  EXPECT_FALSE(follower->stands());
}

TEST_F(AwayTest, WhatKeaForgotIsKeptAlsoWhereTheDiskIsFullAtFirst) {
  GoAway();
  Local(Subnets({1, 2, 3, 4}));
  hold_keep = true;
  Local(Subnets({1, 2, 3}), "restart");
  FinishKeep(false);
  Local(Subnets({1, 2}));
  EXPECT_THAT(held_keep, IsEmpty()) << "one after another";
  Pass(absl::Seconds(3), /*beating=*/false);
  FinishKeep();
  FinishKeep();
  EXPECT_THAT(Kept(), ElementsAre("closed +4", "open -3"));
}

TEST_F(AwayTest, WhatIsChangedWhileTheAgentIsDownToo) {
  GoAway();
  StartAgain(Subnets({1, 2}));
  EXPECT_THAT(Kept(), ElementsAre("open -3"));
  ComeBack();
  Finish();
  EXPECT_THAT(Kept(), ElementsAre("closed -3"));
}

// Nothing tells what it was before but the primary's tree.
TEST_F(AwayTest, WithoutABaseItIsComparedWithThePrimaryAndKeptThen) {
  StartAgain(Subnets({1, 2, 99}));
  EXPECT_THAT(Kept(), IsEmpty());
  Hear(stream.Heartbeat());
  Hear(stream.Welcome(v1::CONTINUE));
  hold_keep = true;
  Walk();
  EXPECT_FALSE(order.has_value());
  FinishKeep();
  Walk();
  ASSERT_TRUE(order.has_value());
  Finish();
  EXPECT_THAT(Kept(), ElementsAre("closed +99 -3"));
  EXPECT_EQ(State(), "FOLLOW");
}

TEST_F(AwayTest, ItIsNotReplacedBeforeItIsKept) {
  GoAway();
  Local(Subnets({1}));
  hold_keep = true;
  ComeBack();
  FinishKeep(false);
  EXPECT_FALSE(order.has_value());
  Pass(absl::Seconds(3));
  EXPECT_FALSE(order.has_value());
  FinishKeep();
  EXPECT_TRUE(order.has_value());
  EXPECT_THAT(Kept(), ElementsAre("closed -2 -3"));
}

TEST_F(AwayTest, AChangeBetweenKeepingAndReplacingIsKeptToo) {
  GoAway();
  Local(Subnets({1}));
  ComeBack();
  ASSERT_TRUE(order.has_value());
  kea = Subnets({1, 7});  // nobody has told of it
  Finish();
  EXPECT_THAT(Kept(), ElementsAre("closed -2 -3", "closed +7 -2 -3"));
  Finish();
  EXPECT_EQ(DigestOf(kea), stream.head_digest());
}

TEST_F(AwayTest, WhatThePrimaryChangedMeanwhileWinsAndIsNotTakenForIt) {
  GoAway();
  Local(Subnets({1, 2, 3, 4}));
  stream.Add(Subnets({2, 3}));
  ComeBack(v1::REPLAY);
  Transfer(stream.ReplayFrom(2, 2));
  EXPECT_THAT(Kept(), ElementsAre("closed +4"));
  Finish();
  if (order) Finish();
  EXPECT_EQ(DigestOf(kea), stream.head_digest());
}

TEST_F(AwayTest, WhatThePrimaryComesBackWithItselfIsNotKept) {
  GoAway();
  Local(Subnets({1, 2, 3, 4}));
  stream.Add(Subnets({1, 2, 3, 4}));
  ComeBack(v1::REPLAY);
  Transfer(stream.ReplayFrom(2, 2));
  EXPECT_THAT(Kept(), IsEmpty());
  Finish();
  EXPECT_EQ(follower->position().sequence, 2u);
  EXPECT_FALSE(follower->stands());
}

TEST_F(AwayTest, AnotherStreamsSnapshotReplacesItOnlyWhenItIsKept) {
  GoAway();
  Local(Subnets({1, 2, 3, 4}));
  stream = StreamDouble('b', 9);
  stream.Add(Subnets({5}));
  Hear(stream.Heartbeat());
  hold_keep = true;
  Hear(stream.Welcome(v1::SNAPSHOT));
  Transfer(stream.SnapshotAt(1));
  EXPECT_FALSE(order.has_value());
  FinishKeep();
  ASSERT_TRUE(order.has_value());
  Finish();
  EXPECT_THAT(Kept(), ElementsAre("closed +4"));
  EXPECT_EQ(DigestOf(kea), stream.head_digest());
}

TEST_F(AwayTest, APrimaryWhoseKeaAloneIsDownIsAwayToo) {
  Hear(HeartbeatSaying(v1::DEGRADED));
  Local(Subnets({1}));
  EXPECT_FALSE(order.has_value());
  EXPECT_EQ(Announced(), "drift standing");
  Hear(HeartbeatSaying(v1::SERVE));
  EXPECT_THAT(Kept(), ElementsAre("closed -2 -3"));
  ASSERT_TRUE(order.has_value());
}

// Kea here could not be read all the while.
TEST_F(AwayTest, WhatIsFoundOnlyWhenThePrimaryIsBackIsKeptToo) {
  GoAway();
  Reachable(false);
  ComeBack();
  Pass(absl::Minutes(1));
  kea = Subnets({1, 7});
  Reachable(true);
  Publish(Subnets({1, 2, 3, 4}));
  ASSERT_TRUE(order.has_value());
  Finish();  // finds something else than it is made for
  EXPECT_THAT(Kept(), ElementsAre("closed +7 -2 -3"));
  Finish();
  EXPECT_EQ(DigestOf(kea), stream.head_digest());
}

TEST_F(AwayTest, AnotherStreamsSnapshotReplacesNothingThatWasNotRead) {
  GoAway();
  Reachable(false);
  stream = StreamDouble('b', 9);
  stream.Add(Subnets({5}));
  Hear(stream.Heartbeat());
  Hear(stream.Welcome(v1::SNAPSHOT));
  Transfer(stream.SnapshotAt(1));
  kea = Subnets({1, 2, 3, 7});
  Reachable(true);
  ASSERT_TRUE(order.has_value());
  Finish();  // finds something else than it is made for
  EXPECT_THAT(Kept(), ElementsAre("closed +7"));
  Finish();
  EXPECT_EQ(DigestOf(kea), stream.head_digest());
}

TEST_F(AwayTest, LaterDriftIsPutBackAndNotKept) {
  GoAway();
  ComeBack();
  Pass(absl::Seconds(6));
  Local(Subnets({1}));
  EXPECT_THAT(Kept(), IsEmpty());
  EXPECT_TRUE(order.has_value());
}

TEST_F(AwayTest, AKeaThatStartsWithWhatWasChangedStandsThoughThePositionIsNotInItsFile) {
  hold_file = true;
  Publish(Subnets({1, 2, 3, 4}));
  Finish();
  Pass(absl::Seconds(10), /*beating=*/false);
  Local(Subnets({1}));
  Local(Subnets({1}), "restart");
  EXPECT_FALSE(order.has_value());
  EXPECT_THAT(Kept(), ElementsAre("open -2 -3 -4"));
}

TEST_F(AwayTest, ABriefAbsenceIsNotTold) {
  Hear(HeartbeatSaying(v1::DEGRADED));
  Pass(absl::Seconds(2), /*beating=*/false);
  Hear(HeartbeatSaying(v1::SERVE));
  EXPECT_THAT(announced, IsEmpty());
}

TEST_F(AwayTest, AnOperatorsResyncPutsTheLastOfADegradedPrimaryInPlace) {
  Hear(HeartbeatSaying(v1::DEGRADED));
  Local(Subnets({1}));
  Resync(v1::RESYNC_SNAPSHOT);
  Transfer(stream.SnapshotAt(1));
  EXPECT_THAT(Kept(), ElementsAre("closed -2 -3"));
  ASSERT_TRUE(order.has_value());
}

TEST_F(AwayTest, AResyncOfWhatIsFencedKeepsWhatStoodThoughNobodyKnowsWhatItIsAChangeOf) {
  Publish(Subnets({1, 2}));
  FinishAs(Kind::kUnknown);
  StartAgain(Subnets({1, 2, 3, 9}));
  ++stream.term;
  stream.sets.erase(2);
  Hear(stream.Heartbeat());
  Hear(stream.Welcome(v1::CONTINUE));
  ASSERT_EQ(State(), "FENCED");
  EXPECT_TRUE(follower->stands());
  EXPECT_THAT(Kept(), IsEmpty());

  Resync(v1::RESYNC_SNAPSHOT);
  Hear(stream.Heartbeat());
  Hear(stream.Welcome(v1::SNAPSHOT));
  hold_keep = true;
  Transfer(stream.SnapshotAt(stream.head()));
  EXPECT_FALSE(order.has_value()) << "it is not kept yet";
  FinishKeep();
  EXPECT_THAT(Kept(), ElementsAre("closed +9"));
  ASSERT_TRUE(order.has_value());
  Finish();
  EXPECT_EQ(DigestOf(kea), stream.head_digest());
  EXPECT_FALSE(follower->stands());
}

TEST_F(AwayTest, TheDiffIsWithWhatThePrimaryHadLast) {
  GoAway();
  Local(Subnets({1, 2, 4}));
  Resync(v1::COMPARE, "d1");
  Local(kea);
  ASSERT_THAT(compared, SizeIs(1));
  ASSERT_TRUE(compared[0].status.ok()) << compared[0].status;
  EXPECT_THAT(compared[0].report.compared_with(), HasSubstr("kea-a is away"));
  ASSERT_THAT(compared[0].report.only_on_secondary(), SizeIs(1));
  EXPECT_EQ(compared[0].report.only_on_secondary(0).key(), "4");
  EXPECT_EQ(compared[0].report.only_on_primary(0).key(), "3");
}

TEST_F(AwayTest, TheSameChangeInTheNextAbsenceIsKeptAgain) {
  for (int i = 0; i < 2; ++i) {
    GoAway();
    Local(Subnets({1}));
    ComeBack();
    Finish();
  }
  EXPECT_THAT(Kept(), ElementsAre("closed -2 -3", "closed -2 -3"));
}

class AwayObserveTest : public FollowerTest {
 protected:
  AwayObserveTest() {
    observe = true;
    stream.Add(Subnets({1, 2, 3}));
  }
};

TEST_F(AwayObserveTest, WhatOnlyObservesKeepsNothing) {
  Local(Subnets({1, 2, 3}));
  Hear(stream.Heartbeat());
  Hear(stream.Welcome(v1::SNAPSHOT));
  Pass(absl::Seconds(10), /*beating=*/false);
  Local(Subnets({1}));
  EXPECT_FALSE(order.has_value());
  EXPECT_THAT(kept_changes, IsEmpty());
}

}  // namespace
}  // namespace nestor::protocol
