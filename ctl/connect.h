#pragma once

#include <absl/status/statusor.h>

#include <memory>
#include <string>

#include "common/bus/operator_client.h"
#include "ctl/command_line.h"

namespace nestor::ctl {

// Connects to the agent that `invocation` names, or to the one of this host. Reads key files.
// InvalidArgument: the address or a key file is not usable. Others as OperatorClient::Connect().
absl::StatusOr<std::unique_ptr<bus::OperatorClient>> ConnectTo(const Invocation& invocation);

// Who asks, for the history: "alice@kea-a". The person behind sudo, where there is one.
std::string OperatorName();

}  // namespace nestor::ctl
