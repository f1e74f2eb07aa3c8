#pragma once

#include <absl/status/statusor.h>

#include <string>

#include "common/agent/agent_config.h"

namespace nestor::runtime {

// Each error here is InvalidArgument, begins with the file it is about, and says what to do.

// Reads and checks an agent's configuration.
absl::StatusOr<agent::AgentConfig> ReadConfig(agent::Role role, const std::string& path);

// What the key files that a configuration names hold, in Z85; empty without `security`.
struct Keys {
  std::string secret;   // this agent's own
  std::string primary;  // secondary: the primary's public key
};

// Reads them. A secret that others may read, or its group write, is an error.
absl::StatusOr<Keys> ReadKeys(const agent::AgentConfig& config);

// Checks each *.public file in the directory of authorised keys, if the configuration names one. An
// agent itself starts without those that are wrong.
absl::Status CheckAuthorizedKeys(const agent::AgentConfig& config);

}  // namespace nestor::runtime
