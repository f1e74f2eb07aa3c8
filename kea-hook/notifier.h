#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace nestor::hook {

// Tells the agent by datagrams, and never waits for it. What leases come to is gathered for a
// moment and sent by a thread of its own, so that no packet waits for it. Thread-safe.
class Notifier {
 public:
  // `path`: the agent's socket; empty: nobody is told. Throws isc::BadValue where no path can be so
  // long, isc::Unexpected where the system gives no socket.
  explicit Notifier(std::string path);
  ~Notifier();
  Notifier(const Notifier&) = delete;
  Notifier& operator=(const Notifier&) = delete;

  struct Counts {
    uint64_t sent = 0;
    uint64_t dropped = 0;  // the agent was away, or had no room
  };

  void TellConfiguration(const std::string& revision, const std::string& origin) noexcept;

  // `notice` is the text of one lease's.
  void TellLease(std::string notice) noexcept;

  const std::string& path() const { return path_; }
  bool tells() const { return fd_ >= 0; }
  Counts configurations() const { return {configurations_.sent, configurations_.dropped}; }
  Counts leases() const { return {leases_.sent, leases_.dropped}; }
  // Bytes that the agent has not taken yet.
  int queued() const;

 private:
  struct Tally {
    std::atomic<uint64_t> sent = 0, dropped = 0;
  };
  void Send(const std::string& text, Tally& tally) noexcept;
  void StartThread();
  void TellGathered() noexcept;

  const std::string path_;
  const int fd_;  // -1: nobody is told
  Tally configurations_, leases_;

  std::mutex mutex_;  // of what follows
  std::condition_variable woken_;
  std::vector<std::string> gathered_;  // of leases
  bool waits_ = false;                 // the thread, to be woken by the next lease
  bool ends_ = false;
  std::thread thread_;  // the last member, so that it finds the others
};

}  // namespace nestor::hook
