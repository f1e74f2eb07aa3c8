#include "kea-hook/notifier.h"

#include <cc/data.h>
#include <exceptions/exceptions.h>
#include <linux/sockios.h>
#include <poll.h>
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

// How long leases are gathered. At hundreds a second the thread wakes by itself, and no packet pays
// for waking it.
constexpr std::chrono::milliseconds kGathered{20};
// For an agent that is busy or stopped: about a thousand leases.
constexpr size_t kMostWaitingBytes = 256 * 1024;

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
  if (!tells()) return;
  try {
    sender_ = std::thread([this] { Run(); });
  } catch (...) {
    close(fd_);
    throw;
  }
}

Notifier::~Notifier() {
  if (!tells()) return;
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  told_.notify_one();
  sender_.join();
  close(fd_);
}

void Notifier::TellConfiguration(const std::string& revision, const std::string& origin) noexcept {
  if (!tells()) return;
  try {
    using isc::data::Element;
    const isc::data::ElementPtr notice = Element::createMap();
    notice->set("notice", Element::create("configuration"));
    notice->set("revision", Element::create(revision));
    notice->set("origin", Element::create(origin));
    std::string text = notice->str();
    const Sent sent = Send(text);
    if (sent == Sent::kNoRoom) return Queue(std::move(text), configurations_);
    ++(sent == Sent::kYes ? configurations_.sent : configurations_.dropped);
  } catch (...) {
    ++configurations_.dropped;
  }
}

void Notifier::TellLease(std::string notice) noexcept { Queue(std::move(notice), leases_); }

size_t Notifier::queued() const {
  if (!tells()) return 0;
  int bytes = 0;
  if (ioctl(fd_, SIOCOUTQ, &bytes) != 0) bytes = 0;
  const std::lock_guard lock(mutex_);
  return bytes + waiting_bytes_;
}

Notifier::Sent Notifier::Send(const std::string& text) noexcept {
  const auto send_once = [&] {
    return send(fd_, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL) ==
           static_cast<ssize_t>(text.size());
  };
  if (send_once()) return Sent::kYes;
  // No agent was there yet, or another one is by now. Looking for it each time would cost as much
  // as the sending.
  if (errno != EAGAIN) {
    const sockaddr_un address = AddressOf(path_);
    if (connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      return Sent::kAway;
    }
    if (send_once()) return Sent::kYes;
  }
  return errno == EAGAIN ? Sent::kNoRoom : Sent::kAway;
}

// Of the thread only. Linux lets ten datagrams wait in a socket, systemd 512, and more may come at
// a time.
Notifier::Sent Notifier::SendWhenThereIsRoom(const std::string& text) noexcept {
  const Sent sent = Send(text);
  if (sent != Sent::kNoRoom) return sent;
  pollfd room{.fd = fd_, .events = POLLOUT, .revents = 0};
  (void)poll(&room, 1, static_cast<int>(kGathered.count()));
  return Send(text);
}

void Notifier::Queue(std::string text, Tally& tally) noexcept {
  try {
    const std::lock_guard lock(mutex_);
    if (const size_t bytes = text.size(); waiting_bytes_ + bytes <= kMostWaitingBytes) {
      waiting_.push_back({std::move(text), &tally});
      waiting_bytes_ += bytes;
      if (idle_) told_.notify_one();
      return;
    }
  } catch (...) {
    // Without memory for it, it is dropped.
  }
  ++tally.dropped;
}

void Notifier::Run() noexcept {
  sigset_t all;  // signals are for Kea's threads
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, nullptr);
  std::unique_lock lock(mutex_);
  while (!ends_) {
    if (waiting_.empty()) {
      idle_ = true;
      told_.wait(lock, [this] { return ends_ || !waiting_.empty(); });
      idle_ = false;
    }
    told_.wait_for(lock, kGathered, [this] { return ends_; });
    SendWaiting(lock);
  }
}

// Until nothing waits, or there is no room.
void Notifier::SendWaiting(std::unique_lock<std::mutex>& lock) {
  while (!waiting_.empty()) {
    const Waiting& first = waiting_.front();  // stays where it is while others are added
    lock.unlock();
    const Sent sent = SendWhenThereIsRoom(first.text);
    lock.lock();
    if (sent == Sent::kNoRoom) return;
    ++(sent == Sent::kYes ? first.tally->sent : first.tally->dropped);
    waiting_bytes_ -= first.text.size();
    waiting_.pop_front();
  }
}

}  // namespace nestor::hook
