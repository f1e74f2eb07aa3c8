#include "common/runtime/loop.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>

namespace nestor::runtime {

Loop::Loop() : wake_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  Watch(wake_fd_, [this] {
    uint64_t wakes = 0;
    (void)!::read(wake_fd_, &wakes, sizeof(wakes));
  });
}

Loop::~Loop() { ::close(wake_fd_); }

void Loop::Post(Task task) {
  const MutexLock lock(mutex_);
  if (stopped_) return;
  tasks_.push_back(std::move(task));
  if (tasks_.size() == 1) Wake();
}

void Loop::Serve(bus::PolledBus& bus) { bus_ = &bus; }

void Loop::Watch(int fd, std::function<void()> readable) {
  watched_.emplace_back(fd, std::move(readable));
}

void Loop::Run(const std::function<void()>& tick) {
  std::vector<zmq::pollitem_t> items;
  for (const auto& [fd, readable] : watched_) items.push_back({nullptr, fd, ZMQ_POLLIN, 0});
  if (bus_ != nullptr) {
    for (const zmq::pollitem_t& item : bus_->PollItems()) items.push_back(item);
  }
  bool more = false;
  while (!Stopped()) {
    Wait(items, more);
    more = bus_ != nullptr && bus_->Dispatch();
    for (size_t i = 0; i < watched_.size(); ++i) {
      if ((items[i].revents & ZMQ_POLLIN) != 0) watched_[i].second();
    }
    if (RunTasks()) more = true;
    tick();
  }
  Drop();
}

void Loop::Stop() {
  const MutexLock lock(mutex_);
  stopping_ = true;
  Wake();
}

void Loop::Wait(std::vector<zmq::pollitem_t>& items, bool at_once) const {
  const auto patience = absl::ToChronoMilliseconds(at_once ? absl::ZeroDuration() : kTick);
  try {
    zmq::poll(items, patience);
  } catch (const zmq::error_t& error) {
    if (error.num() != EINTR) throw;  // a defect of ours: the process ends
    for (zmq::pollitem_t& item : items) item.revents = 0;
  }
}

bool Loop::RunTasks() {
  for (int run = 0; run < kTasksPerTurn; ++run) {
    Task task;
    {
      const MutexLock lock(mutex_);
      if (tasks_.empty()) return false;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
  const MutexLock lock(mutex_);
  return !tasks_.empty();
}

void Loop::Drop() {
  std::deque<Task> dropped;  // destroyed without the lock: what a task holds may post
  const MutexLock lock(mutex_);
  stopped_ = true;
  dropped.swap(tasks_);
}

void Loop::Wake() const {
  const uint64_t one = 1;
  (void)!::write(wake_fd_, &one, sizeof(one));
}

bool Loop::Stopped() {
  const MutexLock lock(mutex_);
  return stopping_;
}

}  // namespace nestor::runtime
