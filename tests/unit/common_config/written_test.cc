#include "common/config/written.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace nestor::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Written Parsed(std::string text) {
  auto written = Written::Parse(DhcpService::kDhcp4, std::move(text));
  EXPECT_TRUE(written.ok()) << written.status();
  return *std::move(written);
}

ObjectSet ObjectsOf(std::string text) {
  auto objects = Parsed(std::move(text)).Objects();
  EXPECT_TRUE(objects.ok()) << objects.status();
  return objects.ok() ? *std::move(objects) : ObjectSet();
}

std::string Text(const ObjectSet& set, Kind kind, const std::string& key) {
  const Object* object = set.Find({kind, key});
  return object == nullptr ? "(none)" : object->json;
}

std::string ErrorOf(std::string text) {
  const auto written = Written::Parse(DhcpService::kDhcp4, std::move(text));
  if (!written.ok()) return std::string(written.status().message());
  return std::string(written->Objects().status().message());
}

TEST(Written, TakesAFileApart) {
  const ObjectSet set = ObjectsOf(R"({ // a comment
    "Dhcp4": {
      "valid-lifetime": 600, /* another */
      "interfaces-config": { "interfaces": ["eth0"] },
      "subnet4": [{ "id": 1, "subnet": "192.0.2.0/24" }] # the last
    } })");
  EXPECT_EQ(set.size(), 2u);
  EXPECT_EQ(Text(set, Kind::kGlobal, "valid-lifetime"), "600");
  EXPECT_EQ(Text(set, Kind::kSubnet, "1"), R"({"id":1,"subnet":"192.0.2.0/24"})");
}

TEST(Written, SaysWhereItIsWrong) {
  EXPECT_THAT(ErrorOf("{\"Dhcp4\": {\n  \"x\": }}"), HasSubstr("line 2, column 8"));
  EXPECT_THAT(ErrorOf(R"({"Dhcp6": {}})"), HasSubstr(R"(it must be {"Dhcp4": {...}})"));
  EXPECT_THAT(ErrorOf("[]"), HasSubstr("no configuration of dhcp4"));
  EXPECT_THAT(ErrorOf(R"({"Dhcp4": {"subnet4": [{"subnet": "192.0.2.0/24"}]}})"),
              HasSubstr("subnet 192.0.2.0/24 has no id"));
  EXPECT_THAT(ErrorOf(R"({"Dhcp4": {"reservations": [{"hw-address": "1a:zz"}]}})"),
              HasSubstr(R"(hw-address "1a:zz")"));
  EXPECT_THAT(ErrorOf(R"({"Dhcp4": {"reservation-mode": "some"}})"), HasSubstr("some"));
  EXPECT_THAT(ErrorOf(R"({"Dhcp4": {"reservation-mode": "all", "reservations-global": true}})"),
              HasSubstr("both"));
}

TEST(Written, PutsIdentifiersAsKeaReportsThem) {
  const ObjectSet set = ObjectsOf(R"({"Dhcp4": {
    "reservations": [ {"hw-address": "1A:2:3b:4C:5d:6E"}, {"duid": "0a0B0c"},
                      {"client-id": "'ab'"}, {"flex-id": "0x1"}, {"circuit-id": "a b c"} ],
    "shared-networks": [{"name": "n", "subnet4": [
      {"id": 7, "subnet": "192.0.2.0/24", "reservations": [{"hw-address": "aabbccddeeff"}]}]}]}})");
  EXPECT_NE(set.Find({Kind::kReservation, "0/hw-address/1a:02:3b:4c:5d:6e"}), nullptr);
  EXPECT_NE(set.Find({Kind::kReservation, "0/duid/0a:0b:0c"}), nullptr);
  EXPECT_NE(set.Find({Kind::kReservation, "0/client-id/6162"}), nullptr);
  EXPECT_NE(set.Find({Kind::kReservation, "0/flex-id/01"}), nullptr);
  EXPECT_NE(set.Find({Kind::kReservation, "0/circuit-id/0A0B0C"}), nullptr);
  EXPECT_NE(set.Find({Kind::kReservation, "7/hw-address/aa:bb:cc:dd:ee:ff"}), nullptr);
}

TEST(Written, MovesCommentsIntoTheUserContext) {
  const ObjectSet set = ObjectsOf(R"({"Dhcp4": { "comment": "all",
    "subnet4": [{"id": 1, "subnet": "192.0.2.0/24", "comment": "one",
                 "user-context": {"floor": 2, "inner": {"comment": "stays"}}}]}})");
  EXPECT_EQ(Text(set, Kind::kGlobal, "user-context"), R"({"comment":"all"})");
  EXPECT_EQ(Text(set, Kind::kSubnet, "1"),
            R"({"id":1,"subnet":"192.0.2.0/24","user-context":)"
            R"({"comment":"one","floor":2,"inner":{"comment":"stays"}}})");
}

