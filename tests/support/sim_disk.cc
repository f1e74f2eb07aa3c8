#include "tests/support/sim_disk.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "tests/support/sim_disk_state.h"

namespace nestor::testing {
namespace {

constexpr uint64_t kSectorBytes = 512;

// What a crash leaves of `file`: what was synced and, of each change since, any part.
std::string Remains(const File& file, Random& random) {
  std::string left = file.synced;
  const uint64_t keep_percent = random.Next() % 101;
  const auto keeps = [&] { return random.Next() % 100 < keep_percent; };
  for (const Unsynced& change : file.unsynced) {
    if (change.resize) {
      if (keeps()) Carry(change, left);
      continue;
    }
    for (uint64_t at = 0; at < change.bytes.size();) {
      const uint64_t to_boundary = kSectorBytes - (change.offset + at) % kSectorBytes;
      const uint64_t size = std::min(to_boundary, change.bytes.size() - at);
      if (keeps()) Carry({change.offset + at, change.bytes.substr(at, size)}, left);
      at += size;
    }
  }
  return left;
}

std::shared_ptr<File> Fresh(std::string content) {
  auto file = std::make_shared<File>();
  file->synced = content;
  file->content = std::move(content);
  file->entry_synced = true;
  return file;
}

}  // namespace

SimDisk::SimDisk() {
  sqlite3_initialize();
  static std::atomic<uint64_t> next{1};
  state_ = std::make_shared<SimDiskState>(fmt::format("simdisk-{}", next.fetch_add(1)));
  MutexLock lock(state_->mutex);
  state_->NextGeneration();
}

SimDisk::~SimDisk() {
  MutexLock lock(state_->mutex);
  state_->Unregister();
}

const std::string& SimDisk::vfs() const { return state_->name; }

void SimDisk::Crash(Random& random) {
  MutexLock lock(state_->mutex);
  std::map<std::string, std::shared_ptr<File>> left;
  for (const auto& [path, file] : state_->removed) {
    if (random.Next() % 2 == 0) left[path] = Fresh(Remains(*file, random));
  }
  for (const auto& [path, file] : state_->files) {
    if (file->entry_synced || random.Next() % 2 == 0) left[path] = Fresh(Remains(*file, random));
  }
  state_->files = std::move(left);
  state_->removed.clear();
  state_->fail_next_sync = false;
  state_->NextGeneration();
}

void SimDisk::Kill() {
  MutexLock lock(state_->mutex);
  state_->NextGeneration();
}

void SimDisk::FailNextSync() {
  MutexLock lock(state_->mutex);
  state_->fail_next_sync = true;
}

void SimDisk::FillUp(uint64_t bytes) {
  MutexLock lock(state_->mutex);
  state_->room = bytes;
}

void SimDisk::Empty() {
  MutexLock lock(state_->mutex);
  state_->room = kUnlimited;
}

void SimDisk::Slow(absl::Duration each, std::function<void(absl::Duration)> spend) {
  MutexLock lock(state_->mutex);
  state_->sync_time = each;
  state_->spend = std::move(spend);
}

SimDisk::Files SimDisk::Copy() const {
  MutexLock lock(state_->mutex);
  Files files;
  for (const auto& [path, file] : state_->files) files[path] = file->content;
  return files;
}

void SimDisk::Restore(const Files& files) {
  MutexLock lock(state_->mutex);
  state_->files.clear();
  state_->removed.clear();
  for (const auto& [path, content] : files) state_->files[path] = Fresh(content);
  state_->NextGeneration();
}

void SimDisk::Remove(const std::string& path) {
  MutexLock lock(state_->mutex);
  for (const char* suffix : {"", "-wal", "-journal"}) {
    state_->files.erase(path + suffix);
    state_->removed.erase(path + suffix);
  }
  state_->NextGeneration();
}

uint64_t SimDisk::syncs() const {
  MutexLock lock(state_->mutex);
  return state_->syncs;
}

}  // namespace nestor::testing
