#pragma once

#include <absl/time/time.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "common/base/random.h"

namespace nestor::testing {

class SimDiskState;

// A disk in memory, as a VFS of SQLite: what is written is lost by a crash unless it was synced.
//
// One SimDisk is one host's disk. A crash cuts off every open database for good: what a dead
// process still does fails and changes nothing. Deterministic; thread-safe. A database that is
// still open keeps what it needs of the disk, so the SimDisk may go first.
class SimDisk {
 public:
  SimDisk();
  ~SimDisk();
  SimDisk(const SimDisk&) = delete;
  SimDisk& operator=(const SimDisk&) = delete;

  // For OpenOptions::vfs; registered while the SimDisk lives. Paths are any text.
  const std::string& vfs() const;

  // Power off: of what was not synced, each 512-byte sector of each write, each truncation and each
  // removal is there or not, as `random` has it. Open files are cut off.
  void Crash(Random& random);
  // As a kill -9: what was written stays, synced or not. Open files are cut off.
  void Kill();

  // The next sync, of whatever file, fails, and what it was to sync stays unsynced.
  void FailNextSync();
  // Files may grow by `bytes` together from now on; beyond, the disk is full.
  void FillUp(uint64_t bytes);
  void Empty();  // undoes FillUp()
  // Every sync takes `each`: `spend` is called with it before, outside of any lock.
  void Slow(absl::Duration each, std::function<void(absl::Duration)> spend);

  using Files = std::map<std::string, std::string>;
  // All files as a process would read them now.
  Files Copy() const;
  // Puts all files back as `files` has them, synced. Open files are cut off.
  void Restore(const Files& files);
  // Removes a database with its log and journal. Open files are cut off.
  void Remove(const std::string& path);

  // How many syncs there were, failed ones included.
  uint64_t syncs() const;

 private:
  std::shared_ptr<SimDiskState> state_;
};

}  // namespace nestor::testing
