#include "common/hook/whole.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/common_hook/hook_fixture.h"
#include "tests/unit/common_hook/scripted_kea.h"

namespace nestor::hook {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

std::string WithLifetime(int lifetime) {
  return Hooked(
      fmt::format(R"("subnet4":[{{"id":1}},{{"id":2}},{{"id":3}}],"valid-lifetime":{})", lifetime));
}

class WholeTest : public HookFixture {
 protected:
  void SetUp() override { kea_.SetHookSlice(2); }

  // Changes the configuration before each of the next `times` commands but the first.
  void Disturb(int times) {
    kea_.before_command = [this, times, first = true](std::string_view) mutable {
      if (!std::exchange(first, false) && times-- > 0) kea_.ChangeInProcess(WithLifetime(times));
      return testing::FakeKea::Fault::kNone;
    };
  }
};

TEST_F(WholeTest, IsWhatConfigGetHas) {
  const auto whole = ReadWhole(kea_, kTimeout);
  ASSERT_TRUE(whole.ok()) << Message(whole.status());
  EXPECT_EQ(whole->objects.Digest(), kea_.Objects().Digest());
  EXPECT_THAT(kea_.arrived(), SizeIs(3));
}

TEST_F(WholeTest, IsWhatConfigGetHasAtAnySizeOfSlices) {
  for (size_t slice = 1; slice < 9; ++slice) {
    kea_.SetHookSlice(slice);
    const auto whole = ReadWhole(kea_, kTimeout);
    ASSERT_TRUE(whole.ok()) << Message(whole.status());
    EXPECT_EQ(whole->objects.Digest(), kea_.Objects().Digest()) << slice;
  }
}

TEST_F(WholeTest, KeysThatAreNoAsciiAreNoHindrance) {
  kea_.SetHookSlice(1);
  EXPECT_TRUE(kea_.Set(
      Hooked(R"("client-classes":[{"name":"a"},{"name":"\u00c3\u00bc"},{"name":"\u00ff:\""}])")));
  const auto whole = ReadWhole(kea_, kTimeout);
  ASSERT_TRUE(whole.ok()) << Message(whole.status());
  EXPECT_EQ(whole->objects.Digest(), kea_.Objects().Digest());
}

TEST_F(WholeTest, AnEmptyConfigurationIsOneSlice) {
  EXPECT_TRUE(kea_.Set(R"({"Dhcp4":{"hooks-libraries":[{"library":"libdhcp_nestor.so"}]}})"));
  const auto whole = ReadWhole(kea_, kTimeout);
  ASSERT_TRUE(whole.ok()) << Message(whole.status());
  EXPECT_EQ(whole->objects.size(), 0u);
  EXPECT_NE(whole->revision, "");
}

TEST_F(WholeTest, BeginsAgainWhenTheConfigurationChangesMeanwhile) {
  Disturb(1);
  const auto whole = ReadWhole(kea_, kTimeout);
  ASSERT_TRUE(whole.ok()) << Message(whole.status());
  EXPECT_EQ(whole->objects.Digest(), kea_.Objects().Digest());
}

TEST_F(WholeTest, BeginsAgainWhenKeaIsSetAnew) {
  kea_.before_command = [this, commands = 0](std::string_view) mutable {
    if (++commands == 2) {
      EXPECT_TRUE(kea_.Set(WithLifetime(9)));
    }
    return testing::FakeKea::Fault::kNone;
  };
  const auto whole = ReadWhole(kea_, kTimeout);
  ASSERT_TRUE(whole.ok()) << Message(whole.status());
  EXPECT_EQ(whole->objects.Digest(), kea_.Objects().Digest());
}

TEST_F(WholeTest, GivesUpOnAConfigurationThatDoesNotHoldStill) {
  Disturb(1000);
  EXPECT_EQ(ReadWhole(kea_, kTimeout).status().code(), absl::StatusCode::kAborted);
  EXPECT_THAT(kea_.arrived(), SizeIs(::testing::Le(10u)));
}

TEST_F(WholeTest, MayBeSpreadOverTime) {
  WholeReading reading(kea_);
  for (int round = 0; round < 2; ++round) {
    std::optional<WholeRead> whole;
    int slices = 0;
    for (; !whole; ++slices) {
      kea_.Fail(testing::FakeKea::Fault::kUnavailable);
      EXPECT_EQ(reading.ReadOn(kTimeout).status().code(), absl::StatusCode::kUnavailable);
      auto slice = reading.ReadOn(kTimeout);
      ASSERT_TRUE(slice.ok()) << Message(slice.status());
      whole = *std::move(slice);
    }
    EXPECT_EQ(slices, 3);
    EXPECT_EQ(whole->objects.Digest(), kea_.Objects().Digest());
  }
}

TEST_F(WholeTest, BeginsAnewAfterARefusal) {
  WholeReading reading(kea_);
  EXPECT_TRUE(reading.ReadOn(kTimeout).ok());
  kea_.Refuse("nestor-get", "no such cursor");
  EXPECT_EQ(reading.ReadOn(kTimeout).status().code(), absl::StatusCode::kFailedPrecondition);
  kea_.Refuse("nestor-get", {});
  for (int slice = 1; slice <= 3; ++slice) {
    const auto read = reading.ReadOn(kTimeout);
    ASSERT_TRUE(read.ok()) << Message(read.status());
    EXPECT_EQ(read->has_value(), slice == 3);
  }
}

TEST_F(WholeTest, AfterDisturbancesEnoughBeginsAnew) {
  Disturb(1000);
  WholeReading reading(kea_);
  auto slice = reading.ReadOn(kTimeout);
  while (slice.ok()) slice = reading.ReadOn(kTimeout);
  EXPECT_EQ(slice.status().code(), absl::StatusCode::kAborted);
  Disturb(0);
  slice = reading.ReadOn(kTimeout);
  while (slice.ok() && !slice->has_value()) slice = reading.ReadOn(kTimeout);
  ASSERT_TRUE(slice.ok()) << Message(slice.status());
  EXPECT_EQ((*slice)->objects.Digest(), kea_.Objects().Digest());
}

TEST(WholeWireTest, AnObjectInTwoSlicesIsDataLossAndTheNextReadingBeginsAnew) {
  constexpr std::string_view kSubnet = R"({"kind":"subnet","key":"1","object":{"id":1}})";
  const auto slice = [&](std::string_view next) {
    return Well(fmt::format(R"({{"revision":"a:1","objects":[{}],"absent":[]{}}})", kSubnet, next));
  };
  ScriptedKea kea({slice(R"(,"next":"b")"), slice(R"(,"next":"c")"), slice("")});
  WholeReading reading(kea);
  EXPECT_TRUE(reading.ReadOn(kTimeout).ok());
  const auto twice = reading.ReadOn(kTimeout);
  EXPECT_EQ(twice.status().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(Message(twice.status())), HasSubstr("subnet id 1 comes in two slices"));
  const auto whole = reading.ReadOn(kTimeout);
  ASSERT_TRUE(whole.ok() && whole->has_value());
  EXPECT_EQ(kea.sent[2].second, R"({"after":""})");
  EXPECT_EQ((*whole)->objects.size(), 1u);
}

}  // namespace
}  // namespace nestor::hook
