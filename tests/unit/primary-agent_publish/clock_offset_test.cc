#include "primary-agent/publish/clock_offset.h"

#include <gtest/gtest.h>

namespace nestor::primary {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'700'000'000);

TEST(ClockOffsetTest, IsNotKnownBeforeAMessageCame) {
  EXPECT_EQ(ClockOffset().Get(), std::nullopt);
}

TEST(ClockOffsetTest, IsPositiveWhereTheOtherClockIsAhead) {
  ClockOffset ahead, behind;
  ahead.Heard(kNow + absl::Seconds(20), kNow);
  behind.Heard(kNow - absl::Seconds(20), kNow);
  EXPECT_EQ(ahead.Get(), absl::Seconds(20));
  EXPECT_EQ(behind.Get(), absl::Seconds(-20));
}

TEST(ClockOffsetTest, AMessageThatWaitedOnItsWayMakesNoOffset) {
  ClockOffset offset;
  offset.Heard(kNow, kNow);
  offset.Heard(kNow, kNow + absl::Seconds(5));  // both came at once after a cut
  offset.Heard(kNow + absl::Seconds(1), kNow + absl::Seconds(5));
  EXPECT_EQ(offset.Get(), absl::ZeroDuration());
}

TEST(ClockOffsetTest, AClockThatWasSetBackIsNoticedAfterSomeMessages) {
  ClockOffset offset;
  offset.Heard(kNow, kNow);
  for (int i = 1; i <= 8; ++i) {
    EXPECT_EQ(offset.Get(), absl::ZeroDuration()) << i;
    offset.Heard(kNow + absl::Seconds(i - 60), kNow + absl::Seconds(i));
  }
  EXPECT_EQ(offset.Get(), absl::Seconds(-60));
}

}  // namespace
}  // namespace nestor::primary
