#include "kea-hook/family.h"

#include <dhcpsrv/lease_mgr_factory.h>
#include <stats/stats_mgr.h>

namespace nestor::hook {
namespace {

using isc::dhcp::Host;
using isc::dhcp::Lease;
using isc::dhcp::LeaseMgrFactory;
using isc::dhcp::LeaseStatsQueryPtr;
using isc::dhcp::LeaseStatsRow;
using isc::dhcp::SubnetID;
using isc::stats::StatsMgr;

// As StatsMgr::generateName(), whose stream is most of what a statistic costs.
std::string Name(SubnetID subnet, const char* statistic) {
  return "subnet[" + std::to_string(subnet) + "]." + statistic;
}

void Remove(SubnetID subnet, const char* statistic) {
  StatsMgr::instance().del(Name(subnet, statistic));
}

void Set(SubnetID subnet, const char* statistic, int64_t value) {
  StatsMgr::instance().setValue(Name(subnet, statistic), value);
}

void SetOnce(SubnetID subnet, const char* statistic) {
  if (!StatsMgr::instance().getObservation(Name(subnet, statistic))) Set(subnet, statistic, 0);
}

// What the leases that there are count for. `assigned` and `declined` are set.
void Recount(SubnetID subnet, const LeaseStatsQueryPtr& query, Lease::Type type,
             const char* assigned, const char* declined) {
  if (!query) return;  // this lease database does not count
  int64_t all = 0, bad = 0;
  LeaseStatsRow row;
  while (query->getNextRow(row)) {
    // Rows about DHCPv4 leases have no type.
    if (type != Lease::TYPE_V4 && row.lease_type_ != type) continue;
    if (row.lease_state_ == Lease::STATE_DEFAULT) all += row.state_count_;
    if (row.lease_state_ == Lease::STATE_DECLINED) bad += row.state_count_;
  }
  const bool prefixes = type == Lease::TYPE_PD;
  Set(subnet, assigned, prefixes ? all : all + bad);
  if (!prefixes) Set(subnet, declined, bad);
}

std::string Differ(const isc::dhcp::Subnet& subnet, const char* what, const std::string& mine,
                   const std::string& others) {
  return "subnet " + subnet.toText() + " has " + what + " " + mine + ", its shared network " +
         others;
}

// Interfaces of subnets in one network are the same where they are given.
std::string WhyOtherInterface(const std::string& network, const std::string& first,
                              const isc::dhcp::Subnet& subnet) {
  const std::string mine = subnet.getIface();
  const std::string others = network.empty() ? first : network;
  if (mine.empty() || others.empty() || mine == others) return {};
  return Differ(subnet, "interface", mine, others);
}

const char* YesNo(bool yes) { return yes ? "true" : "false"; }

}  // namespace

std::string V4::OutOf(const Subnet& subnet, const Host& host) {
  const auto& address = host.getIPv4Reservation();
  return address.isV4Zero() || subnet.inRange(address) ? std::string() : address.toText();
}

std::string V6::OutOf(const Subnet& subnet, const Host& host) {
  const auto reserved = host.getIPv6Reservations(isc::dhcp::IPv6Resrv::TYPE_NA);
  for (auto one = reserved.first; one != reserved.second; ++one) {
    if (!subnet.inRange(one->second.getPrefix())) return one->second.getPrefix().toText();
  }
  return {};
}

std::string V4::WhyApart(const SharedNetwork& network, const Subnet& first, const Subnet& subnet) {
  if (subnet.getAuthoritative().get() != network.getAuthoritative().get()) {
    return Differ(subnet, "authoritative", YesNo(subnet.getAuthoritative()),
                  YesNo(network.getAuthoritative()));
  }
  return WhyOtherInterface(network.getIface(), first.getIface(), subnet);
}

std::string V6::WhyApart(const SharedNetwork& network, const Subnet& first, const Subnet& subnet) {
  if (subnet.getRapidCommit().get() != first.getRapidCommit().get()) {
    return Differ(subnet, "rapid-commit", YesNo(subnet.getRapidCommit()),
                  YesNo(first.getRapidCommit()));
  }
  return WhyOtherInterface(network.getIface(), first.getIface(), subnet);
}

void V4::RemoveStatistics(SubnetID subnet) {
  for (const char* statistic :
       {"total-addresses", "assigned-addresses", "cumulative-assigned-addresses",
        "declined-addresses", "reclaimed-declined-addresses", "reclaimed-leases"}) {
    Remove(subnet, statistic);
  }
}

void V6::RemoveStatistics(SubnetID subnet) {
  for (const char* statistic : {"total-nas", "assigned-nas", "cumulative-assigned-nas", "total-pds",
                                "assigned-pds", "cumulative-assigned-pds", "declined-addresses",
                                "reclaimed-declined-addresses", "reclaimed-leases"}) {
    Remove(subnet, statistic);
  }
}

void V4::AddStatistics(const Subnet& subnet) {
  const SubnetID id = subnet.getID();
  Set(id, "total-addresses", static_cast<int64_t>(subnet.getPoolCapacity(Lease::TYPE_V4)));
  for (const char* statistic : {"cumulative-assigned-addresses", "v4-reservation-conflicts",
                                "reclaimed-declined-addresses", "reclaimed-leases"}) {
    SetOnce(id, statistic);
  }
  if (!LeaseMgrFactory::haveInstance()) return;
  Recount(id, LeaseMgrFactory::instance().startSubnetLeaseStatsQuery4(id), Lease::TYPE_V4,
          "assigned-addresses", "declined-addresses");
}

void V6::AddStatistics(const Subnet& subnet) {
  const SubnetID id = subnet.getID();
  Set(id, "total-nas", static_cast<int64_t>(subnet.getPoolCapacity(Lease::TYPE_NA)));
  Set(id, "total-pds", static_cast<int64_t>(subnet.getPoolCapacity(Lease::TYPE_PD)));
  for (const char* statistic : {"cumulative-assigned-nas", "cumulative-assigned-pds",
                                "reclaimed-declined-addresses", "reclaimed-leases"}) {
    SetOnce(id, statistic);
  }
  if (!LeaseMgrFactory::haveInstance()) return;
  auto& leases = LeaseMgrFactory::instance();
  Recount(id, leases.startSubnetLeaseStatsQuery6(id), Lease::TYPE_NA, "assigned-nas",
          "declined-addresses");
  Recount(id, leases.startSubnetLeaseStatsQuery6(id), Lease::TYPE_PD, "assigned-pds", nullptr);
}

}  // namespace nestor::hook
