#pragma once

#include <absl/status/statusor.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/service.h"

namespace nestor::agent {

enum class Role { kPrimary, kSecondary };

struct ServiceConfig {
  std::string control_socket;
  std::string hook_socket;    // empty: no hook library
  bool lease_events = false;  // publish what the hook library tells of leases; never on a secondary
  std::string ha_url;         // as ParseHaUrl() takes it; empty, as the two below: not given
  std::string hooks_directory;
  std::string configuration_file;  // that Kea starts from
};

struct SecurityConfig {
  std::string secret_key_file;
  std::string authorized_keys;  // a directory; may be empty for a secondary
};

// An agent's configuration, checked. Names and defaults are in docs/operations.md.
struct AgentConfig {
  Role role = Role::kPrimary;
  std::string server_name;
  std::map<DhcpService, ServiceConfig> services;
  std::string events;                   // primary: where to bind; secondary: where to connect
  std::string control;                  // the same
  std::string primary_public_key_file;  // secondary with security
  std::optional<SecurityConfig> security;
  std::string operator_socket;
  std::string state_directory;
  std::string http;  // "127.0.0.1:5580"; empty: off
  std::string log_level = "info";
};

// InvalidArgument: "line L, column C: ..." with what is wrong and what to do: an unknown name, a
// missing one, a wrong type, an address that is neither loopback nor ipc without `security`.
absl::StatusOr<AgentConfig> ParseAgentConfig(Role role, std::string_view text);

}  // namespace nestor::agent
