#pragma once

#include <absl/base/thread_annotations.h>
#include <absl/container/flat_hash_map.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/bus/bus.h"
#include "common/lock/mutex.h"

namespace nestor::bus {

// Which keys may connect, and what each may do: the NAME.public files of a directory. Thread-safe.
class AuthorizedKeys {
 public:
  struct Key {
    std::string name;
    Rights rights;
  };

  // Unavailable: the directory cannot be read.
  static absl::StatusOr<std::unique_ptr<AuthorizedKeys>> Load(std::string directory);

  // Replaces what was read before. A file that is not usable, holds a key that another file holds
  // already, or gives no right is logged and skipped. Unavailable: the directory cannot be read,
  // and nothing changed.
  absl::Status Reload();

  // The key (Z85), if it has any right.
  std::optional<Key> Find(std::string_view z85) const;

 private:
  using Table = absl::flat_hash_map<std::string, Key>;

  explicit AuthorizedKeys(std::string directory) : directory_(std::move(directory)) {}

  const std::string directory_;
  mutable Mutex mutex_;
  Table keys_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace nestor::bus
