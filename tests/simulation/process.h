#pragma once

#include <absl/time/time.h>

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/clock.h"
#include "common/base/executor.h"
#include "common/base/random.h"
#include "tests/simulation/scheduler.h"

namespace nestor::simulation {

// A seeded source of its own for one concern, so that a draw more in one place moves nothing
// elsewhere. splitmix64 (Steele, Lea, Flood 2014).
class Dice final : public Random {
 public:
  explicit Dice(uint64_t seed) : state_(seed) {}
  // The source of the concern `name` under `seed`.
  Dice(uint64_t seed, std::string_view name);

  uint64_t Next() override;

  // Uniform in [0, n); n > 0.
  uint64_t Below(uint64_t n) { return Next() % n; }
  int Between(int least, int most) {
    return least + static_cast<int>(Below(static_cast<uint64_t>(most - least) + 1));
  }
  bool Chance(double probability) { return Fraction() < probability; }
  absl::Duration Between(absl::Duration least, absl::Duration most) {
    return least + Fraction() * (most - least);
  }

 private:
  uint64_t state_;
};

// One start of an agent: clocks, randomness, threads. When it is killed everything it still does
// has no effect outside of it.
class Process : public std::enable_shared_from_this<Process> {
 public:
  // `wall` is what its wall clock says now.
  Process(Scheduler& scheduler, std::string name, uint64_t seed, absl::Time wall);
  ~Process();

  const std::string& name() const { return name_; }
  Scheduler& scheduler() { return scheduler_; }
  bool alive() const { return alive_; }

  Clock& clock() { return clock_; }
  Random& random() { return random_; }
  Executor& loop();
  // Another thread of the process; valid as long as it.
  Executor& MakeWorker();

  void JumpWallClock(absl::Duration by) { clock_.Jump(by); }

  // From now on nothing of it has an effect; its jobs have ended when this returns. `alive` goes
  // down first, then `cut_off` is called (the disk forgets its open files), then the jobs run out.
  // Scheduler's thread only.
  void Kill(const std::function<void()>& cut_off);

  // Time that an outside operation takes. Also where a planned death strikes. False: dead.
  bool Spend(absl::Duration d);

  // Dies at its `count`th outside operation from now: at once it has no effect any more, and
  // `died` is called on the scheduler's thread to do the rest (which is to call Kill()). `cut_off`
  // as in Kill(), called at once.
  void DieAtStep(int count, std::function<void()> cut_off, Scheduler::Callback died);

  // The most tasks that ever waited in one of its executors.
  size_t deepest_queue() const { return deepest_queue_; }

  // Runs `body` for it on the scheduler's thread, if it lives.
  template <typename Body>
  void Act(Body&& body) {
    if (!alive_) return;
    const ContextScope scope(scheduler_, this);
    body();
  }

 private:
  class ProcessClock final : public Clock {
   public:
    ProcessClock(Process& process, absl::Time wall)
        : process_(process), started_(process.scheduler_.Now()), wall_(wall) {}
    Instant Now() const override { return {process_.scheduler_.Now() - started_ + after_death_}; }
    absl::Time Wall() const override { return wall_ + (process_.scheduler_.Now() - started_); }
    void Sleep(absl::Duration d) override;
    void Jump(absl::Duration by) { wall_ += by; }
    // A dead process sees time pass, so that its loops with a deadline end.
    void PassAfterDeath(absl::Duration d) { after_death_ += d; }

   private:
    Process& process_;
    absl::Duration started_;
    absl::Duration after_death_;
    absl::Time wall_;
  };

  class Loop;
  class Worker;

  Scheduler& scheduler_;
  std::string name_;
  bool alive_ = true;
  ProcessClock clock_;
  Dice random_;
  Dice timing_;
  std::unique_ptr<Loop> loop_;
  std::vector<std::unique_ptr<Worker>> workers_;
  size_t deepest_queue_ = 0;
  int steps_left_ = 0;  // 0: no death planned
  std::function<void()> cut_off_;
  Scheduler::Callback died_;
};

}  // namespace nestor::simulation
