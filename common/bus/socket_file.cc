#include "common/bus/socket_file.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/base/status.h"

namespace nestor::bus {
namespace {

// Whether somebody accepts connections at `path`. A socket that this process may not connect to
// counts as one that lives.
bool IsListenedAt(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return false;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return true;
  const int result = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int error = errno;
  close(fd);
  return result == 0 || (error != ECONNREFUSED && error != ENOENT);
}

}  // namespace

absl::Status RemoveStaleSocketFile(const std::string& address) {
  if (!address.starts_with(kIpcScheme)) return absl::OkStatus();
  const std::string path = address.substr(kIpcScheme.size());
  struct stat file {};
  if (path == "*" || path.starts_with('@') || lstat(path.c_str(), &file) != 0) {
    return absl::OkStatus();
  }
  if (!S_ISSOCK(file.st_mode)) {
    return Error(absl::StatusCode::kUnavailable, "cannot listen at {}: it is a file, not a socket",
                 path);
  }
  if (IsListenedAt(path)) {
    return Error(absl::StatusCode::kUnavailable,
                 "cannot listen at {}: another program listens there", path);
  }
  if (unlink(path.c_str()) != 0 && errno != ENOENT) {
    return Error(absl::StatusCode::kUnavailable, "cannot replace the stale socket {}: {}", path,
                 std::strerror(errno));
  }
  return absl::OkStatus();
}

}  // namespace nestor::bus
