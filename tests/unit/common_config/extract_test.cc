#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/unit/common_config/captured.h"

namespace nestor::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr auto k4 = DhcpService::kDhcp4;
constexpr auto k6 = DhcpService::kDhcp6;

std::vector<std::string> Keys(const ObjectSet& set, Kind kind) {
  std::vector<std::string> keys;
  for (const auto* entry : set.InOrder()) {
    if (entry->first.kind == kind) keys.push_back(entry->first.key);
  }
  return keys;
}

std::string Wrong(std::string text) {
  const auto set = Extract(k4, MustParse(std::move(text)).root());
  return set.ok() ? std::string() : std::string(Message(set.status()));
}

TEST(ExtractTest, TakesEveryKindOfADhcp4Configuration) {
  const ObjectSet set = MustExtract(k4, Captured("dhcp4"));
  EXPECT_THAT(Keys(set, Kind::kOptionDef), ElementsAre("dhcp4/230", "dhcp4/231", "inner/1"));
  EXPECT_THAT(Keys(set, Kind::kOption),
              ElementsAre("dhcp4/230", "dhcp4/3", "dhcp4/3#2", "dhcp4/6"));
  EXPECT_THAT(Keys(set, Kind::kClientClass), ElementsAre("also", "base", "phones"));
  EXPECT_THAT(Keys(set, Kind::kSharedNetwork), ElementsAre("empty", "floor"));
  EXPECT_THAT(Keys(set, Kind::kSubnet), ElementsAre("20", "3", "30", "31"));
  EXPECT_THAT(Keys(set, Kind::kReservation),
              ElementsAre("0/hw-address/1a:1b:1c:1d:1e:1f", "20/circuit-id/63686172746572393530",
                          "20/client-id/011122", "20/duid/0a:0b:0c",
                          "20/flex-id/73306D4556614C7565", "30/hw-address/aa:bb:cc:00:00:01"));
  EXPECT_EQ(TextOf(set, Kind::kGlobal, "valid-lifetime"), "3600");
  EXPECT_EQ(TextOf(set, Kind::kGlobal, "client-class-order"), R"(["phones","base","also"])");
}

TEST(ExtractTest, TakesEveryKindOfADhcp6Configuration) {
  const ObjectSet set = MustExtract(k6, Captured("dhcp6"));
  EXPECT_THAT(Keys(set, Kind::kOption),
              ElementsAre("dhcp6/1230", "dhcp6/23", "dhcp6/23#2", "dhcp6/7", "inner/1"));
  EXPECT_THAT(Keys(set, Kind::kSubnet), ElementsAre("20", "3", "30", "31"));
  EXPECT_THAT(Keys(set, Kind::kReservation),
              ElementsAre("0/duid/01:02:03", "20/duid/aa:bb:01:02", "20/flex-id/61",
                          "20/hw-address/0a:1b:1c:1d:1e:0f", "30/duid/01:02:03"));
  EXPECT_THAT(TextOf(set, Kind::kSubnet, "20"), HasSubstr("\"pd-pools\":[{"));
}

TEST(ExtractTest, LeavesOutWhatBelongsToAServer) {
  for (const auto& [service, name] : {std::pair(k4, "dhcp4"), std::pair(k6, "dhcp6")}) {
    const json::Document document = MustParse(Captured(name));
    const ObjectSet set = MustExtract(service, document.root());
    for (const char* own :
         {"interfaces-config", "control-socket", "lease-database", "loggers", "hooks-libraries",
          "server-tag", "dhcp-ddns", "multi-threading", "dhcp-queue-control"}) {
      ASSERT_NE(json::Find(*json::Find(document.root(), ServiceRoot(service)), own), nullptr);
      EXPECT_EQ(set.Find({Kind::kGlobal, own}), nullptr) << own;
    }
  }
  EXPECT_TRUE(IsServerSpecific("server-id"));
  EXPECT_TRUE(IsServerSpecific("hash"));
  EXPECT_TRUE(IsServerSpecific("config-control"));
  EXPECT_FALSE(IsServerSpecific("valid-lifetime"));
  EXPECT_FALSE(IsServerSpecific("subnet4"));
}

TEST(ExtractTest, AReservationIsInNoSubnetsText) {
  const ObjectSet set = MustExtract(k4, Captured("dhcp4"));
  EXPECT_EQ(TextOf(set, Kind::kSubnet, "20").find("reservations\""), std::string::npos);
  EXPECT_THAT(TextOf(set, Kind::kReservation, "20/duid/0a:0b:0c"), HasSubstr("by-duid"));
}

