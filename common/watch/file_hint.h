#pragma once

#include <cstdint>
#include <string>

#include "common/watch/watcher.h"

namespace nestor::watch {

// The file that a local Kea was started with, written or replaced: a reload often follows. Which
// file that is says the process's command line, so nothing is seen of a Kea of another host or
// container, of a path that is not absolute, or in a directory that may not be read.
class FileHint final : public Hint {
 public:
  // `proc`: where the kernel shows processes.
  explicit FileHint(std::string proc = "/proc");
  ~FileHint() override;
  FileHint(const FileHint&) = delete;
  FileHint& operator=(const FileHint&) = delete;

  void Follow(int64_t pid) override;
  bool Seen() override;

  // Readable as soon as something happened in the file's directory; -1: the kernel gives none.
  int fd() const { return fd_; }

 private:
  void Watch(const std::string& path);

  const std::string proc_;
  const int fd_;      // of inotify
  int64_t pid_ = 0;   // followed
  int watched_ = -1;  // the directory
  std::string name_;  // the file in it
};

}  // namespace nestor::watch
