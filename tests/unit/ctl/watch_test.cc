#include "ctl/watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nestor::ctl {
namespace {

using ::testing::UnorderedElementsAre;

v1::WatchRequest Asked(const std::string& name, std::vector<std::string> kinds = {}) {
  v1::WatchRequest asked;
  asked.set_name(name);
  for (std::string& kind : kinds) asked.add_kinds(std::move(kind));
  return asked;
}

v1::WatchEvent Change(uint64_t sequence) {
  v1::WatchEvent event;
  event.mutable_envelope()->set_sequence(sequence);
  event.mutable_envelope()->mutable_change();
  return event;
}

v1::WatchEvent Heartbeat() {
  v1::WatchEvent event;
  event.mutable_envelope()->mutable_heartbeat();
  return event;
}

TEST(WatchPlanTest, HeartbeatsAreAskedForAndShownOnlyWhereTheyAreWanted) {
  WatchPlan people(Asked("east4"), false);
  EXPECT_THAT(people.Request().kinds(),
              UnorderedElementsAre("change", "ack", "state", "lease", "heartbeat"));
  EXPECT_FALSE(people.Take(Heartbeat()));
  EXPECT_TRUE(people.Take(Change(1)));
  WatchPlan json(Asked("east4"), true);
  EXPECT_TRUE(json.Take(Heartbeat()));
  WatchPlan changes(Asked("east4", {"change"}), true);
  EXPECT_THAT(changes.Request().kinds(), UnorderedElementsAre("change", "heartbeat"));
  EXPECT_FALSE(changes.Take(Heartbeat()));
}

TEST(WatchPlanTest, AsksAgainFromBehindTheLastChange) {
  WatchPlan plan(Asked("east4"), false);
  EXPECT_EQ(plan.Request().from(), 0u);
  EXPECT_EQ(plan.HowToGoOn(), "");
  plan.Take(Change(41));
  EXPECT_EQ(plan.Request().from(), 42u);
  EXPECT_EQ(plan.HowToGoOn(), "; go on later with --from 42");
}

TEST(WatchPlanTest, AsksForNoSequenceOfNoRelationship) {
  WatchPlan plan(Asked(""), false);
  plan.Take(Change(41));
  EXPECT_EQ(plan.Request().from(), 0u);
}

}  // namespace
}  // namespace nestor::ctl