TEST(ExtractTest, ASubnetSaysWhichNetworkItIsInAndTheNetworkSaysNothing) {
  const ObjectSet set = MustExtract(k4, Captured("dhcp4"));
  EXPECT_THAT(TextOf(set, Kind::kSubnet, "30"), HasSubstr(R"("shared-network":"floor")"));
  EXPECT_EQ(TextOf(set, Kind::kSubnet, "20").find("shared-network"), std::string::npos);
  EXPECT_EQ(TextOf(set, Kind::kSharedNetwork, "floor").find("subnet4"), std::string::npos);
}

// The same configuration twice; `same` is whether it means the same to Kea.
struct Pair {
  const char* what;
  const char* one;
  const char* other;
  bool same;
};

class MeaningTest : public ::testing::TestWithParam<Pair> {};

TEST_P(MeaningTest, DecidesTheDigest) {
  const auto wrapped = [](const char* members) {
    return fmt::format("{{\"Dhcp4\":{{{}}}}}", members);
  };
  const bool same = MustExtract(k4, wrapped(GetParam().one)).Digest() ==
                    MustExtract(k4, wrapped(GetParam().other)).Digest();
  EXPECT_EQ(same, GetParam().same) << GetParam().what;
}

INSTANTIATE_TEST_SUITE_P(
    All, MeaningTest,
    ::testing::Values(
        Pair{"order of members", R"("a":1,"b":{"c":1,"d":2})", R"("b":{"d":2,"c":1},"a":1)", true},
        Pair{"order of subnets", R"("subnet4":[{"id":1},{"id":2}])",
             R"("subnet4":[{"id":2},{"id":1}])", true},
        Pair{"ids of subnets", R"("subnet4":[{"id":1,"x":1},{"id":2,"x":2}])",
             R"("subnet4":[{"id":1,"x":2},{"id":2,"x":1}])", false},
        Pair{"network of a subnet", R"("shared-networks":[{"name":"n","subnet4":[{"id":1}]}])",
             R"("shared-networks":[{"name":"n","subnet4":[]}],"subnet4":[{"id":1}])", false},
        Pair{"order of networks", R"("shared-networks":[{"name":"n"},{"name":"m"}])",
             R"("shared-networks":[{"name":"m"},{"name":"n"}])", true},
        Pair{"order of reservations", R"("reservations":[{"duid":"1"},{"duid":"2"}])",
             R"("reservations":[{"duid":"2"},{"duid":"1"}])", true},
        Pair{"order of options of different codes",
             R"("option-data":[{"space":"a","code":1},{"space":"a","code":2}])",
             R"("option-data":[{"space":"a","code":2},{"space":"a","code":1}])", true},
        Pair{"order of options of one code",
             R"("option-data":[{"space":"a","code":1,"x":1},{"space":"a","code":1,"x":2}])",
             R"("option-data":[{"space":"a","code":1,"x":2},{"space":"a","code":1,"x":1}])", false},
        Pair{"the same inside a pool",
             R"("subnet4":[{"id":1,"pools":[{"option-data":[{"space":"a","code":9},
                {"space":"a","code":1,"x":1},{"space":"a","code":1,"x":2}]}]}])",
             R"("subnet4":[{"id":1,"pools":[{"option-data":[{"space":"a","code":1,"x":1},
                {"space":"a","code":9},{"space":"a","code":1,"x":2}]}]}])",
             true},
        Pair{"order of one code inside a reservation",
             R"("reservations":[{"duid":"1","option-data":[{"code":1,"x":1},{"code":1,"x":2}]}])",
             R"("reservations":[{"duid":"1","option-data":[{"code":1,"x":2},{"code":1,"x":1}]}])",
             false},
        Pair{"order of definitions",
             R"("option-def":[{"space":"a","code":1},{"space":"b","code":1}])",
             R"("option-def":[{"space":"b","code":1},{"space":"a","code":1}])", true},
        Pair{"order of classes", R"("client-classes":[{"name":"a"},{"name":"b"}])",
             R"("client-classes":[{"name":"b"},{"name":"a"}])", false},
        Pair{"no classes", R"("client-classes":[])", R"("a":1)", false},
        Pair{"an empty list and none", R"("client-classes":[],"option-data":[],"subnet4":[])", "",
             true},
        Pair{"order of a relay's addresses",
             R"("subnet4":[{"id":1,"relay":{"ip-addresses":["10.0.0.2","10.0.0.1"]}}])",
             R"("subnet4":[{"id":1,"relay":{"ip-addresses":["10.0.0.1","10.0.0.2"]}}])", true},
        Pair{"order of a reservation's addresses",
             R"("reservations":[{"duid":"1","ip-addresses":["2001:db8::2","2001:db8::1"]}])",
             R"("reservations":[{"duid":"1","ip-addresses":["2001:db8::1","2001:db8::2"]}])",
             false},
        Pair{"order of a reservation's classes",
             R"("reservations":[{"duid":"1","client-classes":["a","b"]}])",
             R"("reservations":[{"duid":"1","client-classes":["b","a"]}])", false},
        Pair{"order of classes to require",
             R"("subnet4":[{"id":1,"require-client-classes":["a","b"]}])",
             R"("subnet4":[{"id":1,"require-client-classes":["b","a"]}])", false},
        Pair{"order of identifiers to look for", R"("host-reservation-identifiers":["a","b"])",
             R"("host-reservation-identifiers":["b","a"])", false},
        Pair{"order in a user-context",
             R"("subnet4":[{"id":1,"user-context":{"option-data":[{"code":2},{"code":1}]}}])",
             R"("subnet4":[{"id":1,"user-context":{"option-data":[{"code":1},{"code":2}]}}])",
             false},
        Pair{"parts of a server", R"("a":1,"loggers":[1],"server-id":{"type":"LL"})",
             R"("a":1,"interfaces-config":{"interfaces":["eth0"]},"hash":"x")", true}));

