// Ending a relationship whose secondary is gone, and what waits for it alone.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "primary-agent/relationship/transaction.h"
#include "tests/unit/primary-agent_relationship/order_fixture.h"

namespace nestor::primary {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using Ask = v1::SiteRequest;
using Record = v1::TransactionRecord;

TEST(LeftTest, WithoutTheSecondaryThePrimaryAloneIsAskedAndARecordStays) {
  Driven it(RemoveAloneOrder());
  it.Run();
  EXPECT_TRUE(it.ended && it.settled);
  EXPECT_EQ(it.machine().report().state(), "DONE");
  EXPECT_EQ(it.machine().report().without(), "kea-b");
  EXPECT_THAT(it.asked, ElementsAre("primary inspect", "primary test", "primary set",
                                    "primary write", "primary forget"));
  EXPECT_THAT(it.machine().text(), HasSubstr("kea-b has no part in it"));
  ASSERT_TRUE(it.journaled);
  EXPECT_EQ(it.journaled->stage(), Record::LEFT);
  EXPECT_TRUE(it.journaled->spec_before().empty());
}

TEST(LeftTest, WithoutTheSecondaryADryRunSaysWhatStaysThere) {
  Order order = RemoveAloneOrder();
  order.dry_run = true;
  Driven it(std::move(order));
  it.Run();
  EXPECT_EQ(it.machine().report().state(), "CHECKED");
  EXPECT_EQ(it.machine().exit_code(), 0);
  EXPECT_EQ(it.machine().report().sites_size(), 1);
  EXPECT_FALSE(it.servers[Site::kPrimary].changed);
}

TEST(LeftTest, WithoutTheSecondaryWhatFailsIsUndoneOnThePrimary) {
  for (const auto& [site, ask, code] : Failures({Ask::kSet, Ask::kWrite})) {
    if (site == Site::kSecondary) continue;
    Driven it(RemoveAloneOrder());
    it.Break(site, ask, code);
    it.Run();
    EXPECT_EQ(it.machine().report().state(), "UNDONE");
    EXPECT_THAT(it.machine().text(), HasSubstr("kea-a is as it was before"));
    EXPECT_FALSE(it.servers[Site::kPrimary].changed || it.journaled || it.decided);
    EXPECT_THAT(it.asked, Not(Contains(HasSubstr("secondary"))));
  }
}

TEST(LeftTest, WithoutTheSecondaryAnAgentThatDiedFinishesOrUndoes) {
  for (const auto ask : {Ask::kSet, Ask::kWrite, Ask::kForget}) {
    Driven first(RemoveAloneOrder());
    first.dies_at = {Site::kPrimary, ask};
    first.Run();
    ASSERT_TRUE(first.died && first.journaled);
    Driven second(*first.journaled);
    second.servers = first.servers;
    second.Run();
    EXPECT_TRUE(second.ended);
    EXPECT_EQ(second.servers[Site::kPrimary].changed, first.decided);
    EXPECT_THAT(second.asked, Not(Contains(HasSubstr("secondary"))));
    EXPECT_EQ(second.journaled.has_value(), first.decided);
    EXPECT_EQ(second.journaled.value_or(Record()).stage(),
              first.decided ? Record::LEFT : Record::STAGE_UNSPECIFIED);
  }
}

TEST(LeftTest, ASecondaryThatAnswersIsNotLeftOut) {
  Order order = RemoveAloneOrder();
  order.wish.secondary_answers = true;
  Driven it(std::move(order));
  it.Run();
  EXPECT_EQ(it.machine().report().state(), "REFUSED");
  EXPECT_THAT(it.FailedChecks(), ElementsAre("secondary"));
}

TEST(LeftTest, ASecondaryThatIsWaitedForAloneCanBeLeft) {
  Driven it(EditOrder());
  for (const Site site : kSites) *it.facts[site].mutable_ha() = HaOf("hot-standby");
  EXPECT_FALSE(it.Leave()) << "nothing is undone yet";
  it.Break(Site::kPrimary, Ask::kSet, absl::StatusCode::kInternal);
  it.Break(Site::kSecondary, Ask::kUndo, absl::StatusCode::kDeadlineExceeded, 60);
  it.Run(absl::Seconds(30));
  EXPECT_FALSE(it.settled || it.ended);
  EXPECT_TRUE(it.Leave());
  EXPECT_TRUE(it.settled && it.ended);
  EXPECT_EQ(it.machine().report().state(), "UNDONE");
  EXPECT_THAT(it.machine().text(), HasSubstr("kea-b is to undo it"));
  ASSERT_TRUE(it.journaled);
  EXPECT_EQ(it.journaled->stage(), Record::UNDO_LEFT);
  EXPECT_FALSE(it.servers[Site::kPrimary].changed);
}

TEST(LeftTest, ASecondaryThatHasOnlyToForgetCanBeLeft) {
  Driven it(CreateOrder());
  it.Break(Site::kSecondary, Ask::kForget, absl::StatusCode::kDeadlineExceeded);
  it.Run(absl::Seconds(30));
  EXPECT_TRUE(it.settled);
  EXPECT_FALSE(it.ended);
  EXPECT_TRUE(it.Leave());
  EXPECT_TRUE(it.ended);
  EXPECT_EQ(it.machine().report().state(), "DONE");
  EXPECT_EQ(it.journaled->stage(), Record::FORGET_LEFT);
}

TEST(LeftTest, WhileThePrimaryIsWaitedForNobodyIsLeft) {
  Driven it(EditOrder());
  for (const Site site : kSites) *it.facts[site].mutable_ha() = HaOf("hot-standby");
  it.Break(Site::kPrimary, Ask::kSet, absl::StatusCode::kInternal);
  it.Break(Site::kPrimary, Ask::kUndo, absl::StatusCode::kUnavailable);
  it.Run(absl::Seconds(30));
  EXPECT_FALSE(it.Leave());
}

}  // namespace
}  // namespace nestor::primary
