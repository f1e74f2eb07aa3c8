#pragma once

#include <absl/status/status.h>

namespace nestor::runtime {

// An agent's exit codes, as in sysexits.h.
enum ExitCode : int {
  kExitOk = 0,
  kExitUsage = 64,          // an unknown option
  kExitUnavailable = 69,    // an address in use, a state directory not to be written or locked
  kExitInternal = 70,       // a defect of the agent
  kExitConfiguration = 78,  // the configuration or a file that it names
};

// What an agent exits with that could not start because of `status`.
inline ExitCode ExitCodeFor(const absl::Status& status) {
  if (status.ok()) return kExitOk;
  return absl::IsInvalidArgument(status) ? kExitConfiguration : kExitUnavailable;
}

}  // namespace nestor::runtime