TEST(ExtractTest, SaysWhatCannotBeRead) {
  EXPECT_THAT(Wrong(R"({"Dhcp6":{}})"), HasSubstr("it has no Dhcp4"));
  EXPECT_THAT(Wrong(R"({"Dhcp4":[]})"), HasSubstr("it has no Dhcp4"));
  EXPECT_THAT(Wrong(R"([])"), HasSubstr("it has no Dhcp4"));
  EXPECT_THAT(Wrong(R"({"Dhcp4":{"subnet4":[{"subnet":"192.0.2.0/24"}]}})"),
              HasSubstr("subnet 192.0.2.0/24 has no id"));
  EXPECT_THAT(Wrong(R"({"Dhcp4":{"subnet4":[{"id":-1,"subnet":"192.0.2.0/24"}]}})"),
              HasSubstr("has no id"));
  EXPECT_THAT(Wrong(R"({"Dhcp4":{"subnet4":[{"id":1}],
                        "shared-networks":[{"name":"n","subnet4":[{"id":1}]}]}})"),
              HasSubstr("two subnets have the id 1"));
  EXPECT_THAT(Wrong(R"({"Dhcp4":{"subnet4":[{"id":7,"reservations":[{"hostname":"x"}]}]}})"),
              HasSubstr("a reservation in subnet 7 without identifier"));
  EXPECT_THAT(Wrong(R"({"Dhcp4":{"option-data":[{"name":"x"}]}})"), HasSubstr("without code"));
  EXPECT_THAT(Wrong(R"({"Dhcp4":{"client-classes":[{"test":"x"}]}})"),
              HasSubstr("a client class without name"));
  EXPECT_THAT(Wrong(R"({"Dhcp4":{"shared-networks":[{}]}})"),
              HasSubstr("a shared network without name"));
}

TEST(ExtractTest, SurvivesMembersOfTheWrongType) {
  for (const char* name : {"client-classes", "option-data", "option-def", "reservations", "subnet4",
                           "shared-networks"}) {
    for (const char* value : {"{}", "1", "null", "\"x\"", "[1]", "[null]", "[[]]", "[\"x\"]"}) {
      EXPECT_NE(Wrong(fmt::format(R"({{"Dhcp4":{{"{}":{}}}}})", name, value)), "")
          << name << " " << value;
    }
  }
  EXPECT_NE(Wrong(R"({"Dhcp4":{"shared-networks":[{"name":"n","subnet4":[3]}]}})"), "");
  // Lists inside objects are taken as they are, whatever is in them.
  EXPECT_EQ(Wrong(R"({"Dhcp4":{"subnet4":[{"id":1,"option-data":[1,{},"x",{"code":"y"}],
                                           "relay":{"ip-addresses":[1,"x",null]}}]}})"),
            "");
}

TEST(ConfigBackendTest, IsSeenWhereDatabasesAre) {
  const auto in_use = [](const char* control) {
    return ConfigBackendInUse(
        k4, MustParse(fmt::format(R"({{"Dhcp4":{{"config-control":{}}}}})", control)).root());
  };
  ASSERT_TRUE(in_use(R"({"config-databases":[{"type":"mysql"}]})").has_value());
  EXPECT_THAT(*in_use(R"({"config-databases":[{"type":"mysql"}]})"), HasSubstr("mysql"));
  EXPECT_EQ(in_use(R"({"config-databases":[]})"), std::nullopt);
  EXPECT_EQ(in_use(R"({"config-fetch-wait-time":20})"), std::nullopt);
  EXPECT_EQ(ConfigBackendInUse(k4, MustParse(Captured("dhcp4")).root()), std::nullopt);
}

