#include "common/protocol/judge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nestor::protocol {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A pair in its normal state, as seen by the primary's agent.
class JudgeTest : public ::testing::Test {
 protected:
  JudgeTest() {
    facts_.primary = {"kea-a", true, true, "hot-standby", ""};
    facts_.secondary = {"kea-b", true, true, "hot-standby", ""};
    facts_.peer = "kea-b";
    facts_.follower_state = "FOLLOW";
    facts_.digest_equal = true;
  }
  std::string State() const { return Judge(facts_).state; }
  std::string FirstReason() const {
    const auto reasons = Judge(facts_).reasons;
    return reasons.empty() ? std::string() : reasons.front();
  }

  PairFacts facts_;
};

TEST_F(JudgeTest, AnEqualPairInItsNormalStateIsOk) {
  EXPECT_EQ(State(), "OK");
  EXPECT_THAT(Judge(facts_).reasons, IsEmpty());
  facts_.primary.ha_state = facts_.secondary.ha_state = "";
  EXPECT_EQ(State(), "OK") << "a pair without HA";
}

TEST_F(JudgeTest, HaIsNormalInAStateInWhichItServesIfKeaAnswers) {
  for (const std::string_view state : kHaStates) {
    facts_.primary.ha_state = std::string(state);
    const bool normal =
        state == "hot-standby" || state == "load-balancing" || state == "passive-backup";
    EXPECT_EQ(HaIsNormal(facts_.primary, true), normal) << state;
  }
  facts_.primary.ha_state = "hot-standby";
  facts_.primary.kea_reachable = false;
  EXPECT_FALSE(HaIsNormal(facts_.primary, true));
}

TEST_F(JudgeTest, HaThatDoesNotRunIsNormalWhereNoneShould) {
  facts_.primary.ha_state = "";
  EXPECT_FALSE(HaIsNormal(facts_.primary, true));
  EXPECT_TRUE(HaIsNormal(facts_.primary, false));
}

TEST_F(JudgeTest, AStateIsANumberForThoseWhoCount) {
  EXPECT_EQ(StateNumber(State()), 0);
  facts_.secondary.kea_reachable = false;
  EXPECT_EQ(StateNumber(State()), 1);
  facts_.primary.kea_reachable = false;
  EXPECT_EQ(StateNumber(State()), 2);
}

TEST_F(JudgeTest, OneKeaAwayIsImpairedBothIsDown) {
  facts_.secondary.kea_reachable = false;
  facts_.secondary.error = "connection refused";
  EXPECT_EQ(State(), "IMPAIRED");
  EXPECT_EQ(FirstReason(), "Kea on kea-b does not answer: connection refused");
  facts_.primary.kea_reachable = false;
  EXPECT_EQ(State(), "DOWN");
}

TEST_F(JudgeTest, AKeaOfWhichNothingIsHeardCountsAsAway) {
  facts_.peer_silent = absl::Seconds(9);
  EXPECT_EQ(State(), "IMPAIRED");
  EXPECT_EQ(FirstReason(), "the agent on kea-b has been silent for 9 s");
  facts_.primary.kea_reachable = false;
  EXPECT_EQ(State(), "DOWN");
  facts_.peer_silent = absl::InfiniteDuration();
  EXPECT_EQ(FirstReason(), "the agent on kea-b has not connected yet");
}

TEST_F(JudgeTest, AMissingHookLibraryIsANoticeAndImpairsNothing) {
  EXPECT_THAT(Judge(facts_).notices, IsEmpty());
  facts_.secondary.has_hook = false;
  EXPECT_EQ(State(), "OK");
  EXPECT_THAT(Judge(facts_).notices,
              ElementsAre("changes restart HA on kea-b: load libdhcp_nestor.so there"));
  facts_.secondary.ha_state = "";
  EXPECT_THAT(Judge(facts_).notices, IsEmpty()) << "there is no HA to restart";
}

TEST_F(JudgeTest, AFileThatKeaHasToWriteIsANoticeOnceKeaAnswers) {
  facts_.primary.file_notice = "config-write holds DHCP up";
  EXPECT_EQ(State(), "OK");
  EXPECT_THAT(Judge(facts_).notices, ElementsAre("config-write holds DHCP up"));
  facts_.primary.kea_reachable = false;
  EXPECT_THAT(Judge(facts_).notices, IsEmpty());
}

TEST_F(JudgeTest, WhatASilentAgentSaidLastIsNoReason) {
  facts_.peer_silent = absl::Seconds(9);
  facts_.secondary.ha_state = "partner-down";
  facts_.held_sequence = 7;
  EXPECT_THAT(Judge(facts_).reasons, SizeIs(1));
}

TEST_F(JudgeTest, TheSecondaryKnowsThatItStoppedAlsoWhileThePrimaryIsSilent) {
  facts_.peer = "kea-a";
  facts_.peer_silent = absl::Seconds(9);
  facts_.follower_state = "FENCED";
  facts_.last_error = "why";
  EXPECT_THAT(
      Judge(facts_).reasons,
      ::testing::ElementsAre("the agent on kea-a has been silent for 9 s", "kea-b is FENCED: why"));
}

TEST_F(JudgeTest, AnUnusualHaStateImpairs) {
  facts_.primary.ha_state = "partner-down";
  EXPECT_EQ(State(), "IMPAIRED");
  EXPECT_EQ(FirstReason(), "HA on kea-a is in state partner-down");
}

