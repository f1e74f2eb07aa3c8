#pragma once

#include <string>

#include "common/base/clock.h"

namespace nestor::runtime {

// What systemd is told, if it started the agent (NOTIFY_SOCKET): otherwise nothing happens. Not
// thread-safe.
class Supervisor {
 public:
  // `clock` must outlive it.
  explicit Supervisor(const Clock& clock);

  // The agent does its work; said once.
  void Ready();
  bool ready() const { return ready_; }
  void Stopping();
  // One line for `systemctl status`; sent when it changed.
  void Status(const std::string& line);
  // Proves that the loop turns: feeds the watchdog, if there is one, twice in each of its
  // intervals, and until Ready() asks for kPatience more each time. Call it at each turn, and from
  // nowhere else.
  void Tick();

  // A loop that is stuck for so long before Ready() is given up.
  static constexpr absl::Duration kPatience = absl::Seconds(30);

 private:
  const Clock& clock_;
  absl::Duration feed_each_;  // infinite: no watchdog
  Instant fed_;
  Instant extended_;
  bool ready_ = false;
  std::string status_;
};

}  // namespace nestor::runtime