TEST(HaModeTest, IsTheHooks) {
  EXPECT_EQ(HaMode(k4, MustParse(Captured("dhcp4")).root()), "hot-standby");
  EXPECT_EQ(HaMode(k6, MustParse(Captured("dhcp6")).root()), "load-balancing");
  EXPECT_EQ(HaMode(k6, MustParse(Captured("dhcp4")).root()), "");
  EXPECT_EQ(HaMode(k4, MustParse(R"({"Dhcp4":{"hooks-libraries":[{"library":"x.so"}]}})").root()),
            "");
}

TEST(HubAndSpokeTest, IsSeenWhereHaHasSeveralRelationships) {
  const auto why = [](std::string_view relationships) {
    return HubAndSpoke(k4,
                       MustParse(fmt::format(R"({{"Dhcp4":{{"hooks-libraries":[{{"library":"x.so"}},
              {{"library":"/h/libdhcp_ha.so","parameters":{{"high-availability":{}}}}}]}}}})",
                                             relationships))
                           .root());
  };
  EXPECT_THAT(why(R"([{"mode":"hot-standby"},{"mode":"hot-standby"}])").value_or(""),
              HasSubstr("has 2 relationships"));
  for (const char* one : {R"([{"mode":"hot-standby"}])", "[]", "7"}) {
    EXPECT_EQ(why(one), std::nullopt) << one;
  }
  EXPECT_EQ(HubAndSpoke(k4, MustParse(Captured("dhcp4")).root()), std::nullopt);
}

TEST(DescribeTest, NamesObjectsAsPeopleDo) {
  EXPECT_EQ(Describe({Kind::kSubnet, "12"}, R"({"id":12,"subnet":"192.0.2.0/24"})"),
            "subnet 192.0.2.0/24 (id 12)");
  EXPECT_EQ(Describe({Kind::kSubnet, "12"}, ""), "subnet id 12");
  EXPECT_EQ(Describe({Kind::kReservation, "12/hw-address/1a:1b"}, ""),
            "reservation hw-address 1a:1b in subnet 12");
  EXPECT_EQ(Describe({Kind::kReservation, "0/duid/01:02"}, ""), "reservation duid 01:02 (global)");
  EXPECT_EQ(Describe({Kind::kOption, "dhcp4/3"}, R"({"code":3,"name":"routers"})"),
            "option routers (dhcp4/3)");
  EXPECT_EQ(Describe({Kind::kOptionDef, "dhcp4/230"}, ""), "option definition dhcp4/230");
  EXPECT_EQ(Describe({Kind::kGlobal, "valid-lifetime"}, "3"), "global parameter valid-lifetime");
  EXPECT_EQ(Describe({Kind::kClientClass, "phones"}, "{}"), "client class phones");
  EXPECT_EQ(Describe({Kind::kSharedNetwork, "floor"}, "{}"), "shared network floor");
  EXPECT_EQ(Describe({Kind::kReservation, "odd"}, "no json"), "reservation odd");
}

// An object as config-get gives it, and its canonical text.
struct Form {
  Kind kind;
  const char* reported;
  const char* canonical;
};

class CanonicalObjectTest : public ::testing::TestWithParam<Form> {};

TEST_P(CanonicalObjectTest, IsTheTextThatExtractGives) {
  const auto& [kind, reported, canonical] = GetParam();
  EXPECT_EQ(CanonicalObject(kind, MustParse(reported).root()), canonical);
}

INSTANTIATE_TEST_SUITE_P(
    All, CanonicalObjectTest,
    ::testing::Values(
        Form{Kind::kGlobal, " 0.50 ", "0.5"},
        Form{Kind::kGlobal, R"({"option-data":[{"code":2},{"code":1}],"a":1.0})",
             R"({"a":1,"option-data":[{"code":2},{"code":1}]})"},
        Form{Kind::kSharedNetwork,
             R"({"subnet4":[1],"subnet6":[],"name":"n","relay":{"ip-addresses":["b","a"]}})",
             R"({"name":"n","relay":{"ip-addresses":["a","b"]}})"},
        Form{Kind::kSubnet,
             R"({"shared-network":"n","reservations":[{}],"id":1,)"
             R"("option-data":[{"code":2},{"code":1}]})",
             R"({"id":1,"option-data":[{"code":1},{"code":2}],"shared-network":"n"})"},
        Form{Kind::kReservation,
             R"({"ip-addresses":["b","a"],"option-data":[{"code":2},{"code":1}]})",
             R"({"ip-addresses":["b","a"],"option-data":[{"code":1},{"code":2}]})"},
        Form{Kind::kClientClass, R"({"test":"x","name":"\u00c3\u00bc"})",
             "{\"name\":\"\u00c3\u00bc\",\"test\":\"x\"}"}));

}  // namespace
}  // namespace nestor::config
