#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/common_ha/given.h"

namespace nestor::ha {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::string_view kHooks = "/usr/lib/kea/hooks";

v1::HighAvailability Settings(std::string_view mode = "hot-standby") {
  v1::HighAvailability settings;
  settings.set_mode(std::string(mode));
  settings.set_primary("kea-a");
  settings.set_secondary("kea-b");
  settings.set_primary_url("http://192.0.2.1:8000/");
  settings.set_secondary_url("http://[2001:db8::2]:8000/");
  settings.set_heartbeat_delay(1000);
  settings.set_max_unacked_clients(0);
  return settings;
}

// A configuration as Kea 2.2 reports it where there is no HA.
std::string Plain(DhcpService service) {
  return fmt::format(R"({{"{}":{{"hooks-libraries":[],"multi-threading":{{
    "enable-multi-threading":false,"packet-queue-size":64,"thread-pool-size":0}},
    "valid-lifetime":7200}}}})",
                     ServiceRoot(service));
}

// What Set() makes of `text`.
json::Document After(DhcpService service, std::string_view text,
                     const v1::HighAvailability& settings = Settings(),
                     std::string_view this_server = "kea-a", std::string_view hooks = kHooks,
                     std::string_view version = "2.2.0") {
  json::Document document = MustParse(text);
  const absl::Status status = Set(service, settings, this_server, hooks, version, document);
  EXPECT_TRUE(status.ok()) << Message(status);
  return document;
}

const json::Value& Member(const json::Document& document, std::string_view name) {
  static const json::Value none;
  const json::Value* const member = json::Find(document.root().MemberBegin()->value, name);
  return member == nullptr ? none : *member;
}

std::string MemberText(const json::Document& document, std::string_view name) {
  return json::Canonical(Member(document, name));
}

std::vector<std::string> Paths(const json::Document& document) {
  std::vector<std::string> paths;
  for (const json::Value& one : Member(document, "hooks-libraries").GetArray()) {
    paths.emplace_back(json::FindString(one, "library"));
  }
  return paths;
}

std::string Parameters(const json::Document& document) {
  const auto found = Find(document.root().HasMember("Dhcp4") ? k4 : k6, document.root());
  return found ? found->parameters : std::string();
}

// One with HA, `members` in its relationship and `peers`.
std::string WithHa(std::string_view members, std::string_view libraries_before = "") {
  return fmt::format(R"({{"Dhcp4":{{"hooks-libraries":[{}
    {{"library":"/a/libdhcp_ha.so","parameters":{{"high-availability":[{{{}}}]}}}},
    {{"library":"/b/libdhcp_x.so"}}]}}}})",
                     libraries_before, members);
}

std::string Refused(const v1::HighAvailability& settings, std::string_view this_server = "kea-a") {
  json::Document document = MustParse(Plain(k4));
  const std::string error = ErrorOf(Set(k4, settings, this_server, kHooks, "2.2.0", document));
  EXPECT_EQ(json::Canonical(document.root()), Canonical(Plain(k4)));
  return error;
}

TEST(SetTest, LoadsHotStandbyWhereThereWasNothing) {
  for (const DhcpService service : {k4, k6}) {
    const auto document = After(service, Plain(service));
    EXPECT_THAT(Paths(document), ElementsAre("/usr/lib/kea/hooks/libdhcp_lease_cmds.so",
                                             "/usr/lib/kea/hooks/libdhcp_ha.so"));
    EXPECT_EQ(Parameters(document), Canonical(R"({"high-availability":[{
      "this-server-name":"kea-a","mode":"hot-standby",
      "heartbeat-delay":1000,"max-unacked-clients":0,
      "multi-threading":{"enable-multi-threading":true,"http-dedicated-listener":true,
                         "http-listener-threads":0,"http-client-threads":0},
      "peers":[{"name":"kea-a","role":"primary","url":"http://192.0.2.1:8000/","auto-failover":true},
               {"name":"kea-b","role":"standby","url":"http://[2001:db8::2]:8000/",
                "auto-failover":true}]}]})"));
  }
}

