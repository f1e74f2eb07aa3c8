#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "common/ha/range.h"
#include "tests/unit/common_ha/given.h"

namespace nestor::ha {
namespace {

using ::testing::HasSubstr;

// What Join() makes of a subnet with these pools.
std::string Joined(std::string_view pools) {
  const auto joined = Must(Join(k4, OneSubnet(fmt::format(R"({{"pools":{}}})", pools))));
  const auto document = MustParse(SubnetText(joined));
  return json::Canonical(*json::Find(document.root(), "pools"));
}

// A half of 10.0.0.0/24, with more members.
std::string Half(std::string_view pool, std::string_view members = R"("client-class":"HA_a")") {
  return fmt::format(R"({{"pool":"{}","user-context":{{"nestor-split":"10.0.0.0/24"}},{}}})", pool,
                     members);
}

TEST(JoinTest, PutsHalvesTogether) {
  EXPECT_EQ(Joined(fmt::format("[{},{}]", Half("10.0.0.0/25"),
                               Half("10.0.0.128/25", R"("client-class":"HA_b")"))),
            R"([{"pool":"10.0.0.0/24"}])");
}

TEST(JoinTest, PutsHalvesWithOtherPoolsBetweenTogether) {
  EXPECT_EQ(Joined(fmt::format(R"([{},{{"pool":"10.1.0.0/24"}},{}])", Half("10.0.0.0/25"),
                               Half("10.0.0.128/25"))),
            R"([{"pool":"10.0.0.0/24"},{"pool":"10.1.0.0/24"}])");
}

TEST(JoinTest, KeepsWhatBothHalvesWereGiven) {
  const std::string given = R"("client-class":"HA_a","option-data":[{"code":3}])";
  EXPECT_EQ(
      Joined(fmt::format("[{},{}]", Half("10.0.0.0/25", given), Half("10.0.0.128/25", given))),
      R"([{"option-data":[{"code":3}],"pool":"10.0.0.0/24"}])");
}

TEST(JoinTest, HalvesThatDifferOtherwiseStay) {
  EXPECT_EQ(Joined(fmt::format("[{},{}]", Half("10.0.0.0/25"),
                               Half("10.0.0.128/25", R"("client-class":"HA_b","x":1)"))),
            R"([{"pool":"10.0.0.0/25"},{"pool":"10.0.0.128/25","x":1}])");
}

TEST(JoinTest, HalvesOfChangedBoundsStay) {
  for (const auto& [first, second] :
       {std::pair("10.0.0.0/26", "10.0.0.128/25"), std::pair("10.0.0.0/25", "10.0.0.192/26"),
        std::pair("10.0.0.0-10.0.0.99", "10.0.0.100-10.0.0.255"),
        std::pair("10.0.0.128/25", "10.0.0.0/25"), std::pair("10.0.0.0/24", "10.0.0.0/24")}) {
    EXPECT_EQ(Joined(fmt::format("[{},{}]", Half(first), Half(second))),
              fmt::format(R"([{{"pool":"{}"}},{{"pool":"{}"}}])", first, second));
  }
}

TEST(JoinTest, AHalfAloneStays) {
  EXPECT_EQ(Joined(fmt::format("[{}]", Half("10.0.0.128/25"))), R"([{"pool":"10.0.0.128/25"}])");
}

TEST(JoinTest, HalvesOfDifferentPoolsStay) {
  EXPECT_EQ(
      Joined(fmt::format(
          R"([{},{{"pool":"10.0.0.128/25","user-context":{{"nestor-split":"10.0.0.0/23"}}}}])",
          Half("10.0.0.0/25"))),
      R"([{"pool":"10.0.0.0/25"},{"pool":"10.0.0.128/25"}])");
}

TEST(JoinTest, LeavesTheRestOfTheUserContext) {
  const auto half = [](std::string_view pool) {
    return fmt::format(R"({{"pool":"{}","user-context":{{"a":[1],"nestor-split":"10.0.0.0/24"}}}})",
                       pool);
  };
  EXPECT_EQ(Joined(fmt::format("[{},{}]", half("10.0.0.0/25"), half("10.0.0.128/25"))),
            R"([{"pool":"10.0.0.0/24","user-context":{"a":[1]}}])");
}

TEST(JoinTest, AClassThatSomebodyGaveAHalfStays) {
  EXPECT_EQ(Joined(fmt::format("[{},{}]", Half("10.0.0.0/25", R"("client-class":"phones")"),
                               Half("10.0.0.128/25"))),
            R"([{"client-class":"phones","pool":"10.0.0.0/25"},{"pool":"10.0.0.128/25"}])");
}

TEST(JoinTest, WorksOnListsOfClasses) {
  EXPECT_EQ(Joined(fmt::format("[{},{}]", Half("10.0.0.0/25", R"("client-classes":["HA_a"])"),
                               Half("10.0.0.128/25", R"("client-classes":["HA_b"])"))),
            R"([{"pool":"10.0.0.0/24"}])");
  EXPECT_EQ(Joined(fmt::format("[{}]", Half("10.0.0.0/25", R"("client-classes":["HA_a","x"])"))),
            R"([{"client-class":"x","pool":"10.0.0.0/25"}])");
}

TEST(JoinTest, LeavesPoolsThatWereNotSplitAlone) {
  const char* const pools = R"([{"client-class":"HA_a","pool":"10.0.0.0/25"},7,)"
                            R"({"pool":"10.0.0.128/25","user-context":{"nestor-split":7}}])";
  EXPECT_EQ(Joined(pools), pools);
}

TEST(JoinTest, SurvivesAMarkThatIsNoPool) {
  for (const char* mark : {"", "x", "/", "10.0.0.0", "2001:db8::/48"}) {
    const std::string pool =
        fmt::format(R"({{"pool":"10.0.0.0/25","user-context":{{"nestor-split":"{}"}}}})", mark);
    EXPECT_THAT(Joined(fmt::format("[{0},{0}]", pool)), HasSubstr("10.0.0.0/25")) << mark;
  }
}

TEST(JoinTest, PrefixPoolsAreJoinedOnlyWhereWhatTheyExcludeAgrees) {
  const auto halves = [](std::string_view excluded) {
    return OneSubnet(fmt::format(R"({{"pd-pools":[
      {{"prefix":"2001:db8:1::","prefix-len":49,"delegated-len":64,
        "excluded-prefix":"2001:db8:1:0:8000::","excluded-prefix-len":72,
        "user-context":{{"nestor-split":"2001:db8:1::/48"}}}},
      {{"prefix":"2001:db8:1:8000::","prefix-len":49,"delegated-len":64,
        "excluded-prefix":"{}","excluded-prefix-len":72,
        "user-context":{{"nestor-split":"2001:db8:1::/48"}}}}]}})",
                                 excluded));
  };
  EXPECT_EQ(SubnetText(Must(Join(k6, halves("2001:db8:1:8000:8000::")))), Canonical(R"({"pd-pools":[
      {"prefix":"2001:db8:1::","prefix-len":48,"delegated-len":64,
       "excluded-prefix":"2001:db8:1:0:8000::","excluded-prefix-len":72}]})"));
  EXPECT_THAT(SubnetText(Must(Join(k6, halves("2001:db8:1:8000:4000::")))),
              HasSubstr(R"("prefix":"2001:db8:1:8000::","prefix-len":49)"));
}

