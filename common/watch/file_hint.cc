#include "common/watch/file_hint.h"

#include <absl/strings/str_split.h>
#include <fmt/format.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <vector>

namespace nestor::watch {
namespace {

namespace fs = std::filesystem;

// The file that a Kea's command line names, or empty: not a Kea's, or none.
std::string NamedBy(const std::vector<std::string>& arguments) {
  if (!fs::path(arguments.front()).filename().string().starts_with("kea-dhcp")) return {};
  for (size_t i = 1; i < arguments.size(); ++i) {
    if (!arguments[i].starts_with("-c")) continue;
    if (arguments[i].size() > 2) return arguments[i].substr(2);
    return i + 1 < arguments.size() ? arguments[i + 1] : std::string();
  }
  return {};
}

}  // namespace

std::string KeaFileOf(const std::string& proc, int64_t pid) {
  std::ifstream file(fmt::format("{}/{}/cmdline", proc, pid), std::ios::binary);
  const std::string line{std::istreambuf_iterator<char>(file), {}};
  const std::string path = NamedBy(absl::StrSplit(line, '\0'));
  std::error_code error;
  return path.starts_with('/') ? fs::canonical(path, error).string() : std::string();
}

void OwnReplacements::Add(const std::string& path) {
  const MutexLock lock(mutex_);
  paths_.insert(path);
}

bool OwnReplacements::Take(const std::string& path) {
  const MutexLock lock(mutex_);
  return paths_.erase(path) > 0;
}

FileHint::FileHint(std::string proc, OwnReplacements* own)
    : proc_(std::move(proc)), own_(own), fd_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {}

FileHint::~FileHint() {
  if (fd_ >= 0) ::close(fd_);
}

void FileHint::Follow(int64_t pid) {
  {
    const MutexLock lock(mutex_);
    if (pid == pid_ || fd_ < 0) return;
  }
  const fs::path file = KeaFileOf(proc_, pid);
  const MutexLock lock(mutex_);
  if (watched_ >= 0) ::inotify_rm_watch(fd_, watched_);
  // The directory, since editors put another file in the place of the first.
  watched_ = file.empty() ? -1
                          : ::inotify_add_watch(fd_, file.parent_path().c_str(),
                                                IN_CLOSE_WRITE | IN_MOVED_TO | IN_ONLYDIR);
  path_ = file;
  name_ = file.filename();
  pid_ = watched_ >= 0 ? pid : 0;  // else it is tried again
}

Hint::Sign FileHint::Seen() {
  const MutexLock lock(mutex_);
  bool seen = false;
  alignas(inotify_event) std::array<char, 4096> events{};
  ssize_t size = 0;
  while (fd_ >= 0 && (size = ::read(fd_, events.data(), events.size())) > 0) {
    for (ssize_t at = 0; at < size;) {
      inotify_event event{};
      std::memcpy(&event, events.data() + at, sizeof(event));
      const char* const name = events.data() + at + sizeof(event);
      at += static_cast<ssize_t>(sizeof(event) + event.len);
      if (event.wd != watched_) continue;
      if ((event.mask & IN_IGNORED) != 0) pid_ = 0, watched_ = -1;  // the directory is gone
      if (event.len == 0 || name_ != name) continue;
      const bool ours = (event.mask & IN_MOVED_TO) != 0 && own_ != nullptr && own_->Take(path_);
      seen |= !ours;
    }
  }
  return seen ? Sign::kExpected : Sign::kNone;
}

}  // namespace nestor::watch
