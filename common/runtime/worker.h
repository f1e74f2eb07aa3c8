#pragma once

#include <absl/base/thread_annotations.h>
#include <absl/time/time.h>

#include <deque>
#include <string>
#include <thread>

#include "common/base/executor.h"
#include "common/lock/mutex.h"

namespace nestor::runtime {

// A thread that runs what is posted to it, in order. Its tasks may wait for Kea and the disk.
//
// The queue has no bound of its own: whoever posts has at most a few tasks under way. Thread-safe,
// but for the destructor.
class Worker : public Executor {
 public:
  // `name` shows in ps and gdb; up to 15 characters.
  explicit Worker(const std::string& name);

  // Stops, and waits for the task under way however long it takes: a command to Kea takes up to two
  // minutes. Who cannot wait asks WaitUntilEnded() first.
  ~Worker() override;

  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void Post(Task task) override;

  // Drops what waits, undone. The task under way goes on. Returns at once.
  void Stop();

  // After Stop(): whether the task under way ended within `patience`; nothing runs any more then.
  bool WaitUntilEnded(absl::Duration patience);

 private:
  void Run();

  Mutex mutex_;
  std::deque<Task> tasks_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
  Condition changed_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace nestor::runtime
