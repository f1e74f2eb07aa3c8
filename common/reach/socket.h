#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <poll.h>
#include <sys/socket.h>

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <utility>

namespace nestor::reach {

// Owns a file descriptor.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor();
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

// An address and a port as the kernel takes them.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  std::string text;  // "192.0.2.1:8000", "[2001:db8::1]:8000": the same for the same address

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  // A TCP socket of its family that never blocks; not valid: errno says why.
  Descriptor Open() const;
};

// InvalidArgument: `host` is neither an IPv4 nor an IPv6 address, or `port` is 0.
absl::StatusOr<SocketAddress> AddressOf(const std::string& host, uint16_t port);

using Deadline = std::chrono::steady_clock::time_point;

// `duration` from now, at most a day.
Deadline After(absl::Duration duration);

// Waits until one of `descriptors` is ready. False: `deadline` has passed.
bool WaitFor(std::span<pollfd> descriptors, Deadline deadline);

}  // namespace nestor::reach
