#include "secondary-agent/plan/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/status.h"

namespace nestor::secondary {
namespace {

using config::Kind;
using config::ObjectId;
using config::ObjectSet;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr auto k4 = DhcpService::kDhcp4;
// As Kea is sent it, before the arguments.
constexpr std::string_view kPrefix = R"({"command":"config-test","arguments":)";

json::Document MustParse(std::string text) {
  auto document = json::Parse(std::move(text));
  EXPECT_TRUE(document.ok()) << Message(document.status());
  return document.ok() ? *std::move(document) : json::Document();
}

ObjectId Subnet(int id) { return {Kind::kSubnet, std::to_string(id)}; }
ObjectId Reservation(int id) {
  return {Kind::kReservation, fmt::format("1/hw-address/00:00:00:00:00:{:02x}", id)};
}

// A configuration of that many subnets, with reservations in the first of them.
ObjectSet Sized(int subnets, int reservations) {
  ObjectSet set;
  for (int i = 1; i <= subnets; ++i) {
    set.Put(Subnet(i), fmt::format(R"({{"id":{},"subnet":"10.0.{}.0/24"}})", i, i));
  }
  for (int i = 1; i <= reservations; ++i) {
    set.Put(Reservation(i), fmt::format(R"({{"hw-address":"00:00:00:00:00:{:02x}"}})", i));
  }
  return set;
}

class PlanTest : public ::testing::Test {
 protected:
  ApplyPlan Plan(const ObjectSet& actual, const ObjectSet& wanted, bool approved = false) {
    return PlanApply(actual, wanted, hook_ ? &*hook_ : nullptr, hold_, approved);
  }
  bool Held(const ObjectSet& actual, const ObjectSet& wanted) { return Plan(actual, wanted).held; }

