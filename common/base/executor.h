#pragma once

#include <absl/functional/any_invocable.h>

namespace nestor {

// Runs what is posted to it, one at a time and in order.
//
// An agent has one for its protocol thread, which never blocks, and one for each worker thread, on
// which Kea and the disk may be waited for. A worker hands its result back by posting to the
// protocol thread's. Thread-safe. What is posted when the executor has stopped is dropped.
class Executor {
 public:
  using Task = absl::AnyInvocable<void()>;

  virtual ~Executor() = default;
  virtual void Post(Task task) = 0;
};

}  // namespace nestor