// Random subnets as Kea reports them, and what Split() does to them.
class RandomPools {
 public:
  RandomPools(DhcpService service, unsigned seed) : service_(service), random_(seed) {}

  config::ObjectSet Subnets() {
    config::ObjectSet set;
    for (int id = 1; id <= 4; ++id) {
      const std::string pools = List([&] { return Pool(); });
      const std::string prefixes = List([&] { return PrefixPool(); });
      const std::string text =
          service_ == k4
              ? fmt::format(R"({{"id":{},"pools":{}}})", id, pools)
              : fmt::format(R"({{"id":{},"pd-pools":{},"pools":{}}})", id, prefixes, pools);
      set.Put({config::Kind::kSubnet, std::to_string(id)}, Canonical(text));
    }
    return set;
  }

 private:
  unsigned Below(unsigned most) { return static_cast<unsigned>(random_() % most); }

  std::string List(const std::function<std::string()>& one) {
    std::string list = "[";
    next_ = 0;
    for (unsigned count = Below(5); count > 0; --count) {
      list += one();
      if (count > 1) list += ',';
    }
    return list + "]";
  }

  // Members that a pool may have besides.
  std::string Rest() {
    static constexpr std::string_view kContexts[] = {"", "", R"(,"user-context":{})",
                                                     R"(,"user-context":{"a":[1,{"b":null}]})",
                                                     R"(,"user-context":{"zone":"a \"b\" ä"})"};
    static constexpr std::string_view kClasses[] = {"", "", "", R"(,"client-class":"phones")",
                                                    R"(,"client-classes":["a","b"])"};
    static constexpr std::string_view kOptions[] = {R"("option-data":[])",
                                                    R"("option-data":[{"code":3},{"code":3}])"};
    return fmt::format("{}{}{}", kOptions[Below(2)], kContexts[Below(5)], kClasses[Below(5)]);
  }

  // Pools of one list do not overlap, and come in the order of their addresses.
  Address NextFirst() {
    const Address base =
        service_ == k4 ? Address(0x0a000000) : absl::MakeUint128(0x20010db800000000, 0);
    next_ += 0x10000;
    return base + next_;
  }

  std::string Pool() {
    const Address first = NextFirst() + (Below(2) == 0 ? 0 : Below(200));
    const Address last = first + (Below(3) == 0 ? Below(3) : Below(60000));
    const Range range{first, Below(4) == 0 ? (first | 0xff) : last};
    const std::string text = Below(4) == 0
                                 ? fmt::format("{} - {}", AddressText(service_, range.first),
                                               AddressText(service_, range.last))
                                 : RangeText(service_, range);
    return fmt::format(R"({{"pool":"{}",{}}})", text, Rest());
  }

  std::string PrefixPool() {
    const int length = 24 + static_cast<int>(Below(8));
    next_ += 1;
    const Address prefix = (Address(0x2001) << 112) | (Address(next_) << (128 - length));
    const int delegated = length + static_cast<int>(Below(20));
    std::string excluded;
    if (Below(2) == 0) {
      const int excluded_length = delegated + 1 + static_cast<int>(Below(8));
      const Address inside = prefix | (Address(Below(2)) << (128 - excluded_length));
      excluded = fmt::format(R"("excluded-prefix":"{}","excluded-prefix-len":{},)",
                             AddressText(service_, inside), excluded_length);
    }
    return fmt::format(R"({{"prefix":"{}","prefix-len":{},"delegated-len":{},{}{}}})",
                       AddressText(service_, prefix), length, delegated, excluded, Rest());
  }

  DhcpService service_;
  std::mt19937 random_;
  unsigned next_ = 0;
};

