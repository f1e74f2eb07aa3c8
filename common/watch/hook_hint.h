#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <string>

#include "common/watch/lease_notices.h"
#include "common/watch/watcher.h"

namespace nestor::watch {

// Where the hook library of a local Kea tells of changes and of leases, by datagrams. Protocol
// thread only.
class HookHint final : public Hint {
 public:
  // Listens at `path`, in place of a socket that nobody listens at any more. Whoever may use
  // `control_socket`, Kea's, may send: the socket's group is that of the directory it is in.
  // `leases`, which must outlive it, gets what is told of leases and what is not understood; null:
  // both are thrown away.
  // Unavailable: somebody listens there, it is another kind of file, or it cannot be made.
  static absl::StatusOr<std::unique_ptr<HookHint>> Listen(const std::string& path,
                                                          const std::string& control_socket,
                                                          LeaseNotices* leases = nullptr);
  ~HookHint() override;
  HookHint(const HookHint&) = delete;
  HookHint& operator=(const HookHint&) = delete;

  void Follow(int64_t /*pid*/) override {}
  Sign Seen() override;
  std::string Told() override { return revision_; }

  // Readable while there are notices.
  int fd() const { return fd_; }

 private:
  HookHint(int fd, std::string path, LeaseNotices* leases)
      : fd_(fd), path_(std::move(path)), leases_(leases) {}

  const int fd_;
  const std::string path_;
  LeaseNotices* const leases_;
  std::string revision_;
};

}  // namespace nestor::watch
