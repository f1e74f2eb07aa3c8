#include "common/store/lock_holder.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

namespace nestor::store {

// Read from /proc/locks and not asked of fcntl(), which would need a descriptor of the file.
std::string LockHolder(const std::string& path) {
  struct stat file {};
  if (stat(path.c_str(), &file) != 0) return "another process";
  const std::string wanted =
      fmt::format("{:02x}:{:02x}:{}", major(file.st_dev), minor(file.st_dev), file.st_ino);
  std::ifstream locks("/proc/locks");
  for (std::string line; std::getline(locks, line);) {
    // "1: POSIX  ADVISORY  WRITE 1234 08:01:5678 0 EOF"
    std::istringstream words(line);
    std::string number, kind, advisory, access, inode;
    pid_t pid = 0;
    if (!(words >> number >> kind >> advisory >> access >> pid >> inode)) continue;
    if (inode != wanted || pid <= 0) continue;
    if (pid == getpid()) return "this process";
    return fmt::format("process {}", pid);
  }
  return "another process";
}

}  // namespace nestor::store