TEST(SetTest, TheSecondOfLoadBalancingIsASecondary) {
  EXPECT_THAT(Parameters(After(k4, Plain(k4), Settings("load-balancing"), "kea-b")),
              AllOf(HasSubstr(R"("mode":"load-balancing")"), HasSubstr(R"("role":"secondary")"),
                    HasSubstr(R"("this-server-name":"kea-b")")));
}

TEST(SetTest, FindsAgainWhatItSet) {
  for (const char* mode : {"hot-standby", "load-balancing"}) {
    const auto found = Find(k6, After(k6, Plain(k6), Settings(mode), "kea-b").root());
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(found->unlike, "");
    EXPECT_EQ(found->this_server, "kea-b");
    EXPECT_EQ(found->settings.SerializeAsString(), Settings(mode).SerializeAsString());
  }
}

TEST(SetTest, DoneTwiceIsDoneOnce) {
  const auto once = After(k4, Plain(k4));
  const std::string text = json::Canonical(once.root());
  EXPECT_EQ(json::Canonical(After(k4, text).root()), text);
}

TEST(SetTest, TheRestStays) {
  EXPECT_EQ(MemberText(After(k4, Plain(k4)), "valid-lifetime"), "7200");
}

TEST(SetTest, TurnsMultiThreadingOnAndKeepsItsSizes) {
  EXPECT_EQ(MemberText(After(k4, Plain(k4)), "multi-threading"),
            R"({"enable-multi-threading":true,"packet-queue-size":64,"thread-pool-size":0})");
  EXPECT_EQ(MemberText(After(k6, R"({"Dhcp6":{}})"), "multi-threading"),
            R"({"enable-multi-threading":true})");
}

TEST(SetTest, LeavesMultiThreadingThatIsOnAsItIs) {
  for (const char* text :
       {R"({"Dhcp4":{"multi-threading":{"thread-pool-size":4}}})", R"({"Dhcp4":{}})"}) {
    const std::string before = MemberText(MustParse(text), "multi-threading");
    const auto document = After(k4, text, Settings(), "kea-a", kHooks, "2.6.3");
    EXPECT_EQ(MemberText(document, "multi-threading"), before);
  }
}

TEST(SetTest, TurnsOnWhatSomebodyTurnedOff) {
  const auto document =
      After(k4, R"({"Dhcp4":{"multi-threading":{"enable-multi-threading":false}}})", Settings(),
            "kea-a", kHooks, "3.0.3");
  EXPECT_EQ(MemberText(document, "multi-threading"), R"({"enable-multi-threading":true})");
}

TEST(SetTest, KeepsLibrariesWhereTheyAre) {
  const auto document = After(k4, WithHa("", R"({"library":"/b/libdhcp_lease_cmds.so"},)"));
  EXPECT_THAT(Paths(document),
              ElementsAre("/b/libdhcp_lease_cmds.so", "/a/libdhcp_ha.so", "/b/libdhcp_x.so"));
}

TEST(SetTest, LoadsLeaseCommandsAtTheEndWhereOnlyTheyAreMissing) {
  EXPECT_THAT(Paths(After(k4, WithHa(""))),
              ElementsAre("/a/libdhcp_ha.so", "/b/libdhcp_x.so",
                          "/usr/lib/kea/hooks/libdhcp_lease_cmds.so"));
}

TEST(SetTest, ParametersThatSettingsCannotHaveStay) {
  const std::string parameters = Parameters(
      After(k4, WithHa(R"("sync-page-limit":77,"mode":"load-balancing","delayed-updates-limit":3)"),
            Settings("load-balancing")));
  EXPECT_THAT(parameters, AllOf(HasSubstr(R"("sync-page-limit":77)"),
                                HasSubstr(R"("delayed-updates-limit":3)")));
}

TEST(SetTest, ADelayThatSettingsDoNotHaveIsKeasDefault) {
  const std::string parameters =
      Parameters(After(k4, WithHa(R"("max-ack-delay":9,"heartbeat-delay":9)")));
  EXPECT_THAT(parameters, HasSubstr(R"("heartbeat-delay":1000)"));
  EXPECT_EQ(parameters.find("max-ack-delay"), std::string::npos);
}

