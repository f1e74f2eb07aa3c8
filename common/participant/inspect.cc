// What a site tells of itself.

#include <absl/strings/ascii.h>

#include <algorithm>

#include "common/base/status.h"
#include "common/base/text.h"
#include "common/config/kea_config.h"
#include "common/ha/ha.h"
#include "common/ha/scopes.h"
#include "common/kea/health.h"
#include "common/participant/participant.h"
#include "common/protocol/envelope.h"
#include "common/protocol/wire_time.h"

namespace nestor::participant {
namespace {

constexpr size_t kMostPools = 20;
// Where Debian's Kea has its hook libraries.
constexpr std::string_view kDebianHooks = NESTOR_KEA_HOOKS;

const json::Value* Member(const json::Value& arguments, DhcpService service,
                          std::string_view name) {
  const json::Value* root = json::Find(arguments, ServiceRoot(service));
  return root == nullptr ? nullptr : json::Find(*root, name);
}

// "memfile", or enough of a database to tell it from another.
std::string LeaseDatabase(const json::Value& arguments, DhcpService service) {
  const json::Value* database = Member(arguments, service, "lease-database");
  if (database == nullptr || !database->IsObject()) return "memfile";
  const std::string type(json::FindString(*database, "type", "memfile"));
  if (type == "memfile") {
    const json::Value* persist = json::Find(*database, "persist");
    return persist != nullptr && persist->IsFalse() ? "memfile, not kept" : type;
  }
  return fmt::format("{} {} at {}", type, json::FindString(*database, "name"),
                     json::FindString(*database, "host", "localhost"));
}

}  // namespace

std::string Participant::HooksDirectory(const json::Value& arguments) const {
  if (!options_.config.hooks_directory.empty()) return options_.config.hooks_directory;
  std::string directory = ha::HooksDirectory(options_.service, arguments);
  return directory.empty() ? std::string(kDebianHooks) : directory;
}

std::vector<std::string> Participant::MissingLibraries(const std::string& directory) const {
  std::vector<std::string> missing;
  for (const std::string_view library : {ha::kHighAvailability, ha::kLeaseCommands}) {
    std::string path = fmt::format("{}/{}", directory, library);
    if (!world_.files.Exists(path)) missing.push_back(std::move(path));
  }
  return missing;
}

v1::SiteFacts Participant::Inspect() {
  v1::SiteFacts facts = InspectKea();
  *facts.mutable_wall() = ToWire(world_.clock.Wall());
  return facts;
}

v1::SiteFacts Participant::InspectKea() {
  v1::SiteFacts facts;
  facts.set_server(options_.server);
  facts.set_agent_version(options_.agent_version);
  facts.set_ha_url(options_.config.ha_url);
  facts.set_unfinished(Unfinished());
  const auto version = world_.kea.Send("version-get", {}, kea::kShortTimeout);
  if (!version.ok() || !version->ok()) {
    facts.set_kea_error(version.ok() ? version->text : std::string(Message(version.status())));
    return facts;
  }
  facts.set_kea_version(version->text);
  const v1::Health health = Look();
  facts.set_ha_state(health.ha_state());
  const auto running = watch::ReadConfiguration(options_.service, world_.kea, kReadTimeout);
  if (absl::IsDataLoss(running.status())) {
    facts.set_not_mirrorable(Utf8(Message(running.status()), 1000));
  } else if (!running.ok()) {
    facts.set_kea_error(Utf8(Message(running.status()), 1000));
  } else {
    InspectConfiguration(*running, facts);
  }
  InspectFile(facts);
  return facts;
}

void Participant::InspectConfiguration(const watch::Running& running, v1::SiteFacts& facts) {
  const json::Value& arguments = running.arguments.root();
  facts.set_hooks_directory(HooksDirectory(arguments));
  for (std::string& path : MissingLibraries(facts.hooks_directory())) {
    facts.add_missing_libraries(std::move(path));
  }
  if (auto found = ha::Find(options_.service, arguments)) {
    *facts.mutable_ha() = std::move(found->settings);
    if (found->parameters.size() <= protocol::kMaxHaParameters) {
      facts.set_ha_parameters(std::move(found->parameters));
    }
    facts.set_ha_server(found->this_server);
    facts.set_ha_unlike(found->unlike);
  }
  if (running.config_backend) facts.set_config_backend(*running.config_backend);
  facts.set_lease_database(LeaseDatabase(arguments, options_.service));
  facts.set_multi_threading(ha::MultiThreading(options_.service, arguments, facts.kea_version()));
  if (options_.service == DhcpService::kDhcp6) facts.set_server_id(ServerId(arguments));
  facts.set_digest(std::string(config::Bytes(running.set->Digest())));
  for (int kind = 0; kind < config::kKinds; ++kind) {
    const auto its = static_cast<config::Kind>(kind);
    v1::KindCount& count = *facts.add_objects();
    count.set_kind(std::string(config::KindName(its)));
    count.set_count(running.set->Count(its));
  }
  for (std::string& pool : ha::UnsplitPools(options_.service, *running.set, kMostPools)) {
    facts.add_unsplit_pools(std::move(pool));
  }
}

std::string Participant::KeaFile() {
  if (!options_.config.configuration_file.empty()) return options_.config.configuration_file;
  const auto status = world_.kea.Send("status-get", {}, kea::kShortTimeout);
  const json::Value* arguments = status.ok() ? status->arguments() : nullptr;
  const json::Value* pid = arguments == nullptr ? nullptr : json::Find(*arguments, "pid");
  return pid == nullptr || !pid->IsInt64() ? std::string() : world_.files.FileOf(pid->GetInt64());
}

void Participant::InspectFile(v1::SiteFacts& facts) {
  facts.set_file(KeaFile());
  if (facts.file().empty()) return;
  const absl::Status writable = world_.files.Writable(facts.file());
  if (absl::IsPermissionDenied(writable)) {
    facts.set_file_notice(std::string(Message(writable)));
  } else if (!writable.ok()) {
    facts.set_file_trouble(std::string(Message(writable)));
  }
}

// What the configuration says, else what Kea made once and keeps.
std::string Participant::ServerId(const json::Value& arguments) {
  const json::Value* id = Member(arguments, options_.service, "server-id");
  if (id != nullptr && id->IsObject()) {
    const std::string_view identifier = json::FindString(*id, "identifier");
    if (!identifier.empty()) return json::Canonical(*id);
  }
  const json::Value* directory = Member(arguments, options_.service, "data-directory");
  const std::string where = directory != nullptr && directory->IsString()
                                ? std::string(json::Text(*directory))
                                : std::string("/var/lib/kea");
  const auto kept = world_.files.Read(where + "/kea-dhcp6-serverid");
  return kept.ok() ? std::string(absl::StripAsciiWhitespace(kept->text)) : std::string();
}

v1::Health Participant::Look() {
  v1::Health health;
  const auto status = world_.kea.Send("status-get", {}, kea::kShortTimeout);
  if (!status.ok()) {
    health.set_error(Utf8(Message(status.status()), 1000));
  } else if (!status->ok() || status->arguments() == nullptr) {
    health.set_error(Utf8(status->text, 1000));
  } else {
    health.set_reachable(true);
    health.set_ha_state(kea::HaState(*status->arguments()));
  }
  return health;
}

}  // namespace nestor::participant
