#include "common/lock/mutex.h"

#include <gtest/gtest.h>

#include <thread>

namespace nestor {
namespace {

constexpr absl::Duration kLongEnough = absl::Seconds(30);

struct Guarded {
  Mutex mutex;
  Condition changed;
  int value ABSL_GUARDED_BY(mutex) = 0;
};

TEST(MutexTest, LetsOneThreadInAtATime) {
  Guarded guarded;
  const auto count = [&guarded] {
    for (int i = 0; i < 10'000; ++i) {
      const MutexLock lock(guarded.mutex);
      ++guarded.value;
    }
  };
  std::thread other(count);
  count();
  other.join();
  const MutexLock lock(guarded.mutex);
  EXPECT_EQ(guarded.value, 20'000);
}

TEST(ConditionTest, WakesEachThatWaitsAndGivesBackTheLock) {
  Guarded guarded;
  const auto answer = [&guarded] {
    const MutexLock lock(guarded.mutex);
    guarded.changed.Wait(guarded.mutex, [&guarded]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(guarded.mutex) {
      return guarded.value > 0;
    });
    ++guarded.value;
    guarded.changed.NotifyAll();
  };
  std::thread one(answer), two(answer);
  {
    const MutexLock lock(guarded.mutex);
    guarded.value = 1;
    guarded.changed.NotifyAll();
    EXPECT_TRUE(guarded.changed.WaitFor(
        guarded.mutex, absl::InfiniteDuration(),
        [&guarded]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(guarded.mutex) { return guarded.value == 3; }));
  }
  one.join();
  two.join();
}

TEST(ConditionTest, SaysWhenItHasWaitedInVain) {
  Guarded guarded;
  const auto never = [] { return false; };
  const auto at_once = [] { return true; };
  const MutexLock lock(guarded.mutex);
  EXPECT_FALSE(guarded.changed.WaitFor(guarded.mutex, absl::Milliseconds(1), never));
  EXPECT_FALSE(guarded.changed.WaitFor(guarded.mutex, -absl::InfiniteDuration(), never));
  EXPECT_TRUE(guarded.changed.WaitFor(guarded.mutex, kLongEnough, at_once));
}

}  // namespace
}  // namespace nestor
