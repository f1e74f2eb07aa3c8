#pragma once

#include <absl/container/btree_map.h>
#include <absl/functional/any_invocable.h>
#include <absl/time/time.h>

#include <cstdint>
#include <memory>
#include <semaphore>
#include <thread>
#include <utility>
#include <vector>

namespace nestor::simulation {

class Scheduler;

// A piece of blocking code that runs on a thread of its own and in virtual time. Exactly one thread
// of a simulation runs at any moment: the scheduler's, or the one job it resumed.
class Job {
 public:
  bool done() const { return done_; }

 private:
  friend class Scheduler;

  struct Worker {
    std::thread thread;
    std::binary_semaphore go{0};
    Job* job = nullptr;  // null when told to go: end
  };

  absl::AnyInvocable<void()> body_;
  absl::AnyInvocable<void()> ended_;
  Worker* worker_ = nullptr;
  void* context_ = nullptr;
  std::pair<absl::Duration, uint64_t> wake_;
  bool parked_ = false;
  bool done_ = false;
};

// Virtual time: a queue of events ordered by time and then by insertion, and jobs that wait in it.
// The same calls give the same order, whatever the machine does.
class Scheduler {
 public:
  using Callback = absl::AnyInvocable<void()>;
  using EventId = std::pair<absl::Duration, uint64_t>;

  Scheduler() = default;
  // Every job must have ended.
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // Since the simulation began.
  absl::Duration Now() const { return now_; }

  EventId At(absl::Duration when, Callback callback);
  EventId After(absl::Duration wait, Callback callback) {
    return At(now_ + wait, std::move(callback));
  }
  // One that ran already is ignored.
  void Cancel(EventId id) { events_.erase(id); }

  // Runs what is due until `end`, and leaves the time there. Stops early once Stop() was called.
  void RunUntil(absl::Duration end);
  void Stop() { stopped_ = true; }
  bool stopped() const { return stopped_; }

  // Runs `body` as a job until it first waits or ends; `ended` runs on the scheduler's thread after
  // it. `job` is set before it begins. Not from within a job. `context` is what Context() says
  // while it runs.
  void Start(void* context, Callback body, Callback ended, std::shared_ptr<Job>* job);

  // From within a job: `d` of virtual time passes, and with it whatever happens meanwhile. From the
  // scheduler's own thread: nothing.
  void Spend(absl::Duration d);
  bool InJob() const { return running_ != nullptr; }

  // Goes on with a job that waits, before its time.
  void Hurry(const std::shared_ptr<Job>& job);

  // On whose behalf things happen now.
  void* Context() const { return context_; }
  void* SetContext(void* context) { return std::exchange(context_, context); }

  uint64_t events_run() const { return events_run_; }

 private:
  void Resume(std::shared_ptr<Job> job);
  void Wait(Job& job);
  Job::Worker* TakeWorker();
  void Work(Job::Worker& worker);

  absl::Duration now_;
  absl::Duration limit_;
  uint64_t next_id_ = 1;
  uint64_t events_run_ = 0;
  bool stopped_ = false;
  absl::btree_map<EventId, Callback> events_;
  std::shared_ptr<Job> running_;
  void* context_ = nullptr;
  std::binary_semaphore back_{0};  // the baton returns to the scheduler's thread
  std::vector<std::unique_ptr<Job::Worker>> workers_;
  std::vector<Job::Worker*> idle_;
};

// Says on whose behalf the scheduler's thread acts, until the end of the scope.
class ContextScope {
 public:
  ContextScope(Scheduler& scheduler, void* context)
      : scheduler_(scheduler), before_(scheduler.SetContext(context)) {}
  ~ContextScope() { scheduler_.SetContext(before_); }
  ContextScope(const ContextScope&) = delete;
  ContextScope& operator=(const ContextScope&) = delete;

 private:
  Scheduler& scheduler_;
  void* before_;
};

}  // namespace nestor::simulation
