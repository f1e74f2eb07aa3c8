#pragma once

#include <atomic>
#include <cstdint>
#include <string>

namespace nestor::hook {

// Tells the agent by datagrams, and never waits for it. Thread-safe.
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
  void TellLease(const std::string& notice) noexcept;

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

  const std::string path_;
  const int fd_;  // -1: nobody is told
  Tally configurations_, leases_;
};

}  // namespace nestor::hook
