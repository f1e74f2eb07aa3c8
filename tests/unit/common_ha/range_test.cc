#include "common/ha/range.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/common_ha/given.h"

namespace nestor::ha {
namespace {

using ::testing::HasSubstr;

// A range as it is written and as Kea 2.2.0, 2.6.3 and 3.0.3 reported it.
struct Written {
  DhcpService service;
  const char* text;
  const char* reported;
};

class ReportedTest : public ::testing::TestWithParam<Written> {};

TEST_P(ReportedTest, IsWhatKeaReports) {
  const auto range = ParseRange(GetParam().service, GetParam().text);
  ASSERT_TRUE(range.ok()) << Message(range.status());
  EXPECT_EQ(RangeText(GetParam().service, *range), GetParam().reported);
}

INSTANTIATE_TEST_SUITE_P(
    All, ReportedTest,
    ::testing::Values(
        Written{k4, "10.0.0.10 - 10.0.0.99", "10.0.0.10-10.0.0.99"},
        Written{k4, "10.0.0.128/25", "10.0.0.128/25"},
        Written{k4, "10.0.0.0-10.0.0.127", "10.0.0.0/25"},
        Written{k4, "10.0.0.100-10.0.0.100", "10.0.0.100/32"},
        Written{k4, "10.1.0.0-10.255.255.255", "10.1.0.0-10.255.255.255"},
        Written{k4, "\t10.0.3.16\t-  10.0.3.17 ", "10.0.3.16/31"},
        Written{k4, "10.0.4.0 / 24", "10.0.4.0/24"}, Written{k4, "0.0.0.0/0", "0.0.0.0/0"},
        Written{k6, "2001:DB8:0:8::5 - 2001:db8:0:8::6", "2001:db8:0:8::5-2001:db8:0:8::6"},
        Written{k6, "2001:db8::-2001:db8::ffff", "2001:db8::/112"},
        Written{k6, "2001:db8:0:9::5/128", "2001:db8:0:9::5/128"},
        Written{k6, "2001:db8:0:6::-2001:db8:0:7:ffff:ffff:ffff:ffff", "2001:db8:0:6::/63"},
        Written{k6, "2001:db8:0:3::-2001:db8:0:4:ffff:ffff:ffff:ffff",
                "2001:db8:0:3::-2001:db8:0:4:ffff:ffff:ffff:ffff"},
        Written{k6, "2001:db8:0:20::1:0:0-2001:db8:0:20::1:0:9",
                "2001:db8:0:20:0:1::-2001:db8:0:20:0:1:0:9"},
        Written{k6, "::/0", "::/0"}));

TEST(RangeTest, RefusesWhatIsNone) {
  for (const char* text : {"", "-", "/", "10.0.0.1", "10.0.0.1-", "10.0.0.1-10.0.0.0", "10.0.0.0/",
                           "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/24x", "10.0.0.7/29",
                           "2001:db8::/64", "10.0.0.256-10.0.1.9", "a-b"}) {
    EXPECT_THAT(ErrorOf(ParseRange(k4, text).status()), HasSubstr("is not")) << text;
  }
  EXPECT_FALSE(ParseRange(k6, "10.0.0.0/24").ok());
  EXPECT_FALSE(ParseRange(k6, "2001:db8::1/64").ok());
}

TEST(RangeTest, TheFirstHalfHasOneMoreOfAnOddNumber) {
  const Range odd{10, 14};
  EXPECT_EQ(FirstHalf(odd), (Range{10, 12}));
  EXPECT_EQ(SecondHalf(odd), (Range{13, 14}));
}

TEST(RangeTest, HalvesAllThereIs) {
  const Range all = *ParseRange(k6, "::/0");
  EXPECT_EQ(RangeText(k6, FirstHalf(all)), "::/1");
  EXPECT_EQ(RangeText(k6, *SecondHalf(all)), "8000::/1");
}

TEST(RangeTest, ASingleAddressHasNoSecondHalf) {
  EXPECT_EQ(FirstHalf({7, 7}), (Range{7, 7}));
  EXPECT_EQ(SecondHalf({7, 7}), std::nullopt);
}

}  // namespace
}  // namespace nestor::ha
