#pragma once

#include <absl/status/status.h>

#include <string>
#include <string_view>

namespace nestor::bus {

// What addresses of socket files begin with.
inline constexpr std::string_view kIpcScheme = "ipc://";

// Makes room for a socket file at an "ipc://PATH" address: removes one that nobody listens at any
// more. Does nothing for other addresses. ZeroMQ by itself would take the path from whoever listens
// there.
//
// Unavailable  somebody listens at it, it is a file of another kind, or it cannot be removed
absl::Status RemoveStaleSocketFile(const std::string& address);

}  // namespace nestor::bus
