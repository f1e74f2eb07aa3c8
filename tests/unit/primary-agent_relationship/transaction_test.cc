#include "primary-agent/relationship/transaction.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/primary-agent_relationship/order_fixture.h"

namespace nestor::primary {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using Ask = v1::SiteRequest;
using Record = v1::TransactionRecord;

TEST(TransactionTest, ChangesTheSecondaryBeforeThePrimaryAndWritesOnceHaIsNormal) {
  Driven it(CreateOrder());
  it.Run();
  EXPECT_TRUE(it.ended);
  EXPECT_EQ(it.machine().report().state(), "DONE");
  EXPECT_EQ(it.machine().exit_code(), 0);
  EXPECT_THAT(
      it.asked,
      ElementsAre("primary inspect", "secondary inspect", "primary listen", "secondary listen",
                  "primary probe", "secondary probe", "primary test", "secondary piece",
                  "secondary piece", "secondary piece", "secondary test", "secondary set",
                  "primary set", "primary look", "secondary look", "primary write",
                  "secondary write", "primary forget", "secondary forget"));
  EXPECT_FALSE(it.journaled);
  for (const Site site : kSites) {
    EXPECT_TRUE(it.servers[site].changed && it.servers[site].wrote);
    EXPECT_FALSE(it.servers[site].remembers);
  }
}

TEST(TransactionTest, TakesTheAgentsUrlsWhereNoneIsGiven) {
  Order order = CreateOrder();
  order.wish.spec.mutable_ha()->set_secondary_url("http://192.0.2.99:8000/");
  Driven it(std::move(order));
  it.Run();
  EXPECT_EQ(it.machine().spec().ha().primary_url(), "http://192.0.2.1:8000/");
  EXPECT_EQ(it.machine().spec().ha().secondary_url(), "http://192.0.2.99:8000/");
}

TEST(TransactionTest, ADryRunEndsBeforeAnythingIsJournaled) {
  Order order = CreateOrder();
  order.dry_run = true;
  Driven it(std::move(order));
  it.Run();
  EXPECT_TRUE(it.ended && it.settled);
  EXPECT_EQ(it.machine().report().state(), "CHECKED");
  EXPECT_EQ(it.machine().report().sites_size(), 2);
  EXPECT_THAT(it.asked, Not(Contains(HasSubstr(" set"))));
}

TEST(TransactionTest, AFailedCheckIsARefusal) {
  Driven it(CreateOrder());
  it.facts[Site::kSecondary].add_missing_libraries("/hooks/libdhcp_ha.so");
  it.Run();
  EXPECT_TRUE(it.ended && it.settled);
  EXPECT_EQ(it.machine().report().state(), "REFUSED");
  EXPECT_EQ(it.machine().exit_code(), 65);
  EXPECT_THAT(it.FailedChecks(), ElementsAre("HA libraries"));
  EXPECT_THAT(it.asked, ElementsAre("primary inspect", "secondary inspect"));
}

TEST(TransactionTest, WhatFailsBeforeItIsBegunChangesNothing) {
  for (const auto& [site, ask, code] :
       Failures({Ask::kInspect, Ask::kListen, Ask::kProbe, Ask::kTest, Ask::kPiece})) {
    if (ask == Ask::kPiece && site == Site::kPrimary) continue;
    Driven it(CreateOrder());
    it.Break(site, ask, code);
    it.Run();
    EXPECT_TRUE(it.ended && it.settled) << ask;
    EXPECT_EQ(it.machine().report().state(), "REFUSED") << ask;
    EXPECT_FALSE(it.servers[Site::kPrimary].changed || it.servers[Site::kSecondary].changed);
    EXPECT_THAT(it.asked, Not(Contains(HasSubstr("undo"))));
  }
}

TEST(TransactionTest, WhatFailsBeforeItIsDecidedIsUndoneOnBoth) {
  const std::vector<Order> orders = {CreateOrder(), EditOrder(), RemoveOrder()};
  for (const Order& order : orders) {
    for (const auto& [site, ask, code] : Failures({Ask::kSet, Ask::kWrite})) {
      Driven it(order);
      for (const Site each : kSites) *it.facts[each].mutable_ha() = HaOf("hot-standby");
      if (order.wish.kind == Record::CREATE) {
        for (const Site each : kSites) it.facts[each].clear_ha();
      }
      it.Break(site, ask, code);
      it.Run();
      EXPECT_TRUE(it.ended && it.settled) << ask;
      EXPECT_EQ(it.machine().report().state(), "UNDONE") << it.machine().text();
      EXPECT_THAT(it.machine().text(), HasSubstr("it is broken"));
      EXPECT_FALSE(it.decided);
      EXPECT_FALSE(it.journaled);
      for (const Site each : kSites) EXPECT_FALSE(it.servers[each].changed);
    }
  }
}

TEST(TransactionTest, UndoesWhatDoesNotBecomeNormalInTime) {
  Driven it(CreateOrder());
  it.ha_states[Site::kSecondary] = "waiting";
  it.Run();
  EXPECT_EQ(it.machine().report().state(), "UNDONE");
  EXPECT_THAT(it.machine().text(), HasSubstr("kea-b is waiting"));
  for (const Site site : kSites) EXPECT_FALSE(it.servers[site].changed);
}

TEST(TransactionTest, GoesOnUndoingUntilASiteCanBeReachedAndTellsTheOperatorMeanwhile) {
  Driven it(CreateOrder());
  it.Break(Site::kPrimary, Ask::kSet, absl::StatusCode::kInternal);
  it.Break(Site::kSecondary, Ask::kUndo, absl::StatusCode::kDeadlineExceeded, 60);
  it.Run(absl::Seconds(80));
  EXPECT_TRUE(it.settled);
  EXPECT_FALSE(it.ended);
  EXPECT_EQ(it.machine().report().state(), "UNDOING");
  EXPECT_EQ(it.machine().exit_code(), 75);
  EXPECT_TRUE(it.journaled);
  EXPECT_THAT(it.machine().Doing(), HasSubstr("kea-b"));
}

TEST(TransactionTest, FinishesWhatIsDecidedHoweverLongASiteIsAway) {
  Driven it(CreateOrder());
  it.Break(Site::kSecondary, Ask::kForget, absl::StatusCode::kDeadlineExceeded, 20);
  it.Run();
  EXPECT_TRUE(it.ended && it.settled);
  EXPECT_EQ(it.machine().report().state(), "DONE");
  EXPECT_FALSE(it.servers[Site::kSecondary].remembers);
}

TEST(TransactionTest, IsRefusedWhereTheJournalCannotBeWritten) {
  Driven it(CreateOrder());
  it.journal = absl::ResourceExhaustedError("the disk is full");
  it.Run();
  EXPECT_EQ(it.machine().report().state(), "REFUSED");
  EXPECT_THAT(it.machine().text(), HasSubstr("the disk is full"));
  EXPECT_FALSE(it.servers[Site::kSecondary].changed);
}

// Wherever the agent dies, the next start brings both to the new state or both to the old.
TEST(TransactionTest, AnAgentThatDiedFinishesOrUndoes) {
  for (const Order& order : {CreateOrder(), EditOrder(), RemoveOrder()}) {
    for (const Site site : kSites) {
      for (const auto ask :
           {Ask::kInspect, Ask::kTest, Ask::kSet, Ask::kLook, Ask::kWrite, Ask::kForget}) {
        Driven first(order);
        if (order.wish.kind != Record::CREATE) {
          for (const Site each : kSites) *first.facts[each].mutable_ha() = HaOf("hot-standby");
        }
        first.dies_at = {site, ask};
        first.Run();
        if (!first.died) continue;  // it asks no such thing
        if (!first.journaled) {
          for (const Site each : kSites) EXPECT_FALSE(first.servers[each].changed);
          continue;
        }
        Driven second(*first.journaled);
        second.servers = first.servers;
        second.Run();
        EXPECT_TRUE(second.ended);
        EXPECT_FALSE(second.journaled);
        for (const Site each : kSites) {
          EXPECT_EQ(second.servers[each].changed, first.decided);
          EXPECT_FALSE(second.servers[each].remembers);
        }
      }
    }
  }
}

TEST(TransactionTest, ARemovalTakesOutHaThatSomebodyElseSetUp) {
  Order order = RemoveOrder();
  order.wish.spec.clear_ha();  // adopted
  Driven it(std::move(order));
  it.Run();
  EXPECT_EQ(it.machine().report().state(), "DONE") << it.machine().text();
  for (const Site site : kSites) EXPECT_TRUE(it.drafts[site].remove_ha());
}

TEST(TransactionTest, AnEditGivesTheSecondaryWhatThePrimaryHasBesides) {
  Driven it(EditOrder());
  for (const Site site : kSites) *it.facts[site].mutable_ha() = HaOf("hot-standby");
  it.facts[Site::kPrimary].set_ha_parameters("what the primary has");
  it.facts[Site::kSecondary].set_ha_parameters("what the secondary has");
  it.Run();
  EXPECT_EQ(it.drafts[Site::kSecondary].like_ha(), "what the primary has");
  EXPECT_EQ(it.drafts[Site::kPrimary].like_ha(), "");
}

TEST(TransactionTest, AnEditIsMadeOfWhatRunsAndWhatIsAskedFor) {
  Driven it(EditOrder());
  for (const Site site : kSites) {
    *it.facts[site].mutable_ha() = HaOf("hot-standby");
    it.facts[site].mutable_ha()->set_max_ack_delay(777);
    it.facts[site].mutable_ha()->set_primary_url("http://192.0.2.1:8000/");
    it.facts[site].mutable_ha()->set_secondary_url("http://192.0.2.2:8000/");
  }
  it.Run();
  EXPECT_EQ(it.machine().report().state(), "DONE") << it.machine().text();
  EXPECT_EQ(it.machine().spec().ha().heartbeat_delay(), 2000);
  EXPECT_EQ(it.machine().spec().ha().max_ack_delay(), 777);
  EXPECT_EQ(it.machine().spec().ha().secondary_url(), "http://192.0.2.2:8000/");
  // Both Keas listen where they did.
  EXPECT_THAT(it.asked, Not(Contains(HasSubstr("listen"))));
  EXPECT_THAT(it.asked, Not(Contains(HasSubstr("probe"))));
}

// What `it` had set or waited for, in order, each once.
std::vector<std::string> SetsAndLooks(const Driven& it) {
  std::vector<std::string> order;
  for (const std::string& asked : it.asked) {
    const bool matters = asked.ends_with(" set") || asked == "primary look";
    if (matters && (order.empty() || order.back() != asked)) order.push_back(asked);
  }
  return order;
}

Driven Edited(const std::string& from, const std::string& to) {
  Order order = EditOrder();
  order.edits.set_mode(to);
  Driven it(std::move(order));
  for (const Site site : kSites) {
    *it.facts[site].mutable_ha() = HaOf(from);
    it.facts[site].set_ha_state(from);
    it.ha_states[site] = to;
  }
  return it;
}

TEST(TransactionTest, TimersOfAHotStandbyAreEditedInTurnsTheStandbyFirst) {
  Driven it = Edited("hot-standby", "hot-standby");
  it.Run();
  EXPECT_EQ(it.machine().report().state(), "DONE") << it.machine().text();
  EXPECT_THAT(SetsAndLooks(it),
              ElementsAre("secondary set", "primary look", "primary set", "primary look"));
}

TEST(TransactionTest, AStandbyThatDoesNotComeBackLeavesThePrimaryAlone) {
  Driven it = Edited("hot-standby", "hot-standby");
  it.ha_states[Site::kSecondary] = "waiting";
  it.Run();
  EXPECT_EQ(it.machine().report().state(), "UNDONE");
  EXPECT_EQ(it.servers[Site::kPrimary].sets, 0);
  EXPECT_FALSE(it.servers[Site::kSecondary].changed);
}

TEST(TransactionTest, WhereBothServersServeOrTheModeChangesBothBeginAnewThePrimaryFirst) {
  for (const auto& [from, to] :
       {std::pair("load-balancing", "load-balancing"), std::pair("hot-standby", "load-balancing"),
        std::pair("load-balancing", "hot-standby")}) {
    Driven it = Edited(from, to);
    it.Run();
    EXPECT_EQ(it.machine().report().state(), "DONE") << it.machine().text();
    EXPECT_THAT(SetsAndLooks(it), ElementsAre("primary set", "secondary set", "primary look"));
  }
}

TEST(TransactionTest, APairThatIsNotInItsStateIsEditedAtOnce) {
  Driven it = Edited("hot-standby", "hot-standby");
  it.facts[Site::kSecondary].set_ha_state("partner-down");
  it.Run();
  EXPECT_THAT(SetsAndLooks(it), ElementsAre("primary set", "secondary set", "primary look"));
}

TEST(TransactionTest, AnEditLooksAtAnAddressThatIsNew) {
  Order order = EditOrder();
  order.edits.set_primary_url("http://192.0.2.1:8000");  // the same, written otherwise
  order.edits.set_secondary_url("http://192.0.2.2:8001/");
  for (const bool reached : {true, false}) {
    Driven it(order);
    for (const Site site : kSites) {
      *it.facts[site].mutable_ha() = HaOf("hot-standby");
      it.facts[site].mutable_ha()->set_primary_url("http://192.0.2.1:8000/");
      it.facts[site].mutable_ha()->set_secondary_url("http://192.0.2.2:8000/");
    }
    if (!reached) it.Break(Site::kPrimary, Ask::kProbe, absl::StatusCode::kUnavailable);
    it.Run();
    EXPECT_EQ(it.machine().report().state(), reached ? "DONE" : "REFUSED") << it.machine().text();
    EXPECT_THAT(it.asked, Contains("secondary listen"));
    EXPECT_THAT(it.asked, Contains("primary probe"));
    EXPECT_THAT(it.asked, Not(Contains("primary listen")));
    EXPECT_THAT(it.asked, Not(Contains("secondary probe")));
    EXPECT_EQ(it.servers[Site::kSecondary].sets, reached ? 1 : 0);
  }
}

}  // namespace
}  // namespace nestor::primary
