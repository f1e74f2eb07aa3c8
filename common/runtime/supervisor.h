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

  void Ready();
  void Stopping();
  // One line for `systemctl status`; sent when it changed.
  void Status(const std::string& line);
  // Feeds the watchdog, if there is one, twice in each of its intervals. Call it at each turn.
  void Tick();

 private:
  const Clock& clock_;
  absl::Duration feed_each_;  // infinite: no watchdog
  Instant fed_;
  std::string status_;
};

}  // namespace nestor::runtime