  std::optional<HookAbilities> hook_;
  HoldPolicy hold_;
};

TEST_F(PlanTest, SendsNothingWhereNothingDiffers) {
  const ApplyPlan plan = Plan(Sized(3, 3), Sized(3, 3));
  EXPECT_EQ(plan.by, ApplyBy::kNothing);
  EXPECT_TRUE(plan.change.empty());
}

TEST_F(PlanTest, SetsTheWholeWhereTheHookLibraryIsNotLoaded) {
  const ApplyPlan plan = Plan(Sized(1, 0), Sized(2, 0));
  EXPECT_EQ(plan.by, ApplyBy::kConfigSet);
  EXPECT_EQ(plan.change.size(), 1u);
}

TEST_F(PlanTest, LeavesHaAloneWhereTheHookLibraryIsLoaded) {
  hook_.emplace();
  EXPECT_EQ(Plan(Sized(1, 0), Sized(2, 0)).by, ApplyBy::kHook);
}

TEST_F(PlanTest, SetsTheWholeForAGlobalThatTheHookLibraryCannotChange) {
  hook_ = HookAbilities{{"dhcp4o6-port"}};
  ObjectSet wanted = Sized(2, 0);
  wanted.Put({Kind::kGlobal, "valid-lifetime"}, "600");
  EXPECT_EQ(Plan(Sized(1, 0), wanted).by, ApplyBy::kHook);
  wanted.Put({Kind::kGlobal, "dhcp4o6-port"}, "600");
  EXPECT_EQ(Plan(Sized(1, 0), wanted).by, ApplyBy::kConfigSet);
  EXPECT_EQ(Plan(wanted, Sized(1, 0)).by, ApplyBy::kConfigSet);
  // A class may be called so.
  ObjectSet named = Sized(1, 0);
  named.Put({Kind::kClientClass, "dhcp4o6-port"}, R"({"name":"dhcp4o6-port"})");
  EXPECT_EQ(Plan(Sized(1, 0), named).by, ApplyBy::kHook);
}

TEST_F(PlanTest, HoldsWhatRemovesMoreThanTheShareAndMoreThanTheMinimum) {
  // 20 % of 40 is 8.
  EXPECT_FALSE(Held(Sized(40, 0), Sized(32, 0)));
  EXPECT_TRUE(Held(Sized(40, 0), Sized(31, 0)));
  // More than the share, but no more than five.
  EXPECT_FALSE(Held(Sized(6, 0), Sized(1, 0)));
  EXPECT_FALSE(Held(Sized(5, 0), ObjectSet()));
  EXPECT_TRUE(Held(Sized(6, 0), ObjectSet()));
}

TEST_F(PlanTest, CountsReservationsByThemselves) {
  EXPECT_FALSE(Held(Sized(1, 40), Sized(1, 32)));
  EXPECT_TRUE(Held(Sized(1, 40), Sized(1, 31)));
  // A fifth of all objects is not removed here, but of the reservations it is.
  EXPECT_TRUE(Held(Sized(200, 10), Sized(200, 4)));
}

TEST_F(PlanTest, SaysHowManyItWouldRemoveAndSendsNothing) {
  const ApplyPlan plan = Plan(Sized(40, 50), Sized(20, 10));
  EXPECT_TRUE(plan.held);
  EXPECT_EQ(plan.by, ApplyBy::kNothing);
  EXPECT_EQ(plan.subnets_removed, 20u);
  EXPECT_EQ(plan.reservations_removed, 40u);
}

TEST_F(PlanTest, AnEmptyPrimaryEmptiesNothing) { EXPECT_TRUE(Held(Sized(100, 200), ObjectSet())); }

TEST_F(PlanTest, ReplacingAndAddingIsNotRemoving) {
  ObjectSet wanted = Sized(80, 0);
  for (int i = 1; i <= 40; ++i) wanted.Put(Subnet(i), fmt::format(R"({{"id":{},"x":1}})", i));
  EXPECT_FALSE(Held(Sized(40, 0), wanted));
}

TEST_F(PlanTest, AnApprovedRemovalIsMade) {
  const ApplyPlan plan = Plan(Sized(40, 0), Sized(1, 0), true);
  EXPECT_FALSE(plan.held);
  EXPECT_EQ(plan.subnets_removed, 39u);
  EXPECT_EQ(plan.by, ApplyBy::kConfigSet);
}

TEST_F(PlanTest, TheShareAndTheMinimumAreThePolicys) {
  hold_ = {.percent = 50, .minimum = 0};
  EXPECT_FALSE(Held(Sized(2, 0), Sized(1, 0)));
  EXPECT_TRUE(Held(Sized(2, 0), ObjectSet()));
  hold_ = {.percent = 100, .minimum = 0};
  EXPECT_FALSE(Held(Sized(2, 0), ObjectSet()));
}

// Kea's words below are those of kea-dhcp4 2.2.0, its positions put where the objects are.
class BlameTest : public ::testing::Test {
 protected:
  void SetUp() override {
    wanted_.Put({Kind::kGlobal, "valid-lifetime"}, "3600");
    wanted_.Put({Kind::kGlobal, "nonsense"}, "\"x\"");
    wanted_.Put({Kind::kOption, "dhcp4/3"}, R"({"code":3,"name":"routers","space":"dhcp4"})");
    wanted_.Put({Kind::kClientClass, "phones"}, R"j({"name":"phones","test":"member('late')"})j");
    wanted_.Put({Kind::kSharedNetwork, "floor"}, R"({"name":"floor"})");
    wanted_.Put(Subnet(1), R"({"id":1,"shared-network":"floor","subnet":"192.0.2.0/24"})");
    wanted_.Put(Subnet(12), R"({"id":12,"option-data":[{"code":6}],"subnet":"10.0.0.0/24"})");
    wanted_.Put({Kind::kReservation, "12/hw-address/aa:00:00:00:00:01"},
                R"({"hw-address":"aa:00:00:00:00:01","ip-address":"10.0.0.1"})");
    wanted_.Put({Kind::kReservation, "12/hw-address/aa:00:00:00:00:02"},
                R"({"hw-address":"aa:00:00:00:00:02","ip-address":"10.0.0.10"})");
    auto text =
        config::Compose(k4, MustParse(R"({"Dhcp4":{"loggers":[]}})").root(), wanted_, &places_);
    ASSERT_TRUE(text.ok()) << Message(text.status());
    command_ = std::string(kPrefix) + *text + "}";
    change_ = config::Diff(ObjectSet(), wanted_);
  }

  // Whom Kea would blame with `words` and the position of `where` in the command: of the value
  // itself, or of what follows its brace where it is an object.
  std::string Blamed(std::string_view words, std::string_view where) {
    size_t offset = command_.find(where);
    EXPECT_NE(offset, std::string::npos) << where;
    if (where.front() == '{') ++offset;
    return BlamedBy(fmt::format("{} (<wire>:0:{})", words, offset));
  }
  std::string BlamedBy(std::string_view text) {
    const auto id = BlameFor(text, places_, kPrefix.size(), change_);
    return id ? fmt::format("{} {}", config::KindName(id->kind), id->key) : "nothing";
  }

