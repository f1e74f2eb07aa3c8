// What a SimDisk and SQLite's way to it have in common; for those two only.
#pragma once

#include <absl/base/thread_annotations.h>
#include <absl/time/time.h>
#include <sqlite3.h>

#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/lock/mutex.h"

namespace nestor::testing {

inline constexpr uint64_t kUnlimited = std::numeric_limits<uint64_t>::max();

// A write, or with no bytes a change of the size to `offset`.
struct Unsynced {
  uint64_t offset = 0;
  std::string bytes;
  bool resize = false;
};

inline void Carry(const Unsynced& change, std::string& content) {
  if (change.resize) {
    content.resize(change.offset);
    return;
  }
  if (content.size() < change.offset + change.bytes.size()) {
    content.resize(change.offset + change.bytes.size());
  }
  std::memcpy(content.data() + change.offset, change.bytes.data(), change.bytes.size());
}

// A file as it is read, and as it would be after a crash.
struct File {
  std::string content;  // as read now
  std::string synced;
  std::vector<Unsynced> unsynced;  // what leads from `synced` to `content`
  bool entry_synced = false;       // the directory knows the file for good
  int shared = 0;                  // locks held
  bool reserved = false, exclusive = false;

  void Write(Unsynced change) {
    Carry(change, content);
    unsynced.push_back(std::move(change));
  }
  void Sync() {
    for (const Unsynced& change : unsynced) Carry(change, synced);
    unsynced.clear();
  }
};

class SimDiskState;

// The VFS that a process was given; another one of the same name takes its place after a crash.
struct Mount {
  sqlite3_vfs vfs{};
  SimDiskState* disk = nullptr;
  uint64_t generation = 0;
};

// What SimDisk and the open files have in common.
class SimDiskState : public std::enable_shared_from_this<SimDiskState> {
 public:
  explicit SimDiskState(std::string vfs_name) : name(std::move(vfs_name)) {}

  const std::string name;
  Mutex mutex;
  std::map<std::string, std::shared_ptr<File>> files ABSL_GUARDED_BY(mutex);
  // Removed without a sync of the directory: a crash may bring them back.
  std::map<std::string, std::shared_ptr<File>> removed ABSL_GUARDED_BY(mutex);
  std::vector<std::unique_ptr<Mount>> mounts ABSL_GUARDED_BY(mutex);  // the last is registered
  uint64_t generation ABSL_GUARDED_BY(mutex) = 0;
  uint64_t room ABSL_GUARDED_BY(mutex) = kUnlimited;
  uint64_t syncs ABSL_GUARDED_BY(mutex) = 0;
  uint64_t random ABSL_GUARDED_BY(mutex) = 1;
  bool fail_next_sync ABSL_GUARDED_BY(mutex) = false;
  absl::Duration sync_time ABSL_GUARDED_BY(mutex);
  std::function<void(absl::Duration)> spend ABSL_GUARDED_BY(mutex);

  // Cuts off all open files. Their locks go with them.
  void NextGeneration() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex);
  void Unregister() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    if (!mounts.empty()) sqlite3_vfs_unregister(&mounts.back()->vfs);
  }
  void SyncDirectory() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    removed.clear();
    for (auto& [path, file] : files) file->entry_synced = true;
  }
};

}  // namespace nestor::testing
