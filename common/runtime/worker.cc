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
  const MutexLock lock(mutex_);
  if (stopped_) return;
  tasks_.push_back(std::move(task));
  changed_.NotifyAll();
}

void Worker::Stop() {
  std::deque<Task> dropped;  // destroyed without the lock: what a task holds may post
  const MutexLock lock(mutex_);
  stopped_ = true;
  dropped.swap(tasks_);
  changed_.NotifyAll();
}

bool Worker::WaitUntilEnded(absl::Duration patience) {
  const MutexLock lock(mutex_);
  return changed_.WaitFor(mutex_, patience,
                          [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return ended_; });
}

void Worker::Run() {
  const auto ready = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return stopped_ || !tasks_.empty();
  };
  while (true) {
    Task task;
    {
      const MutexLock lock(mutex_);
      changed_.Wait(mutex_, ready);
      if (stopped_) {
        ended_ = true;
        changed_.NotifyAll();
        return;
      }
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
}

}  // namespace nestor::runtime
