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

  const std::string& path() const { return path_; }
  Counts configurations() const { return {sent_, dropped_}; }
  // Bytes that the agent has not taken yet.
  int queued() const;

 private:
  bool Send(const std::string& text) noexcept;

  const std::string path_;
  const int fd_;  // -1: nobody is told
  std::atomic<uint64_t> sent_ = 0, dropped_ = 0;
};

}  // namespace nestor::hook
