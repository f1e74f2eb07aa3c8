// Parsing: everything by Kea's own parsers, and beside it as it will be.
#include <dhcp/libdhcp++.h>
#include <dhcpsrv/parsers/client_class_def_parser.h>
#include <dhcpsrv/parsers/option_data_parser.h>

#include <algorithm>
#include <type_traits>

#include "kea-hook/encapsulation.h"
#include "kea-hook/globals.h"
#include "kea-hook/transition.h"
#include "kea-hook/words.h"

namespace nestor::hook {
namespace {

using isc::data::ConstElementPtr;
using isc::data::Element;
using isc::data::ElementPtr;
using isc::dhcp::CfgOption;
using isc::dhcp::LibDHCP;

ElementPtr ListOf(const std::vector<Object>& objects) {
  ElementPtr list = Element::createList();
  for (const Object& object : objects) list->add(isc::data::copy(object.value));
  return list;
}

// Kea writes a lifetime without bounds as one that is its own bound. A subnet that says the
// lifetime otherwise must not inherit those.
void RemoveOwnBounds(const ElementPtr& network) {
  for (const std::string lifetime : {"valid-lifetime", "preferred-lifetime"}) {
    const ConstElementPtr value = network->get(lifetime);
    for (const char* bound : {"min-", "max-"}) {
      const ConstElementPtr limit = network->get(bound + lifetime);
      if (value && limit && limit->equals(*value)) network->remove(bound + lifetime);
    }
  }
}

struct Code {
  std::string space;
  uint16_t code;
};

bool Uses(const CfgOption& options, const std::vector<Code>& codes) {
  if (options.empty()) return false;
  return std::any_of(codes.begin(), codes.end(), [&](const Code& one) {
    const uint32_t vendor = LibDHCP::optionSpaceToVendorId(one.space);
    const auto all = vendor != 0 ? options.getAll(vendor) : options.getAll(one.space);
    return all->get<1>().count(one.code) > 0;
  });
}

template <typename Subnet>
bool PoolsUse(const Subnet& subnet, const std::vector<Code>& codes) {
  using isc::dhcp::Lease;
  std::vector<Lease::Type> types = {Lease::TYPE_NA, Lease::TYPE_TA, Lease::TYPE_PD};
  if constexpr (std::is_same_v<Subnet, isc::dhcp::Subnet4>) types = {Lease::TYPE_V4};
  return std::any_of(types.begin(), types.end(), [&](Lease::Type type) {
    const auto& pools = subnet.getPools(type);
    return std::any_of(pools.begin(), pools.end(),
                       [&](const auto& pool) { return Uses(*pool->getCfgOption(), codes); });
  });
}

}  // namespace

template <typename F>
void Transition<F>::Parse() {
  CheckGlobals();
  ParseDefinitions();
  Complete();
  ParseOptions();
  ParseClasses();
  ParseNetworks();
  ParseSubnets();
  ParseHosts();
  ThrowIfRefused();
}

template <typename F>
void Transition<F>::CheckGlobals() {
  const auto& not_here = GlobalsThatNeedConfigSet();
  std::vector<Refusal> needing;
  for (const auto& [name, value] : globals_) {
    if (std::find(not_here.begin(), not_here.end(), name) != not_here.end()) {
      needing.push_back({{Kind::kGlobal, name}, "Kea uses it only while it takes a configuration"});
    }
    // A network takes most of them as well, and its parser knows what they may be.
    const auto& of_networks = F::SharedNetworkWords();
    if (!value || name == "name" || !of_networks.contains(name)) continue;
    Guard({Kind::kGlobal, name}, [&name = name, &value = value] {
      const ElementPtr network = Element::createMap();
      network->set("name", Element::create("-"));
      network->set(name, isc::data::copy(value));
      typename F::SharedNetworkParser().parse(network);
    });
  }
  if (!needing.empty()) {
    throw Refused(kNeedsConfigSet, "only a config-set changes " + needing.front().id.key, needing);
  }
}

// Options are parsed by the definitions that LibDHCP has, which packets are unpacked by as well.
template <typename F>
void Transition<F>::ParseDefinitions() {
  if (!listed_.contains(Kind::kOptionDef)) return;
  alone_ = std::make_unique<isc::util::MultiThreadingCriticalSection>();
  const std::vector<Object> before = reader_.ReadAll(Kind::kOptionDef);
  const List list = ListWith(Kind::kOptionDef);
  Encapsulation encapsulation(F::kService);
  encapsulation.Add(ListOf(*list));
  const ElementPtr text = Element::createMap();
  text->set("option-def", ListOf(*list));
  F::Complete(text);
  definitions_.reset(new isc::dhcp::CfgOptionDef());
  isc::dhcp::OptionDefParser parser(F::kAddresses);
  size_t at = 0;
  for (const ElementPtr& one : text->get("option-def")->listValue()) {
    Guard((*list)[at++].id, [&] {
      CheckWords<F>(Kind::kOptionDef, one);
      definitions_->add(parser.parse(one));
      const ElementPtr alone = Element::createList();
      alone->add(one);
      encapsulation.Check(alone);
    });
  }
  ThrowIfRefused();
  LibDHCP::setRuntimeOptionDefs(definitions_->getContainer());
  TakeUsersOf(before);
}

// What has an option whose definition changes is parsed again from what it is.
template <typename F>
void Transition<F>::TakeUsersOf(const std::vector<Object>& before) {
  std::vector<Code> codes;
  for (const auto& [key, text] : listed_[Kind::kOptionDef]) {
    const bool same =
        std::any_of(before.begin(), before.end(), [&key = key, &text = text](const Object& one) {
          return text && one.id.key == key && one.value->equals(*text);
        });
    const auto [space, code, number] = OptionPlace(key);
    if (!same) codes.push_back({space, static_cast<uint16_t>(code)});
  }
  const auto take = [this](const ObjectId& id) {
    if (!touched_.contains(id)) Take(id, reader_.Read(id));
  };
  for (const Kind kind : {Kind::kOption, Kind::kClientClass}) {
    for (const Object& one : reader_.ReadAll(kind)) take(one.id);
  }
  for (const auto& one : *F::SharedNetworks(*config_)->getAll()) {
    if (Uses(*one->getCfgOption(), codes)) take({Kind::kSharedNetwork, one->getName()});
  }
  for (const auto& one : *F::Subnets(*config_)->getAll()) {
    if (Uses(*one->getCfgOption(), codes) || PoolsUse(*one, codes)) {
      take({Kind::kSubnet, std::to_string(one->getID())});
    }
  }
  uint64_t number = 0;
  constexpr size_t kAtOnce = 1000;
  for (bool more = true; more;) {
    const auto hosts = F::HostsBehind(*config_->getCfgHosts(), number, kAtOnce);
    more = hosts.size() == kAtOnce;
    for (const auto& host : hosts) {
      number = host->getHostId();
      if (!Uses(*F::OptionsOf(*host), codes)) continue;
      take({Kind::kReservation, ReservationKey(F::SubnetOf(*host), *F::ElementOf(*host))});
    }
  }
}

// Gives everything Kea's defaults and what it inherits: all parts of the change are put where they
// stand in a configuration, beside the globals as they will be.
template <typename F>
void Transition<F>::Complete() {
  const ElementPtr global = config_->getConfiguredGlobals()->toElement();
  for (const auto& [name, value] : globals_) {
    if (value && name != kClassOrder) {
      global->set(name, isc::data::copy(value));
    } else {
      global->remove(name);
    }
  }
  const ElementPtr plain = Element::createList(), networks = Element::createList();
  std::map<std::string, ElementPtr> by_name;
  for (auto& [name, entry] : networks_) {
    if (entry.text) by_name[name] = entry.text;
  }
  for (auto& [number, entry] : subnets_) {
    if (!entry.text) continue;
    if (entry.network.empty()) {
      plain->add(entry.text);
      continue;
    }
    ElementPtr& network = by_name[entry.network];
    if (!network) {
      const ConstElementPtr now = reader_.Read({Kind::kSharedNetwork, entry.network});
      network = now ? isc::data::copy(now) : Element::createMap();
    }
    if (!network->contains(F::kSubnets)) network->set(F::kSubnets, Element::createList());
    boost::const_pointer_cast<Element>(network->get(F::kSubnets))->add(entry.text);
  }
  for (const auto& [name, network] : by_name) {
    RemoveOwnBounds(network);
    networks->add(network);
  }
  global->set(F::kSubnets, plain);
  global->set("shared-networks", networks);
  F::Complete(global);
  for (const auto& [name, network] : by_name) network->remove(F::kSubnets);
}

template <typename F>
void Transition<F>::ParseOptions() {
  const List list = ListWith(Kind::kOption);
  if (!list) return;
  options_.reset(new CfgOption());
  for (const Object& one : *list) {
    Guard(one.id, [&] {
      CheckWords<F>(Kind::kOption, one.value);
      isc::dhcp::OptionDataListParser(F::kAddresses).parse(options_, ListOf({one}));
    });
  }
}

template <typename F>
std::vector<std::string> Transition<F>::ClassOrder() const {
  std::vector<std::string> names;
  const auto order = globals_.find(std::string(kClassOrder));
  if (order != globals_.end() && order->second) {
    for (const ElementPtr& name : order->second->listValue()) names.push_back(name->stringValue());
  }
  return names;
}

// Of definitions that a class has of its own, which stand in the place of others.
template <typename F>
void Transition<F>::CheckEncapsulation(const ConstElementPtr& definitions) const {
  if (!definitions) return;
  const List changed = ListWith(Kind::kOptionDef);
  Encapsulation encapsulation(F::kService);
  encapsulation.Add(ListOf(changed ? *changed : reader_.ReadAll(Kind::kOptionDef)));
  encapsulation.Add(definitions);
  encapsulation.Check(definitions);
}

// Classes before the first one that changes cannot depend on it. The others are parsed again where
// a class that they are tested by does, or the order moves.
template <typename F>
void Transition<F>::ParseClasses() {
  List list = ListWith(Kind::kClientClass);
  if (!list) return;
  const std::vector<std::string> order = ClassOrder();
  const auto place = [&](const Object& one) {
    return std::find(order.begin(), order.end(), one.id.key) - order.begin();
  };
  std::vector<std::string> before, after;
  for (const Object& one : *list) before.push_back(one.id.key);
  std::stable_sort(list->begin(), list->end(),
                   [&](const Object& a, const Object& b) { return place(a) < place(b); });
  for (const Object& one : *list) after.push_back(one.id.key);

  const auto& changed = listed_[Kind::kClientClass];
  std::set<std::string> moved;  // classes on which others may depend
  for (const auto& [name, text] : changed) moved.insert(name);
  const bool all = before != after || definitions_ != nullptr;
  const auto current = config_->getClientClassDictionary();
  classes_.reset(new isc::dhcp::ClientClassDictionary());
  for (const Object& one : *list) {
    isc::dhcp::ClientClassDefPtr as_it_is = current->findClass(one.id.key);
    const bool again = all || !as_it_is || changed.contains(one.id.key) ||
                       std::any_of(moved.begin(), moved.end(), [&](const std::string& name) {
                         return as_it_is->dependOnClass(name);
                       });
    if (!again) {
      classes_->addClass(as_it_is);
      continue;
    }
    moved.insert(one.id.key);
    Guard(one.id, [&] {
      isc::dhcp::ClientClassDefParser parser;
      parser.checkParametersSupported(one.value, F::kAddresses);
      CheckWords<F>(Kind::kClientClass, one.value);
      CheckEncapsulation(one.value->get("option-def"));
      parser.parse(classes_, isc::data::copy(one.value), F::kAddresses);
    });
  }
}

template <typename F>
void Transition<F>::ParseNetworks() {
  for (auto& [name, entry] : networks_) {
    if (!entry.text) continue;
    Guard({Kind::kSharedNetwork, name}, [&entry = entry] {
      CheckWords<F>(Kind::kSharedNetwork, entry.text);
      entry.parsed = typename F::SharedNetworkParser().parse(entry.text);
    });
  }
}

template <typename F>
void Transition<F>::ParseSubnets() {
  for (auto& [number, entry] : subnets_) {
    if (!entry.text) continue;
    Guard(entry.id, [&entry = entry] {
      CheckWords<F>(Kind::kSubnet, entry.text);
      entry.parsed = typename F::SubnetParser().parse(entry.text);
    });
  }
}

template <typename F>
void Transition<F>::ParseHosts() {
  for (auto& [id, entry] : hosts_) {
    if (!entry.text) continue;
    Guard(id, [&entry = entry, &id = id] {
      CheckWords<F>(Kind::kReservation, entry.text);
      typename F::HostParser parser;
      entry.parsed = parser.parse(entry.subnet, entry.text);
      const isc::dhcp::Host named = HostOfKey(id);
      if (named.getIdentifier() != entry.parsed->getIdentifier() ||
          named.getIdentifierType() != entry.parsed->getIdentifierType()) {
        throw Refused(kMalformed, "has another identifier in it");
      }
    });
  }
}

template class Transition<V4>;
template class Transition<V6>;

}  // namespace nestor::hook
