#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/common_ha/given.h"

namespace nestor::ha {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// What Split() makes of a subnet's list `name`, and of it is canonical.
std::string Halves(DhcpService service, std::string_view name, std::string_view pools) {
  const auto split = Must(Split(
      service, OneSubnet(fmt::format(R"({{"id":1,"{}":{}}})", name, pools)), "kea-a", "kea-b"));
  const auto document = MustParse(SubnetText(split));
  return json::Canonical(*json::Find(document.root(), name));
}

std::string Refused(DhcpService service, std::string_view subnet) {
  return ErrorOf(Split(service, OneSubnet(subnet), "kea-a", "kea-b").status());
}

TEST(ClassOfTest, IsWhatKeaCallsAServersClients) { EXPECT_EQ(ClassOf("kea-a"), "HA_kea-a"); }

TEST(SplitTest, HalvesAPoolAsKeaReportsIt) {
  EXPECT_EQ(Halves(k4, "pools", R"([{"option-data":[],"pool":"10.0.0.10-10.0.0.99"}])"),
            Canonical(R"([
              {"option-data":[],"pool":"10.0.0.10-10.0.0.54","client-class":"HA_kea-a",
               "user-context":{"nestor-split":"10.0.0.10-10.0.0.99"}},
              {"option-data":[],"pool":"10.0.0.55-10.0.0.99","client-class":"HA_kea-b",
               "user-context":{"nestor-split":"10.0.0.10-10.0.0.99"}}])"));
}

TEST(SplitTest, HalvesOfAPrefixArePrefixes) {
  EXPECT_EQ(Halves(k4, "pools", R"([{"pool":"10.0.0.0/24"}])"), Canonical(R"([
              {"pool":"10.0.0.0/25","client-class":"HA_kea-a",
               "user-context":{"nestor-split":"10.0.0.0/24"}},
              {"pool":"10.0.0.128/25","client-class":"HA_kea-b",
               "user-context":{"nestor-split":"10.0.0.0/24"}}])"));
}

TEST(SplitTest, HalvesAPoolOfDhcp6) {
  EXPECT_EQ(Halves(k6, "pools", R"([{"pool":"2001:db8:1::1:0 - 2001:db8:1::f:ffff"}])"),
            Canonical(R"([
              {"pool":"2001:db8:1::1:0-2001:db8:1::8:7fff","client-class":"HA_kea-a",
               "user-context":{"nestor-split":"2001:db8:1::1:0 - 2001:db8:1::f:ffff"}},
              {"pool":"2001:db8:1::8:8000-2001:db8:1::f:ffff","client-class":"HA_kea-b",
               "user-context":{"nestor-split":"2001:db8:1::1:0 - 2001:db8:1::f:ffff"}}])"));
}

TEST(SplitTest, HalvesAPrefixPool) {
  EXPECT_EQ(
      Halves(k6, "pd-pools", R"([{"prefix":"2001:db8:1::","prefix-len":48,"delegated-len":64}])"),
      Canonical(R"([
              {"prefix":"2001:db8:1::","prefix-len":49,"delegated-len":64,
               "client-class":"HA_kea-a","user-context":{"nestor-split":"2001:db8:1::/48"}},
              {"prefix":"2001:db8:1:8000::","prefix-len":49,"delegated-len":64,
               "client-class":"HA_kea-b","user-context":{"nestor-split":"2001:db8:1::/48"}}])"));
}

TEST(SplitTest, TheExcludedPrefixOfAHalfIsInsideIt) {
  EXPECT_EQ(Halves(k6, "pd-pools", R"([{"prefix":"2001:db8:1::","prefix-len":48,"delegated-len":64,
               "excluded-prefix":"2001:db8:1:0:8000::","excluded-prefix-len":72}])"),
            Canonical(R"([
              {"prefix":"2001:db8:1::","prefix-len":49,"delegated-len":64,
               "excluded-prefix":"2001:db8:1:0:8000::","excluded-prefix-len":72,
               "client-class":"HA_kea-a","user-context":{"nestor-split":"2001:db8:1::/48"}},
              {"prefix":"2001:db8:1:8000::","prefix-len":49,"delegated-len":64,
               "excluded-prefix":"2001:db8:1:8000:8000::","excluded-prefix-len":72,
               "client-class":"HA_kea-b","user-context":{"nestor-split":"2001:db8:1::/48"}}])"));
}

