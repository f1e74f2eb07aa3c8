#include "kea-hook/notifier.h"

#include <cc/data.h>
#include <exceptions/exceptions.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace nestor::hook {
namespace {

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

Notifier::Notifier(std::string path) : path_(std::move(path)), fd_(OpenFor(path_)) {}

Notifier::~Notifier() {
  if (fd_ >= 0) close(fd_);
}

void Notifier::Send(const std::string& text, Tally& tally) noexcept {
  const auto send_once = [&] {
    return send(fd_, text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL) ==
           static_cast<ssize_t>(text.size());
  };
  bool sent = send_once();
  // No agent was there yet, or another one is by now. Looking for it each time would cost as much
  // as the sending.
  if (!sent && errno != EAGAIN) {
    const sockaddr_un address = AddressOf(path_);
    sent = connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 &&
           send_once();
  }
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

void Notifier::TellLease(const std::string& notice) noexcept { Send(notice, leases_); }

int Notifier::queued() const {
  int bytes = 0;
  return tells() && ioctl(fd_, SIOCOUTQ, &bytes) == 0 ? bytes : 0;
}

}  // namespace nestor::hook
