#include "kea-hook/notifier.h"

#include <cc/data.h>
#include <exceptions/exceptions.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <utility>

namespace nestor::hook {
namespace {

// How long notices of leases are gathered, and after how many times of finding none nobody looks
// any more.
constexpr std::chrono::milliseconds kMoment(10);
constexpr int kIdleLooks = 100;
constexpr size_t kMostGathered = 10'000;

sockaddr_un AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

int OpenFor(const std::string& path) {
  if (path.empty()) return -1;
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    isc_throw(isc::BadValue, "the parameter socket is longer than a path of a socket can be ("
                                 << sizeof(sockaddr_un::sun_path) - 1 << " bytes): " << path);
  }
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) isc_throw(isc::Unexpected, "no socket for notices: " << std::strerror(errno));
  return fd;
}

}  // namespace

Notifier::Notifier(std::string path) : path_(std::move(path)), fd_(OpenFor(path_)) {
  if (tells()) StartThread();
}

Notifier::~Notifier() {
  if (!tells()) return;
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  woken_.notify_one();
  thread_.join();
  close(fd_);
}

// Kea's signals are for its main thread.
void Notifier::StartThread() {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { TellGathered(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

// Each by its address, so that an agent that was restarted is found.
void Notifier::Send(const std::string& text, Tally& tally) noexcept {
  const sockaddr_un address = AddressOf(path_);
  const bool sent = sendto(fd_, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                           reinterpret_cast<const sockaddr*>(&address),
                           sizeof address) == static_cast<ssize_t>(text.size());
  ++(sent ? tally.sent : tally.dropped);
}

void Notifier::TellConfiguration(const std::string& revision, const std::string& origin) noexcept {
  if (!tells()) return;
  try {
    using isc::data::Element;
    const isc::data::ElementPtr notice = Element::createMap();
    notice->set("notice", Element::create("configuration"));
    notice->set("revision", Element::create(revision));
    notice->set("origin", Element::create(origin));
    Send(notice->str(), configurations_);
  } catch (...) {
    ++configurations_.dropped;
  }
}

void Notifier::TellLease(std::string notice) noexcept {
  bool wake = false;
  try {
    const std::lock_guard lock(mutex_);
    if (gathered_.size() >= kMostGathered) {
      ++leases_.dropped;
      return;
    }
    gathered_.push_back(std::move(notice));
    wake = std::exchange(waits_, false);
  } catch (...) {
    ++leases_.dropped;
  }
  if (wake) woken_.notify_one();
}

// While leases come it looks each moment, so that nobody has to wake it.
void Notifier::TellGathered() noexcept {
  std::vector<std::string> taken;
  std::unique_lock lock(mutex_);
  for (int idle = 0; !ends_ || !gathered_.empty();) {
    if (gathered_.empty() && ++idle > kIdleLooks) {
      waits_ = true;
      woken_.wait(lock, [this] { return ends_ || !waits_; });
      idle = 0;
    }
    if (!ends_) woken_.wait_for(lock, kMoment, [this] { return ends_; });
    taken.swap(gathered_);
    if (taken.empty()) continue;
    idle = 0;
    lock.unlock();
    for (const std::string& notice : taken) Send(notice, leases_);
    taken.clear();
    lock.lock();
  }
}

int Notifier::queued() const {
  int bytes = 0;
  return tells() && ioctl(fd_, SIOCOUTQ, &bytes) == 0 ? bytes : 0;
}

}  // namespace nestor::hook