TEST(SplitTest, ASingleAddressIsThePrimarys) {
  EXPECT_EQ(Halves(k4, "pools", R"([{"pool":"10.0.0.7/32"}])"),
            Canonical(R"([{"pool":"10.0.0.7/32","client-class":"HA_kea-a",
                           "user-context":{"nestor-split":"10.0.0.7/32"}}])"));
}

TEST(SplitTest, APrefixPoolOfOnePrefixIsThePrimarys) {
  EXPECT_EQ(
      Halves(k6, "pd-pools", R"([{"prefix":"2001:db8::","prefix-len":64,"delegated-len":64}])"),
      Canonical(R"([{"prefix":"2001:db8::","prefix-len":64,"delegated-len":64,
                "client-class":"HA_kea-a","user-context":{"nestor-split":"2001:db8::/64"}}])"));
}

TEST(SplitTest, AddsItsMarkToTheUserContextThatIsThere) {
  EXPECT_THAT(Halves(k4, "pools", R"([{"pool":"10.0.0.0/24","user-context":{"a":1}}])"),
              HasSubstr(R"("user-context":{"a":1,"nestor-split":"10.0.0.0/24"})"));
}

TEST(SplitTest, LeavesPoolsForAClassAlone) {
  for (const char* pools : {R"([{"client-class":"phones","pool":"10.0.0.0/24"}])",
                            R"([{"client-classes":["phones"],"pool":"10.0.0.0/24"}])",
                            R"([{"client-class":"HA_kea-b","pool":"nonsense"}])"}) {
    EXPECT_EQ(Halves(k4, "pools", pools), pools);
  }
}

TEST(SplitTest, DoneTwiceIsDoneOnce) {
  const auto once = Must(Split(k4, OneSubnet(R"({"pools":[{"pool":"10.0.0.0/24"}]})"), "a", "b"));
  EXPECT_EQ(Must(Split(k4, once, "a", "b")).Digest(), once.Digest());
}

TEST(SplitTest, AHalfIsForOneClass) {
  EXPECT_THAT(Halves(k4, "pools", R"([{"pool":"10.0.0.0/24","client-classes":[]}])"),
              AllOf(HasSubstr(R"("client-class":"HA_kea-a")"),
                    HasSubstr(R"("client-class":"HA_kea-b")"), Not(HasSubstr("client-classes"))));
}

TEST(SplitTest, KeepsThePlacesOfTheOthers) {
  EXPECT_THAT(Halves(k4, "pools", R"([{"client-class":"x","pool":"10.0.0.0/25"},
                                      {"pool":"10.0.0.128/31"},
                                      {"client-class":"y","pool":"10.0.1.0/24"}])"),
              Canonical(R"([{"client-class":"x","pool":"10.0.0.0/25"},
                {"client-class":"HA_kea-a","pool":"10.0.0.128/32",
                 "user-context":{"nestor-split":"10.0.0.128/31"}},
                {"client-class":"HA_kea-b","pool":"10.0.0.129/32",
                 "user-context":{"nestor-split":"10.0.0.128/31"}},
                {"client-class":"y","pool":"10.0.1.0/24"}])"));
}

TEST(SplitTest, TouchesNothingButSubnets) {
  auto set = OneSubnet(R"({"pools":[]})");
  set.Put({config::Kind::kGlobal, "pools"}, R"([{"pool":"10.0.0.0/24"}])");
  set.Put({config::Kind::kSharedNetwork, "n"}, R"({"pools":[{"pool":"10.0.0.0/24"}]})");
  EXPECT_EQ(Must(Split(k4, set, "a", "b")).Digest(), set.Digest());
}

TEST(SplitTest, NamesThePoolThatIsNone) {
  EXPECT_THAT(Refused(k4, R"({"id":1,"subnet":"10.0.0.0/24","pools":[{"pool":"10.0.0.9"}]})"),
              AllOf(HasSubstr("10.0.0.9"), HasSubstr("10.0.0.0/24")));
  for (const char* pools :
       {"[7]", "[null]", "[[]]", "[{}]", R"([{"pool":7}])", R"([{"pool":"2001:db8::/64"}])",
        R"([{"pool":"10.0.0.0/24","user-context":7}])"}) {
    EXPECT_NE(Refused(k4, fmt::format(R"({{"pools":{}}})", pools)), "") << pools;
  }
}

