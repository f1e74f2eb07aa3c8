#include "common/kea/unix_kea_control.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "common/base/status.h"
#include "common/kea/command.h"

namespace nestor::kea {
namespace {

using std::chrono::steady_clock;

constexpr size_t kMostAnswer = size_t{256} << 20;
constexpr size_t kLeastBuffer = size_t{8} << 10;  // the answer that comes four times a second fits
constexpr int kConnectAgainMs = 10;

class Socket {
 public:
  Socket() : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {}
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int fd() const { return fd_; }

  // Waits until the socket is ready for `events`; false: the deadline passed.
  bool Wait(short events, steady_clock::time_point deadline) const {
    while (true) {
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(deadline - steady_clock::now()).count();
      if (left <= 0) return false;
      pollfd poll_fd{fd_, events, 0};
      const int ready = poll(&poll_fd, 1, static_cast<int>(std::min<int64_t>(left, 60'000)));
      if (ready > 0) return true;
      if (ready < 0 && errno != EINTR) return false;
    }
  }

 private:
  int fd_;
};

class UnixKeaControl : public KeaControl {
 public:
  explicit UnixKeaControl(std::string path) : path_(std::move(path)) {}

  absl::StatusOr<Answer> Send(std::string_view command, std::string_view arguments,
                              absl::Duration timeout) override {
    const auto deadline = steady_clock::now() + absl::ToChronoNanoseconds(timeout);
    const Socket socket;
    RETURN_IF_ERROR(Connect(socket, deadline));
    RETURN_IF_ERROR(Write(socket, CommandText(command, arguments), command, deadline));
    ASSIGN_OR_RETURN(std::string text, Read(socket, command, deadline));
    return ParseAnswer(std::move(text));
  }

 private:
  absl::Status Connect(const Socket& socket, steady_clock::time_point deadline) const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path_.size() >= sizeof(address.sun_path)) {
      return Error(absl::StatusCode::kUnavailable, "the path of Kea's socket is too long: {}",
                   path_);
    }
    path_.copy(address.sun_path, path_.size());
    while (connect(socket.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) < 0) {
      // A full backlog is the only thing worth waiting for, and nothing tells when there is room.
      if (errno != EAGAIN && errno != EINTR) {
        return Error(absl::StatusCode::kUnavailable, "Kea's socket {}: {}", path_,
                     std::strerror(errno));
      }
      if (steady_clock::now() >= deadline) {
        return Error(absl::StatusCode::kUnavailable, "Kea's socket {} takes no connection", path_);
      }
      if (errno == EAGAIN) poll(nullptr, 0, kConnectAgainMs);
    }
    return absl::OkStatus();
  }

  absl::Status Write(const Socket& socket, std::string_view text, std::string_view command,
                     steady_clock::time_point deadline) const {
    while (!text.empty()) {
      const ssize_t sent = send(socket.fd(), text.data(), text.size(), MSG_NOSIGNAL);
      if (sent > 0) {
        text.remove_prefix(static_cast<size_t>(sent));
      } else if (sent < 0 && errno == EAGAIN) {
        if (!socket.Wait(POLLOUT, deadline)) {
          // Not whole, so Kea cannot have carried it out.
          return Error(absl::StatusCode::kUnavailable, "Kea did not take {} in time", command);
        }
      } else if (errno != EINTR) {
        return Error(absl::StatusCode::kUnavailable, "Kea closed the connection during {}: {}",
                     command, std::strerror(errno));
      }
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> Read(const Socket& socket, std::string_view command,
                                   steady_clock::time_point deadline) const {
    std::string text;
    size_t size = 0;
    while (true) {
      if (text.size() == size) text.resize(std::max(text.size() * 2, kLeastBuffer));
      const ssize_t got = recv(socket.fd(), text.data() + size, text.size() - size, 0);
      if (got > 0) {
        size += static_cast<size_t>(got);
        if (size > kMostAnswer) {
          return Error(absl::StatusCode::kDataLoss, "Kea's answer to {} is larger than {} bytes",
                       command, kMostAnswer);
        }
      } else if (got == 0) {
        text.resize(size);
        if (!text.empty()) return text;
        return Error(absl::StatusCode::kDataLoss, "Kea closed the connection without answering {}",
                     command);
      } else if (errno == EAGAIN) {
        if (!socket.Wait(POLLIN, deadline)) {
          return Error(absl::StatusCode::kDeadlineExceeded, "Kea did not answer {} in time",
                       command);
        }
      } else if (errno != EINTR) {
        return Error(absl::StatusCode::kDataLoss, "Kea's answer to {} broke off: {}", command,
                     std::strerror(errno));
      }
    }
  }

  std::string path_;
};

}  // namespace

std::unique_ptr<KeaControl> ConnectUnix(std::string socket_path) {
  return std::make_unique<UnixKeaControl>(std::move(socket_path));
}

}  // namespace nestor::kea
