#include "common/runtime/system_clock.h"

#include <gtest/gtest.h>

#include <thread>

namespace nestor::runtime {
namespace {

TEST(SystemClockTest, BeginsAtZeroAndNeverGoesBack) {
  const SystemClock clock;
  const Instant first = clock.Now();
  EXPECT_GE(first.since_start, absl::ZeroDuration());
  EXPECT_LT(first.since_start, absl::Minutes(1));
  EXPECT_GE(clock.Now(), first);
}

TEST(SystemClockTest, SleepsAtLeastAsLongAsItSays) {
  SystemClock clock;
  const Instant before = clock.Now();
  clock.Sleep(absl::Milliseconds(3));
  EXPECT_GE(clock.Now() - before, absl::Milliseconds(3));
}

TEST(SystemClockTest, ShutdownWakesWhoSleeps) {
  SystemClock clock;
  std::thread sleeper([&clock] { clock.Sleep(absl::Hours(2)); });
  clock.Shutdown();
  sleeper.join();
}

TEST(SystemClockTest, RestsOnlyAMomentAfterShutdown) {
  SystemClock clock;
  clock.Shutdown();
  const Instant before = clock.Now();
  clock.Sleep(absl::Hours(2));
  EXPECT_GE(clock.Now() - before, absl::Milliseconds(10));
}

}  // namespace
}  // namespace nestor::runtime
