#pragma once

#include <dhcpsrv/cfg_hosts.h>
#include <dhcpsrv/cfg_shared_networks.h>
#include <dhcpsrv/cfg_subnets4.h>
#include <dhcpsrv/cfg_subnets6.h>
#include <dhcpsrv/parsers/dhcp_parsers.h>
#include <dhcpsrv/parsers/host_reservation_parser.h>
#include <dhcpsrv/parsers/shared_network_parser.h>
#include <dhcpsrv/parsers/simple_parser4.h>
#include <dhcpsrv/parsers/simple_parser6.h>
#include <dhcpsrv/srv_config.h>
#include <dhcpsrv/subnet.h>

#include <string>
#include <vector>

namespace nestor::hook {

// What is named otherwise in DHCPv4 and DHCPv6, so that everything else is written once.
struct V4 {
  static constexpr uint16_t kAddresses = AF_INET;
  static constexpr auto kUniverse = isc::dhcp::Option::V4;
  static constexpr const char* kService = "dhcp4";
  static constexpr const char* kSubnets = "subnet4";
  using Subnet = isc::dhcp::Subnet4;
  using SubnetPtr = isc::dhcp::Subnet4Ptr;
  using SubnetParser = isc::dhcp::Subnet4ConfigParser;
  using SharedNetwork = isc::dhcp::SharedNetwork4;
  using SharedNetworkPtr = isc::dhcp::SharedNetwork4Ptr;
  using SharedNetworkParser = isc::dhcp::SharedNetwork4Parser;
  using HostParser = isc::dhcp::HostReservationParser4;

  static auto Subnets(isc::dhcp::SrvConfig& config) { return config.getCfgSubnets4(); }
  static auto SharedNetworks(isc::dhcp::SrvConfig& config) {
    return config.getCfgSharedNetworks4();
  }
  static auto HostIdentifiers(isc::dhcp::SrvConfig& config) {
    return config.getCfgHostOperations4();
  }
  using HostIdentifiersParser = isc::dhcp::HostReservationIdsParser4;
  // Kea's defaults, then what is inherited, for all that `global` holds.
  static void Complete(const isc::data::ElementPtr& global) {
    isc::dhcp::SimpleParser4::setAllDefaults(global);
    isc::dhcp::SimpleParser4::deriveParameters(global);
  }
  // The network's own parameters, without its subnets.
  static isc::data::ElementPtr OwnElement(const SharedNetwork& network) {
    return network.isc::dhcp::Network4::toElement();
  }

  static isc::dhcp::SubnetID SubnetOf(const isc::dhcp::Host& host) {
    return host.getIPv4SubnetID();
  }
  static isc::data::ElementPtr ElementOf(const isc::dhcp::Host& host) { return host.toElement4(); }
  // Kea has an index of these; by pages it looks at the hosts of all subnets.
  static isc::dhcp::ConstHostCollection HostsIn(const isc::dhcp::CfgHosts& hosts,
                                                isc::dhcp::SubnetID subnet) {
    return hosts.getAll4(subnet);
  }
  static isc::dhcp::ConstHostPtr FindHost(const isc::dhcp::CfgHosts& hosts,
                                          isc::dhcp::SubnetID subnet, const isc::dhcp::Host& like) {
    const std::vector<uint8_t>& identifier = like.getIdentifier();
    return hosts.get4(subnet, like.getIdentifierType(), identifier.data(), identifier.size());
  }
  static isc::dhcp::ConstHostCollection HostsBehind(const isc::dhcp::CfgHosts& hosts,
                                                    uint64_t host_id, size_t most) {
    size_t source = 0;
    return hosts.getPage4(source, host_id, isc::dhcp::HostPageSize(most));
  }
  // The host's address that must be in its subnet and is not, or empty.
  static std::string OutOf(const Subnet& subnet, const isc::dhcp::Host& host);
  // Why these may not be in one network, or empty.
  static std::string WhyApart(const SharedNetwork& network, const Subnet& first,
                              const Subnet& subnet);
  // Statistics of a subnet as Kea sets them when it takes a configuration.
  static void RemoveStatistics(isc::dhcp::SubnetID subnet);
  static void AddStatistics(const Subnet& subnet);
  static std::vector<const char*> Lifetimes() { return {"valid-lifetime"}; }
  static isc::dhcp::ConstCfgOptionPtr OptionsOf(const isc::dhcp::Host& host) {
    return host.getCfgOption4();
  }
  // What Kea's grammar knows.
  using Words = isc::data::SimpleKeywords;
  static const Words& SharedNetworkWords() {
    return isc::dhcp::SimpleParser4::SHARED_NETWORK4_PARAMETERS;
  }
  static const Words& SubnetWords() { return isc::dhcp::SimpleParser4::SUBNET4_PARAMETERS; }
  static const Words& PoolWords() { return isc::dhcp::SimpleParser4::POOL4_PARAMETERS; }
  static const Words& PrefixPoolWords() { return isc::dhcp::SimpleParser4::POOL4_PARAMETERS; }
  static const Words& OptionWords() { return isc::dhcp::SimpleParser4::OPTION4_PARAMETERS; }
  static const Words& OptionDefWords() { return isc::dhcp::SimpleParser4::OPTION4_DEF_PARAMETERS; }
};

struct V6 {
  static constexpr uint16_t kAddresses = AF_INET6;
  static constexpr auto kUniverse = isc::dhcp::Option::V6;
  static constexpr const char* kService = "dhcp6";
  static constexpr const char* kSubnets = "subnet6";
  using Subnet = isc::dhcp::Subnet6;
  using SubnetPtr = isc::dhcp::Subnet6Ptr;
  using SubnetParser = isc::dhcp::Subnet6ConfigParser;
  using SharedNetwork = isc::dhcp::SharedNetwork6;
  using SharedNetworkPtr = isc::dhcp::SharedNetwork6Ptr;
  using SharedNetworkParser = isc::dhcp::SharedNetwork6Parser;
  using HostParser = isc::dhcp::HostReservationParser6;

