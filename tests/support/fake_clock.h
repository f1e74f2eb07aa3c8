#pragma once

#include <mutex>

#include "common/base/clock.h"

namespace nestor::testing {

// A clock that stands still until it is told, or somebody sleeps on it. Thread-safe.
class FakeClock final : public Clock {
 public:
  explicit FakeClock(absl::Time wall = absl::FromUnixSeconds(1'800'000'000)) : start_(wall) {}

  Instant Now() const override {
    const std::lock_guard lock(mutex_);
    return {passed_};
  }
  absl::Time Wall() const override {
    const std::lock_guard lock(mutex_);
    return start_ + passed_;
  }
  // Returns at once, `d` later.
  void Sleep(absl::Duration d) override { Advance(d); }

  void Advance(absl::Duration d) {
    const std::lock_guard lock(mutex_);
    passed_ += d;
  }
  // The wall clock is set; the interval clock does not notice.
  void JumpWall(absl::Duration by) {
    const std::lock_guard lock(mutex_);
    start_ += by;
  }

 private:
  mutable std::mutex mutex_;
  absl::Time start_;
  absl::Duration passed_;
};

}  // namespace nestor::testing
