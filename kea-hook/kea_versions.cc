#include "kea-hook/kea_versions.h"

#include <dhcpsrv/cfgmgr.h>

#if __has_include(<util/encode/encode.h>)
#include <util/encode/encode.h>
#else
#include <util/encode/base64.h>
#endif

#include <vector>

namespace nestor::hook {

using isc::dhcp::CfgHosts;
using isc::dhcp::ConstHostPtr;

void DecodeBase64(const std::string& text, std::vector<uint8_t>& bytes) {
  isc::util::encode::decodeBase64(text, bytes);
}

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
  const std::vector<uint8_t>& id = host->getIdentifier();
  const auto type = host->getIdentifierType();
  const CfgHosts& there = hosts;
  if (const auto subnet = host->getIPv4SubnetID(); subnet != isc::dhcp::SUBNET_ID_UNUSED) {
    if (there.get4(subnet, type, id.data(), id.size()) != host) return;
    hosts.del4(subnet, type, id.data(), id.size());
  } else {
    const auto subnet6 = host->getIPv6SubnetID();
    if (there.get6(subnet6, type, id.data(), id.size()) != host) return;
    hosts.del6(subnet6, type, id.data(), id.size());
  }
}
#endif

#if NESTOR_KEA_VERSION < 20602
void ForgetStaging() { isc::dhcp::CfgMgr::instance().rollback(); }
#else
void ForgetStaging() { isc::dhcp::CfgMgr::instance().clearStagingConfiguration(); }
#endif

void AddLocalParts(const isc::dhcp::SrvConfig& config, uint16_t family,
                   const isc::data::ElementPtr& members) {
  using isc::data::Element;
  using isc::data::UserContext;
#if NESTOR_KEA_VERSION < 20700
  if (const auto socket = config.getControlSocketInfo()) {
    members->set("control-socket", UserContext::toElement(socket));
  }
#else
  const auto sockets = Element::createList();
  for (const auto& list : {config.getUnixControlSocketInfo(), config.getHttpControlSocketInfo()}) {
    if (!list) continue;
    for (const auto& socket : list->listValue()) sockets->add(UserContext::toElement(socket));
  }
  if (!sockets->empty()) members->set("control-sockets", sockets);
#endif
#if NESTOR_KEA_VERSION < 20500
  if (family != AF_INET6) return;
  const auto& directory = isc::dhcp::CfgMgr::instance().getDataDir();
  if (!directory.unspecified()) {
    members->set("data-directory", Element::create(directory.get()));
  }
#else
  (void)family;
#endif
}

}  // namespace nestor::hook
