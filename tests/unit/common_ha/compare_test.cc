#include "common/ha/compare.h"

#include <gmock/gmock.h>

#include "tests/unit/common_ha/given.h"

namespace nestor::ha {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// What a server has; `more` of all, `more_of_b` of the second server.
std::string Parameters(std::string_view server, std::string_view more = "",
                       std::string_view more_of_b = "",
                       std::string_view url = "http://192.0.2.2:8000/") {
  return Canonical(fmt::format(
      R"({{"high-availability":[{{{}"this-server-name":"{}","mode":"hot-standby",)"
      R"("heartbeat-delay":2000,"peers":[)"
      R"({{"name":"kea-a","role":"primary","url":"http://192.0.2.1:8000/","auto-failover":true}},)"
      R"({{"name":"kea-b","role":"standby",{}"url":"{}","auto-failover":true}}]}}]}})",
      more, server, more_of_b, url));
}

std::string InConfiguration(const std::string& parameters) {
  return fmt::format(
      R"({{"Dhcp4":{{"hooks-libraries":[{{"library":"/h/libdhcp_ha.so","parameters":{}}}]}}}})",
      parameters);
}

std::string Told(const std::string& one, const std::string& other) {
  std::string told;
  for (const Difference& difference : Compare(one, other)) {
    told += fmt::format("{}: {} | {}; ", difference.name, difference.primary, difference.secondary);
  }
  return told;
}

TEST(CompareTest, WhatBelongsToOneServerIsNoDifference) {
  EXPECT_EQ(Told(Parameters("kea-a"), Parameters("kea-b")), "");
  EXPECT_EQ(Told(Parameters("kea-a", R"("multi-threading":{"http-client-threads":4},)"),
                 Parameters("kea-b", R"("trust-anchor":"/ca","user-context":{"by":"me"},)")),
            "");
  EXPECT_EQ(Told(Parameters("kea-a"), Parameters("kea-b", "", R"("cert-file":"/cert",)")), "");
}

TEST(CompareTest, NamesEachParameterAndBothValues) {
  std::string other =
      Parameters("kea-b", R"("sync-page-limit":500,)", R"("x":1,)", "http://192.0.2.99:8000/");
  other.replace(other.find("2000"), 4, "9000");
  EXPECT_EQ(Told(Parameters("kea-a"), other),
            "heartbeat-delay: 2000 | 9000; sync-page-limit:  | 500; "
            "peers kea-b url: \"http://192.0.2.2:8000/\" | \"http://192.0.2.99:8000/\"; "
            "peers kea-b x:  | 1; ");
}

TEST(CompareTest, ADefaultThatOnlyOneWritesDownIsTheSame) {
  EXPECT_EQ(Told(Parameters("kea-a", R"("max-ack-delay":10000,"wait-backup-ack":false,)"),
                 Parameters("kea-b", R"("delayed-updates-limit":0,"sync-leases":true,)")),
            "");
  EXPECT_THAT(Told(Parameters("kea-a", R"("delayed-updates-limit":100,)"), Parameters("kea-b")),
              HasSubstr("delayed-updates-limit: 100 |"));
  EXPECT_EQ(Told(Parameters("kea-a"),
                 Parameters("kea-b", "", R"("basic-auth-user":"",)", "http://192.0.2.2:8000")),
            "");
}

TEST(CompareTest, WhatVersionsOfKeaHaveOtherwiseIsEachServersOwn) {
  EXPECT_EQ(Told(Parameters("kea-a", R"("restrict-commands":false,)"),
                 Parameters("kea-b", R"("restrict-commands":true,)")),
            "");
}

TEST(CompareTest, APasswordThatDiffersIsNotShown) {
  const std::string told = Told(Parameters("kea-a", "", R"("basic-auth-password":"first",)"),
                                Parameters("kea-b", "", R"("basic-auth-password":"second",)"));
  EXPECT_THAT(told, HasSubstr("peers kea-b basic-auth-password: "));
  EXPECT_THAT(told, Not(HasSubstr("first")));
  EXPECT_THAT(told, Not(HasSubstr("second")));
}

TEST(CompareTest, AServerThatOnlyOneKnowsAndOneWithoutHa) {
  std::string other = Parameters("kea-b");
  other.replace(other.find(R"("kea-a","role")"), 7, R"("kea-c")");
  EXPECT_EQ(Told(Parameters("kea-a"), other),
            "peers kea-a: \"kea-a\" | ; peers kea-c:  | \"kea-c\"; ");
  EXPECT_EQ(Told(Parameters("kea-a"), ""), "high-availability: \"hot-standby\" | ; ");
  EXPECT_EQ(Told("", Parameters("kea-b")), "high-availability:  | \"hot-standby\"; ");
  EXPECT_EQ(Told("", ""), "");
}

TEST(CompareTest, OfSeveralRelationshipsTheOneWithTheOtherServerCounts) {
  const std::string other = Parameters("kea-b");
  const std::string list =
      other.substr(other.find('[') + 1, other.rfind(']') - other.find('[') - 1);
  const std::string hub =
      fmt::format(R"({{"high-availability":[{{"heartbeat-delay":1,"peers":[{{"name":"kea-c"}}],)"
                  R"("this-server-name":"kea-a"}},{}]}})",
                  list);
  EXPECT_EQ(Told(hub, other), "");
}

TEST(CompareTest, WhatCannotBeReadDiffersInNothing) {
  for (const char* strange : {"{}", "[]", "garbage", R"({"high-availability":[]})",
                              R"({"high-availability":[7]})", R"({"high-availability":{}})"}) {
    EXPECT_EQ(Told(strange, Parameters("kea-b")), "") << strange;
    EXPECT_EQ(Told(Parameters("kea-b"), strange), "") << strange;
  }
}

TEST(CompareTest, TheSentenceSaysWhatToDo) {
  EXPECT_EQ(DriftText({}, "kea-a", "kea-b", "east"), "");
  EXPECT_EQ(DriftText({{"heartbeat-delay", "2000", ""}}, "kea-a", "kea-b", "east"),
            "HA is not the same on both servers: heartbeat-delay is 2000 on kea-a and not there on "
            "kea-b; see nestorctl diff east, and give both what kea-a has with: nestorctl "
            "relationship edit east");
  EXPECT_THAT(DriftText({{"high-availability", "", "\"hot-standby\""}}, "kea-a", "kea-b", "east"),
              AllOf(HasSubstr("only kea-b has HA"), HasSubstr("relationship remove east")));
  const std::vector<Difference> many(5, {"x", "1", "2"});
  EXPECT_THAT(DriftText(many, "kea-a", "kea-b", "east"), HasSubstr(" and 2 more; "));
}

TEST(CompareTest, ItIsToldWithTheObjectsThatDiffer) {
  v1::DiffReport report;
  report.set_same(true);
  AddTo(report, {});
  EXPECT_TRUE(report.same());
  AddTo(report, {{"heartbeat-delay", "2000", "9000"}});
  EXPECT_FALSE(report.same());
  ASSERT_EQ(report.different_size(), 1);
  EXPECT_EQ(report.different(0).kind(), "ha-parameter");
  EXPECT_EQ(report.different(0).key(), "heartbeat-delay");
  EXPECT_EQ(report.different(0).secondary(), "9000");
}

TEST(TakeOverTest, LeavesNoDifferenceAndWhatIsTheServersOwn) {
  std::string mine = Parameters("kea-b", R"("sync-page-limit":500,"key-file":"/mine",)",
                                R"("cert-file":"/mine",)", "http://192.0.2.99:8000/");
  mine.replace(mine.find("2000"), 4, "9000");
  const std::string theirs = Parameters("kea-a", R"("wait-backup-ack":true,)");
  EXPECT_NE(Told(theirs, mine), "");
  json::Document arguments = MustParse(InConfiguration(mine));
  TakeOver(k4, theirs, arguments);
  const auto found = Find(k4, arguments.root());
  ASSERT_TRUE(found);
  EXPECT_EQ(Told(theirs, found->parameters), "");
  EXPECT_EQ(found->this_server, "kea-b");
  EXPECT_THAT(found->parameters,
              AllOf(HasSubstr(R"("key-file":"/mine")"), HasSubstr(R"("cert-file":"/mine")"),
                    Not(HasSubstr("sync-page-limit"))));
}

TEST(TakeOverTest, DoesNothingWhereOneHasNoHa) {
  json::Document without = MustParse(R"({"Dhcp4":{"hooks-libraries":[]}})");
  TakeOver(k4, Parameters("kea-a"), without);
  EXPECT_EQ(json::Canonical(without.root()), R"({"Dhcp4":{"hooks-libraries":[]}})");
  const std::string whole = Canonical(InConfiguration(Parameters("kea-b")));
  json::Document with = MustParse(whole);
  for (const char* strange : {"", "{}", "garbage"}) TakeOver(k4, strange, with);
  EXPECT_EQ(json::Canonical(with.root()), whole);
}

TEST(FoundInTest, IsWhatFindFinds) {
  const std::string parameters = Parameters("kea-b");
  const auto found = FoundIn(parameters);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->this_server, "kea-b");
  EXPECT_EQ(found->settings.mode(), "hot-standby");
  EXPECT_EQ(found->parameters, parameters);
  EXPECT_EQ(found->unlike, "");
  EXPECT_FALSE(FoundIn(""));
  EXPECT_FALSE(FoundIn("garbage"));
}

}  // namespace
}  // namespace nestor::ha
