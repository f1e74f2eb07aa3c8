// SQLite's way to a SimDisk.
#include <algorithm>
#include <cstring>
#include <utility>

#include "tests/support/sim_disk_state.h"

namespace nestor::testing {
namespace {

// SQLite's handle of an open file; the members behind `base` are made and ended by hand.
struct Handle {
  sqlite3_file base;
  std::shared_ptr<SimDiskState>* disk;
  std::shared_ptr<File>* file;
  uint64_t generation;
  int lock;
};

Handle* Of(sqlite3_file* file) { return reinterpret_cast<Handle*>(file); }

SimDiskState& DiskOf(const Handle* handle) { return **handle->disk; }

bool CutOff(const Handle* handle, const SimDiskState& disk)
    ABSL_EXCLUSIVE_LOCKS_REQUIRED(disk.mutex) {
  return handle->generation != disk.generation;
}

void Release(Handle* handle, int lock) {
  File& file = **handle->file;
  if (handle->lock >= SQLITE_LOCK_PENDING && lock < SQLITE_LOCK_PENDING) file.exclusive = false;
  if (handle->lock >= SQLITE_LOCK_RESERVED && lock < SQLITE_LOCK_RESERVED) file.reserved = false;
  if (handle->lock >= SQLITE_LOCK_SHARED && lock < SQLITE_LOCK_SHARED) --file.shared;
  handle->lock = std::min(handle->lock, lock);
}

int Close(sqlite3_file* base) {
  Handle* handle = Of(base);
  {
    MutexLock lock(DiskOf(handle).mutex);
    Release(handle, SQLITE_LOCK_NONE);
  }
  delete handle->file;
  delete handle->disk;
  return SQLITE_OK;
}

int Read(sqlite3_file* base, void* out, int amount, sqlite3_int64 offset) {
  Handle* handle = Of(base);
  SimDiskState& disk = DiskOf(handle);
  MutexLock lock(disk.mutex);
  if (CutOff(handle, disk)) return SQLITE_IOERR_READ;
  const std::string& content = (*handle->file)->content;
  const auto wanted = static_cast<size_t>(amount);
  const size_t from = std::min(static_cast<size_t>(offset), content.size());
  const size_t there = std::min(wanted, content.size() - from);
  std::memcpy(out, content.data() + from, there);
  if (there == wanted) return SQLITE_OK;
  std::memset(static_cast<char*>(out) + there, 0, wanted - there);
  return SQLITE_IOERR_SHORT_READ;
}

int Write(sqlite3_file* base, const void* bytes, int amount, sqlite3_int64 offset) {
  Handle* handle = Of(base);
  SimDiskState& disk = DiskOf(handle);
  MutexLock lock(disk.mutex);
  if (CutOff(handle, disk)) return SQLITE_IOERR_WRITE;
  File& file = **handle->file;
  const uint64_t end = static_cast<uint64_t>(offset) + static_cast<uint64_t>(amount);
  if (end > file.content.size() && disk.room != kUnlimited) {
    const uint64_t growth = end - file.content.size();
    if (growth > disk.room) return SQLITE_FULL;
    disk.room -= growth;
  }
  file.Write({.offset = static_cast<uint64_t>(offset),
              .bytes = std::string(static_cast<const char*>(bytes), static_cast<size_t>(amount))});
  return SQLITE_OK;
}

int Truncate(sqlite3_file* base, sqlite3_int64 size) {
  Handle* handle = Of(base);
  SimDiskState& disk = DiskOf(handle);
  MutexLock lock(disk.mutex);
  if (CutOff(handle, disk)) return SQLITE_IOERR_TRUNCATE;
  File& file = **handle->file;
  const auto wanted = static_cast<uint64_t>(size);
  if (wanted >= file.content.size()) return SQLITE_OK;
  if (disk.room != kUnlimited) disk.room += file.content.size() - wanted;
  file.Write({.offset = wanted, .resize = true});
  return SQLITE_OK;
}

int Sync(sqlite3_file* base, int /*flags*/) {
  Handle* handle = Of(base);
  SimDiskState& disk = DiskOf(handle);
  absl::Duration time;
  std::function<void(absl::Duration)> spend;
  {
    MutexLock lock(disk.mutex);
    time = disk.sync_time;
    spend = disk.spend;
  }
  if (spend) spend(time);
  MutexLock lock(disk.mutex);
  if (CutOff(handle, disk)) return SQLITE_IOERR_FSYNC;
  ++disk.syncs;
  if (std::exchange(disk.fail_next_sync, false)) return SQLITE_IOERR_FSYNC;
  File& file = **handle->file;
  file.Sync();
  if (!file.entry_synced) disk.SyncDirectory();
  return SQLITE_OK;
}

int FileSize(sqlite3_file* base, sqlite3_int64* size) {
  Handle* handle = Of(base);
  SimDiskState& disk = DiskOf(handle);
  MutexLock lock(disk.mutex);
  if (CutOff(handle, disk)) return SQLITE_IOERR_FSTAT;
  *size = static_cast<sqlite3_int64>((*handle->file)->content.size());
  return SQLITE_OK;
}

int Lock(sqlite3_file* base, int level) {
  Handle* handle = Of(base);
  SimDiskState& disk = DiskOf(handle);
  MutexLock lock(disk.mutex);
  if (CutOff(handle, disk)) return SQLITE_IOERR_LOCK;
  File& file = **handle->file;
  if (level <= handle->lock) return SQLITE_OK;
  if (handle->lock == SQLITE_LOCK_NONE) {
    if (file.exclusive) return SQLITE_BUSY;
    ++file.shared;
    handle->lock = SQLITE_LOCK_SHARED;
  }
  if (level >= SQLITE_LOCK_RESERVED && handle->lock < SQLITE_LOCK_RESERVED) {
    if (file.reserved) return SQLITE_BUSY;
    file.reserved = true;
    handle->lock = SQLITE_LOCK_RESERVED;
  }
  if (level < SQLITE_LOCK_EXCLUSIVE) return SQLITE_OK;
  file.exclusive = true;
  handle->lock = SQLITE_LOCK_PENDING;
  if (file.shared > 1) return SQLITE_BUSY;
  handle->lock = SQLITE_LOCK_EXCLUSIVE;
  return SQLITE_OK;
}

int Unlock(sqlite3_file* base, int level) {
  Handle* handle = Of(base);
  MutexLock lock(DiskOf(handle).mutex);
  Release(handle, level);
  return SQLITE_OK;
}

int CheckReservedLock(sqlite3_file* base, int* out) {
  Handle* handle = Of(base);
  MutexLock lock(DiskOf(handle).mutex);
  *out = (*handle->file)->reserved ? 1 : 0;
  return SQLITE_OK;
}

int FileControl(sqlite3_file* /*base*/, int /*operation*/, void* /*argument*/) {
  return SQLITE_NOTFOUND;
}

int SectorSize(sqlite3_file* /*base*/) { return 4096; }

int Characteristics(sqlite3_file* /*base*/) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }

const sqlite3_io_methods* Methods() {
  static const sqlite3_io_methods methods = [] {
    sqlite3_io_methods made{};
    made.iVersion = 1;  // no shared memory
    made.xClose = Close;
    made.xRead = Read;
    made.xWrite = Write;
    made.xTruncate = Truncate;
    made.xSync = Sync;
    made.xFileSize = FileSize;
    made.xLock = Lock;
    made.xUnlock = Unlock;
    made.xCheckReservedLock = CheckReservedLock;
    made.xFileControl = FileControl;
    made.xSectorSize = SectorSize;
    made.xDeviceCharacteristics = Characteristics;
    return made;
  }();
  return &methods;
}

Mount& MountOf(sqlite3_vfs* vfs) { return *static_cast<Mount*>(vfs->pAppData); }

int Open(sqlite3_vfs* vfs, const char* path, sqlite3_file* base, int flags, int* out_flags) {
  Handle* handle = Of(base);
  base->pMethods = nullptr;
  SimDiskState& disk = *MountOf(vfs).disk;
  MutexLock lock(disk.mutex);
  if (MountOf(vfs).generation != disk.generation) return SQLITE_CANTOPEN;
  auto file = std::make_shared<File>();
  file->entry_synced = path == nullptr;
  if (path != nullptr) {
    const auto found = disk.files.find(path);
    if (found != disk.files.end()) {
      file = found->second;
    } else if ((flags & SQLITE_OPEN_CREATE) != 0) {
      disk.files.emplace(path, file);
    } else {
      return SQLITE_CANTOPEN;
    }
  }
  handle->disk = new std::shared_ptr<SimDiskState>(disk.shared_from_this());
  handle->file = new std::shared_ptr<File>(std::move(file));
  handle->generation = disk.generation;
  handle->lock = SQLITE_LOCK_NONE;
  base->pMethods = Methods();
  if (out_flags != nullptr) *out_flags = flags;
  return SQLITE_OK;
}

int Delete(sqlite3_vfs* vfs, const char* path, int sync_directory) {
  SimDiskState& disk = *MountOf(vfs).disk;
  MutexLock lock(disk.mutex);
  if (MountOf(vfs).generation != disk.generation) return SQLITE_IOERR_DELETE;
  const auto found = disk.files.find(path);
  if (found == disk.files.end()) return SQLITE_IOERR_DELETE_NOENT;
  if (disk.room != kUnlimited) disk.room += found->second->content.size();
  if (found->second->entry_synced) disk.removed[path] = found->second;
  disk.files.erase(found);
  if (sync_directory != 0) disk.SyncDirectory();
  return SQLITE_OK;
}

int Access(sqlite3_vfs* vfs, const char* path, int /*flags*/, int* out) {
  SimDiskState& disk = *MountOf(vfs).disk;
  MutexLock lock(disk.mutex);
  if (MountOf(vfs).generation != disk.generation) return SQLITE_IOERR_ACCESS;
  *out = disk.files.contains(path) ? 1 : 0;
  return SQLITE_OK;
}

int FullPathname(sqlite3_vfs* /*vfs*/, const char* path, int size, char* out) {
  sqlite3_snprintf(size, out, "%s", path);
  return SQLITE_OK;
}

int Randomness(sqlite3_vfs* vfs, int size, char* out) {
  SimDiskState& disk = *MountOf(vfs).disk;
  MutexLock lock(disk.mutex);
  for (int i = 0; i < size; ++i) {
    disk.random = disk.random * 6364136223846793005U + 1442695040888963407U;
    out[i] = static_cast<char>(disk.random >> 56);
  }
  return size;
}

// Whoever waits for a lock here waits for somebody in the same process: in vain.
int Sleep(sqlite3_vfs* /*vfs*/, int microseconds) { return microseconds; }

int CurrentTime(sqlite3_vfs* /*vfs*/, sqlite3_int64* milliseconds) {
  *milliseconds = 0;
  return SQLITE_OK;
}

int LastError(sqlite3_vfs* /*vfs*/, int /*size*/, char* /*out*/) { return 0; }

std::unique_ptr<Mount> MakeMount(SimDiskState& disk, uint64_t generation) {
  auto mount = std::make_unique<Mount>();
  mount->disk = &disk;
  mount->generation = generation;
  sqlite3_vfs& vfs = mount->vfs;
  vfs.iVersion = 2;
  vfs.szOsFile = sizeof(Handle);
  vfs.mxPathname = 512;
  vfs.zName = disk.name.c_str();
  vfs.pAppData = mount.get();
  vfs.xOpen = Open;
  vfs.xDelete = Delete;
  vfs.xAccess = Access;
  vfs.xFullPathname = FullPathname;
  vfs.xRandomness = Randomness;
  vfs.xSleep = Sleep;
  vfs.xGetLastError = LastError;
  vfs.xCurrentTimeInt64 = CurrentTime;
  return mount;
}

}  // namespace

void SimDiskState::NextGeneration() {
  Unregister();
  ++generation;
  fail_next_sync = false;
  for (auto& [path, file] : files) {
    // Another File, so that nothing done through an old handle can reach it.
    auto fresh = std::make_shared<File>(*file);
    fresh->shared = 0;
    fresh->reserved = fresh->exclusive = false;
    file = std::move(fresh);
  }
  mounts.push_back(MakeMount(*this, generation));
  sqlite3_vfs_register(&mounts.back()->vfs, 0);
}

}  // namespace nestor::testing