TEST(SplitTest, NamesThePrefixPoolThatIsNone) {
  for (const char* pool :
       {R"({})", R"({"prefix":"2001:db8::","prefix-len":48})",
        R"({"prefix":"2001:db8::","prefix-len":"48","delegated-len":64})",
        R"({"prefix":"2001:db8::","prefix-len":64,"delegated-len":48})",
        R"({"prefix":"2001:db8::","prefix-len":48,"delegated-len":129})",
        R"({"prefix":"2001:db8::","prefix-len":-1,"delegated-len":64})",
        R"({"prefix":"2001:db8::1","prefix-len":48,"delegated-len":64})",
        R"({"prefix":"2001:db8::","prefix-len":48,"delegated-len":64,"excluded-prefix":"x"})",
        R"({"prefix":"2001:db8::","prefix-len":48,"delegated-len":64,
            "excluded-prefix":"2001:db8:0:1::","excluded-prefix-len":72})"}) {
    EXPECT_NE(Refused(k6, fmt::format(R"({{"pd-pools":[{}]}})", pool)), "") << pool;
  }
}

TEST(SplitTest, ListsOfOtherTypesAreNone) {
  for (const char* subnet : {R"({"pools":7})", R"({"pools":{}})", R"({"pd-pools":null})"}) {
    const auto set = OneSubnet(subnet);
    EXPECT_EQ(Must(Split(k6, set, "a", "b")).Digest(), set.Digest()) << subnet;
  }
}

TEST(SplitTest, NamesASubnetThatIsNone) { EXPECT_NE(Refused(k6, "[]"), ""); }

TEST(UnsplitPoolsTest, NamesThemAndTheirSubnets) {
  EXPECT_THAT(UnsplitPools(k4, OneSubnet(R"({"id":1,"subnet":"10.0.0.0/24","pools":[
                {"pool":"10.0.0.10-10.0.0.99"},{"pool":"10.0.0.128/25"},
                {"client-class":"x","pool":"10.0.0.1-10.0.0.3"}]})"),
                           9),
              ElementsAre("10.0.0.10 - 10.0.0.99 in subnet 10.0.0.0/24 (id 1)",
                          "10.0.0.128/25 in subnet 10.0.0.0/24 (id 1)"));
}

TEST(UnsplitPoolsTest, NamesPrefixPools) {
  EXPECT_THAT(UnsplitPools(k6, OneSubnet(R"({"id":1,"subnet":"2001:db8::/48","pd-pools":[
                {"prefix":"2001:db8::","prefix-len":48,"delegated-len":64}]})"),
                           9),
              ElementsAre(HasSubstr("2001:db8::/48 in subnet 2001:db8::/48 (id 1)")));
}

TEST(UnsplitPoolsTest, NamesNoMoreThanAreWanted) {
  const auto set = OneSubnet(R"({"pools":[{"pool":"10.0.0.1/32"},{"pool":"10.0.0.2/32"}]})");
  EXPECT_EQ(UnsplitPools(k4, set, 1).size(), 1u);
  EXPECT_THAT(UnsplitPools(k4, set, 0), IsEmpty());
}

TEST(UnsplitPoolsTest, AreNoneAfterASplit) {
  const auto set = OneSubnet(R"({"pools":[{"pool":"10.0.0.1/32"},{"pool":"10.0.2.0/24"}]})");
  EXPECT_THAT(UnsplitPools(k4, Must(Split(k4, set, "a", "b")), 9), IsEmpty());
}

TEST(UnsplitPoolsTest, SurvivesWhatIsNoPool) {
  const auto set = OneSubnet(R"({"pools":[7,{"pool":7}],"pd-pools":[{},{"prefix":7}]})");
  EXPECT_LE(UnsplitPools(k6, set, 9).size(), 3u);
}

}  // namespace
}  // namespace nestor::ha
