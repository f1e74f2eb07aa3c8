#include "common/operator/status_line.h"

#include <gmock/gmock.h>

namespace nestor::operators {
namespace {

v1::RelationshipStatus Status(const std::string& name, const std::string& state = "OK") {
  v1::RelationshipStatus status;
  status.set_name(name);
  status.set_service("dhcp4");
  status.set_state(state);
  status.mutable_mirror()->set_term(7);
  status.mutable_mirror()->set_head(1042);
  status.mutable_mirror()->set_applied(1040);
  return status;
}

TEST(StatusLineTest, NamesRelationshipPositionAndLag) {
  EXPECT_EQ(ServingLine({Status("east")}), "serving east/dhcp4 at 7/1042, lag 0");
}

TEST(StatusLineTest, TheSecondaryIsWhereItsKeaIs) {
  EXPECT_EQ(FollowingLine({Status("east")}), "following east/dhcp4 at 7/1040, lag 0");
}

TEST(StatusLineTest, LagIsInWholeSeconds) {
  v1::RelationshipStatus status = Status("east");
  status.mutable_mirror()->set_lag_seconds(3.9);
  EXPECT_EQ(ServingLine({status}), "serving east/dhcp4 at 7/1042, lag 3");
}

TEST(StatusLineTest, WhatIsNotWellComesFirst) {
  EXPECT_EQ(ServingLine({Status("east"), Status("west", "IMPAIRED")}),
            "serving west/dhcp4 at 7/1042, lag 0, IMPAIRED; serving east/dhcp4 at 7/1042, lag 0");
}

TEST(StatusLineTest, OfManyTheFirstAreNamed) {
  std::vector<v1::RelationshipStatus> statuses;
  for (const char* name : {"a", "b", "c", "d", "e", "f"}) statuses.push_back(Status(name));
  EXPECT_THAT(
      ServingLine(statuses),
      ::testing::AllOf(::testing::HasSubstr("serving d/"), ::testing::EndsWith("; and 2 more"),
                       ::testing::Not(::testing::HasSubstr("serving e/"))));
}

TEST(StatusLineTest, WithoutARelationshipItSaysSo) {
  EXPECT_EQ(FollowingLine({}), "ready, without a relationship");
}

}  // namespace
}  // namespace nestor::operators
