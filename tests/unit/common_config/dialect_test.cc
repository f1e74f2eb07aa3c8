#include "common/config/dialect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/unit/common_config/captured.h"

namespace nestor::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr auto k4 = DhcpService::kDhcp4;
constexpr auto k6 = DhcpService::kDhcp6;

// What a real Kea of `version` answered to config-get: the same file in all, but that 3.0 was told
// to cache no leases, as the others do by default.
json::Document Reported(std::string_view version, DhcpService service) {
  return MustParse(Captured(fmt::format("versions/{}-{}", version, ServiceName(service))));
}

ObjectSet Extracted(std::string_view version, DhcpService service) {
  return MustExtract(service, Reported(version, service).root());
}

// What there is in one and not in the other, for people.
std::vector<std::string> Differences(const ObjectSet& one, const ObjectSet& other) {
  std::vector<std::string> texts;
  const ChangeSet change = Diff(one, other);
  for (const auto& upsert : change.upserted) {
    texts.push_back(fmt::format("{} {}", Describe(upsert.id, {}), upsert.json));
  }
  for (const ObjectId& id : change.removed) texts.push_back("no " + Describe(id, {}));
  return texts;
}

// The set that a 3.0 Kea has whose Dhcp4 holds `members` besides.
ObjectSet Of30(std::string_view members) {
  return MustExtract(k4, fmt::format(R"({{"Dhcp4":{{"control-sockets":[],{}}}}})", members));
}

std::string Subnet30(std::string_view members) {
  return TextOf(Of30(fmt::format(R"("subnet4":[{{"id":1,{}}}])", members)), Kind::kSubnet, "1");
}

std::string Said(Dialect dialect, std::string_view subnet, DhcpService service = k4) {
  return SayObject(service, dialect, Kind::kSubnet, subnet);
}

TEST(DialectTest, IsKnownByWhatKeaReports) {
  for (const DhcpService service : {k4, k6}) {
    EXPECT_EQ(DialectOf(service, Reported("2.2", service).root()), Dialect::k22);
    EXPECT_EQ(DialectOf(service, Reported("2.6", service).root()), Dialect::k26);
    EXPECT_EQ(DialectOf(service, Reported("3.0", service).root()), Dialect::k30);
  }
  const auto of = [](std::string text) { return DialectOf(k4, MustParse(std::move(text)).root()); };
  EXPECT_EQ(of(R"({"Dhcp4":{"allocator":"iterative"}})"), Dialect::k24);
  EXPECT_EQ(of(R"({"Dhcp6":{"allocator":"iterative"}})"), Dialect::k22);
}

TEST(DialectTest, TheSameConfigurationIsTheSameInEachVersion) {
  for (const DhcpService service : {k4, k6}) {
    const ObjectSet oldest = Extracted("2.2", service);
    EXPECT_GT(oldest.size(), 30u);
    for (const char* version : {"2.6", "3.0"}) {
      EXPECT_THAT(Differences(oldest, Extracted(version, service)), IsEmpty()) << version;
    }
  }
}

// Each version is given what another reported, and would report it as it reported its own.
TEST(DialectTest, EachVersionIsToldItInItsOwnWords) {
  for (const DhcpService service : {k4, k6}) {
    for (const char* from : {"2.2", "2.6", "3.0"}) {
      const ObjectSet wanted = Extracted(from, service);
      for (const char* to : {"2.2", "2.6", "3.0"}) {
        const json::Document local = Reported(to, service);
        const auto text = Compose(service, local.root(), wanted);
        ASSERT_TRUE(text.ok()) << Message(text.status());
        const json::Document composed = MustParse(*text);
        const auto subnet = [&](const json::Value& arguments) {
          return json::Canonical((*json::Find(*json::Find(arguments, ServiceRoot(service)),
                                              service == k4 ? "subnet4" : "subnet6"))[0],
                                 {.without = {"option-data", "reservations", "pools", "pd-pools"}});
        };
        EXPECT_EQ(subnet(composed.root()), subnet(local.root())) << from << " to " << to;
        const ObjectSet taken = MustExtract(service, composed.root());
        EXPECT_THAT(Differences(wanted, taken), IsEmpty()) << from << " to " << to;
      }
    }
  }
}

TEST(DialectTest, OneClassIsAClassAndSeveralAreAList) {
  EXPECT_EQ(Subnet30(R"("client-classes":["a"])"), R"({"client-class":"a","id":1})");
  EXPECT_EQ(Subnet30(R"("client-classes":[])"), R"({"id":1})");
  EXPECT_EQ(Subnet30(R"("client-classes":["a","b"])"), R"({"client-classes":["a","b"],"id":1})");
  EXPECT_EQ(Subnet30(R"("pd-pools":[{"client-classes":["a"]}],"pools":[{"client-classes":["b"]}])"),
            R"({"id":1,"pd-pools":[{"client-class":"a"}],"pools":[{"client-class":"b"}]})");
  EXPECT_THAT(Said(Dialect::k30, R"({"pools":[{"client-class":"a"}]})"),
              HasSubstr(R"("pools":[{"client-classes":["a"]}])"));
  EXPECT_THAT(Said(Dialect::k30, R"({"client-classes":["a","b"]})"),
              HasSubstr(R"("client-classes":["a","b"])"));
  EXPECT_THAT(Said(Dialect::k26, R"({"client-class":"a"})"), HasSubstr(R"("client-class":"a")"));
  EXPECT_THAT(Said(Dialect::k30, R"({"client-class":"a","client-classes":["b","c"]})"),
              HasSubstr(R"("client-class":"a","client-classes":["b","c"])"));
}

