#include "common/watch/hook_hint.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "common/base/status.h"
#include "common/json/json.h"

namespace nestor::watch {
namespace {

// The largest notice, in bytes. The longest that the library writes, of a lease whose client-id and
// host's name are as long as they can be, has less than 3000.
constexpr size_t kLargest = 4096;
// Of those that wait at once, so many are taken in one turn of the loop.
constexpr int kMostAtOnce = 1000;
constexpr mode_t kOwnerAndGroup = 0660;
// How the library begins what it tells of a lease, and what is in the other notice.
constexpr std::string_view kLease = R"({"notice":"lease")";
constexpr std::string_view kConfiguration = R"("notice": "configuration")";

int OpenSocket() { return ::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }

absl::Status Trouble(const std::string& path, const char* what) {
  return Error(absl::StatusCode::kUnavailable, "hook-socket {}: {}: {}", path, what,
               std::strerror(errno));
}

// Makes room at `path`.
absl::Status RemoveStale(const std::string& path, const sockaddr_un& address) {
  struct stat file {};
  if (::lstat(path.c_str(), &file) != 0) return absl::OkStatus();
  if (!S_ISSOCK(file.st_mode)) {
    return Error(absl::StatusCode::kUnavailable, "hook-socket {}: it is a file, not a socket",
                 path);
  }
  const int fd = OpenSocket();
  if (fd < 0) return Trouble(path, "no socket");
  const bool listened =
      ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
      errno != ECONNREFUSED;
  ::close(fd);
  if (listened) {
    return Error(absl::StatusCode::kUnavailable, "hook-socket {}: another program listens there",
                 path);
  }
  if (::unlink(path.c_str()) != 0) return Trouble(path, "the stale socket cannot be removed");
  return absl::OkStatus();
}

// Kea runs as its own user. Where this agent may not give the group away it shares one with Kea.
void OpenToKea(const std::string& path, const std::string& control_socket) {
  struct stat directory {};
  const std::filesystem::path parent = std::filesystem::path(control_socket).parent_path();
  if (::stat(parent.c_str(), &directory) == 0) {
    (void)!::chown(path.c_str(), static_cast<uid_t>(-1), directory.st_gid);
  }
  (void)::chmod(path.c_str(), kOwnerAndGroup);
}

// Empty where it cannot be read.
std::string RevisionIn(std::string_view notice) {
  const auto parsed = json::Parse(std::string(notice));
  return parsed.ok() ? std::string(json::FindString(parsed->root(), "revision")) : std::string();
}

}  // namespace

absl::StatusOr<std::unique_ptr<HookHint>> HookHint::Listen(const std::string& path,
                                                           const std::string& control_socket,
                                                           LeaseNotices* leases) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return Error(absl::StatusCode::kUnavailable, "hook-socket {}: no socket's path can be so long",
                 path);
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  RETURN_IF_ERROR(RemoveStale(path, address));
  const int fd = OpenSocket();
  if (fd < 0) return Trouble(path, "no socket");
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const absl::Status status = Trouble(path, "cannot listen there");
    ::close(fd);
    return status;
  }
  OpenToKea(path, control_socket);
  return std::unique_ptr<HookHint>(new HookHint(fd, path, leases));
}

HookHint::~HookHint() {
  ::close(fd_);
  ::unlink(path_.c_str());
}

Hint::Sign HookHint::Seen() {
  bool seen = false;
  std::array<char, kLargest> notice{};
  for (int i = 0; i < kMostAtOnce; ++i) {
    // With MSG_TRUNC its whole size, however much of it there was room for.
    const ssize_t size = ::recv(fd_, notice.data(), notice.size(), MSG_TRUNC);
    if (size < 0) break;
    const std::string_view text(notice.data(), std::min(static_cast<size_t>(size), kLargest));
    if (text.starts_with(kLease) && static_cast<size_t>(size) <= kLargest) {
      if (leases_ != nullptr) leases_->Add(text);
    } else if (text.find(kConfiguration) != std::string_view::npos) {
      seen = true;  // what has changed says Kea itself when it is asked
      revision_ = RevisionIn(text);
    } else if (leases_ != nullptr) {
      leases_->Refuse();
    }
  }
  return seen ? Sign::kHappened : Sign::kNone;
}

}  // namespace nestor::watch