  static auto Subnets(isc::dhcp::SrvConfig& config) { return config.getCfgSubnets6(); }
  static auto SharedNetworks(isc::dhcp::SrvConfig& config) {
    return config.getCfgSharedNetworks6();
  }
  static auto HostIdentifiers(isc::dhcp::SrvConfig& config) {
    return config.getCfgHostOperations6();
  }
  using HostIdentifiersParser = isc::dhcp::HostReservationIdsParser6;
  static void Complete(const isc::data::ElementPtr& global) {
    isc::dhcp::SimpleParser6::setAllDefaults(global);
    isc::dhcp::SimpleParser6::deriveParameters(global);
  }
  static isc::data::ElementPtr OwnElement(const SharedNetwork& network) {
    return network.isc::dhcp::Network6::toElement();
  }

  static isc::dhcp::SubnetID SubnetOf(const isc::dhcp::Host& host) {
    return host.getIPv6SubnetID();
  }
  static isc::data::ElementPtr ElementOf(const isc::dhcp::Host& host) { return host.toElement6(); }
  static isc::dhcp::ConstHostCollection HostsIn(const isc::dhcp::CfgHosts& hosts,
                                                isc::dhcp::SubnetID subnet) {
    return hosts.getAll6(subnet);
  }
  static isc::dhcp::ConstHostPtr FindHost(const isc::dhcp::CfgHosts& hosts,
                                          isc::dhcp::SubnetID subnet, const isc::dhcp::Host& like) {
    const std::vector<uint8_t>& identifier = like.getIdentifier();
    return hosts.get6(subnet, like.getIdentifierType(), identifier.data(), identifier.size());
  }
  static isc::dhcp::ConstHostCollection HostsBehind(const isc::dhcp::CfgHosts& hosts,
                                                    uint64_t host_id, size_t most) {
    size_t source = 0;
    return hosts.getPage6(source, host_id, isc::dhcp::HostPageSize(most));
  }
  static std::string OutOf(const Subnet& subnet, const isc::dhcp::Host& host);
  static std::string WhyApart(const SharedNetwork& network, const Subnet& first,
                              const Subnet& subnet);
  static void RemoveStatistics(isc::dhcp::SubnetID subnet);
  static void AddStatistics(const Subnet& subnet);
  static std::vector<const char*> Lifetimes() { return {"preferred-lifetime", "valid-lifetime"}; }
  static isc::dhcp::ConstCfgOptionPtr OptionsOf(const isc::dhcp::Host& host) {
    return host.getCfgOption6();
  }
  // What Kea's grammar knows.
  using Words = isc::data::SimpleKeywords;
  static const Words& SharedNetworkWords() {
    return isc::dhcp::SimpleParser6::SHARED_NETWORK6_PARAMETERS;
  }
  static const Words& SubnetWords() { return isc::dhcp::SimpleParser6::SUBNET6_PARAMETERS; }
  static const Words& PoolWords() { return isc::dhcp::SimpleParser6::POOL6_PARAMETERS; }
  static const Words& PrefixPoolWords() { return isc::dhcp::SimpleParser6::PD_POOL6_PARAMETERS; }
  static const Words& OptionWords() { return isc::dhcp::SimpleParser6::OPTION6_PARAMETERS; }
  static const Words& OptionDefWords() { return isc::dhcp::SimpleParser6::OPTION6_DEF_PARAMETERS; }
};

}  // namespace nestor::hook