TEST(Written, GivesOptionsTheirSpaceAndCode) {
  Written written = Parsed(R"({"Dhcp4": {
    "option-def": [{"name": "mine", "code": 222, "type": "string"}],
    "option-data": [{"name": "mine", "data": "x"}, {"name": "domain-name-servers", "data": "1.1.1.1"},
                    {"code": 15, "data": "example.org"}]}})");
  EXPECT_THAT(written.OptionsWithoutCode(),
              ElementsAre(OptionName{"dhcp4", "domain-name-servers"}));
  EXPECT_THAT(written.Objects().status().message(), HasSubstr("domain-name-servers"));
  written.SetCodes({{{"dhcp4", "domain-name-servers"}, 6}});
  const auto set = written.Objects();
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_NE(set->Find({Kind::kOptionDef, "dhcp4/222"}), nullptr);
  EXPECT_NE(set->Find({Kind::kOption, "dhcp4/222"}), nullptr);
  EXPECT_NE(set->Find({Kind::kOption, "dhcp4/6"}), nullptr);
  EXPECT_NE(set->Find({Kind::kOption, "dhcp4/15"}), nullptr);
}

TEST(Written, TakesTextAsTheBytesThatKeaReports) {
  const ObjectSet set = ObjectsOf(
      "{\"Dhcp4\": {\"user-context\": {\"\u00fc\" : \"\u00fc\"}, \"boot-file-name\": "
      "\"\\u00e9\"}}");
  EXPECT_EQ(Text(set, Kind::kGlobal, "user-context"), "{\"\u00fc\":\"\u00c3\u00bc\"}");
  EXPECT_EQ(Text(set, Kind::kGlobal, "boot-file-name"), "\"\u00e9\"");
}

TEST(Written, ReplacesTheDeprecatedReservationMode) {
  const ObjectSet set = ObjectsOf(R"({"Dhcp4": {"reservation-mode": "global"}})");
  EXPECT_EQ(Text(set, Kind::kGlobal, "reservations-global"), "true");
  EXPECT_EQ(Text(set, Kind::kGlobal, "reservations-in-subnet"), "false");
  EXPECT_EQ(Text(set, Kind::kGlobal, "reservation-mode"), "(none)");
}

TEST(Written, NamesTheOwnPartsThatDiffer) {
  const Written written = Parsed(R"({"Dhcp4": {
    "interfaces-config": {"interfaces": ["eth0"]},
    "lease-database": {"type": "memfile"}, "loggers": [{"name": "kea-dhcp4"}, {"name": "x"}],
    "server-tag": "t"}})");
  const auto local = json::Parse(R"({"Dhcp4": {
    "interfaces-config": {"interfaces": ["eth0"], "re-detect": true},
    "lease-database": {"type": "mysql"}, "loggers": [{"name": "kea-dhcp4"}]}})");
  EXPECT_THAT(written.OwnPartsUnlike(local->root()),
              ElementsAre("lease-database", "loggers", "server-tag"));
}

TEST(Merge, AddsAndReplacesAndRemovesNothing) {
  const ObjectSet running = ObjectsOf(R"({"Dhcp4": {
    "client-classes": [{"name": "a"}, {"name": "b"}],
    "subnet4": [{"id": 1, "subnet": "192.0.2.0/24", "pools": [{"pool": "192.0.2.1-192.0.2.9"}]},
                {"id": 2, "subnet": "198.51.100.0/24"}]}})");
  const ObjectSet merged = Merge(running, ObjectsOf(R"({"Dhcp4": {
    "client-classes": [{"name": "c"}, {"name": "a", "test": "member('b') or true"
}],
    "subnet4": [{"id": 1, "reservations": [{"hw-address": "1a:1b:1c:1d:1e:1f"}]},
                {"id": 3, "subnet": "203.0.113.0/24"}]
}
})"));
  EXPECT_THAT(Text(merged, Kind::kSubnet, "1"), HasSubstr("pools"));
EXPECT_NE(merged.Find({Kind::kSubnet, "2"}), nullptr);
EXPECT_NE(merged.Find({Kind::kSubnet, "3"}), nullptr);
EXPECT_NE(merged.Find({Kind::kReservation, "1/hw-address/1a:1b:1c:1d:1e:1f"}), nullptr);
EXPECT_EQ(Text(merged, Kind::kGlobal, "client-class-order"), R"(["a","b","c"])");
EXPECT_THAT(Text(merged, Kind::kClientClass, "a"), HasSubstr("member"));
}

TEST(SaysNoMore, LooksAtWhatIsWritten) {
  EXPECT_TRUE(SaysNoMore(R"({"a":1,"b":[{"c":2}]})", R"({"a":1,"b":[{"c":2,"d":3}],"e":4})"));
  EXPECT_FALSE(SaysNoMore(R"({"a":1})", R"({"a":2})"));
  EXPECT_FALSE(SaysNoMore(R"({"a":[1]})", R"({"a":[1,2]})"));
  EXPECT_FALSE(SaysNoMore(R"({"a":1})", R"([1])"));
  EXPECT_FALSE(SaysNoMore("{", "{"));
}

}  // namespace
}  // namespace nestor::config
