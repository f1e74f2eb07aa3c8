#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "common/hook/local.h"
#include "common/watch/file_hint.h"

namespace nestor::keafile {

// The configuration files of this host's Keas. Thread-safe; one Replace() at a time.
class ConfigFiles {
 public:
  virtual ~ConfigFiles() = default;

  // The file that the Kea of this process was started with, its links resolved; empty: none can be
  // seen, since the process is another container's or host's, or was given no absolute path.
  virtual std::string FileOf(int64_t pid) = 0;

  // Replaces the file `path`, which must be `identity`, by `text`: whole and safe on disk, or not
  // at all. Owner, group, mode, access control list and other attributes stay those of the old
  // one. Blocks for the disk.
  //
  // PermissionDenied  the agent may not replace it, or not keep its owner, or it is another file
  //                   than Kea's: only Kea may write it.
  // Unavailable       it cannot be written now: the disk is full, or failed.
  // Each text names the path and what to do.
  virtual absl::Status Replace(const std::string& path, const hook::FileIdentity& identity,
                               std::string_view text) = 0;

  struct File {
    std::string text;
    hook::FileIdentity identity;
  };
  // What `path` holds. Blocks for the disk. NotFound; PermissionDenied: the agent may not read it;
  // Unavailable: it cannot be read now, or has more than 256 MiB.
  virtual absl::StatusOr<File> Read(const std::string& path) = 0;

  // Whether Replace() would come to anything. PermissionDenied: only Kea may write it, if anybody.
  // FailedPrecondition: nobody can: the file system is mounted to be read only, is full, or the
  // file is not there.
  virtual absl::Status Writable(const std::string& path) = 0;

  // Whether there is such a file, as far as the agent may see.
  virtual bool Exists(const std::string& path) = 0;
};

// `own` learns of each file that is replaced, and must outlive it. `proc`: where the kernel shows
// processes.
std::unique_ptr<ConfigFiles> LocalConfigFiles(watch::OwnReplacements& own,
                                              std::string proc = "/proc");

}  // namespace nestor::keafile
