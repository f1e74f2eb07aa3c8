#pragma once

// What differs between the versions of Kea that the library is built for: here and in
// kea_versions.cc, and nowhere else. NESTOR_KEA_VERSION is Kea's number, 20200 for 2.2.0.

#include <dhcpsrv/cfg_hosts.h>

namespace nestor::hook {

// Takes `host` out of `hosts`, if it is there.
void Remove(const isc::dhcp::ConstHostPtr& host, isc::dhcp::CfgHosts& hosts);

}  // namespace nestor::hook
