#include "common/runtime/system_clock.h"

#include <absl/time/clock.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace nestor::runtime {
namespace {

constexpr absl::Duration kRestWhenShutDown = absl::Milliseconds(10);
constexpr absl::Duration kLongestPoll = absl::Hours(1);

absl::Duration Monotonic() {
  return absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
}

// poll() counts in monotonic time, whatever becomes of the wall clock. True: `fd` is readable.
bool WaitFor(int fd, absl::Duration d) {
  pollfd item{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&item, 1,
                static_cast<int>(absl::ToInt64Milliseconds(absl::Ceil(d, absl::Milliseconds(1))))) >
         0;
}

}  // namespace

SystemClock::SystemClock()
    : start_(Monotonic()), shutdown_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

SystemClock::~SystemClock() { ::close(shutdown_fd_); }

Instant SystemClock::Now() const { return {Monotonic() - start_}; }

absl::Time SystemClock::Wall() const { return absl::Now(); }

void SystemClock::Sleep(absl::Duration d) {
  const absl::Duration end = Monotonic() + d;
  for (absl::Duration left = d; left > absl::ZeroDuration(); left = end - Monotonic()) {
    if (!WaitFor(shutdown_fd_, std::min(left, kLongestPoll))) continue;
    WaitFor(-1, std::min(left, kRestWhenShutDown));
    return;
  }
}

// NOLINTNEXTLINE(readability-make-member-function-const): it ends all sleep
void SystemClock::Shutdown() {
  const uint64_t one = 1;
  (void)!::write(shutdown_fd_, &one, sizeof(one));
}

}  // namespace nestor::runtime
