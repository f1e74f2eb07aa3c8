#include <absl/base/thread_annotations.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <string_view>

#include "common/base/status.h"
#include "common/lock/mutex.h"
#include "common/reach/listener.h"
#include "common/reach/reach.h"
#include "common/reach/socket.h"

namespace nestor::reach {
namespace {

constexpr size_t kMostTokenBytes = 1024;

absl::Status Broken(const SocketAddress& address, int error) {
  const std::string& text = address.text;
  switch (error) {
    case ECONNREFUSED:
      return Error(absl::StatusCode::kUnavailable,
                   "{} refused the connection: nobody listens there, or a firewall refuses it",
                   text);
    case EHOSTUNREACH:
    case ENETUNREACH:
      return Error(absl::StatusCode::kUnavailable,
                   "there is no route to {} from this host, or a firewall refuses it", text);
    case ETIMEDOUT:
      return Error(absl::StatusCode::kUnavailable,
                   "{} timed out: its host is down, or a firewall drops what is sent there", text);
    default:
      return Error(absl::StatusCode::kUnavailable, "cannot connect to {}: {}", text,
                   std::strerror(error));
  }
}

absl::Status SomebodyElse(const SocketAddress& address, std::string_view what) {
  return Error(absl::StatusCode::kFailedPrecondition,
               "somebody else answers at {}: {}; end what listens there, or give another address",
               address.text, what);
}

absl::StatusOr<Descriptor> Connect(const SocketAddress& address, Deadline deadline) {
  Descriptor socket = address.Open();
  if (!socket.valid()) return Broken(address, errno);
  if (::connect(socket.get(), address.get(), address.size) == 0) return socket;
  if (errno != EINPROGRESS) return Broken(address, errno);
  std::array<pollfd, 1> wait = {pollfd{socket.get(), POLLOUT, 0}};
  if (!WaitFor(wait, deadline)) return Broken(address, ETIMEDOUT);
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return Broken(address, error);
  return socket;
}

// Reads to the end; not further than a byte more than `token` has.
absl::Status Hear(const SocketAddress& address, int socket, std::string_view token,
                  Deadline deadline) {
  std::array<char, kMostTokenBytes + 1> heard{};
  size_t size = 0;
  std::array<pollfd, 1> wait = {pollfd{socket, POLLIN, 0}};
  while (size <= token.size()) {
    if (!WaitFor(wait, deadline)) {
      return SomebodyElse(address, "it takes connections, but does not say what was expected");
    }
    const ssize_t got = ::recv(socket, heard.data() + size, token.size() + 1 - size, 0);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) return Broken(address, errno);
    if (got == 0) break;
    size += static_cast<size_t>(got);
  }
  if (std::string_view(heard.data(), size) == token) return absl::OkStatus();
  return SomebodyElse(address, "it says something else than was expected");
}

class SocketReach final : public Reach {
 public:
  absl::Status Listen(const std::string& host, uint16_t port, const std::string& token,
                      absl::Duration duration) override {
    ASSIGN_OR_RETURN(const SocketAddress address, AddressOf(host, port));
    RETURN_IF_ERROR(CheckToken(token));
    const MutexLock lock(mutex_);
    std::erase_if(listeners_, [](const auto& listener) { return listener.second->over(); });
    listeners_.erase(address.text);
    ASSIGN_OR_RETURN(listeners_[address.text], Listener::Start(address, token, After(duration)));
    return absl::OkStatus();
  }

  void EndListening() override {
    const MutexLock lock(mutex_);
    listeners_.clear();
  }

  absl::Status Probe(const std::string& host, uint16_t port, const std::string& token,
                     absl::Duration timeout) override {
    ASSIGN_OR_RETURN(const SocketAddress address, AddressOf(host, port));
    RETURN_IF_ERROR(CheckToken(token));
    const Deadline deadline = After(timeout);
    ASSIGN_OR_RETURN(const Descriptor socket, Connect(address, deadline));
    return token.empty() ? absl::OkStatus() : Hear(address, socket.get(), token, deadline);
  }

 private:
  static absl::Status CheckToken(const std::string& token) {
    if (token.size() <= kMostTokenBytes) return absl::OkStatus();
    return Error(absl::StatusCode::kInvalidArgument, "a token has at most {} bytes, not {}",
                 kMostTokenBytes, token.size());
  }

  Mutex mutex_;
  std::map<std::string, std::unique_ptr<Listener>> listeners_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<Reach> LocalReach() { return std::make_unique<SocketReach>(); }

}  // namespace nestor::reach
