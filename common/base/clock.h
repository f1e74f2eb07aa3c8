#pragma once

#include <absl/time/time.h>

#include <compare>

namespace nestor {

// A point on the interval clock: never set back, comparable only within one start of the process.
struct Instant {
  absl::Duration since_start;

  friend bool operator==(Instant a, Instant b) { return a.since_start == b.since_start; }
  friend bool operator<(Instant a, Instant b) { return a.since_start < b.since_start; }
  friend bool operator<=(Instant a, Instant b) { return a.since_start <= b.since_start; }
  friend bool operator>(Instant a, Instant b) { return b < a; }
  friend bool operator>=(Instant a, Instant b) { return b <= a; }
  friend Instant operator+(Instant a, absl::Duration d) { return {a.since_start + d}; }
  friend Instant operator-(Instant a, absl::Duration d) { return {a.since_start - d}; }
  friend absl::Duration operator-(Instant a, Instant b) { return a.since_start - b.since_start; }
};

// The two clocks of a process. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;

  // For intervals and deadlines.
  virtual Instant Now() const = 0;

  // For people and for stamps that leave the process. May jump.
  virtual absl::Time Wall() const = 0;

  // Blocks the calling worker thread for `d`. The protocol thread never calls it.
  virtual void Sleep(absl::Duration d) = 0;
};

}  // namespace nestor