TEST(SetTest, WhatKeaReportsOfOneModeGoesWithIt) {
  for (const auto& [before, limit, after] :
       {std::tuple("load-balancing", 100, "hot-standby"), {"hot-standby", 0, "load-balancing"}}) {
    const std::string was = fmt::format(
        R"("mode":"{}","delayed-updates-limit":{},"wait-backup-ack":false,"sync-timeout":9)",
        before, limit);
    const std::string parameters = Parameters(After(k4, WithHa(was), Settings(after)));
    EXPECT_EQ(parameters.find("delayed-updates-limit"), std::string::npos);
    EXPECT_EQ(parameters.find("wait-backup-ack"), std::string::npos);
    EXPECT_THAT(parameters, HasSubstr(R"("sync-timeout":9)"));
  }
}

TEST(SetTest, KeepsWhatElseAServerHas) {
  const auto document = After(k4, WithHa(R"("peers":[{"name":"kea-a","role":"standby",
      "url":"http://192.0.2.9:1/","auto-failover":false,"basic-auth-user":"kea"},
      {"name":"kea-z","role":"primary","url":"http://192.0.2.8:1/","basic-auth-user":"z"}])"));
  EXPECT_THAT(Parameters(document),
              HasSubstr(R"("peers":[{"auto-failover":false,"basic-auth-user":"kea","name":"kea-a",)"
                        R"("role":"primary","url":"http://192.0.2.1:8000/"},)"
                        R"({"auto-failover":true,"name":"kea-b","role":"standby",)"
                        R"("url":"http://[2001:db8::2]:8000/"}])"));
}

TEST(SetTest, KeepsHowThatHaUsesThreads) {
  const auto document = After(
      k4, WithHa(R"("multi-threading":{"enable-multi-threading":true,"http-client-threads":4})"));
  EXPECT_THAT(
      Parameters(document),
      HasSubstr(R"("multi-threading":{"enable-multi-threading":true,"http-client-threads":4})"));
}

TEST(SetTest, LeavesKeasThreadsToHaThatWantsNone) {
  const auto document = After(k4, WithHa(R"("multi-threading":{"enable-multi-threading":false})"));
  EXPECT_TRUE(Member(document, "multi-threading").IsNull());
}

TEST(SetTest, SeveralRelationshipsBecomeOne) {
  const auto document = After(k4, WithHa(R"("sync-page-limit":1},{"sync-page-limit":2)"));
  EXPECT_THAT(Parameters(document), HasSubstr(R"("sync-page-limit":1)"));
  EXPECT_EQ(Parameters(document).find(R"("sync-page-limit":2)"), std::string::npos);
}

TEST(SetTest, AHookThatIsLoadedTwiceIsLoadedOnce) {
  const auto document = After(k4, WithHa("", R"({"library":"/z/libdhcp_ha.so"},)"));
  EXPECT_THAT(Paths(document), ElementsAre("/z/libdhcp_ha.so", "/b/libdhcp_x.so",
                                           "/usr/lib/kea/hooks/libdhcp_lease_cmds.so"));
}

TEST(SetTest, ASlashAtTheEndOfTheFolderIsNoMatter) {
  EXPECT_THAT(Paths(After(k4, Plain(k4), Settings(), "kea-a", "/h/")),
              ElementsAre("/h/libdhcp_lease_cmds.so", "/h/libdhcp_ha.so"));
}

TEST(SetTest, RefusesAModeThatIsNone) {
  for (const char* mode : {"", "passive-backup", "Hot-Standby"}) {
    EXPECT_THAT(Refused(Settings(mode)), HasSubstr(fmt::format("\"{}\"", mode)));
  }
}

TEST(SetTest, RefusesNamesThatAreNone) {
  for (const char* name : {"", " kea", "kea ", "k\"ea", "k'ea", "k\\ea", "k\nea", "k\xc3\xa4"}) {
    v1::HighAvailability settings = Settings();
    settings.set_primary(name);
    EXPECT_NE(Refused(settings, "kea-b"), "") << name;
  }
}

TEST(SetTest, RefusesOneNameForBoth) {
  v1::HighAvailability settings = Settings();
  settings.set_secondary("kea-a");
  EXPECT_THAT(Refused(settings), HasSubstr("kea-a"));
}

TEST(SetTest, RefusesAServerThatIsNoneOfTheTwo) {
  EXPECT_THAT(Refused(Settings(), "kea-c"), HasSubstr("kea-c"));
}

TEST(SetTest, RefusesUrlsThatKeaWould) {
  for (const char* url : {"", "192.0.2.1:8000", "https://192.0.2.1:8000/", "http://kea-a:8000/",
                          "http://192.0.2.1/", "http://192.0.2.1:0/"}) {
    v1::HighAvailability settings = Settings();
    settings.set_primary_url(url);
    EXPECT_THAT(Refused(settings), HasSubstr(fmt::format("\"{}\"", url)));
  }
}

TEST(SetTest, RefusesOneUrlForBoth) {
  v1::HighAvailability settings = Settings();
  settings.set_secondary_url("http://192.0.2.1:8000");
  EXPECT_THAT(Refused(settings), HasSubstr("192.0.2.1:8000"));
}

TEST(SetTest, RefusesWhereItIsNotKnownWhereLibrariesAre) {
  json::Document document = MustParse(Plain(k4));
  EXPECT_THAT(ErrorOf(Set(k4, Settings(), "kea-a", "", "2.2.0", document)),
              HasSubstr("libdhcp_lease_cmds.so"));
  EXPECT_EQ(json::Canonical(document.root()), Canonical(Plain(k4)));
}

TEST(SetTest, RefusesWhatIsNoConfiguration) {
  for (const char* text :
       {"{}", "[]", "7", R"({"Dhcp6":{}})", R"({"Dhcp4":[]})",
        R"({"Dhcp4":{"hooks-libraries":{}}})", R"({"Dhcp4":{"multi-threading":[]}})"}) {
    json::Document document = MustParse(text);
    EXPECT_NE(ErrorOf(Set(k4, Settings(), "kea-a", kHooks, "2.2.0", document)), "") << text;
    EXPECT_EQ(json::Canonical(document.root()), Canonical(text));
  }
}

TEST(SetTest, WritesOverParametersOfOtherTypes) {
  const std::string wanted = Parameters(After(k4, Plain(k4)));
  for (const char* parameters :
       {"7", "[]", R"({"high-availability":{}})", R"({"high-availability":[]})",
        R"({"high-availability":[7]})", R"({"high-availability":[{"peers":7}]})",
        R"({"high-availability":[{"peers":[7,{"name":7}],"multi-threading":7}]})"}) {
    const auto document = After(k4, fmt::format(R"({{"Dhcp4":{{"hooks-libraries":[7,{{"library":7}},
              {{"library":"/a/libdhcp_ha.so","parameters":{}}}]}}}})",
                                                parameters));
    EXPECT_EQ(Parameters(document), wanted) << parameters;
  }
}

TEST(RemoveTest, TakesTheHookOutAndLeavesTheRest) {
  json::Document document = After(k4, WithHa("", R"({"library":"/b/libdhcp_lease_cmds.so"},)"));
  Remove(k4, document);
  EXPECT_FALSE(Find(k4, document.root()).has_value());
  EXPECT_THAT(Paths(document), ElementsAre("/b/libdhcp_lease_cmds.so", "/b/libdhcp_x.so"));
  EXPECT_EQ(MemberText(document, "multi-threading"), R"({"enable-multi-threading":true})");
}

TEST(RemoveTest, DoesNothingWhereThereIsNone) {
  for (const char* text : {"{}", "7", R"({"Dhcp4":7})", R"({"Dhcp4":{"hooks-libraries":7}})",
                           R"({"Dhcp4":{"hooks-libraries":[7,{"library":"x"}]}})"}) {
    json::Document document = MustParse(text);
    Remove(k4, document);
    EXPECT_EQ(json::Canonical(document.root()), Canonical(text));
  }
}

}  // namespace
}  // namespace nestor::ha
