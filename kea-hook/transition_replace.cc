// A change that was parsed takes its place, or does not.
#include <dhcp/libdhcp++.h>

#include <algorithm>

#include "kea-hook/globals.h"
#include "kea-hook/kea_versions.h"
#include "kea-hook/transition.h"

namespace nestor::hook {
namespace {

using isc::dhcp::LibDHCP;

// Has `current` what `other` has; the undo has it back.
template <typename T>
std::function<void()> Swap(const boost::shared_ptr<T>& current, const boost::shared_ptr<T>& other) {
  std::swap(*current, *other);
  return [current, other] { std::swap(*current, *other); };
}

}  // namespace

template <typename F>
std::vector<Object> Transition<F>::Run(bool dry_run) {
  Parse();
  if (!alone_) alone_ = std::make_unique<isc::util::MultiThreadingCriticalSection>();
  std::vector<Object> after;
  try {
    Replace();
    CheckRules();
    ThrowIfRefused();
    for (const ObjectId& id : touched_) after.push_back({id, reader_.Read(id)});
    CheckPlaces(after);
  } catch (...) {
    Undo();
    throw;
  }
  if (dry_run) {
    Undo();
    return after;
  }
  undo_.clear();
  if (definitions_) LibDHCP::commitRuntimeOptionDefs();
  RenewStatistics();
  return after;
}

template <typename F>
void Transition<F>::Replace() {
  RemoveHosts();
  RemoveSubnets();
  PlaceNetworks();
  PlaceSubnets();
  PlaceHosts();
  ReplaceLists();
}

// By Kea's index; its getSubnet() looks at all.
template <typename F>
typename F::SubnetPtr Transition<F>::FindSubnet(SubnetID number) const {
  return boost::const_pointer_cast<typename F::Subnet>(F::Subnets(*config_)->getBySubnetId(number));
}

template <typename F>
void Transition<F>::RemoveHosts() {
  const auto hosts = config_->getCfgHosts();
  for (auto& [id, entry] : hosts_) {
    if (!entry.before) continue;
    Remove(entry.before, *hosts);
    undo_.push_back([hosts, host = boost::const_pointer_cast<isc::dhcp::Host>(entry.before)] {
      hosts->add(host);
    });
  }
}

template <typename F>
void Transition<F>::RemoveSubnets() {
  const auto subnets = F::Subnets(*config_);
  for (auto& [number, entry] : subnets_) {
    const SubnetPtr before = entry.before = FindSubnet(number);
    if (!before) continue;
    SharedNetworkPtr network;
    before->getSharedNetwork(network);
    if (network) {
      network->del(number);
      undo_.push_back([network, before] { network->add(before); });
      networks_to_check_.insert(network->getName());
    }
    subnets->del(number);
    undo_.push_back([subnets, before] { subnets->add(before); });
  }
}

// Kea lets go of the subnets of a network that it deletes, so they leave before and join after.
template <typename F>
void Transition<F>::PlaceNetworks() {
  const auto networks = F::SharedNetworks(*config_);
  for (auto& [name, entry] : networks_) {
    networks_to_check_.insert(name);
    const SharedNetworkPtr before = networks->getByName(name), next = entry.parsed;
    std::vector<SubnetPtr> members;
    if (before) members.assign(before->getAllSubnets()->begin(), before->getAllSubnets()->end());
    if (!next && !members.empty()) {
      refused_.push_back({{Kind::kSharedNetwork, name},
                          "it still has subnet " + members.front()->toText() + " (id " +
                              std::to_string(members.front()->getID()) + ")"});
      continue;
    }
    for (const SubnetPtr& member : members) {
      before->del(member->getID());
      undo_.push_back([before, member] { before->add(member); });
    }
    if (before) {
      networks->del(name);
      undo_.push_back([networks, before] { networks->add(before); });
    }
    if (!next) continue;
    networks->add(next);
    undo_.push_back([networks, name = name] { networks->del(name); });
    for (const SubnetPtr& member : members) {
      next->add(member);
      undo_.push_back([next, member] { next->del(member->getID()); });
    }
  }
}

template <typename F>
void Transition<F>::PlaceSubnets() {
  for (auto& [number, entry] : subnets_) {
    if (!entry.parsed) continue;
    Guard(entry.id, [this, number = number, &entry = entry] { Place(number, entry); });
  }
}

template <typename F>
void Transition<F>::Place(SubnetID number, const SubnetEntry& entry) {
  const auto subnets = F::Subnets(*config_);
  subnets->add(entry.parsed);
  undo_.push_back([subnets, number] { subnets->del(number); });
  if (entry.network.empty()) return;
  const SharedNetworkPtr network = F::SharedNetworks(*config_)->getByName(entry.network);
  if (!network) throw Refused(kRefused, "there is no shared network " + entry.network);
  network->add(entry.parsed);
  undo_.push_back([network, number] { network->del(number); });
  networks_to_check_.insert(entry.network);
}

template <typename F>
void Transition<F>::PlaceHosts() {
  for (auto& [id, entry] : hosts_) {
    if (entry.parsed) Guard(id, [this, &entry = entry] { Place(entry); });
  }
}

template <typename F>
void Transition<F>::Place(const HostEntry& entry) {
  if (entry.subnet != 0) {
    const SubnetPtr subnet = FindSubnet(entry.subnet);
    if (!subnet) throw Refused(kRefused, "there is no subnet " + std::to_string(entry.subnet));
    if (const std::string outside = F::OutOf(*subnet, *entry.parsed); !outside.empty()) {
      throw Refused(kRefused, outside + " is not in subnet " + subnet->toText());
    }
  }
  const auto hosts = config_->getCfgHosts();
  // Kea 2.2 keeps half of a host that it refuses.
  undo_.push_back([hosts, host = entry.parsed] { Remove(host, *hosts); });
  hosts->add(entry.parsed);
}

template <typename F>
void Transition<F>::ReplaceLists() {
  if (definitions_) undo_.push_back(Swap(config_->getCfgOptionDef(), definitions_));
  if (options_) undo_.push_back(Swap(config_->getCfgOption(), options_));
  if (classes_) {
    undo_.push_back([config = config_, before = config_->getClientClassDictionary()] {
      config->setClientClassDictionary(before);
    });
    config_->setClientClassDictionary(classes_);
  }
  for (const auto& [name, value] : globals_) {
    if (name == kClassOrder) continue;
    Guard({Kind::kGlobal, name}, [&, &name = name, &value = value] {
      undo_.push_back(SetGlobal(*config_, F::kAddresses, name, value));
    });
  }
  if (globals_.empty()) return;
  Guard({Kind::kGlobal, F::Lifetimes().back()}, [&] { CheckLifetimes(*config_, F::Lifetimes()); });
}

template <typename F>
void Transition<F>::CheckRules() {
  for (const std::string& name : networks_to_check_) CheckNetwork(name);
  for (const auto& [number, entry] : subnets_) CheckHostsIn(number);
}

// An option "dhcp4/3#5" is the fifth of its code, or none.
template <typename F>
void Transition<F>::CheckPlaces(const std::vector<Object>& after) const {
  for (const auto& [id, value] : after) {
    const auto kind = listed_.find(id.kind);
    if (value || kind == listed_.end()) continue;
    const auto entry = kind->second.find(id.key);
    if (entry == kind->second.end() || !entry->second) continue;
    throw Refused(kMalformed, std::string(KindName(id.kind)) + " " + id.key +
                                  " would have another number: there are not so many before it");
  }
}

template <typename F>
void Transition<F>::CheckNetwork(const std::string& name) {
  const SharedNetworkPtr network = F::SharedNetworks(*config_)->getByName(name);
  if (!network) return;
  SubnetPtr first;  // that names an interface, or the first of all
  for (const SubnetPtr& subnet : *network->getAllSubnets()) {
    if (!first || (first->getIface().empty() && !subnet->getIface().empty())) first = subnet;
    if (const std::string why = F::WhyApart(*network, *first, *subnet); !why.empty()) {
      refused_.push_back({{Kind::kSubnet, std::to_string(subnet->getID())}, why});
    }
  }
}

// The hosts that were there before: those of the change were looked at when they were placed.
template <typename F>
void Transition<F>::CheckHostsIn(SubnetID number) {
  const SubnetEntry& entry = subnets_.at(number);
  const auto& hosts = *config_->getCfgHosts();
  if (!entry.parsed) {
    const auto some = F::HostsIn(hosts, number);
    if (some.empty()) return;
    refused_.push_back({entry.id, "it still has reservations, " +
                                      ReservationKey(number, *F::ElementOf(*some.front())) +
                                      " for one"});
    return;
  }
  if (!entry.before || entry.before->toText() == entry.parsed->toText()) return;
  for (const auto& host : F::HostsIn(hosts, number)) {
    const std::string outside = F::OutOf(*entry.parsed, *host);
    if (outside.empty()) continue;
    refused_.push_back({entry.id, "the reserved address " + outside + " would not be in " +
                                      entry.parsed->toText()});
    return;
  }
}

template <typename F>
void Transition<F>::Undo() noexcept {
  while (!undo_.empty()) {
    try {
      undo_.back()();
    } catch (...) {
      // What was there before is put where it was, which nothing stands against.
    }
    undo_.pop_back();
  }
}

template <typename F>
void Transition<F>::RenewStatistics() {
  for (const auto& [number, entry] : subnets_) {
    F::RemoveStatistics(number);
    if (entry.parsed) F::AddStatistics(*entry.parsed);
  }
}

template class Transition<V4>;
template class Transition<V6>;

}  // namespace nestor::hook
