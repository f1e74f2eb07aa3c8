#pragma once

#include <absl/base/thread_annotations.h>

#include <cstdint>
#include <set>
#include <string>

#include "common/lock/mutex.h"
#include "common/watch/watcher.h"

namespace nestor::watch {

// The file that the Kea of this process was started with, its links resolved; empty: none can be
// seen. `proc`: where the kernel shows processes.
std::string KeaFileOf(const std::string& proc, int64_t pid);

// Files that this agent is about to replace itself, which is no sign of anything. Thread-safe.
class OwnReplacements {
 public:
  void Add(const std::string& path);
  // False: it is not among them. It is so once.
  bool Take(const std::string& path);

 private:
  Mutex mutex_;
  std::set<std::string> paths_ ABSL_GUARDED_BY(mutex_);
};

// The file that a local Kea was started with, written or replaced: a reload often follows. Which
// file that is says the process's command line, so nothing is seen of a Kea of another host or
// container, of a path that is not absolute, or in a directory that may not be read.
class FileHint final : public Hint {
 public:
  // `proc`: where the kernel shows processes. `own` may be null; otherwise it must outlive it.
  explicit FileHint(std::string proc = "/proc", OwnReplacements* own = nullptr);
  ~FileHint() override;
  FileHint(const FileHint&) = delete;
  FileHint& operator=(const FileHint&) = delete;

  void Follow(int64_t pid) override;
  Sign Seen() override;

  // Readable as soon as something happened in the file's directory; -1: the kernel gives none.
  int fd() const { return fd_; }

 private:
  const std::string proc_;
  OwnReplacements* const own_;
  const int fd_;  // of inotify

  Mutex mutex_;
  int64_t pid_ ABSL_GUARDED_BY(mutex_) = 0;   // whose file is watched; 0: nobody's
  int watched_ ABSL_GUARDED_BY(mutex_) = -1;  // the directory
  std::string path_ ABSL_GUARDED_BY(mutex_);  // the file in it
  std::string name_ ABSL_GUARDED_BY(mutex_);  // its name there
};

}  // namespace nestor::watch
