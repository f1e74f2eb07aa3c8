#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

namespace nestor::hook {

// Tells the agent by datagrams; whoever tells never waits. Thread-safe.
//
// A change is told of at once. What a client's packet did to leases goes a moment later, by a
// thread of the notifier's own: to send a datagram is to wake the agent, which took a twentieth of
// all that Kea does for an exchange, and the client would wait for that.
class Notifier {
 public:
  // `path`: the agent's socket; empty: nobody is told. Throws isc::BadValue where no path can be so
  // long, isc::Unexpected where the system gives no socket, std::system_error where no thread.
  explicit Notifier(std::string path);
  // What waits is still sent, as far as the agent has room.
  ~Notifier();
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;

  struct Counts {
    uint64_t sent = 0;
    uint64_t dropped = 0;  // the agent was away, or had no room for long
  };

  void TellConfiguration(const std::string& revision, const std::string& origin) noexcept;

  // `notice` is the text of one lease's.
  void TellLease(std::string notice) noexcept;

  const std::string& path() const { return path_; }
  bool tells() const { return fd_ >= 0; }
  Counts configurations() const { return {configurations_.sent, configurations_.dropped}; }
  Counts leases() const { return {leases_.sent, leases_.dropped}; }
  // Bytes that the agent has not taken yet, in its socket or here.
  size_t queued() const;

 private:
  enum class Sent { kYes, kNoRoom, kAway };
  struct Tally {
    std::atomic<uint64_t> sent = 0, dropped = 0;
  };
  struct Waiting {
    std::string text;
    Tally* tally;
  };

  Sent Send(const std::string& text) noexcept;
  Sent SendWhenThereIsRoom(const std::string& text) noexcept;
  void Queue(std::string text, Tally& tally) noexcept;
  void Run() noexcept;
  void SendWaiting(std::unique_lock<std::mutex>& lock);

  const std::string path_;
  const int fd_;  // -1: nobody is told
  Tally configurations_, leases_;

  mutable std::mutex mutex_;
  std::condition_variable told_;
  std::deque<Waiting> waiting_;  // of at most kMostWaitingBytes
  size_t waiting_bytes_ = 0;
  bool idle_ = false;  // the thread sleeps until it is told
  bool ends_ = false;
  std::thread sender_;
};

}  // namespace nestor::hook
