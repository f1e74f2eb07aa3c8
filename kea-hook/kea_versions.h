#pragma once

// What differs between the versions of Kea that the library is built for: here and in
// kea_versions.cc, and nowhere else. NESTOR_KEA_VERSION is Kea's number, 20200 for 2.2.0.

#include <cc/data.h>
#include <dhcpsrv/cfg_hosts.h>
#include <dhcpsrv/srv_config.h>

#include <string>
#include <vector>

namespace nestor::hook {

// Takes `host` out of `hosts`, if it is there.
void Remove(const isc::dhcp::ConstHostPtr& host, isc::dhcp::CfgHosts& hosts);

// Adds what is kept in another place in each version of the members that belong to one server: the
// control sockets and the data directory.
void AddLocalParts(const isc::dhcp::SrvConfig& config, uint16_t family,
                   const isc::data::ElementPtr& members);

// Appends to `bytes` what `text` holds. Throws isc::BadValue.
void DecodeBase64(const std::string& text, std::vector<uint8_t>& bytes);

// Forgets the staging configuration that parsers may have begun.
void ForgetStaging();

}  // namespace nestor::hook
