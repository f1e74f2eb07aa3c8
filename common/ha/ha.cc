#include "common/ha/ha.h"

#include <algorithm>

#include "common/agent/address.h"
#include "common/base/status.h"

namespace nestor::ha {
namespace {

using json::Value;
using Allocator = rapidjson::Document::AllocatorType;

constexpr std::string_view kNestor = "libdhcp_nestor.so";

std::string_view BaseName(std::string_view path) { return path.substr(path.rfind('/') + 1); }

const Value* Root(DhcpService service, const Value& arguments) {
  const Value* root = json::Find(arguments, ServiceRoot(service));
  return root != nullptr && root->IsObject() ? root : nullptr;
}

const Value* Libraries(DhcpService service, const Value& arguments) {
  const Value* root = Root(service, arguments);
  const Value* list = root == nullptr ? nullptr : json::Find(*root, "hooks-libraries");
  return list != nullptr && list->IsArray() ? list : nullptr;
}

bool Is(const Value& library, std::string_view name) {
  return library.IsObject() && BaseName(json::FindString(library, "library")) == name;
}

// The parameters of the HA hook's relationship, or nullptr.
const Value* Relationship(const Value& library, std::string& unlike) {
  const Value* parameters = json::Find(library, "parameters");
  const Value* list = parameters == nullptr || !parameters->IsObject()
                          ? nullptr
                          : json::Find(*parameters, "high-availability");
  if (list == nullptr || !list->IsArray() || list->Empty() || !(*list)[0].IsObject()) {
    unlike = "its HA hook has no parameters";
    return nullptr;
  }
  if (list->Size() > 1) unlike = "it has several HA relationships";
  return &(*list)[0];
}

void Read(const Value& ha, std::string_view name, auto set) {
  const Value* value = json::Find(ha, name);
  if (value != nullptr && value->IsUint()) set(value->GetUint());
}

void ReadPeers(const Value& ha, Found& found) {
  const Value* peers = json::Find(ha, "peers");
  if (peers == nullptr || !peers->IsArray()) return;
  for (const Value& peer : peers->GetArray()) {
    if (!peer.IsObject()) continue;
    const std::string_view role = json::FindString(peer, "role");
    const std::string name(json::FindString(peer, "name")), url(json::FindString(peer, "url"));
    if (role == "primary") {
      found.settings.set_primary(name);
      found.settings.set_primary_url(url);
    } else if (role == "secondary" || role == "standby") {
      found.settings.set_secondary(name);
      found.settings.set_secondary_url(url);
    }
  }
  if (peers->Size() != 2 && found.unlike.empty()) found.unlike = "its HA has not two servers";
}

std::string SecondRole(std::string_view mode) {
  return mode == "hot-standby" ? "standby" : "secondary";
}

Value Text(std::string_view text, Allocator& allocator) {
  return {text.data(), static_cast<rapidjson::SizeType>(text.size()), allocator};
}

// Adds or replaces a member.
void Put(Value& object, std::string_view name, Value value, Allocator& allocator) {
  if (Value* old = json::Find(object, name)) {
    *old = value;
  } else {
    object.AddMember(Text(name, allocator), value, allocator);
  }
}

Value Peer(std::string_view name, std::string_view role, std::string_view url,
           Allocator& allocator) {
  Value peer(rapidjson::kObjectType);
  Put(peer, "name", Text(name, allocator), allocator);
  Put(peer, "role", Text(role, allocator), allocator);
  Put(peer, "url", Text(url, allocator), allocator);
  Put(peer, "auto-failover", Value(true), allocator);
  return peer;
}

void PutThreads(Value& ha, Allocator& allocator) {
  if (const Value* there = json::Find(ha, "multi-threading"); there != nullptr) return;
  Value threads(rapidjson::kObjectType);
  Put(threads, "enable-multi-threading", Value(true), allocator);
  Put(threads, "http-dedicated-listener", Value(true), allocator);
  Put(threads, "http-listener-threads", Value(0), allocator);
  Put(threads, "http-client-threads", Value(0), allocator);
  Put(ha, "multi-threading", std::move(threads), allocator);
}

void PutSettings(Value& ha, const v1::HighAvailability& settings, std::string_view this_server,
                 Allocator& allocator) {
  Put(ha, "this-server-name", Text(this_server, allocator), allocator);
  Put(ha, "mode", Text(settings.mode(), allocator), allocator);
  const auto number = [&](bool has, std::string_view name, uint32_t value) {
    if (has) Put(ha, name, Value(value), allocator);
  };
  number(settings.has_heartbeat_delay(), "heartbeat-delay", settings.heartbeat_delay());
  number(settings.has_max_response_delay(), "max-response-delay", settings.max_response_delay());
  number(settings.has_max_ack_delay(), "max-ack-delay", settings.max_ack_delay());
  number(settings.has_max_unacked_clients(), "max-unacked-clients", settings.max_unacked_clients());
  PutThreads(ha, allocator);
  Value peers(rapidjson::kArrayType);
  peers.PushBack(Peer(settings.primary(), "primary", settings.primary_url(), allocator), allocator);
  peers.PushBack(
      Peer(settings.secondary(), SecondRole(settings.mode()), settings.secondary_url(), allocator),
      allocator);
  Put(ha, "peers", std::move(peers), allocator);
}

absl::Status Check(const v1::HighAvailability& settings, std::string_view this_server) {
  const auto bad = [](std::string text) {
    return Error(absl::StatusCode::kInvalidArgument, "{}", text);
  };
  if (settings.mode() != "hot-standby" && settings.mode() != "load-balancing") {
    return bad(fmt::format("\"{}\" is no mode of HA", settings.mode()));
  }
  if (settings.primary().empty() || settings.secondary().empty() ||
      settings.primary() == settings.secondary()) {
    return bad("HA needs two servers with a name each");
  }
  if (this_server != settings.primary() && this_server != settings.secondary()) {
    return bad(fmt::format("{} is none of HA's servers, {} and {}", this_server, settings.primary(),
                           settings.secondary()));
  }
  RETURN_IF_ERROR(agent::ParseHaUrl(settings.primary_url()).status());
  return agent::ParseHaUrl(settings.secondary_url()).status();
}

// The element of `libraries` that is `name`, made if it is missing.
Value& Library(Value& libraries, std::string_view name, std::string_view directory,
               Allocator& allocator) {
  for (Value& library : libraries.GetArray()) {
    if (Is(library, name)) return library;
  }
  Value library(rapidjson::kObjectType);
  Put(library, "library", Text(fmt::format("{}/{}", directory, name), allocator), allocator);
  libraries.PushBack(std::move(library), allocator);
  return libraries[libraries.Size() - 1];
}

// The first element of the list, which is made, with what is around it, where it is missing.
Value& RelationshipIn(Value& library, Allocator& allocator) {
  Value* parameters = json::Find(library, "parameters");
  if (parameters == nullptr || !parameters->IsObject()) {
    Put(library, "parameters", Value(rapidjson::kObjectType), allocator);
    parameters = json::Find(library, "parameters");
  }
  Value* list = json::Find(*parameters, "high-availability");
  const bool there = list != nullptr && list->IsArray() && !list->Empty() && (*list)[0].IsObject();
  if (!there) {
    Value fresh(rapidjson::kArrayType);
    fresh.PushBack(Value(rapidjson::kObjectType), allocator);
    Put(*parameters, "high-availability", std::move(fresh), allocator);
    list = json::Find(*parameters, "high-availability");
  }
  return (*list)[0];
}

void TurnThreadsOn(Value& root, Allocator& allocator) {
  Value* threads = json::Find(root, "multi-threading");
  if (threads == nullptr || !threads->IsObject()) {
    Put(root, "multi-threading", Value(rapidjson::kObjectType), allocator);
    threads = json::Find(root, "multi-threading");
  }
  Put(*threads, "enable-multi-threading", Value(true), allocator);
}

// "2.2.0" is older than 2.4, from when on multi-threading is on by default.
bool ThreadsByDefault(std::string_view version) {
  return !version.starts_with("1.") && !version.starts_with("2.2") && !version.starts_with("2.3") &&
         !version.starts_with("2.1") && !version.starts_with("2.0");
}

}  // namespace

std::optional<Found> Find(DhcpService service, const Value& arguments) {
  const Value* libraries = Libraries(service, arguments);
  if (libraries == nullptr) return std::nullopt;
  for (const Value& library : libraries->GetArray()) {
    if (!Is(library, kHighAvailability)) continue;
    Found found;
    if (const Value* parameters = json::Find(library, "parameters")) {
      found.parameters = json::Canonical(*parameters);
    }
    const Value* ha = Relationship(library, found.unlike);
    if (ha == nullptr) return found;
    v1::HighAvailability& settings = found.settings;
    found.this_server = json::FindString(*ha, "this-server-name");
    settings.set_mode(std::string(json::FindString(*ha, "mode")));
    Read(*ha, "heartbeat-delay", [&](uint32_t ms) { settings.set_heartbeat_delay(ms); });
    Read(*ha, "max-response-delay", [&](uint32_t ms) { settings.set_max_response_delay(ms); });
    Read(*ha, "max-ack-delay", [&](uint32_t ms) { settings.set_max_ack_delay(ms); });
    Read(*ha, "max-unacked-clients", [&](uint32_t n) { settings.set_max_unacked_clients(n); });
    ReadPeers(*ha, found);
    if (found.unlike.empty() && settings.mode() != "hot-standby" &&
        settings.mode() != "load-balancing") {
      found.unlike = fmt::format("its HA has the mode {}", settings.mode());
    }
    return found;
  }
  return std::nullopt;
}

std::string HooksDirectory(DhcpService service, const Value& arguments) {
  const Value* libraries = Libraries(service, arguments);
  std::string any;
  if (libraries == nullptr) return any;
  for (const Value& library : libraries->GetArray()) {
    if (!library.IsObject()) continue;
    const std::string_view path = json::FindString(library, "library");
    const size_t slash = path.rfind('/');
    if (slash == std::string_view::npos || BaseName(path) == kNestor) continue;
    if (Is(library, kHighAvailability) || Is(library, kLeaseCommands)) {
      return std::string(path.substr(0, slash));
    }
    if (any.empty() && BaseName(path).starts_with("libdhcp_")) any = path.substr(0, slash);
  }
  return any;
}

bool MultiThreading(DhcpService service, const Value& arguments, std::string_view kea_version) {
  const Value* root = Root(service, arguments);
  const Value* threads = root == nullptr ? nullptr : json::Find(*root, "multi-threading");
  const Value* enabled = threads == nullptr || !threads->IsObject()
                             ? nullptr
                             : json::Find(*threads, "enable-multi-threading");
  if (enabled == nullptr || !enabled->IsBool()) return ThreadsByDefault(kea_version);
  return enabled->GetBool();
}

absl::Status Set(DhcpService service, const v1::HighAvailability& settings,
                 std::string_view this_server, std::string_view hooks_directory,
                 std::string_view kea_version, json::Document& arguments) {
  RETURN_IF_ERROR(Check(settings, this_server));
  Value* root = json::Find(arguments.root(), ServiceRoot(service));
  if (root == nullptr || !root->IsObject()) {
    return Error(absl::StatusCode::kInvalidArgument, "the configuration has no {}",
                 ServiceRoot(service));
  }
  Allocator& allocator = arguments.allocator();
  if (!MultiThreading(service, arguments.root(), kea_version)) TurnThreadsOn(*root, allocator);
  Value* libraries = json::Find(*root, "hooks-libraries");
  if (libraries == nullptr || !libraries->IsArray()) {
    Put(*root, "hooks-libraries", Value(rapidjson::kArrayType), allocator);
    libraries = json::Find(*root, "hooks-libraries");
  }
  (void)Library(*libraries, kLeaseCommands, hooks_directory, allocator);
  Value& library = Library(*libraries, kHighAvailability, hooks_directory, allocator);
  PutSettings(RelationshipIn(library, allocator), settings, this_server, allocator);
  return absl::OkStatus();
}

void Remove(DhcpService service, json::Document& arguments) {
  Value* root = json::Find(arguments.root(), ServiceRoot(service));
  Value* libraries =
      root == nullptr || !root->IsObject() ? nullptr : json::Find(*root, "hooks-libraries");
  if (libraries == nullptr || !libraries->IsArray()) return;
  for (auto library = libraries->Begin(); library != libraries->End();) {
    library = Is(*library, kHighAvailability) ? libraries->Erase(library) : library + 1;
  }
}

std::string ParametersText(DhcpService service, const Value& arguments) {
  const auto found = Find(service, arguments);
  return found ? json::Indented(found->parameters) : std::string();
}

}  // namespace nestor::ha