  ObjectSet wanted_;
  std::vector<config::Place> places_;
  std::string command_;
  config::ChangeSet change_;
};

TEST_F(BlameTest, FindsTheObjectAtThePosition) {
  EXPECT_EQ(Blamed("unsupported global configuration parameter: nonsense", "\"x\""),
            "global nonsense");
  EXPECT_EQ(Blamed("intValue() called on non-integer Element in", "3600"), "global valid-lifetime");
  EXPECT_EQ(Blamed("option data does not match option definition", R"({"code":3,)"),
            "option dhcp4/3");
  EXPECT_EQ(Blamed("subnet configuration failed: a pool of type V4", R"({"id":12,)"), "subnet 12");
  EXPECT_EQ(Blamed("Failed to convert string to address", R"({"code":6})"), "subnet 12");
  EXPECT_EQ(Blamed("ID of the new IPv4 subnet '1' is already in use", R"({"id":1,)"), "subnet 1");
  EXPECT_EQ(Blamed("duplicate network", R"({"name":"floor")"), "shared-network floor");
  EXPECT_EQ(Blamed("invalid host identifier value", "\"aa:00:00:00:00:02\""),
            "reservation 12/hw-address/aa:00:00:00:00:02");
}

TEST_F(BlameTest, TheLastPositionIsTheCommands) {
  EXPECT_EQ(Blamed("expression: [member('late')] error: <string>:1.8-13: Not defined client class "
                   "'late' at",
                   "\"member("),
            "client-class phones");
}

TEST_F(BlameTest, ReadsTheWordsWhereThereIsNoPosition) {
  EXPECT_EQ(BlamedBy("failed to add new host using the HW address 'aa:00:00:00:00:02' to the IPv4 "
                     "subnet id '12' as this host has already been added"),
            "reservation 12/hw-address/aa:00:00:00:00:02");
  EXPECT_EQ(BlamedBy("specified reservation '10.0.0.1' is not within the IPv4 subnet "
                     "'192.0.2.0/24'"),
            "reservation 12/hw-address/aa:00:00:00:00:01");
  EXPECT_EQ(BlamedBy("subnet 192.0.2.0/24 overlaps"), "subnet 1");
  EXPECT_EQ(BlamedBy("something about subnet id 12"), "subnet 12");
  EXPECT_EQ(BlamedBy("the value of min-valid-lifetime (9) is not less than (default) "
                     "valid-lifetime (3)"),
            "global valid-lifetime");
  EXPECT_EQ(BlamedBy("Not defined client class 'phones'"), "client-class phones");
}

TEST_F(BlameTest, APartOfANameIsNotTheName) {
  EXPECT_EQ(BlamedBy("specified reservation '10.0.0.10' is not within the IPv4 subnet"),
            "reservation 12/hw-address/aa:00:00:00:00:02");
  EXPECT_EQ(BlamedBy("specified reservation '110.0.0.1' is not within"), "nothing");
}

TEST_F(BlameTest, TheOnlyObjectChangedIsToBlameForWordsThatNameNone) {
  change_ = {};
  change_.upserted = {{Subnet(1), wanted_.Find(Subnet(1))->json}};
  EXPECT_EQ(BlamedBy("spurious 'unknownx' parameter"), "subnet 1");
  change_ = {};
  change_.removed = {Subnet(7)};
  EXPECT_EQ(BlamedBy("spurious 'unknownx' parameter"), "subnet 7");
}

TEST_F(BlameTest, BlamesNothingWhereItCannotKnow) {
  EXPECT_EQ(BlamedBy("spurious 'unknownx' parameter"), "nothing");
  EXPECT_EQ(BlamedBy(""), "nothing");
  EXPECT_EQ(BlamedBy("error at (<wire>:0:3)"), "nothing");
  EXPECT_EQ(BlamedBy("error at (<wire>:0:99999999999999999999999)"), "nothing");
  EXPECT_EQ(BlamedBy("error at (<wire>:0:"), "nothing");
  EXPECT_EQ(Blamed("the loggers are at fault", "[]"), "nothing");
}

}  // namespace
}  // namespace nestor::secondary
