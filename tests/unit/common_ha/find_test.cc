#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/common_ha/given.h"

namespace nestor::ha {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kRoots[] = {"Dhcp4", "Dhcp6"};

// A configuration of `service` that has `members`.
json::Document Configuration(DhcpService service, std::string_view members) {
  return MustParse(fmt::format("{{\"{}\":{{{}}}}}", ServiceRoot(service), members));
}

// One that loads the HA hook with `relationships`.
json::Document WithHa(DhcpService service, std::string_view relationships) {
  return Configuration(service,
                       fmt::format(R"("hooks-libraries":[{{"library":"/a/libdhcp_lease_cmds.so"}},
        {{"library":"/a/libdhcp_ha.so","parameters":{{"high-availability":[{}]}}}}])",
                                   relationships));
}

std::string Relationship(std::string_view mode, std::string_view peers) {
  return fmt::format(R"({{"this-server-name":"kea-b","mode":"{}","heartbeat-delay":1000,
    "max-unacked-clients":0,"sync-page-limit":1000,"peers":[{}]}})",
                     mode, peers);
}

std::string Peer(std::string_view name, std::string_view role, std::string_view url) {
  return fmt::format(R"({{"name":"{}","role":"{}","url":"{}","auto-failover":true}})", name, role,
                     url);
}

std::string Pair(std::string_view second_role) {
  return Peer("kea-a", "primary", "http://192.0.2.1:8000/") + "," +
         Peer("kea-b", second_role, "http://192.0.2.2:8000/");
}

std::string Unlike(std::string_view relationships) {
  const auto found = Find(k4, WithHa(k4, relationships).root());
  EXPECT_TRUE(found.has_value());
  return found ? found->unlike : "nothing found";
}

TEST(FindTest, FindsHotStandbyInBothServices) {
  for (const DhcpService service : {k4, k6}) {
    const auto found =
        Find(service, WithHa(service, Relationship("hot-standby", Pair("standby"))).root());
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->unlike, "");
    EXPECT_EQ(found->this_server, "kea-b");
    EXPECT_EQ(found->settings.mode(), "hot-standby");
    EXPECT_EQ(found->settings.primary(), "kea-a");
    EXPECT_EQ(found->settings.secondary(), "kea-b");
    EXPECT_EQ(found->settings.primary_url(), "http://192.0.2.1:8000/");
    EXPECT_EQ(found->settings.secondary_url(), "http://192.0.2.2:8000/");
  }
}

TEST(FindTest, FindsLoadBalancing) {
  const auto found = Find(k6, WithHa(k6, Relationship("load-balancing", Pair("secondary"))).root());
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->unlike, "");
  EXPECT_EQ(found->settings.secondary(), "kea-b");
}

TEST(FindTest, TellsADelayThatIsNotThereFromNone) {
  const auto found = Find(k4, WithHa(k4, Relationship("hot-standby", Pair("standby"))).root());
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->settings.heartbeat_delay(), 1000u);
  EXPECT_TRUE(found->settings.has_max_unacked_clients());
  EXPECT_EQ(found->settings.max_unacked_clients(), 0u);
  EXPECT_FALSE(found->settings.has_max_ack_delay());
  EXPECT_FALSE(found->settings.has_max_response_delay());
}

TEST(FindTest, KeepsTheParametersWhole) {
  const auto found = Find(k4, WithHa(k4, Relationship("hot-standby", Pair("standby"))).root());
  ASSERT_TRUE(found.has_value());
  EXPECT_THAT(found->parameters, HasSubstr(R"({"high-availability":[{"heartbeat-delay":1000,)"));
  EXPECT_THAT(found->parameters, HasSubstr(R"("sync-page-limit":1000)"));
}

TEST(FindTest, FindsNothingWhereTheHookIsNotLoaded) {
  for (const char* members :
       {"", R"("hooks-libraries":[])", R"("hooks-libraries":[{"library":"/a/libdhcp_hats.so"}])"}) {
    EXPECT_FALSE(Find(k4, Configuration(k4, members).root()).has_value()) << members;
  }
  EXPECT_FALSE(
      Find(k6, WithHa(k4, Relationship("hot-standby", Pair("standby"))).root()).has_value());
}

TEST(FindTest, TheHookMayBeInAnyFolder) {
  for (const char* path : {"libdhcp_ha.so", "/x/y/libdhcp_ha.so"}) {
    const auto document =
        Configuration(k4, fmt::format(R"("hooks-libraries":[{{"library":"{}"}}])", path));
    EXPECT_TRUE(Find(k4, document.root()).has_value()) << path;
  }
}

TEST(FindTest, SaysWhatIsNotAsNestorSetsIt) {
  EXPECT_NE(Unlike(""), "");
  EXPECT_NE(Unlike("7"), "");
  EXPECT_NE(Unlike("{}"), "");
  const std::string pair = Relationship("hot-standby", Pair("standby"));
  EXPECT_NE(Unlike(pair + "," + pair), "");
  EXPECT_THAT(Unlike(Relationship("passive-backup", Pair("backup"))), HasSubstr("passive-backup"));
  EXPECT_NE(
      Unlike(Relationship("hot-standby", Pair("standby") + "," +
                                             Peer("kea-c", "backup", "http://192.0.2.3:8000/"))),
      "");
  EXPECT_NE(Unlike(Relationship("hot-standby", Peer("kea-b", "primary", "http://[::1]:1/"))), "");
}

