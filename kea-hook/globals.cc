#include "kea-hook/globals.h"

#include <dhcp/dhcp6.h>
#include <dhcp/libdhcp++.h>
#include <dhcpsrv/cfg_globals.h>
#include <dhcpsrv/cfgmgr.h>
#include <dhcpsrv/parsers/dhcp_parsers.h>
#include <dhcpsrv/parsers/host_reservation_parser.h>
#include <dhcpsrv/parsers/sanity_checks_parser.h>
#include <dhcpsrv/parsers/simple_parser4.h>
#include <dhcpsrv/parsers/simple_parser6.h>
#include <stats/stats_mgr.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <map>

#include "kea-hook/object.h"

namespace nestor::hook {
namespace {

using isc::data::ConstElementPtr;
using isc::data::Element;
using isc::data::ElementPtr;
using isc::dhcp::SrvConfig;
using isc::dhcp::SrvConfigPtr;
using Undo = std::function<void()>;

// A parameter that is a member of SrvConfig, or an object of its own there.
struct Part {
  ElementPtr (*get)(SrvConfig& config, uint16_t family);
  Undo (*set)(SrvConfig& config, uint16_t family, const ConstElementPtr& value);
};

// What `swap` exchanges is exchanged again by the undo.
template <typename T>
Undo Replace(boost::shared_ptr<T> current, T other) {
  std::swap(*current, other);
  return [current, other]() mutable { std::swap(*current, other); };
}

uint32_t Number(const ConstElementPtr& value, const char* name, int64_t most) {
  const int64_t number = value->intValue();
  if (number < 0 || number > most) {
    throw Refused(kRefused, std::string(name) + " must be from 0 to " + std::to_string(most));
  }
  return static_cast<uint32_t>(number);
}

Part DeclineProbation() {
  return {[](SrvConfig& config, uint16_t) {
            return Element::create(static_cast<int64_t>(config.getDeclinePeriod()));
          },
          [](SrvConfig& config, uint16_t, const ConstElementPtr& value) -> Undo {
            const uint32_t before = config.getDeclinePeriod();
            config.setDeclinePeriod(Number(value, "decline-probation-period", UINT32_MAX));
            return [&config, before] { config.setDeclinePeriod(before); };
          }};
}

Part EchoClientId() {
  return {[](SrvConfig& config, uint16_t) { return Element::create(config.getEchoClientId()); },
          [](SrvConfig& config, uint16_t, const ConstElementPtr& value) -> Undo {
            const bool before = config.getEchoClientId();
            config.setEchoClientId(value->boolValue());
            return [&config, before] { config.setEchoClientId(before); };
          }};
}

Part UserContext() {
  return {[](SrvConfig& config, uint16_t) {
            return config.getContext() ? isc::data::copy(config.getContext()) : ElementPtr();
          },
          [](SrvConfig& config, uint16_t, const ConstElementPtr& value) -> Undo {
            if (value && value->getType() != Element::map) {
              throw Refused(kRefused, "user-context must be a map");
            }
            const ConstElementPtr before = config.getContext();
            config.setContext(value);
            return [&config, before] { config.setContext(before); };
          }};
}

Part SanityChecks() {
  return {[](SrvConfig& config, uint16_t) { return config.getConsistency()->toElement(); },
          [](SrvConfig& config, uint16_t, const ConstElementPtr& value) -> Undo {
            SrvConfig parsed;
            isc::dhcp::SanityChecksParser().parse(parsed, value);
            const ElementPtr known = parsed.getConsistency()->toElement();
            for (const auto& [name, check] : value->mapValue()) {
              if (!known->contains(name)) throw Refused(kRefused, "there is no check " + name);
            }
            return Replace(config.getConsistency(), *parsed.getConsistency());
          }};
}

isc::dhcp::CfgHostOperationsPtr HostOperationsOf(SrvConfig& config, uint16_t family) {
  return family == AF_INET ? config.getCfgHostOperations4() : config.getCfgHostOperations6();
}

Part HostIdentifiers() {
  return {[](SrvConfig& config, uint16_t family) {
            return HostOperationsOf(config, family)->toElement();
          },
          [](SrvConfig& config, uint16_t family, const ConstElementPtr& value) -> Undo {
            // The parsers write to the staging configuration.
            if (family == AF_INET) {
              isc::dhcp::HostReservationIdsParser4().parse(value);
            } else {
              isc::dhcp::HostReservationIdsParser6().parse(value);
            }
            const SrvConfigPtr parsed = isc::dhcp::CfgMgr::instance().getStagingCfg();
            return Replace(HostOperationsOf(config, family), *HostOperationsOf(*parsed, family));
          }};
}

// A DHCPv6 option by its code or name.
uint16_t CodeOf(const std::string& option) {
  uint16_t code = 0;
  const char* const end = option.data() + option.size();
  const auto [stop, error] = std::from_chars(option.data(), end, code);
  if (error == std::errc() && stop == end) return code;
  const auto definition = isc::dhcp::LibDHCP::getOptionDef(DHCP6_OPTION_SPACE, option);
  if (!definition) throw Refused(kRefused, "there is no DHCPv6 option " + option);
  return definition->getCode();
}

Part RelaySuppliedOptions() {
  return {[](SrvConfig& config, uint16_t) { return config.getCfgRSOO()->toElement(); },
          [](SrvConfig& config, uint16_t, const ConstElementPtr& value) -> Undo {
            isc::dhcp::CfgRSOO enabled;
            for (const ElementPtr& one : value->listValue()) {
              enabled.enable(CodeOf(one->stringValue()));
            }
            return Replace(config.getCfgRSOO(), enabled);
          }};
}

Part MacSources() {
  return {[](SrvConfig& config, uint16_t) { return config.getMACSources().toElement(); },
          [](SrvConfig& config, uint16_t, const ConstElementPtr& value) -> Undo {
            SrvConfig parsed;
            isc::dhcp::MACSourcesListConfigParser().parse(parsed.getMACSources(), value);
            const isc::dhcp::CfgMACSource before = config.getMACSources();
            config.getMACSources() = parsed.getMACSources();
            return [&config, before] { config.getMACSources() = before; };
          }};
}

// Only shown: Kea opens a socket by the one and starts timers by the other.
Part FourOverSixPort() {
  return {[](SrvConfig& config, uint16_t) {
            return Element::create(static_cast<int>(config.getDhcp4o6Port()));
          },
          nullptr};
}

Part Expiration() {
  return {[](SrvConfig& config, uint16_t) { return config.getCfgExpiration()->toElement(); },
          nullptr};
}

const std::map<std::string, Part>& PartsOf(uint16_t family) {
  static const std::map<std::string, Part> both = {
      {"decline-probation-period", DeclineProbation()},
      {"dhcp4o6-port", FourOverSixPort()},
      {"expired-leases-processing", Expiration()},
      {"host-reservation-identifiers", HostIdentifiers()},
      {"sanity-checks", SanityChecks()},
      {"user-context", UserContext()},
  };
  static const std::map<std::string, Part> parts4 = [] {
    std::map<std::string, Part> parts = both;
    parts["echo-client-id"] = EchoClientId();
    return parts;
  }();
  static const std::map<std::string, Part> parts6 = [] {
    std::map<std::string, Part> parts = both;
    parts["mac-sources"] = MacSources();
    parts["relay-supplied-options"] = RelaySuppliedOptions();
    return parts;
  }();
  return family == AF_INET ? parts4 : parts6;
}

bool IsConfigured(const std::string& name) {
  return isc::dhcp::CfgGlobals::nameToIndex.contains(name);
}

// Values of the configured globals that something else was told of as well.
Undo TellOthers(SrvConfig& config, const std::string& name, const ConstElementPtr& value) {
  if (name == "reservations-lookup-first") {
    const bool before = config.getReservationsLookupFirst();
    config.setReservationsLookupFirst(value && value->boolValue());
    return [&config, before] { config.setReservationsLookupFirst(before); };
  }
  auto& statistics = isc::stats::StatsMgr::instance();
  if (name == "statistic-default-sample-count" && value) {
    const uint32_t before = statistics.getMaxSampleCountDefault();
    const uint32_t most = Number(value, name.c_str(), UINT32_MAX);
    statistics.setMaxSampleCountDefault(most);
    if (most != 0) statistics.setMaxSampleCountAll(most);
    return [&statistics, before] {
      statistics.setMaxSampleCountDefault(before);
      if (before != 0) statistics.setMaxSampleCountAll(before);
    };
  }
  if (name == "statistic-default-sample-age" && value) {
    const auto before = statistics.getMaxSampleAgeDefault();
    const std::chrono::seconds age(Number(value, name.c_str(), UINT32_MAX));
    const bool by_age = statistics.getMaxSampleCountDefault() == 0;
    statistics.setMaxSampleAgeDefault(age);
    if (by_age) statistics.setMaxSampleAgeAll(age);
    return [&statistics, before, by_age] {
      statistics.setMaxSampleAgeDefault(before);
      if (by_age) statistics.setMaxSampleAgeAll(before);
    };
  }
  return [] {};
}

// Kea's grammar checks these before any parser sees them.
void CheckType(uint16_t family, const ConstElementPtr& value, const std::string& name) {
  using isc::dhcp::SimpleParser4;
  using isc::dhcp::SimpleParser6;
  const auto& words =
      family == AF_INET ? SimpleParser4::GLOBAL4_PARAMETERS : SimpleParser6::GLOBAL6_PARAMETERS;
  const auto word = words.find(name);
  if (!value || word == words.end() || word->second == value->getType()) return;
  const auto type = [](int one) { return Element::typeToName(static_cast<Element::types>(one)); };
  throw Refused(kRefused,
                name + " must be " + type(word->second) + ", not " + type(value->getType()));
}

}  // namespace

ElementPtr GlobalsOf(SrvConfig& config, uint16_t family) {
  ElementPtr globals = config.getConfiguredGlobals()->toElement();
  for (const char* name : kServersOwn) globals->remove(name);
  for (const auto& [name, part] : PartsOf(family)) {
    if (const ElementPtr value = part.get(config, family)) globals->set(name, value);
  }
  return globals;
}

const std::vector<std::string>& GlobalsThatNeedConfigSet() {
  static const std::vector<std::string> names = {"dhcp4o6-port", "expired-leases-processing",
                                                 "ip-reservations-unique"};
  return names;
}

Undo SetGlobal(SrvConfig& config, uint16_t family, const std::string& name,
               const ConstElementPtr& value) {
  if (std::find(std::begin(kServersOwn), std::end(kServersOwn), name) != std::end(kServersOwn)) {
    throw Refused(kRefused, name + " belongs to a server, not to a pair");
  }
  const auto& parts = PartsOf(family);
  const auto part = parts.find(name);
  if (part == parts.end() && !IsConfigured(name)) {
    throw Refused(kRefused, "there is no parameter " + name);
  }
  std::vector<Undo> undo;
  if (part != parts.end()) {
    if (!value && name != "user-context") throw Refused(kRefused, name + " cannot be left out");
    undo.push_back(part->second.set(config, family, value));
  }
  if (IsConfigured(name)) {
    const ConstElementPtr before = config.getConfiguredGlobals()->get(name);
    if (part == parts.end()) {
      CheckType(family, value, name);
      undo.push_back(TellOthers(config, name, value));
    }
    config.getConfiguredGlobals()->set(name, value);
    undo.emplace_back(
        [&config, name, before] { config.getConfiguredGlobals()->set(name, before); });
  }
  return [undo = std::move(undo)] {
    std::for_each(undo.rbegin(), undo.rend(), [](const Undo& one) { one(); });
  };
}

void CheckLifetimes(SrvConfig& config, const std::vector<const char*>& names) {
  for (const char* name : names) config.sanityChecksLifetime(name);
}

}  // namespace nestor::hook