TEST(DialectTest, ClassesOfAReservationAreAListInEachVersion) {
  const ObjectSet set = Of30(R"("reservations":[{"duid":"01","client-classes":["a"]}])");
  constexpr std::string_view kText = R"({"client-classes":["a"],"duid":"01"})";
  EXPECT_EQ(TextOf(set, Kind::kReservation, "0/duid/01"), kText);
  EXPECT_EQ(SayObject(k4, Dialect::k30, Kind::kReservation, kText), kText);
}

TEST(DialectTest, WhatASubnetOfTheOldestHasNotIsSaidToTheOthers) {
  EXPECT_EQ(Said(Dialect::k22, R"({"id":1})"), R"({"id":1})");
  EXPECT_EQ(Said(Dialect::k24, R"({"id":1})"), R"({"allocator":"iterative","id":1})");
  EXPECT_EQ(Said(Dialect::k26, R"({"id":1})", k6),
            R"({"allocator":"iterative","id":1,"pd-allocator":"iterative"})");
  EXPECT_EQ(Said(Dialect::k30, R"({"id":1})"),
            R"({"allocator":"iterative","cache-threshold":0,"id":1})");
}

// Between two of one version nothing may be lost: a subnet may differ from its global.
TEST(DialectTest, AnOwnValueOfASubnetComesBackAsItWas) {
  for (const char* own : {R"("allocator":"random","cache-threshold":0.25)",
                          R"("allocator":"iterative","cache-threshold":0)",
                          R"("allocator":"flq","cache-threshold":0.5)"}) {
    const std::string text = fmt::format(R"({{{},"id":1}})", own);
    const ObjectSet set =
        Of30(fmt::format(R"("allocator":"random","cache-threshold":0.7,"subnet4":[{}])", text));
    EXPECT_EQ(Said(Dialect::k30, TextOf(set, Kind::kSubnet, "1")), text);
  }
}

TEST(DialectTest, ModesThatOnlyNewerOnesKnowStay) {
  const ObjectSet set = Of30(R"("ddns-conflict-resolution-mode":"no-check-without-dhcid",
      "stash-agent-options":true,"sanity-checks":{"extended-info-checks":"strict"},
      "option-data":[{"code":3,"space":"dhcp4","never-send":true}])");
  EXPECT_EQ(TextOf(set, Kind::kGlobal, "ddns-conflict-resolution-mode"),
            R"("no-check-without-dhcid")");
  EXPECT_EQ(TextOf(set, Kind::kGlobal, "stash-agent-options"), "true");
  EXPECT_EQ(TextOf(set, Kind::kGlobal, "sanity-checks"), R"({"extended-info-checks":"strict"})");
  EXPECT_THAT(TextOf(set, Kind::kOption, "dhcp4/3"), HasSubstr(R"("never-send":true)"));
}

TEST(DialectTest, GlobalsHaveTheNameOfTheirVersion) {
  const Global common{"ddns-use-conflict-resolution", "false"};
  const Global said{"ddns-conflict-resolution-mode", R"("no-check-with-dhcid")"};
  EXPECT_EQ(SayGlobal(Dialect::k24, common), common);
  EXPECT_EQ(SayGlobal(Dialect::k26, common), said);
  EXPECT_EQ(SayGlobal(Dialect::k30, {"valid-lifetime", "7"}), Global("valid-lifetime", "7"));
  const Global odd{"ddns-use-conflict-resolution", "7"};
  EXPECT_EQ(SayGlobal(Dialect::k30, odd), odd);
}

TEST(DialectTest, GlobalsThatAreLeftOutAreSaidWhereTheDefaultIsAnother) {
  const Global addresses{"allocator", R"("iterative")"}, prefixes{"pd-allocator", R"("iterative")"};
  const Global cache{"cache-threshold", "0"};
  ObjectSet wanted;
  EXPECT_THAT(GlobalsToSay(k4, Dialect::k22, wanted), IsEmpty());
  EXPECT_THAT(GlobalsToSay(k4, Dialect::k26, wanted), ElementsAre(addresses));
  EXPECT_THAT(GlobalsToSay(k6, Dialect::k24, wanted), ElementsAre(addresses, prefixes));
  EXPECT_THAT(GlobalsToSay(k4, Dialect::k30, wanted), ElementsAre(addresses, cache));
  wanted.Put({Kind::kGlobal, "cache-threshold"}, "0.25");
  wanted.Put({Kind::kGlobal, "allocator"}, R"("random")");
  EXPECT_THAT(GlobalsToSay(k4, Dialect::k30, wanted), IsEmpty());
}

