#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/service.h"
#include "common/kea/kea_control.h"

namespace nestor::hook {

// What names a file on this host, whatever its path is in whose view.
struct FileIdentity {
  int64_t device = 0, inode = 0;

  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};

// What of a configuration belongs to its server and is not mirrored.
struct LocalPart {
  json::Document answer;                   // owns what `arguments` points into
  const json::Value* arguments = nullptr;  // {"Dhcp4": {...}}, as config::Compose() takes it
  std::optional<FileIdentity> file;        // behind the path asked for, as Kea sees it
};

// Asks libdhcp_nestor.so for it, which takes Kea a fraction of a millisecond at any size, and what
// file Kea finds at `file`, unless that is empty. Worker threads only. Errors as KeaControl::Send,
// and
// NotFound            this Kea does not know the command: the library is not loaded.
// FailedPrecondition  Kea refused: a library of a version that does not know this yet, for one.
// DataLoss            also where the answer is not as documented.
// InvalidArgument     the path holds characters that Kea cannot write; nothing was sent.
absl::StatusOr<LocalPart> ReadLocalPart(kea::KeaControl& kea, DhcpService service,
                                        std::string_view file, absl::Duration timeout);

}  // namespace nestor::hook