TEST(FindTest, WhatKeaItselfWouldRefuseIsUnlike) {
  EXPECT_NE(Unlike(Relationship("hot-standby", Pair("secondary"))), "");
  EXPECT_NE(Unlike(Relationship("load-balancing", Pair("standby"))), "");
  EXPECT_NE(
      Unlike(Relationship("hot-standby", Peer("a", "primary", "http://192.0.2.1:8000/") + "," +
                                             Peer("b", "standby", "http://192.0.2.2:8000/"))),
      "")
      << "this server is none of the two";
}

TEST(FindTest, AnUrlThatNestorCannotSetIsUnlike) {
  EXPECT_THAT(
      Unlike(Relationship("hot-standby", Peer("kea-a", "primary", "https://192.0.2.1:8000/") + "," +
                                             Peer("kea-b", "standby", "http://192.0.2.2:8000/"))),
      HasSubstr("https://192.0.2.1:8000/"));
}

TEST(FindTest, SurvivesMembersOfOtherTypes) {
  for (const char* members : {R"("hooks-libraries":{})",
                              R"("hooks-libraries":[7,null,[],"libdhcp_ha.so",{"library":7}])"}) {
    EXPECT_FALSE(Find(k4, Configuration(k4, members).root()).has_value()) << members;
  }
  for (const char* parameters : {"7", "[]", "null", R"({"high-availability":{}})",
                                 R"({"high-availability":[]})", R"({"high-availability":[[]]})"}) {
    const auto document = Configuration(
        k4, fmt::format(R"("hooks-libraries":[{{"library":"libdhcp_ha.so","parameters":{}}}])",
                        parameters));
    const auto found = Find(k4, document.root());
    ASSERT_TRUE(found.has_value()) << parameters;
    EXPECT_NE(found->unlike, "") << parameters;
  }
  for (const char* relationship :
       {R"({"peers":{}})", R"({"peers":[7,null]})", R"({"mode":7,"this-server-name":[]})",
        R"({"heartbeat-delay":"soon","peers":[{"name":7,"role":[],"url":{}}]})",
        R"({"heartbeat-delay":-1})", R"({"heartbeat-delay":4294967296})"}) {
    EXPECT_NE(Unlike(relationship), "") << relationship;
  }
  for (const char* arguments : {"[]", "7", "{}", R"({"Dhcp4":[]})"}) {
    EXPECT_FALSE(Find(k4, MustParse(arguments).root()).has_value()) << arguments;
  }
}

std::string Directory(std::string_view libraries) {
  return HooksDirectory(
      k4, Configuration(k4, fmt::format("\"hooks-libraries\":[{}]", libraries)).root());
}

TEST(HooksDirectoryTest, IsThatOfTheFirstLibraryOfKeas) {
  EXPECT_EQ(Directory(R"({"library":"/own/libdhcp_mine.so"},{"library":"/kea/libdhcp_stat_cmds.so"},
                         {"library":"/other/libdhcp_ha.so"})"),
            "/kea");
}

TEST(HooksDirectoryTest, IsThatOfAnyOtherWhereKeasAreNotLoaded) {
  EXPECT_EQ(Directory(R"({"library":"/own/libdhcp_mine.so"})"), "/own");
}

TEST(HooksDirectoryTest, IsNotThatOfNestorsOwn) {
  EXPECT_EQ(Directory(R"({"library":"/nestor/libdhcp_nestor.so"})"), "");
}

TEST(HooksDirectoryTest, IsNotKnownWhereNoLibraryNamesOne) {
  EXPECT_EQ(Directory(""), "");
  EXPECT_EQ(Directory(R"({"library":"libdhcp_ha.so"},7,{"library":7})"), "");
  EXPECT_EQ(HooksDirectory(k4, MustParse("{}").root()), "");
}

TEST(MultiThreadingTest, IsWhatTheConfigurationSays) {
  for (const DhcpService service : {k4, k6}) {
    for (const bool on : {true, false}) {
      const auto document = Configuration(
          service,
          fmt::format(R"("multi-threading":{{"enable-multi-threading":{},"thread-pool-size":0}})",
                      on));
      EXPECT_EQ(MultiThreading(service, document.root(), "2.2.0"), on);
      EXPECT_EQ(MultiThreading(service, document.root(), "2.6.3"), on);
    }
  }
}

TEST(MultiThreadingTest, IsOnByDefaultFromVersion24On) {
  const auto silent = Configuration(k4, R"("multi-threading":{"thread-pool-size":4})");
  for (const char* version : {"1.8.2", "2.0.3", "2.2.0", "2.3.9"}) {
    EXPECT_FALSE(MultiThreading(k4, silent.root(), version)) << version;
    EXPECT_FALSE(MultiThreading(k4, MustParse("{}").root(), version)) << version;
  }
  for (const char* version : {"2.4.0", "2.6.3", "2.10.0", "3.0.3", "10.2.0"}) {
    EXPECT_TRUE(MultiThreading(k4, silent.root(), version)) << version;
  }
}

TEST(MultiThreadingTest, AVersionThatIsNoneIsTakenForAnOldOne) {
  for (const char* version : {"", "x", ".", "2", "2."}) {
    EXPECT_FALSE(MultiThreading(k4, MustParse("{}").root(), version)) << version;
  }
}

TEST(ParametersTextTest, LaysTheParametersOut) {
  EXPECT_EQ(ParametersText(k4, WithHa(k4, R"({"mode":"x","a":1})").root()),
            "{\n    \"high-availability\": [\n        {\n            \"a\": 1,\n"
            "            \"mode\": \"x\"\n        }\n    ]\n}");
}

TEST(ParametersTextTest, IsEmptyWhereThereIsNoHa) {
  for (const std::string_view root : kRoots) {
    EXPECT_EQ(ParametersText(k4, MustParse(fmt::format("{{\"{}\":{{}}}}", root)).root()), "");
  }
}

}  // namespace
}  // namespace nestor::ha
