#pragma once

#include <absl/base/thread_annotations.h>
#include <absl/time/time.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>

namespace nestor {

// std::mutex with clang's annotations. Not absl::Mutex: Debian builds Abseil without
// ThreadSanitizer, which then sees no lock and reports races where there are none.
class ABSL_LOCKABLE Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void Lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() { mutex_.lock(); }
  void Unlock() ABSL_UNLOCK_FUNCTION() { mutex_.unlock(); }

  // Tells the analysis within a lambda what its caller holds. Checks nothing at run time.
  void AssertHeld() const ABSL_ASSERT_EXCLUSIVE_LOCK() {}

 private:
  friend class Condition;

  std::mutex mutex_;
};

// Holds a Mutex for as long as it lives.
class ABSL_SCOPED_LOCKABLE MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ABSL_EXCLUSIVE_LOCK_FUNCTION(mutex) : mutex_(mutex) {
    mutex_.Lock();
  }
  ~MutexLock() ABSL_UNLOCK_FUNCTION() { mutex_.Unlock(); }

  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// Lets threads that hold a Mutex wait until what it guards has become what they want. One Condition
// goes with one Mutex. Thread-safe.
class Condition {
 public:
  // Whoever changed what others wait for calls it.
  void NotifyAll() { changed_.notify_all(); }

  // Waits, without the lock meanwhile, until `holds`, which is asked with the lock.
  template <typename Predicate>
  void Wait(Mutex& mutex, Predicate holds) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    changed_.wait(lock, holds);
    lock.release();
  }

  // The same for at most `patience`. False: it is over, and `holds` is still not so.
  template <typename Predicate>
  bool WaitFor(Mutex& mutex, absl::Duration patience, Predicate holds)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    const bool held = changed_.wait_for(lock, ToWait(patience), holds);
    lock.release();
    return held;
  }

 private:
  // The standard library adds it to a time, which overflows with InfiniteDuration().
  static std::chrono::nanoseconds ToWait(absl::Duration patience) {
    return absl::ToChronoNanoseconds(std::min(patience, absl::Hours(24 * 365)));
  }

  std::condition_variable changed_;
};

}  // namespace nestor
