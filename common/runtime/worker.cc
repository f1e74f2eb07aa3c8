#include "common/runtime/worker.h"

#include <pthread.h>

#include <utility>

namespace nestor::runtime {

Worker::Worker(const std::string& name) : thread_([this] { Run(); }) {
  ::pthread_setname_np(thread_.native_handle(), name.substr(0, 15).c_str());
}

Worker::~Worker() {
  Stop();
  thread_.join();
}

void Worker::Post(Task task) {
  const absl::MutexLock lock(&mutex_);
  if (!stopped_) tasks_.push_back(std::move(task));
}

void Worker::Stop() {
  std::deque<Task> dropped;  // destroyed without the lock: what a task holds may post
  const absl::MutexLock lock(&mutex_);
  stopped_ = true;
  dropped.swap(tasks_);
}

bool Worker::WaitUntilEnded(absl::Duration patience) {
  const absl::MutexLock lock(&mutex_);
  return mutex_.AwaitWithTimeout(absl::Condition(&ended_), patience);
}

void Worker::Run() {
  const auto ready = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopped_ || !tasks_.empty();
  };
  while (true) {
    Task task;
    {
      const absl::MutexLock lock(&mutex_);
      mutex_.Await(absl::Condition(&ready));
      if (stopped_) {
        ended_ = true;
        return;
      }
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
}

}  // namespace nestor::runtime
