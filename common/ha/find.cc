// What a configuration says of HA.

#include <algorithm>

#include "common/agent/address.h"
#include "common/base/status.h"
#include "common/ha/ha.h"
#include "common/ha/libraries.h"
#include "common/ha/settings.h"
#include "common/ha/version.h"

namespace nestor::ha {
namespace {

using json::FindString;
using json::Value;

constexpr std::string_view kNestors = "libdhcp_nestor.so";

// The hook libraries that some version of Kea comes with, as a package of its own or not.
constexpr std::string_view kKeas[] = {
    "libdhcp_bootp.so",       "libdhcp_cb_cmds.so",     "libdhcp_class_cmds.so",
    "libdhcp_ddns_tuning.so", "libdhcp_flex_id.so",     "libdhcp_flex_option.so",
    "libdhcp_ha.so",          "libdhcp_host_cache.so",  "libdhcp_host_cmds.so",
    "libdhcp_lease_cmds.so",  "libdhcp_lease_query.so", "libdhcp_legal_log.so",
    "libdhcp_limits.so",      "libdhcp_mysql.so",       "libdhcp_mysql_cb.so",
    "libdhcp_perfmon.so",     "libdhcp_pgsql.so",       "libdhcp_pgsql_cb.so",
    "libdhcp_ping_check.so",  "libdhcp_radius.so",      "libdhcp_run_script.so",
    "libdhcp_stat_cmds.so",   "libdhcp_subnet_cmds.so", "libdhcp_user_chk.so",
};

// The libraries of a configuration; nullptr: it has no list of them.
const Value* LibrariesOf(DhcpService service, const Value& arguments) {
  const Value* const root = json::Find(arguments, ServiceRoot(service));
  const Value* const libraries = root == nullptr ? nullptr : json::Find(*root, "hooks-libraries");
  return libraries != nullptr && libraries->IsArray() ? libraries : nullptr;
}

// Takes the peers into `found`. Returns what is not as Nestor sets it, or nothing.
std::string ReadPeers(const Value& relationship, Found& found) {
  const Value* const peers = json::Find(relationship, "peers");
  if (peers == nullptr || !peers->IsArray()) return "it names no servers";
  for (const Value& peer : peers->GetArray()) {
    const std::string_view role = FindString(peer, "role");
    const std::string name(FindString(peer, "name")), url(FindString(peer, "url"));
    if (role == "primary") {
      found.settings.set_primary(name);
      found.settings.set_primary_url(url);
    } else if (role == SecondRole(found.settings.mode())) {
      found.settings.set_secondary(name);
      found.settings.set_secondary_url(url);
    } else {
      return fmt::format("server {} is its {}", name, role);
    }
  }
  if (peers->Size() != 2 || found.settings.primary().empty() ||
      found.settings.secondary().empty()) {
    return fmt::format("it has {} servers, not a primary and a {}", peers->Size(),
                       SecondRole(found.settings.mode()));
  }
  for (const std::string* url : {&found.settings.primary_url(), &found.settings.secondary_url()}) {
    const auto parsed = agent::ParseHaUrl(*url);
    if (!parsed.ok()) return std::string(Message(parsed.status()));
  }
  return {};
}

std::string ReadRelationship(const Value& relationship, Found& found) {
  found.this_server = FindString(relationship, "this-server-name");
  found.settings.set_mode(std::string(FindString(relationship, "mode")));
  for (const Limit& limit : kLimits) {
    const Value* const value = json::Find(relationship, limit.name);
    if (value != nullptr && value->IsUint()) (found.settings.*limit.set)(value->GetUint());
  }
  std::string unlike = ReadPeers(relationship, found);
  if (found.settings.mode() != kHotStandby && found.settings.mode() != kLoadBalancing) {
    return fmt::format("its mode is \"{}\"", found.settings.mode());
  }
  if (unlike.empty() && found.this_server != found.settings.primary() &&
      found.this_server != found.settings.secondary()) {
    return fmt::format("\"{}\", which this server is called, is none of its servers",
                       found.this_server);
  }
  return unlike;
}

Found Read(const Value& parameters) {
  Found found;
  found.parameters = json::Canonical(parameters);
  const Value* const relationship = FirstRelationshipIn(parameters);
  if (relationship == nullptr) {
    found.unlike = "it has no parameters";
    return found;
  }
  found.unlike = ReadRelationship(*relationship, found);
  if (const auto count = json::Find(parameters, "high-availability")->Size(); count > 1) {
    found.unlike = fmt::format("it has {} relationships", count);
  }
  return found;
}

}  // namespace

std::optional<Found> Find(DhcpService service, const Value& arguments) {
  const Value* const libraries = LibrariesOf(service, arguments);
  const Value* const library =
      libraries == nullptr ? nullptr : FindLibrary(*libraries, kHighAvailability);
  if (library == nullptr) return std::nullopt;
  const Value* const parameters = json::Find(*library, "parameters");
  static const Value none(rapidjson::kObjectType);
  return Read(parameters == nullptr ? none : *parameters);
}

std::optional<Found> FoundIn(std::string_view parameters) {
  if (parameters.empty()) return std::nullopt;
  const auto document = json::Parse(std::string(parameters));
  if (!document.ok()) return std::nullopt;
  return Read(document->root());
}

std::string HooksDirectory(DhcpService service, const Value& arguments) {
  const Value* const libraries = LibrariesOf(service, arguments);
  if (libraries == nullptr) return {};
  std::string any;
  for (const Value& one : libraries->GetArray()) {
    const std::string_view path = FindString(one, "library");
    std::string folder(FolderOf(path));
    const std::string_view name = BaseName(path);
    if (folder.empty() || name == kNestors) continue;
    if (std::find(std::begin(kKeas), std::end(kKeas), name) != std::end(kKeas)) return folder;
    if (any.empty()) any = folder;
  }
  return any;
}

bool MultiThreading(DhcpService service, const Value& arguments, std::string_view kea_version) {
  const Value* const root = json::Find(arguments, ServiceRoot(service));
  const Value* const threads = root == nullptr ? nullptr : json::Find(*root, "multi-threading");
  const Value* const enabled =
      threads == nullptr ? nullptr : json::Find(*threads, "enable-multi-threading");
  return enabled != nullptr && enabled->IsBool() ? enabled->GetBool() : AtLeast(kea_version, 2, 4);
}

std::string ParametersText(DhcpService service, const Value& arguments) {
  const auto found = Find(service, arguments);
  return found ? json::Indented(found->parameters) : std::string();
}

}  // namespace nestor::ha
