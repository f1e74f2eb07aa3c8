#pragma once

#include <cc/data.h>
#include <dhcpsrv/srv_config.h>

#include <functional>
#include <string>
#include <vector>

namespace nestor::hook {

// Kea has these among the parameters that it is configured with, and they belong to one server.
inline constexpr const char* kServersOwn[] = {"data-directory", "server-tag"};

// Parameters outside of any list, as config-get reports them.
isc::data::ElementPtr GlobalsOf(isc::dhcp::SrvConfig& config, uint16_t family);

// Those that only a config-set changes, since Kea uses them while it takes a configuration and not
// after.
const std::vector<std::string>& GlobalsThatNeedConfigSet();

// Has `config` use `value` for the parameter `name` from now on; null: as if it were not there.
// Throws isc::Exception, or Refused, where there is no such parameter or value; nothing is changed
// then. Returns what undoes it.
std::function<void()> SetGlobal(isc::dhcp::SrvConfig& config, uint16_t family,
                                const std::string& name, const isc::data::ConstElementPtr& value);

// What the whole of them must agree on. Throws isc::Exception.
void CheckLifetimes(isc::dhcp::SrvConfig& config, const std::vector<const char*>& names);

}  // namespace nestor::hook
