#pragma once

#include <deque>
#include <utility>

#include "common/base/executor.h"

namespace nestor::testing {

// Runs what was posted when it is told to, on the caller's thread.
class StepExecutor final : public Executor {
 public:
  void Post(Task task) override { tasks_.push_back(std::move(task)); }

  // False: nothing waited.
  bool RunOne() {
    if (tasks_.empty()) return false;
    Task task = std::move(tasks_.front());
    tasks_.pop_front();
    task();
    return true;
  }
  // Runs all that waits, also what that posts. False: nothing waited.
  bool Run() {
    const bool any = RunOne();
    while (RunOne()) {
    }
    return any;
  }

 private:
  std::deque<Task> tasks_;
};

}  // namespace nestor::testing
