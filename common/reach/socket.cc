#include "common/reach/socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "common/base/status.h"

namespace nestor::reach {
namespace {

// The address `host` in `raw`, and the text that the kernel would write for it; empty: it is none
// of this family.
std::string Parse(int family, const std::string& host, void* raw) {
  // The kernel's text ends at a NUL, and what follows would not be looked at.
  if (host.find('\0') != std::string::npos || inet_pton(family, host.c_str(), raw) != 1) return "";
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(family, raw, text.data(), text.size());
  return text.data();
}

template <typename Address>
void Put(const Address& address, SocketAddress& into) {
  std::memcpy(&into.storage, &address, sizeof address);
  into.size = sizeof address;
}

}  // namespace

Descriptor::~Descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

Descriptor SocketAddress::Open() const {
  return Descriptor(
      ::socket(storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
}

absl::StatusOr<SocketAddress> AddressOf(const std::string& host, uint16_t port) {
  SocketAddress address;
  sockaddr_in four{};
  sockaddr_in6 six{};
  if (port == 0) {
    return Error(absl::StatusCode::kInvalidArgument, "port 0 is none: write 1 to 65535");
  }
  if (const std::string text4 = Parse(AF_INET, host, &four.sin_addr); !text4.empty()) {
    four.sin_family = AF_INET;
    four.sin_port = htons(port);
    Put(four, address);
    address.text = fmt::format("{}:{}", text4, port);
  } else if (const std::string text6 = Parse(AF_INET6, host, &six.sin6_addr); !text6.empty()) {
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(port);
    Put(six, address);
    address.text = fmt::format("[{}]:{}", text6, port);
  } else {
    return Error(absl::StatusCode::kInvalidArgument,
                 "\"{}\" is neither an IPv4 nor an IPv6 address", host);
  }
  return address;
}

Deadline After(absl::Duration duration) {
  const absl::Duration bounded =
      std::clamp(duration, absl::ZeroDuration(), absl::Duration(absl::Hours(24)));
  return std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(bounded);
}

bool WaitFor(std::span<pollfd> descriptors, Deadline deadline) {
  using std::chrono::ceil, std::chrono::milliseconds;
  while (true) {
    const auto left = ceil<milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    if (left <= 0) return false;
    // A signal's interruption is no end.
    if (::poll(descriptors.data(), descriptors.size(), static_cast<int>(left)) > 0) return true;
  }
}

}  // namespace nestor::reach
