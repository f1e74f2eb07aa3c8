#include "kea-hook/local.h"

#include <dhcpsrv/cfg_db_access.h>
#include <dhcpsrv/cfg_globals.h>
#include <sys/stat.h>

#include "kea-hook/globals.h"
#include "kea-hook/kea_versions.h"

namespace nestor::hook {
namespace {

using isc::data::ConstElementPtr;
using isc::data::Element;
using isc::data::ElementPtr;
using isc::dhcp::SrvConfig;

ElementPtr Loggers(const SrvConfig& config) {
  ElementPtr loggers = Element::createList();
  for (const auto& logger : config.getLoggingInfo()) loggers->add(logger.toElement());
  return loggers;
}

}  // namespace

ElementPtr LocalPartOf(SrvConfig& config, uint16_t family) {
  const ElementPtr members = Element::createMap();
  const auto set = [&](const char* name, const ConstElementPtr& value) {
    if (value) members->set(name, value);
  };
  const auto set_unless_empty = [&](const char* name, const ConstElementPtr& value) {
    if (!value->empty()) members->set(name, value);
  };
  for (const char* name : kServersOwn) set(name, config.getConfiguredGlobals()->get(name));
  set_unless_empty("loggers", Loggers(config));
  set("dhcp-ddns", config.getD2ClientConfig()->toElement());
  set("interfaces-config", config.getCfgIface()->toElement());
  if (family == AF_INET6) set("server-id", config.getCfgDUID()->toElement());
  set("lease-database", isc::dhcp::CfgLeaseDbAccess(*config.getCfgDbAccess()).toElement());
  set_unless_empty("hosts-databases",
                   isc::dhcp::CfgHostDbAccess(*config.getCfgDbAccess()).toElement());
  set("hooks-libraries", config.getHooksConfig().toElement());
  if (const auto control = config.getConfigControlInfo()) {
    set("config-control", control->toElement());
  }
  set("dhcp-queue-control", config.getDHCPQueueControl());
  set("multi-threading", config.getDHCPMultiThreading());
  AddLocalParts(config, family, members);
  ElementPtr root = Element::createMap();
  root->set(family == AF_INET ? "Dhcp4" : "Dhcp6", members);
  return root;
}

ElementPtr IdentityOf(const std::string& path) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0) return {};
  ElementPtr identity = Element::createMap();
  identity->set("device", Element::create(static_cast<int64_t>(found.st_dev)));
  identity->set("inode", Element::create(static_cast<int64_t>(found.st_ino)));
  return identity;
}

}  // namespace nestor::hook
