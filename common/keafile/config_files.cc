#include "common/keafile/config_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <vector>

#include "common/base/status.h"
#include "common/lock/mutex.h"

namespace nestor::keafile {
namespace {

constexpr mode_t kUntilItIsWhole = 0600;
constexpr mode_t kAllBits = 07777;
constexpr std::string_view kAccessList = "system.posix_acl_access";

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { Close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return fd_; }
  // False: what was written may not be there.
  bool Close() {
    const int fd = std::exchange(fd_, -1);
    return fd < 0 || ::close(fd) == 0;
  }

 private:
  int fd_;
};

bool Forbidden(int error) {
  return error == EACCES || error == EPERM || error == EROFS || error == EBUSY;
}

// One replacement, from the look at the old file to the new one in its place.
class Replacement {
 public:
  Replacement(const std::string& path, const hook::FileIdentity& identity,
              watch::OwnReplacements& own)
      : own_(own),
        path_(path),
        identity_(identity),
        name_(std::filesystem::path(path).filename().string()),
        new_name_(fmt::format(".{}.nestor-new", name_)),
        directory_(::open(std::filesystem::path(path).parent_path().c_str(),
                          O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {}

  absl::Status Run(std::string_view text) {
    if (directory_.get() < 0) return Failed("its directory cannot be opened");
    RETURN_IF_ERROR(CheckOld());
    absl::Status replaced = Replace(text);
    if (!replaced.ok() && made_) (void)::unlinkat(directory_.get(), new_name_.c_str(), 0);
    return replaced;
  }

 private:
  absl::Status CheckOld() {
    if (::fstatat(directory_.get(), name_.c_str(), &old_, AT_SYMLINK_NOFOLLOW) != 0) {
      return Failed("it cannot be looked at");
    }
    const bool the_one = static_cast<int64_t>(old_.st_dev) == identity_.device &&
                         static_cast<int64_t>(old_.st_ino) == identity_.inode;
    if (!the_one || !S_ISREG(old_.st_mode)) {
      return Error(absl::StatusCode::kPermissionDenied,
                   "{}: what is there is not the file that Kea has under this name; does Kea run "
                   "in a container of its own?",
                   path_);
    }
    if (::faccessat(directory_.get(), name_.c_str(), W_OK, AT_EACCESS) == 0) {
      return absl::OkStatus();
    }
    return Failed("the agent's user may not write it");
  }

  absl::Status Replace(std::string_view text) {
    // What an agent that died left behind.
    (void)::unlinkat(directory_.get(), new_name_.c_str(), 0);
    Descriptor file(::openat(directory_.get(), new_name_.c_str(),
                             O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                             kUntilItIsWhole));
    made_ = file.get() >= 0;
    if (!made_) return Failed("no file can be made beside it");
    RETURN_IF_ERROR(Write(file.get(), text));
    RETURN_IF_ERROR(KeepAttributes(file.get()));
    if (::fsync(file.get()) != 0 || !file.Close()) return Failed("it cannot be written");
    RETURN_IF_ERROR(CheckOld());  // nobody put another in its place meanwhile
    own_.Add(path_);
    if (::renameat(directory_.get(), new_name_.c_str(), directory_.get(), name_.c_str()) != 0) {
      absl::Status failed = Failed("it cannot be replaced");
      (void)own_.Take(path_);
      return failed;
    }
    made_ = false;
    if (::fsync(directory_.get()) != 0) return Failed("its directory cannot be synced");
    return absl::OkStatus();
  }

  absl::Status Write(int fd, std::string_view text) {
    while (!text.empty()) {
      const ssize_t written = ::write(fd, text.data(), text.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return Failed("it cannot be written");
      text.remove_prefix(static_cast<size_t>(written));
    }
    return absl::OkStatus();
  }

  absl::Status KeepAttributes(int fd) {
    struct stat made {};
    if (::fstat(fd, &made) != 0) return Failed("it cannot be looked at");
    const bool same = made.st_uid == old_.st_uid && made.st_gid == old_.st_gid;
    if (!same && ::fchown(fd, old_.st_uid, old_.st_gid) != 0) {
      return Failed("its owner and group cannot be kept");
    }
    if (::fchmod(fd, old_.st_mode & kAllBits) != 0) return Failed("its mode cannot be kept");
    return KeepExtended(fd);
  }

  // The access control list must be kept; of others, such as labels, what the system lets us.
  absl::Status KeepExtended(int fd) {
    const Descriptor old(
        ::openat(directory_.get(), name_.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
    if (old.get() < 0) return Failed("the agent's user may not read it");
    std::vector<char> names(XATTR_LIST_MAX);
    const ssize_t size = ::flistxattr(old.get(), names.data(), names.size());
    std::vector<char> value(XATTR_SIZE_MAX);
    for (ssize_t at = 0; at < size;) {
      const std::string name(names.data() + at);
      at += static_cast<ssize_t>(name.size()) + 1;
      const ssize_t length = ::fgetxattr(old.get(), name.c_str(), value.data(), value.size());
      const bool kept = length >= 0 && ::fsetxattr(fd, name.c_str(), value.data(),
                                                   static_cast<size_t>(length), 0) == 0;
      if (!kept && name == kAccessList) return Failed("its access control list cannot be kept");
    }
    return absl::OkStatus();
  }

  // What errno says.
  absl::Status Failed(std::string_view what) const {
    const int error = errno;
    if (Forbidden(error)) {
      return Error(absl::StatusCode::kPermissionDenied,
                   "{}: {}: {}; let the agent's user own it and write its directory", path_, what,
                   std::strerror(error));
    }
    return Error(absl::StatusCode::kUnavailable, "{}: {}: {}{}", path_, what, std::strerror(error),
                 error == ENOSPC || error == EDQUOT ? "; free space there" : "");
  }

  watch::OwnReplacements& own_;
  const std::string& path_;
  const hook::FileIdentity identity_;
  const std::string name_, new_name_;
  const Descriptor directory_;
  struct stat old_ {};
  bool made_ = false;  // the new file is there under its own name
};

class HostConfigFiles final : public ConfigFiles {
 public:
  HostConfigFiles(watch::OwnReplacements& own, std::string proc)
      : own_(own), proc_(std::move(proc)) {}

  std::string FileOf(int64_t pid) override { return watch::KeaFileOf(proc_, pid); }

  absl::Status Replace(const std::string& path, const hook::FileIdentity& identity,
                       std::string_view text) override {
    const MutexLock lock(mutex_);
    return Replacement(path, identity, own_).Run(text);
  }

  absl::StatusOr<File> Read(const std::string& path) override {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat state {};
    if (file.get() < 0 || ::fstat(file.get(), &state) != 0) return CannotRead(path, errno);
    if (!S_ISREG(state.st_mode) || state.st_size > kMostBytes) return CannotRead(path, EFBIG);
    File read{std::string(static_cast<size_t>(state.st_size), '\0'),
              {static_cast<int64_t>(state.st_dev), static_cast<int64_t>(state.st_ino)}};
    size_t at = 0;
    while (at < read.text.size()) {
      const ssize_t got = ::read(file.get(), read.text.data() + at, read.text.size() - at);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return CannotRead(path, errno);
      if (got == 0) break;  // it got shorter
      at += static_cast<size_t>(got);
    }
    read.text.resize(at);
    return read;
  }

  absl::Status Writable(const std::string& path) override {
    const std::string directory = path.substr(0, path.rfind('/') + 1);
    struct statvfs system {};
    struct stat state {};
    if (::stat(path.c_str(), &state) != 0 || ::statvfs(path.c_str(), &system) != 0) {
      return CannotWrite(path, errno);
    }
    if ((system.f_flag & ST_RDONLY) != 0) return CannotWrite(path, EROFS);
    const uint64_t free = uint64_t{system.f_bavail} * system.f_frsize;
    if (free < 2 * static_cast<uint64_t>(state.st_size) + kLeastFree) {
      return CannotWrite(path, ENOSPC);
    }
    for (const std::string& one : {path, directory}) {
      if (::faccessat(AT_FDCWD, one.c_str(), W_OK, AT_EACCESS) != 0) {
        return CannotWrite(one, errno);
      }
    }
    return absl::OkStatus();
  }

  bool Exists(const std::string& path) override {
    return ::faccessat(AT_FDCWD, path.c_str(), F_OK, AT_EACCESS) == 0;
  }

 private:
  static constexpr off_t kMostBytes = off_t{256} << 20;
  static constexpr uint64_t kLeastFree = uint64_t{1} << 20;

  static absl::Status CannotRead(const std::string& path, int error) {
    const auto code = error == ENOENT ? absl::StatusCode::kNotFound
                      : Forbidden(error) ? absl::StatusCode::kPermissionDenied
                                         : absl::StatusCode::kUnavailable;
    return Error(code, "{} cannot be read: {}", path, std::strerror(error));
  }
  static absl::Status CannotWrite(const std::string& path, int error) {
    const bool nobody = error == EROFS || error == ENOSPC || error == ENOENT;
    return Error(nobody ? absl::StatusCode::kFailedPrecondition
                        : absl::StatusCode::kPermissionDenied,
                 "{} cannot be written: {}{}", path, std::strerror(error),
                 error == ENOSPC ? "; free space there" : "");
  }

  watch::OwnReplacements& own_;
  Mutex mutex_;
  const std::string proc_;
};

}  // namespace

std::unique_ptr<ConfigFiles> LocalConfigFiles(watch::OwnReplacements& own, std::string proc) {
  return std::make_unique<HostConfigFiles>(own, std::move(proc));
}

}  // namespace nestor::keafile
