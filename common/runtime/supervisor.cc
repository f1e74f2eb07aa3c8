#include "common/runtime/supervisor.h"

#include <fmt/format.h>
#include <systemd/sd-daemon.h>

#include <cstdint>

namespace nestor::runtime {

Supervisor::Supervisor(const Clock& clock)
    : clock_(clock),
      feed_each_(absl::InfiniteDuration()),
      fed_(clock.Now()),
      extended_(clock.Now()) {
  uint64_t watchdog_us = 0;
  if (::sd_watchdog_enabled(0, &watchdog_us) > 0) feed_each_ = absl::Microseconds(watchdog_us) / 2;
}

void Supervisor::Ready() {
  if (ready_) return;
  ready_ = true;
  ::sd_notify(0, "READY=1");
}

void Supervisor::Stopping() { ::sd_notify(0, "STOPPING=1"); }

void Supervisor::Status(const std::string& line) {
  if (line == status_) return;
  status_ = line;
  ::sd_notify(0, ("STATUS=" + line).c_str());
}

void Supervisor::Tick() {
  const Instant now = clock_.Now();
  if (now - fed_ >= feed_each_) {
    fed_ = now;
    ::sd_notify(0, "WATCHDOG=1");
  }
  if (ready_ || now - extended_ < kPatience / 3) return;
  extended_ = now;
  const std::string extend =
      fmt::format("EXTEND_TIMEOUT_USEC={}", absl::ToInt64Microseconds(kPatience));
  ::sd_notify(0, extend.c_str());
}

}  // namespace nestor::runtime