TEST_F(JudgeTest, HaThatIsAPartOfItAndDoesNotRunImpairs) {
  facts_.secondary.ha_state = "";
  EXPECT_EQ(State(), "OK") << "it may never have had any";
  facts_.has_ha = true;
  EXPECT_EQ(State(), "IMPAIRED");
  EXPECT_EQ(FirstReason(), "HA does not run on kea-b");
  facts_.secondary.ha_known = false;
  EXPECT_EQ(State(), "OK") << "its agent has not said";
}

TEST_F(JudgeTest, HaThatIsNotTheSameImpairsWhileTheOtherAgentIsHeard) {
  facts_.ha_drift = "HA is not the same";
  EXPECT_EQ(State(), "IMPAIRED");
  EXPECT_EQ(FirstReason(), "HA is not the same");
  facts_.peer_silent = absl::Seconds(9);
  EXPECT_THAT(Judge(facts_).reasons, ElementsAre(HasSubstr("has been silent")));
}

TEST_F(JudgeTest, WhatIsBeingDoneToItImpairs) {
  facts_.changing = "it is being edited";
  EXPECT_EQ(State(), "IMPAIRED");
  EXPECT_EQ(FirstReason(), "it is being edited");
}

TEST_F(JudgeTest, PoolsForNoServersClientsAreWarnedOf) {
  facts_.relationship = "east";
  EXPECT_THAT(Judge(facts_).warnings, IsEmpty());
  facts_.unsplit_pools = {"10.0.0.10 - 10.0.0.99 in subnet 10.0.0.0/24 (id 1)"};
  EXPECT_EQ(State(), "OK");
  EXPECT_THAT(Judge(facts_).warnings,
              ElementsAre(::testing::AllOf(
                  HasSubstr("pool 10.0.0.10 - 10.0.0.99 in subnet 10.0.0.0/24 (id 1)"),
                  HasSubstr("nestorctl relationship split-pools east"))));
  facts_.more_unsplit = true;
  EXPECT_THAT(Judge(facts_).warnings, SizeIs(2));
}

TEST_F(JudgeTest, OneAgentAwayIsImpaired) {
  facts_.peer_silent = absl::Seconds(9);
  EXPECT_EQ(State(), "IMPAIRED");
  EXPECT_EQ(ViewState(State()), "IMPAIRED");
  EXPECT_EQ(ViewState("OK"), "NORMAL");
}

TEST_F(JudgeTest, APublisherThatDoesNotPublishImpairs) {
  facts_.publisher_text = "kea-a is FENCED: two primaries";
  EXPECT_EQ(State(), "IMPAIRED");
  EXPECT_EQ(FirstReason(), "kea-a is FENCED: two primaries");
}

TEST_F(JudgeTest, AHeldChangeSaysHowToDecide) {
  facts_.held_sequence = 7;
  facts_.follower_state = "HELD";
  EXPECT_EQ(State(), "IMPAIRED");
  EXPECT_THAT(FirstReason(), HasSubstr("change 7 is held"));
}

TEST_F(JudgeTest, AFollowerThatDoesNotGoOnImpairs) {
  for (const char* state : {"PAUSED", "REJECTED", "FENCED"}) {
    facts_.follower_state = state;
    facts_.last_error = "why";
    EXPECT_EQ(FirstReason(), std::string("kea-b is ") + state + ": why");
  }
}

TEST_F(JudgeTest, AFollowerThatHasNotJoinedImpairs) {
  for (const char* state : {"INIT", "CONNECT", "HELLO"}) {
    facts_.follower_state = state;
    EXPECT_EQ(State(), "IMPAIRED");
    EXPECT_EQ(FirstReason(), "kea-b has not joined kea-a yet");
  }
}

TEST_F(JudgeTest, LagIsToldFromFiveSecondsOn) {
  facts_.digest_equal = false;
  facts_.lag = absl::Milliseconds(4900);
  EXPECT_EQ(State(), "OK") << "a change is on its way";
  facts_.lag = absl::Seconds(5);
  EXPECT_EQ(State(), "IMPAIRED");
  EXPECT_EQ(FirstReason(), "kea-b is 5 s behind");
}

TEST_F(JudgeTest, ADifferenceWithoutLagIsADifference) {
  facts_.digest_equal = false;
  EXPECT_THAT(Judge(facts_).reasons, ElementsAre("kea-b differs from kea-a"));
  facts_.observe = true;
  EXPECT_THAT(Judge(facts_).reasons,
              ElementsAre("the servers differ, and the relationship only observes"));
}

TEST_F(JudgeTest, WhatStandsOnTheSecondaryIsNoOrdinaryDifference) {
  facts_.digest_equal = false;
  facts_.standing = 3;
  EXPECT_EQ(State(), "IMPAIRED");
  ASSERT_EQ(Judge(facts_).reasons.size(), 1u);
  EXPECT_EQ(FirstReason(),
            "kea-b was changed in 3 objects while kea-a was away; that stands until kea-a is back, "
            "and is kept in the history then: see nestorctl diff");
}

TEST_F(JudgeTest, AnErrorThatHasNoOtherSignIsToldAsItIs) {
  facts_.last_error = "its file could not be written";
  EXPECT_THAT(Judge(facts_).reasons, ElementsAre("its file could not be written"));
}

}  // namespace
}  // namespace nestor::protocol
