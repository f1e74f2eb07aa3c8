#pragma once

#include <dhcpsrv/srv_config.h>
#include <util/multi_threading_mgr.h>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "kea-hook/family.h"
#include "kea-hook/object.h"
#include "kea-hook/reader.h"

namespace nestor::hook {

// One change of the running configuration, from objects to objects. F is V4 or V6.
//
// Everything is parsed by Kea's parsers before anything is touched. Then, while no packet is being
// processed, each part is replaced, with what undoes it noted; the rules between objects are held
// against the result, and where one is broken everything is undone. Each instance runs once.
template <typename F>
class Transition {
 public:
  explicit Transition(const Change& change);
  ~Transition();
  Transition(const Transition&) = delete;
  Transition& operator=(const Transition&) = delete;

  // Returns the objects touched, as they are after it. With `dry_run` it is undone before anybody
  // sees it. Throws Refused, or Kea's exceptions; nothing has changed then.
  std::vector<Object> Run(bool dry_run);

 private:
  using SubnetPtr = typename F::SubnetPtr;
  using SharedNetworkPtr = typename F::SharedNetworkPtr;
  using SubnetID = isc::dhcp::SubnetID;

  struct Entry {
    isc::data::ElementPtr text;  // null: removed
  };
  struct SubnetEntry : Entry {
    ObjectId id;
    std::string network;  // that it will be in
    SubnetPtr before, parsed;
  };
  struct NetworkEntry : Entry {
    SharedNetworkPtr parsed;
  };
  struct HostEntry : Entry {
    SubnetID subnet = 0;
    isc::dhcp::ConstHostPtr before;  // null: there is none
    isc::dhcp::HostPtr parsed;
  };
  // A list that is replaced as a whole: its objects in order; null: it stays.
  using List = std::unique_ptr<std::vector<Object>>;

  // -- what is asked for
  void Take(const ObjectId& id, const isc::data::ConstElementPtr& value);
  void TakeListed(const ObjectId& id, const isc::data::ConstElementPtr& value);
  void TakeSubnet(const ObjectId& id, const isc::data::ElementPtr& text);
  void TakeHost(const ObjectId& id, const isc::data::ElementPtr& text);
  List ListWith(Kind kind) const;
  std::vector<std::string> ClassOrder() const;
  void TakeUsersOf(const std::vector<Object>& before);

  // -- parsing
  void Parse();
  void ParseDefinitions();
  void ParseOptions();
  void ParseClasses();
  void CheckEncapsulation(const isc::data::ConstElementPtr& definitions) const;
  void Complete();
  void ParseNetworks();
  void ParseSubnets();
  void ParseHosts();
  void CheckGlobals();
  // Runs `parse`; an exception of Kea is what stands against the object.
  void Guard(const ObjectId& id, const std::function<void()>& parse);
  void ThrowIfRefused() const;

  // -- replacing
  void Replace();
  SubnetPtr FindSubnet(SubnetID number) const;  // null: there is none
  void RemoveHosts();
  void RemoveSubnets();
  void PlaceNetworks();
  void PlaceSubnets();
  void Place(SubnetID number, const SubnetEntry& entry);
  void PlaceHosts();
  void Place(const HostEntry& entry);
  void ReplaceLists();
  void CheckRules();
  void CheckPlaces(const std::vector<Object>& after) const;
  void CheckNetwork(const std::string& name);
  void CheckHostsIn(SubnetID number);
  void Undo() noexcept;
  void RenewStatistics();

  isc::dhcp::SrvConfigPtr config_;
  Reader<F> reader_;
  std::set<ObjectId> touched_;
  std::vector<Refusal> refused_;

  std::map<std::string, isc::data::ConstElementPtr> globals_;            // null: removed
  std::map<Kind, std::map<std::string, isc::data::ElementPtr>> listed_;  // null: removed
  std::map<SubnetID, SubnetEntry> subnets_;
  std::map<std::string, NetworkEntry> networks_;
  std::map<ObjectId, HostEntry> hosts_;
  std::set<std::pair<SubnetID, std::string>> named_;  // identifiers in hosts_

  isc::dhcp::CfgOptionDefPtr definitions_;  // null: they stay; so with the next two
  isc::dhcp::CfgOptionPtr options_;
  isc::dhcp::ClientClassDictionaryPtr classes_;

  std::set<std::string> networks_to_check_;
  std::vector<std::function<void()>> undo_;
  std::unique_ptr<isc::util::MultiThreadingCriticalSection> alone_;
};

}  // namespace nestor::hook