// Nothing of a dialect is lost where no global tells it any more.
TEST(DialectTest, WhatIsComposedIsKnownAsTheSameDialect) {
  for (const char* own :
       {R"("allocator":"iterative")", R"("ddns-conflict-resolution-mode":"check-with-dhcid")",
        R"("control-sockets":[])"}) {
    const json::Document local = MustParse(
        fmt::format(R"({{"Dhcp4":{{{},"subnet4":[{{"allocator":"iterative","id":1}}]}}}})", own));
    const auto text = Compose(k4, local.root(), MustExtract(k4, local.root()));
    ASSERT_TRUE(text.ok());
    EXPECT_EQ(DialectOf(k4, MustParse(*text).root()), DialectOf(k4, local.root())) << own;
    EXPECT_EQ(MustExtract(k4, *text).Digest(), MustExtract(k4, local.root()).Digest()) << own;
  }
}

// Configurations of all words that a dialect touches, with values right and wrong.
class RandomWords {
 public:
  explicit RandomWords(unsigned seed) : random_(seed) {}

  std::string Root() {
    return fmt::format(R"({{"Dhcp4":{{{}{}"shared-networks":[{{"name":"n",{}"subnet4":[{}]}}],)"
                       R"("subnet4":[{}],"client-classes":[{{"name":"c",{}"option-data":[{}]}}],)"
                       R"("reservations":[{{"duid":"01",{}"option-data":[{}]}}]}}}})",
                       One({R"("control-sockets":[],)", R"("allocator":"random",)", ""}), Words(),
                       Words(), Subnet(1), Subnet(2), Words(), Option(), Words(), Option());
  }

 private:
  std::string One(std::initializer_list<std::string_view> choices) {
    return std::string(choices.begin()[random_() % choices.size()]);
  }

  // Members, each followed by a comma.
  std::string Words() {
    std::string words;
    for (const char* name :
         {"allocator", "pd-allocator", "cache-threshold", "client-class",
          "ddns-use-conflict-resolution", "ddns-conflict-resolution-mode", "require-client-classes",
          "evaluate-additional-classes", "only-if-required", "only-in-additional-list",
          "stash-agent-options", "never-send"}) {
      if (random_() % 4 != 0) continue;
      words += fmt::format(
          R"("{}":{},)", name,
          One({R"("iterative")", R"("a")", "0.0", "0.25", "true", "false", R"(["a"])", "[]",
               R"("check-with-dhcid")", R"("no-check-with-dhcid")", "null", "{}"}));
    }
    return words;
  }

  std::string Option() { return fmt::format(R"({{{}"code":3}})", Words()); }

  std::string Subnet(int id) {
    return fmt::format(R"({{"id":{},{}"option-data":[{}],"pools":[{{{}"client-classes":{},)"
                       R"("pool":"10.0.0.0/24"}}],"client-classes":{}}})",
                       id, Words(), Option(), Words(), One({"[]", R"(["a"])", R"(["a","b"])", "7"}),
                       One({"[]", R"(["a"])", R"(["a","b"])", "7"}));
  }

  std::mt19937 random_;
};

TEST(DialectTest, WhatIsComposedIsExtractedAsWhatItWas) {
  int tried = 0;
  for (unsigned seed = 0; seed < 3000; ++seed) {
    const std::string text = RandomWords(seed).Root();
    auto document = json::ParseKea(text);
    if (!document.ok()) continue;  // a name stands twice in it
    ++tried;
    const ObjectSet set = MustExtract(k4, document->root());
    const auto composed = Compose(k4, document->root(), set);
    ASSERT_TRUE(composed.ok()) << text;
    ASSERT_THAT(Differences(set, MustExtract(k4, *composed)), IsEmpty()) << text << '\n'
                                                                         << *composed;
  }
  EXPECT_GT(tried, 1000);
}

TEST(DialectTest, WhatPeopleKeepInAUserContextIsTheirs) {
  const std::string context = R"("user-context":{"client-classes":["a"],"pools":[{"allocator":
      "iterative"}]})";
  EXPECT_THAT(Subnet30(context), HasSubstr(R"("allocator":"iterative")"));
  EXPECT_THAT(Subnet30(context), HasSubstr(R"("client-classes":["a"])"));
}

TEST(DialectTest, WhatIsNoConfigurationDoesNoHarm) {
  EXPECT_EQ(Said(Dialect::k30, "["), "[");
  EXPECT_EQ(Said(Dialect::k30, "7"), "7");
  EXPECT_EQ(DialectOf(k4, MustParse("7").root()), Dialect::k22);
  EXPECT_THAT(Subnet30(R"("client-classes":7,"pools":[7,null],"allocator":{})"),
              HasSubstr(R"("client-classes":7)"));
  const auto set = Extract(k4, MustParse(R"({"Dhcp4":{"control-sockets":[],"subnet4":7}})").root());
  EXPECT_FALSE(set.ok());
}

}  // namespace
}  // namespace nestor::config
