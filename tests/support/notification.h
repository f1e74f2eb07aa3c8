#pragma once

#include <absl/time/time.h>

#include "common/lock/mutex.h"

namespace nestor::testing {

// Something that happens once, and that other threads wait for. Thread-safe.
class Notification {
 public:
  void Notify() {
    const MutexLock lock(mutex_);
    happened_ = true;
    changed_.NotifyAll();
  }

  // False: it did not happen within `patience`.
  bool WaitFor(absl::Duration patience) {
    const MutexLock lock(mutex_);
    return changed_.WaitFor(mutex_, patience,
                            [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return happened_; });
  }

 private:
  Mutex mutex_;
  bool happened_ ABSL_GUARDED_BY(mutex_) = false;
  Condition changed_;
};

}  // namespace nestor::testing
