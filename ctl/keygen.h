#pragma once

#include <absl/status/statusor.h>

#include <string>

namespace nestor::ctl {

// Writes a new key pair to `name`.secret (mode 0600) and `name`.public in `folder`, and returns
// what to tell whoever asked.
//
// InvalidArgument     `name` cannot name a key.
// FailedPrecondition  One of the files is there already, or cannot be written. No file was changed.
absl::StatusOr<std::string> MakeKeyPair(const std::string& folder, const std::string& name);

}  // namespace nestor::ctl
