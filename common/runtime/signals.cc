#include "common/runtime/signals.h"

#include <pthread.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace nestor::runtime {
namespace {

sigset_t SetOf(std::initializer_list<int> signals) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : signals) sigaddset(&set, signal);
  return set;
}

void ExitAtOnce(int /*signal*/) { ::_exit(0); }

}  // namespace

Signals::Signals() {
  const sigset_t ours = SetOf({SIGTERM, SIGINT, SIGHUP});
  ::pthread_sigmask(SIG_BLOCK, &ours, &before_);
  ::signal(SIGPIPE, SIG_IGN);
  fd_ = ::signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
}

Signals::~Signals() {
  ::close(fd_);
  ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

std::optional<Signal> Signals::Next() const {
  signalfd_siginfo info{};
  if (::read(fd_, &info, sizeof(info)) != sizeof(info)) return std::nullopt;
  return info.ssi_signo == SIGHUP ? Signal::kReload : Signal::kStop;
}

void Signals::ExitOnNextStop() {
  ::signal(SIGTERM, ExitAtOnce);
  ::signal(SIGINT, ExitAtOnce);
  const sigset_t stops = SetOf({SIGTERM, SIGINT});
  ::pthread_sigmask(SIG_UNBLOCK, &stops, nullptr);
}

}  // namespace nestor::runtime
