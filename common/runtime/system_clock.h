#pragma once

#include "common/base/clock.h"

namespace nestor::runtime {

// The system's clocks. Intervals are CLOCK_MONOTONIC's, from the construction on. Thread-safe.
class SystemClock : public Clock {
 public:
  SystemClock();
  ~SystemClock() override;
  SystemClock(const SystemClock&) = delete;
  SystemClock& operator=(const SystemClock&) = delete;

  Instant Now() const override;
  absl::Time Wall() const override;

  // After Shutdown() it returns within 10 ms, so that a loop of tries comes to its end without
  // spinning.
  void Sleep(absl::Duration d) override;

  // Wakes all who sleep.
  void Shutdown();

 private:
  const absl::Duration start_;
  const int shutdown_fd_;  // an eventfd, readable from Shutdown() on
};

}  // namespace nestor::runtime
