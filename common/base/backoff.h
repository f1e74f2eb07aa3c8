#pragma once

#include <absl/time/time.h>

#include <algorithm>

namespace nestor {

// Waits that double from `first` to `most`, each spread by jitter over its upper half.
class Backoff {
 public:
  Backoff(absl::Duration first, absl::Duration most) : first_(first), most_(most), next_(first) {}

  // The next wait. `fraction` in [0, 1) is the jitter.
  absl::Duration Next(double fraction) {
    const absl::Duration wait = next_ * (0.5 + fraction / 2);
    next_ = std::min(next_ * 2, most_);
    return wait;
  }

  void Reset() { next_ = first_; }

 private:
  absl::Duration first_, most_, next_;
};

}  // namespace nestor
