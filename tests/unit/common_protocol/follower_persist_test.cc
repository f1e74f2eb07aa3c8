#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/common_protocol/follower_fixture.h"

namespace nestor::protocol {
namespace {

// A follower at change 1, whose file holds it.
class PersistTest : public FollowerTest {
 protected:
  PersistTest() { stream.Add(Subnets({1})); }

  void SetUp() override {
    FollowerTest::SetUp();
    Follow();
    Pass(absl::Seconds(3));
    EXPECT_EQ(follower->persisted(), 1u);
    hold_file = true;
  }

  void Apply(SetPtr set) {
    Publish(std::move(set));
    ASSERT_TRUE(order.has_value());
    Finish();
  }
  uint64_t Acked() {
    Pass(absl::Milliseconds(200), false);
    return Last(v1::Envelope::kAck)->ack().persisted();
  }
};

TEST_F(PersistTest, TheFileIsWrittenTwoSecondsAfterTheChange) {
  Apply(Subnets({1, 2}));
  EXPECT_FALSE(memory.persisted);
  Pass(absl::Milliseconds(1900));
  EXPECT_FALSE(persist.has_value());
  Pass(absl::Milliseconds(100));
  ASSERT_TRUE(persist.has_value());
  EXPECT_EQ(persist->position.sequence, 2u);
  EXPECT_EQ(Acked(), 1u) << "not before it is safe";
  FinishFile();
  EXPECT_EQ(Acked(), 2u);
}

TEST_F(PersistTest, ABurstIsOneWriteTwoSecondsAfterItsFirst) {
  for (int i = 0; i < 15; ++i) {
    Apply(Subnets({1, 2 + i}));
    EXPECT_FALSE(persist.has_value()) << i;
    Pass(absl::Milliseconds(100));
  }
  Pass(absl::Milliseconds(500));
  ASSERT_TRUE(persist.has_value());
  EXPECT_EQ(persist->position.sequence, 16u);
  FinishFile();
  Pass(absl::Seconds(10));
  EXPECT_FALSE(persist.has_value()) << "nothing more is to be written";
}

TEST_F(PersistTest, ChangesWithoutEndDoNotPutTheFileOff) {
  int writes = 0;
  for (int i = 0; i < 100; ++i) {
    Publish(Subnets({1, 2 + i}));
    Publish(Subnets({1, 1000 + i}));
    Pass(absl::Milliseconds(100));
    while (order.has_value()) Finish();
    if (persist.has_value()) {
      FinishFile();
      ++writes;
    }
  }
  EXPECT_THAT(writes, ::testing::AllOf(::testing::Ge(4), ::testing::Le(5)));
}

TEST_F(PersistTest, ChangesGoOnWhileTheFileIsWritten) {
  Apply(Subnets({1, 2}));
  Pass(absl::Seconds(2));
  ASSERT_TRUE(persist.has_value());
  Apply(Subnets({1, 3}));
  Pass(absl::Seconds(3));
  FinishFile();
  EXPECT_EQ(Acked(), 2u) << "only that is in the file";
  ASSERT_TRUE(persist.has_value()) << "the next has waited long enough";
  EXPECT_EQ(persist->position.sequence, 3u);
  FinishFile();
  EXPECT_EQ(Acked(), 3u);
}

TEST_F(PersistTest, AFileThatCannotBeWrittenIsTriedAgainAndSaid) {
  Apply(Subnets({1, 2}));
  Pass(absl::Seconds(2));
  FinishFile(false);
  EXPECT_EQ(follower->applied(), 2u);
  EXPECT_EQ(Acked(), 1u);
  EXPECT_EQ(follower->last_error(), "the file cannot be written");
  int tries = 0;
  for (int tenth = 0; tenth < 6000; ++tenth) {
    Pass(absl::Milliseconds(100));
    if (!persist.has_value()) continue;
    FinishFile(false);
    ++tries;
  }
  EXPECT_THAT(tries, ::testing::AllOf(::testing::Ge(10), ::testing::Le(25)));
  Pass(absl::Minutes(1));
  FinishFile();
  EXPECT_EQ(Acked(), 2u);
  EXPECT_EQ(follower->last_error(), "");
}

TEST_F(PersistTest, AFileThatCannotBeWrittenHoldsUpNoChange) {
  for (int i = 0; i < 10; ++i) {
    Apply(Subnets({1, 2 + i}));
    Pass(absl::Seconds(1));
    if (persist.has_value()) FinishFile(false);
  }
  EXPECT_EQ(follower->applied(), 11u);
}

TEST_F(PersistTest, AfterAConfigSetNothingIsWaitedFor) {
  Publish(Subnets({1, 2}));
  FinishBy("config-set");
  EXPECT_TRUE(persist.has_value());
}

TEST_F(PersistTest, WhatACrashLeftUnwrittenIsWrittenAtTheStart) {
  Apply(Subnets({1, 2}));
  Restart();
  EXPECT_FALSE(persist.has_value());
  Local(kea, "start");
  ASSERT_TRUE(persist.has_value());
  EXPECT_EQ(persist->position.sequence, 2u);
  FinishFile();
  Restart();
  Local(kea, "start");
  Pass(absl::Seconds(10));
  EXPECT_FALSE(persist.has_value()) << "it is remembered that it was written";
}

TEST_F(PersistTest, AKeaThatStartedFromAnOlderFileIsBroughtForwardAtOnce) {
  Apply(Subnets({1, 2}));
  const SetPtr now_running = kea;
  Local(Subnets({1}), "restart");
  ASSERT_TRUE(order.has_value()) << "nothing is waited for";
  Finish();
  EXPECT_EQ(DigestOf(kea), DigestOf(now_running));
  Pass(absl::Seconds(2));
  ASSERT_TRUE(persist.has_value());
}

TEST_F(PersistTest, WhatIsWrittenWhileTheFileWasPutBackIsWrittenAgain) {
  Apply(Subnets({1, 2}));
  Pass(absl::Seconds(2));
  ASSERT_TRUE(persist.has_value());
  Local(Subnets({1}), "restart");
  Finish();
  FinishFile();
  EXPECT_FALSE(memory.persisted && follower->persisted() == 0);
  Pass(absl::Seconds(2));
  EXPECT_TRUE(persist.has_value());
}

TEST_F(PersistTest, WhatSomebodyElseMadeOfKeaIsNotWritten) {
  Apply(Subnets({1, 2}));
  Local(Subnets({1, 9}));
  ASSERT_TRUE(order.has_value());
  FinishAs(ApplyEnd::Kind::kRefused);
  Pass(absl::Seconds(5));
  EXPECT_FALSE(persist.has_value());
}

TEST_F(PersistTest, AnEndingAgentWritesAtOnce) {
  Apply(Subnets({1, 2}));
  Do(follower->OnStopping(now));
  ASSERT_TRUE(persist.has_value());
  EXPECT_TRUE(persist->at_once);
  EXPECT_EQ(persist->position.sequence, 2u);
}

TEST_F(PersistTest, AnEndingAgentWritesNothingTwice) {
  Do(follower->OnStopping(now));
  EXPECT_FALSE(persist.has_value());
}

TEST_F(PersistTest, AnEndingAgentLeavesWhatIsUnderWayAlone) {
  Apply(Subnets({1, 2}));
  Pass(absl::Seconds(2));
  ASSERT_TRUE(persist.has_value());
  const auto under_way = std::exchange(persist, std::nullopt);
  Do(follower->OnStopping(now));
  EXPECT_FALSE(persist.has_value());
}

TEST_F(PersistTest, AResyncWritesTheFileThoughNothingDiffers) {
  Resync(v1::RESYNC_SNAPSHOT);
  EXPECT_TRUE(persist.has_value());
}

}  // namespace
}  // namespace nestor::protocol
