#pragma once

#include <absl/base/thread_annotations.h>
#include <absl/time/time.h>

#include <deque>
#include <functional>
#include <utility>
#include <vector>

#include "common/base/executor.h"
#include "common/bus/zmq_bus.h"
#include "common/lock/mutex.h"

namespace nestor::runtime {

// The protocol thread's loop: messages, tasks of other threads, signals and time.
//
// One turn waits for any of them, at most 50 ms, then lets the bus dispatch, calls who watches a
// descriptor, runs a bounded number of tasks and ticks. Post() and Stop() from any thread, the rest
// from the thread that calls Run().
class Loop : public Executor {
 public:
  static constexpr absl::Duration kTick = absl::Milliseconds(50);
  static constexpr int kTasksPerTurn = 64;

  Loop();
  ~Loop() override;
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void Post(Task task) override;

  // Serves `bus`, which must outlive Run(). Before Run(); one bus at most.
  void Serve(bus::PolledBus& bus);

  // Calls `readable` in each turn that finds something to read from `fd`. Before Run().
  void Watch(int fd, std::function<void()> readable);

  // Turns until Stop(), calling `tick` at the end of each turn; once. What is posted then and later
  // is dropped.
  void Run(const std::function<void()>& tick);

  // Ends Run() after the turn under way.
  void Stop();

 private:
  void Wait(std::vector<zmq::pollitem_t>& items, bool at_once) const;
  // True: some are left for the next turn.
  bool RunTasks();
  void Drop();
  void Wake() const;
  bool Stopped();

  const int wake_fd_;  // an eventfd
  bus::PolledBus* bus_ = nullptr;
  std::vector<std::pair<int, std::function<void()>>> watched_;

  Mutex mutex_;
  std::deque<Task> tasks_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace nestor::runtime
