#include "tests/simulation/process.h"

#include <algorithm>
#include <utility>

namespace nestor::simulation {
namespace {

// FNV-1a, to derive the seeds of concerns.
uint64_t Mix(uint64_t seed, std::string_view name) {
  uint64_t hash = 0xcbf29ce484222325u ^ (seed * 0x9e3779b97f4a7c15u);
  for (const char c : name) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
  return hash;
}

}  // namespace

Dice::Dice(uint64_t seed, std::string_view name) : state_(Mix(seed, name)) {}

uint64_t Dice::Next() {
  uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

// The protocol thread: its tasks run on the scheduler's.
class Process::Loop final : public Executor {
 public:
  explicit Loop(Process& process) : process_(process) {}

  void Post(Task task) override {
    if (!process_.alive_) return;
    ++waiting_;
    process_.deepest_queue_ = std::max(process_.deepest_queue_, waiting_);
    // In order, since the times rise.
    last_ = std::max(last_,
                     process_.scheduler_.Now() +
                         process_.timing_.Between(absl::ZeroDuration(), absl::Microseconds(200)));
    process_.scheduler_.At(
        last_, [process = process_.shared_from_this(), this, task = std::move(task)]() mutable {
          process->Act([&] {
            --waiting_;
            task();
          });
        });
  }

 private:
  Process& process_;
  absl::Duration last_;
  size_t waiting_ = 0;
};

// A worker thread: its tasks are jobs.
class Process::Worker final : public Executor {
 public:
  explicit Worker(Process& process) : process_(process) {}

  void Post(Task task) override {
    if (!process_.alive_) return;
    queue_.push_back(std::move(task));
    process_.deepest_queue_ = std::max(process_.deepest_queue_, queue_.size());
    if (!busy_) Begin();
  }

  void RunOut() {
    queue_.clear();
    if (job_) process_.scheduler_.Hurry(job_);
  }
  bool idle() const { return !job_ || job_->done(); }

 private:
  void Begin() {
    busy_ = true;
    process_.scheduler_.After(
        process_.timing_.Between(absl::ZeroDuration(), absl::Microseconds(100)),
        [process = process_.shared_from_this(), this] {
          if (!process->alive_ || queue_.empty()) return;
          Task task = std::move(queue_.front());
          queue_.pop_front();
          // The job is known before it runs: a death in its first step must find it.
          process->scheduler_.Start(
              process.get(), [task = std::move(task)]() mutable { task(); },
              [process, this] { Ended(); }, &job_);
        });
  }

  void Ended() {
    busy_ = false;
    if (process_.alive_ && !queue_.empty()) Begin();
  }

  Process& process_;
  std::deque<Task> queue_;
  std::shared_ptr<Job> job_;
  bool busy_ = false;
};

Process::Process(Scheduler& scheduler, std::string name, uint64_t seed, absl::Time wall)
    : scheduler_(scheduler),
      name_(std::move(name)),
      clock_(*this, wall),
      random_(seed, "random"),
      timing_(seed, "timing"),
      loop_(std::make_unique<Loop>(*this)) {}

Process::~Process() = default;

Executor& Process::loop() { return *loop_; }

Executor& Process::MakeWorker() {
  workers_.push_back(std::make_unique<Worker>(*this));
  return *workers_.back();
}

void Process::Kill(const std::function<void()>& cut_off) {
  alive_ = false;
  if (cut_off) cut_off();
  for (const auto& worker : workers_) worker->RunOut();
}

bool Process::Spend(absl::Duration d) {
  if (!alive_) {
    clock_.PassAfterDeath(d);
    return false;
  }
  if (steps_left_ > 0 && --steps_left_ == 0) {
    alive_ = false;
    if (cut_off_) cut_off_();
    scheduler_.After(absl::ZeroDuration(), std::move(died_));
    return false;
  }
  scheduler_.Spend(d);
  return alive_;
}

void Process::DieAtStep(int count, std::function<void()> cut_off, Scheduler::Callback died) {
  steps_left_ = count;
  cut_off_ = std::move(cut_off);
  died_ = std::move(died);
}

void Process::ProcessClock::Sleep(absl::Duration d) {
  if (process_.alive_) {
    process_.scheduler_.Spend(d);
  } else {
    PassAfterDeath(std::max(d, absl::Milliseconds(1)));
  }
}

}  // namespace nestor::simulation
