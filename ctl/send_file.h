#pragma once

#include <absl/status/status.h>

#include <string>

#include "common/bus/operator_client.h"

namespace nestor::ctl {

// Sends the ApplyRequest `request` with the file at `path`, "-" being standard input, in as many
// messages as it needs.
//
// InvalidArgument  The file cannot be read, or is too large.
// Unavailable      The connection broke; without its last piece the agent does nothing with a file.
absl::Status SendFile(bus::OperatorClient& client, v1::OperatorRequest request,
                      const std::string& path);

}  // namespace nestor::ctl
