#pragma once

#include <dhcpsrv/srv_config.h>

#include <string>
#include <vector>

#include "kea-hook/object.h"
#include "kea-hook/running.h"

namespace nestor::hook {

// Objects of `config`, in the form of config-get. F is V4 or V6.
template <typename F>
class Reader {
 public:
  explicit Reader(isc::dhcp::SrvConfigPtr config) : config_(std::move(config)) {}

  isc::data::ConstElementPtr Read(const ObjectId& id) const;
  RunningConfiguration::Page ReadOn(const std::string& cursor,
                                    std::chrono::microseconds budget) const;

  // All of a kind that has few: globals, option definitions, options, client classes.
  std::vector<Object> ReadAll(Kind kind) const;

 private:
  isc::data::ElementPtr ElementOf(const typename F::Subnet& subnet) const;
  isc::data::ElementPtr ElementOf(const typename F::SharedNetwork& network) const;

  isc::dhcp::SrvConfigPtr config_;
};

// The key of a reservation, "12/hw-address/1a:2b:...", as its element `host` has its identifier.
std::string ReservationKey(isc::dhcp::SubnetID subnet, const isc::data::Element& host);

// The subnet's id of a key, "12" of "12" and of "12/hw-address/...". Throws Refused.
isc::dhcp::SubnetID SubnetOfKey(const ObjectId& id);

// A host without anything but the identifier that the key of a reservation names. Throws Refused.
isc::dhcp::Host HostOfKey(const ObjectId& id);

}  // namespace nestor::hook
