#include "kea-hook/kea_versions.h"

#include <vector>

namespace nestor::hook {

using isc::dhcp::CfgHosts;
using isc::dhcp::ConstHostPtr;

#if NESTOR_KEA_VERSION < 20500
// Kea 2.2 cannot remove one reservation: CfgHosts::del4() and del6() throw NotImplemented, and
// taking all of a subnet out and putting the others back takes as long as there are others. So its
// containers are reached by the one way that C++ leaves to private members, the explicit
// instantiation of a template.
namespace {

template <typename Tag, typename Tag::Member kMember>
struct Door {
  friend typename Tag::Member MemberOf(Tag) { return kMember; }
};

struct HostsTag {
  using Member = isc::dhcp::HostContainer CfgHosts::*;
  friend Member MemberOf(HostsTag);
};
template struct Door<HostsTag, &CfgHosts::hosts_>;

struct AddressesTag {
  using Member = isc::dhcp::HostContainer6 CfgHosts::*;
  friend Member MemberOf(AddressesTag);
};
template struct Door<AddressesTag, &CfgHosts::hosts6_>;

}  // namespace

void Remove(const ConstHostPtr& host, CfgHosts& hosts) {
  auto& addresses = (hosts.*MemberOf(AddressesTag())).get<1>();
  const auto reserved = host->getIPv6Reservations();
  for (auto one = reserved.first; one != reserved.second; ++one) {
    auto [entry, end] =
        addresses.equal_range(boost::make_tuple(host->getIPv6SubnetID(), one->second.getPrefix()));
    while (entry != end) entry = entry->host_ == host ? addresses.erase(entry) : std::next(entry);
  }
  auto& by_number = (hosts.*MemberOf(HostsTag())).get<4>();
  by_number.erase(host->getHostId());
}
#else
void Remove(const ConstHostPtr& host, CfgHosts& hosts) {
  const std::vector<uint8_t>& identifier = host->getIdentifier();
  if (host->getIPv4SubnetID() != isc::dhcp::SUBNET_ID_UNUSED) {
    hosts.del4(host->getIPv4SubnetID(), host->getIdentifierType(), identifier.data(),
               identifier.size());
  } else {
    hosts.del6(host->getIPv6SubnetID(), host->getIdentifierType(), identifier.data(),
               identifier.size());
  }
}
#endif

}  // namespace nestor::hook
