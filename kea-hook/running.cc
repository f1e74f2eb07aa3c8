#include "kea-hook/running.h"

#include <dhcp/libdhcp++.h>
#include <dhcpsrv/cfg_globals.h>
#include <dhcpsrv/cfgmgr.h>

#include "kea-hook/family.h"
#include "kea-hook/globals.h"
#include "kea-hook/local.h"
#include "kea-hook/reader.h"
#include "kea-hook/transition.h"

namespace nestor::hook {
namespace {

using isc::data::ConstElementPtr;
using isc::data::ElementPtr;
using isc::dhcp::CfgMgr;
using isc::dhcp::LibDHCP;

template <typename F>
class Running : public RunningConfiguration {
 public:
  const char* service() const override { return F::kService; }

  std::string HaMode() const override {
    const ConstElementPtr hooks = CfgMgr::instance().getCurrentCfg()->getHooksConfig().toElement();
    for (const ElementPtr& hook : hooks->listValue()) {
      if (hook->get("library")->stringValue().find("libdhcp_ha.so") == std::string::npos) continue;
      const ConstElementPtr parameters = hook->get("parameters");
      const ConstElementPtr ha = parameters ? parameters->get("high-availability") : parameters;
      const ConstElementPtr mode = ha && !ha->empty() ? ha->get(0)->get("mode") : ConstElementPtr();
      if (mode) return mode->stringValue();
    }
    return {};
  }

  std::string ConfigBackend() const override {
    const auto control = CfgMgr::instance().getCurrentCfg()->getConfigControlInfo();
    if (!control || control->getConfigDatabases().empty()) return {};
    const ConstElementPtr type = control->getConfigDatabases().front().toElement()->get("type");
    return type ? type->stringValue() : "unknown";
  }

  std::vector<Object> Read(const std::vector<ObjectId>& ids) const override {
    const Reader<F> reader(CfgMgr::instance().getCurrentCfg());
    std::vector<Object> objects;
    objects.reserve(ids.size());
    for (const ObjectId& id : ids) objects.push_back({id, reader.Read(id)});
    return objects;
  }

  std::optional<uint16_t> OptionCode(const std::string& space,
                                     const std::string& name) const override {
    isc::dhcp::OptionDefinitionPtr definition = LibDHCP::getOptionDef(space, name);
    const uint32_t vendor = LibDHCP::optionSpaceToVendorId(space);
    if (!definition && vendor != 0) {
      definition = LibDHCP::getVendorOptionDef(F::kUniverse, vendor, name);
    }
    if (!definition) definition = LibDHCP::getRuntimeOptionDef(space, name);
    if (!definition) definition = LibDHCP::getLastResortOptionDef(space, name);
    return definition ? std::optional(definition->getCode()) : std::nullopt;
  }

  std::vector<Object> DefaultGlobals() const override {
    isc::dhcp::SrvConfig config;
    const ElementPtr defaults = isc::data::Element::createMap();
    F::Complete(defaults);
    for (const auto& [name, value] : defaults->mapValue()) {
      if (isc::dhcp::CfgGlobals::nameToIndex.contains(name)) {
        config.addConfiguredGlobal(name, value);
      }
    }
    std::vector<Object> objects;
    const ElementPtr globals = GlobalsOf(config, F::kAddresses);
    for (const auto& [name, value] : defaults->mapValue()) {
      if (globals->contains(name)) globals->set(name, value);
    }
    for (const auto& [name, value] : globals->mapValue()) {
      objects.push_back({{Kind::kGlobal, name}, value});
    }
    return objects;
  }

  ElementPtr LocalPart() const override {
    return LocalPartOf(*CfgMgr::instance().getCurrentCfg(), F::kAddresses);
  }

  Page ReadOn(const std::string& cursor, std::chrono::microseconds budget) const override {
    return Reader<F>(CfgMgr::instance().getCurrentCfg()).ReadOn(cursor, budget);
  }

  std::vector<Object> Apply(const Change& change, bool dry_run) override {
    return Transition<F>(change).Run(dry_run);
  }
};

}  // namespace

std::unique_ptr<RunningConfiguration> MakeRunningConfiguration() {
  if (CfgMgr::instance().getFamily() == AF_INET) return std::make_unique<Running<V4>>();
  return std::make_unique<Running<V6>>();
}

}  // namespace nestor::hook
