#pragma once

#include <absl/status/status.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/service.h"
#include "common/json/json.h"
#include "nestor/v1/relationship.pb.h"

namespace nestor::ha {

// The hook libraries that HA needs, in the order they are loaded.
inline constexpr std::string_view kLeaseCommands = "libdhcp_lease_cmds.so";
inline constexpr std::string_view kHighAvailability = "libdhcp_ha.so";

// A high availability as a configuration has it.
struct Found {
  v1::HighAvailability settings;  // its names are those of the peers
  std::string this_server;
  std::string parameters;  // canonical JSON of the hook's parameters
  // What is not as Nestor sets it and so cannot be edited by it (more than two peers, several
  // relationships, another mode), for people; empty: nothing.
  std::string unlike;
};

// The HA of a configuration as config-get reports it, {"Dhcp4": {...}}; nothing: it has none.
std::optional<Found> Find(DhcpService service, const json::Value& arguments);

// The same of the parameters of a HA hook, as Found has them; nothing: `parameters` is empty, or no
// JSON.
std::optional<Found> FoundIn(std::string_view parameters);

// The directory of the hook libraries that the configuration loads: of the first one that Kea
// itself comes with, else of any but Nestor's own; empty: it loads none.
std::string HooksDirectory(DhcpService service, const json::Value& arguments);

// Whether packets are processed by several threads, as the configuration says it; where it says
// nothing, as Kea of `kea_version` ("2.2.0") does then.
bool MultiThreading(DhcpService service, const json::Value& arguments,
                    std::string_view kea_version);

// Loads the HA hook with `settings` as `this_server`, in place of what is loaded of it: parameters
// that `settings` cannot have (sync-page-limit, say, or a server's password) stay where there was
// one, but those whose defaults depend on the mode where that changes; those it could have and has
// not are left out, Kea's default then. Loads the lease commands,
// and turns multi-threading on, where that is not so yet: the listener for the other server is a
// thread of Kea's own. Where the HA that is loaded says about threads itself, that stays, and Kea's
// are turned on only if it wants them. Libraries that are not loaded yet are loaded from
// `hooks_directory`. The rest stays.
//
// InvalidArgument, and `arguments` is as it was: a name, mode or URL in `settings` is not one; it
// is not known where libraries are; or `arguments` is no such configuration.
absl::Status Set(DhcpService service, const v1::HighAvailability& settings,
                 std::string_view this_server, std::string_view hooks_directory,
                 std::string_view kea_version, json::Document& arguments);

// Takes the HA hook out; all else stays. Nothing happens where there is none.
void Remove(DhcpService service, json::Document& arguments);

// The parameters of the HA hook in a configuration, laid out for people; empty: it has none.
std::string ParametersText(DhcpService service, const json::Value& arguments);

}  // namespace nestor::ha
