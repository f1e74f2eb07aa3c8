#pragma once

#include <cc/data.h>
#include <dhcpsrv/srv_config.h>

#include <string>

namespace nestor::hook {

// The members of a configuration that belong to one server and are never mirrored, as config-get
// reports them and config-write writes them, passwords included: {"Dhcp4": {...}}. Costs as much at
// any number of subnets.
isc::data::ElementPtr LocalPartOf(isc::dhcp::SrvConfig& config, uint16_t family);

// What names the file behind `path` in this process's view: {"device", "inode"}; null: there is
// none, or it may not be looked at.
isc::data::ElementPtr IdentityOf(const std::string& path);

}  // namespace nestor::hook