// The ranges of each subnet's pools, of addresses as of prefixes, in their order.
std::vector<Range> RangesOf(DhcpService service, const config::ObjectSet& set) {
  std::vector<Range> ranges;
  for (const auto* entry : set.InOrder()) {
    const auto document = MustParse(entry->second.json);
    for (const char* name : {"pools", "pd-pools"}) {
      const json::Value* const list = json::Find(document.root(), name);
      if (list == nullptr) continue;
      for (const json::Value& pool : list->GetArray()) {
        const auto range =
            ParseRange(service, std::string_view(name) == "pools"
                                    ? std::string(json::FindString(pool, "pool"))
                                    : fmt::format("{}/{}", json::FindString(pool, "prefix"),
                                                  json::Find(pool, "prefix-len")->GetInt()));
        EXPECT_TRUE(range.ok()) << Message(range.status());
        if (range.ok()) ranges.push_back(*range);
      }
    }
  }
  return ranges;
}

class RandomSplitTest : public ::testing::TestWithParam<DhcpService> {
 protected:
  static constexpr unsigned kSets = 500;
  const DhcpService service_ = GetParam();
};

TEST_P(RandomSplitTest, IsUndoneByJoin) {
  for (unsigned seed = 0; seed < kSets; ++seed) {
    const config::ObjectSet set = RandomPools(service_, seed).Subnets();
    const config::ObjectSet split = Must(Split(service_, set, "a", "b"));
    const config::ObjectSet joined = Must(Join(service_, split));
    ASSERT_EQ(joined.Digest(), set.Digest()) << seed;
  }
}

TEST_P(RandomSplitTest, TheHalvesAreDisjointAndTogetherTheWhole) {
  for (unsigned seed = 0; seed < kSets; ++seed) {
    const config::ObjectSet set = RandomPools(service_, seed).Subnets();
    const auto whole = RangesOf(service_, set);
    const auto parts = RangesOf(service_, Must(Split(service_, set, "a", "b")));
    size_t part = 0;
    for (const Range& range : whole) {
      ASSERT_LT(part, parts.size());
      ASSERT_EQ(parts[part].first, range.first) << seed;
      if (parts[part].last != range.last) {
        const Address end = parts[part++].last;
        ASSERT_LT(part, parts.size());
        ASSERT_EQ(parts[part].first, end + 1) << seed;
        const Address first_has = end - range.first, second_has = range.last - end - 1;
        ASSERT_LE(first_has - second_has, 1u) << seed;
      }
      ASSERT_EQ(parts[part++].last, range.last) << seed;
    }
    ASSERT_EQ(part, parts.size()) << seed;
  }
}

INSTANTIATE_TEST_SUITE_P(All, RandomSplitTest, ::testing::Values(k4, k6));

}  // namespace
}  // namespace nestor::ha
