// An agent's configuration file. A refusal must say where; what is accepted must be usable.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "common/agent/agent_config.h"
#include "common/base/status.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace nestor;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const agent::Role role : {agent::Role::kPrimary, agent::Role::kSecondary}) {
    const absl::StatusOr<agent::AgentConfig> config = agent::ParseAgentConfig(role, text);
    if (config.ok()) {
      if (config->server_name.empty() || config->services.empty()) std::abort();
    } else if (config.status().code() != absl::StatusCode::kInvalidArgument ||
               Message(config.status()).find("line ") == std::string_view::npos) {
      std::abort();
    }
  }
  return 0;
}
