#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <string>

#include "common/watch/watcher.h"

namespace nestor::watch {

// Where the hook library of a local Kea tells of changes, by datagrams. Protocol thread only.
class HookHint final : public Hint {
 public:
  // Listens at `path`, in place of a socket that nobody listens at any more. Whoever may use
  // `control_socket`, Kea's, may send: the socket's group is that of the directory it is in.
  // Unavailable: somebody listens there, it is another kind of file, or it cannot be made.
  static absl::StatusOr<std::unique_ptr<HookHint>> Listen(const std::string& path,
                                                          const std::string& control_socket);
  ~HookHint() override;
  HookHint(const HookHint&) = delete;
  HookHint& operator=(const HookHint&) = delete;

  void Follow(int64_t /*pid*/) override {}
  bool Seen() override;

  // Readable while there are notices.
  int fd() const { return fd_; }

 private:
  HookHint(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}

  const int fd_;
  const std::string path_;
};

}  // namespace nestor::watch
