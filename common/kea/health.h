#pragma once

#include <absl/time/time.h>

#include <optional>
#include <string>
#include <vector>

#include "common/base/service.h"
#include "common/kea/kea_control.h"

namespace nestor::kea {

inline constexpr absl::Duration kShortTimeout = absl::Seconds(5);

// For config-test and config-set: large configurations take Kea longer, about 10 MB of JSON a
// second, and as much to load.
absl::Duration SetTimeout(size_t bytes);

// What list-commands has; nothing: it is not answered.
std::optional<std::vector<std::string>> ListCommands(KeaControl& kea);

// What a Kea that just took a configuration lacks of a healthy one, or empty: it answers, has the
// commands that it had `before`, and its lease database works, where there are commands to see that
// by. Takes a few milliseconds.
std::string WhyUnhealthy(KeaControl& kea, DhcpService service,
                         const std::vector<std::string>& before);

// The HA state in the arguments of status-get: "hot-standby", "waiting", ...; empty: no HA hook.
std::string HaState(const json::Value& status);

}  // namespace nestor::kea
