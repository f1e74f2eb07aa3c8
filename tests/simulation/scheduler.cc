#include "tests/simulation/scheduler.h"

#include <algorithm>

namespace nestor::simulation {

Scheduler::~Scheduler() {
  for (const auto& worker : workers_) {
    worker->job = nullptr;
    worker->go.release();
    worker->thread.join();
  }
}

Scheduler::EventId Scheduler::At(absl::Duration when, Callback callback) {
  const EventId id{std::max(when, now_), next_id_++};
  events_.emplace(id, std::move(callback));
  return id;
}

void Scheduler::RunUntil(absl::Duration end) {
  limit_ = end;
  while (!stopped_ && !events_.empty() && events_.begin()->first.first <= end) {
    auto node = events_.extract(events_.begin());
    now_ = node.key().first;
    ++events_run_;
    node.mapped()();
  }
  if (!stopped_) now_ = std::max(now_, end);
}

void Scheduler::Start(void* context, Callback body, Callback ended, std::shared_ptr<Job>* out) {
  auto job = std::make_shared<Job>();
  if (out != nullptr) *out = job;
  job->body_ = std::move(body);
  job->ended_ = std::move(ended);
  job->context_ = context;
  job->worker_ = TakeWorker();
  job->worker_->job = job.get();
  Resume(job);
}

void Scheduler::Spend(absl::Duration d) {
  if (!running_) return;
  const absl::Duration until = now_ + d;
  const bool alone = events_.empty() || events_.begin()->first.first > until;
  if (alone && until <= limit_ && !stopped_) {
    now_ = until;  // nothing happens meanwhile, so there is nobody to give way to
    return;
  }
  std::shared_ptr<Job> job = running_;
  job->wake_ = At(until, [this, job] { Resume(job); });
  Wait(*job);
}

void Scheduler::Hurry(const std::shared_ptr<Job>& job) {
  if (!job->parked_) return;
  Cancel(job->wake_);
  Resume(job);
}

void Scheduler::Resume(std::shared_ptr<Job> job) {
  const ContextScope scope(*this, job->context_);
  job->parked_ = false;
  running_ = job;
  job->worker_->go.release();
  back_.acquire();
  running_.reset();
  if (!job->done_) return;
  idle_.push_back(std::exchange(job->worker_, nullptr));
  job->body_ = nullptr;
  if (auto ended = std::move(job->ended_)) ended();
}

void Scheduler::Wait(Job& job) {
  job.parked_ = true;
  Job::Worker& worker = *job.worker_;
  back_.release();
  worker.go.acquire();
}

Job::Worker* Scheduler::TakeWorker() {
  if (!idle_.empty()) {
    Job::Worker* worker = idle_.back();
    idle_.pop_back();
    return worker;
  }
  workers_.push_back(std::make_unique<Job::Worker>());
  Job::Worker& worker = *workers_.back();
  worker.thread = std::thread([this, &worker] { Work(worker); });
  return &worker;
}

void Scheduler::Work(Job::Worker& worker) {
  while (true) {
    worker.go.acquire();
    Job* job = worker.job;
    if (job == nullptr) return;
    job->body_();
    job->done_ = true;
    back_.release();
  }
}

}  // namespace nestor::simulation
