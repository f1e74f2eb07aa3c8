#include "common/ha/ha.h"

#include <absl/strings/ascii.h>

#include <algorithm>

#include "common/agent/address.h"
#include "common/base/status.h"
#include "common/ha/libraries.h"
#include "common/ha/marks.h"
#include "common/ha/settings.h"

namespace nestor::ha {
namespace {

using json::FindString;
using json::Value;

template <typename... Args>
absl::Status Unusable(fmt::format_string<Args...> format, Args&&... args) {
  return Error(absl::StatusCode::kInvalidArgument, format, std::forward<Args>(args)...);
}

// Kea trims names and refuses empty ones; in its commands and class names they are plain text.
bool IsName(std::string_view name) {
  const auto is_plain = [](char c) {
    return absl::ascii_isprint(static_cast<unsigned char>(c)) && c != '"' && c != '\'' && c != '\\';
  };
  return !name.empty() && name.front() != ' ' && name.back() != ' ' &&
         std::all_of(name.begin(), name.end(), is_plain);
}

absl::Status Check(const v1::HighAvailability& settings, std::string_view this_server) {
  if (settings.mode() != kHotStandby && settings.mode() != kLoadBalancing) {
    return Unusable("\"{}\" is not a mode of HA: write {} or {}", settings.mode(), kHotStandby,
                    kLoadBalancing);
  }
  for (const std::string* name : {&settings.primary(), &settings.secondary()}) {
    if (!IsName(*name)) return Unusable("\"{}\" is not the name of a server in HA", *name);
  }
  if (settings.primary() == settings.secondary()) {
    return Unusable("both servers in HA are called {}", settings.primary());
  }
  if (this_server != settings.primary() && this_server != settings.secondary()) {
    return Unusable("server {} is none of the two in HA, {} and {}", this_server,
                    settings.primary(), settings.secondary());
  }
  ASSIGN_OR_RETURN(const agent::HaUrl first, agent::ParseHaUrl(settings.primary_url()));
  ASSIGN_OR_RETURN(const agent::HaUrl second, agent::ParseHaUrl(settings.secondary_url()));
  if (first.host == second.host && first.port == second.port) {
    return Unusable("both servers in HA listen at {}", settings.primary_url());
  }
  return absl::OkStatus();
}

absl::StatusOr<Value*> RootOf(DhcpService service, json::Document& arguments) {
  Value* const root = json::Find(arguments.root(), ServiceRoot(service));
  if (root == nullptr || !root->IsObject()) {
    return Unusable("the configuration has no {}", ServiceRoot(service));
  }
  for (const auto& [name, is_right] :
       {std::pair<std::string_view, bool (*)(const Value&)>(
            "hooks-libraries", [](const Value& value) { return value.IsArray(); }),
        {"multi-threading", [](const Value& value) { return value.IsObject(); }}}) {
    const Value* const member = json::Find(*root, name);
    if (member != nullptr && !is_right(*member))
      return Unusable("the configuration's {} is none", name);
  }
  return root;
}

// Writes the parameters of the HA hook.
class Parameters {
 public:
  Parameters(const v1::HighAvailability& settings, std::string_view this_server,
             json::Document& document)
      : settings_(settings), this_server_(this_server), document_(document) {}

  // Into `library`, in place of what it has. True: Kea is to listen for the other server itself.
  bool Write(Value& library) {
    Value relationship(rapidjson::kObjectType);
    if (const Value* const was = FirstRelationship(library)) {
      relationship.CopyFrom(*was, document_.allocator());
    }
    WriteRelationship(relationship);
    const bool listens = WriteThreads(relationship);
    Value list(rapidjson::kArrayType);
    list.PushBack(relationship, document_.allocator());
    Value* parameters = json::Find(library, "parameters");
    if (parameters == nullptr || !parameters->IsObject()) {
      SetMember("parameters", Value(rapidjson::kObjectType), document_, library);
      parameters = json::Find(library, "parameters");
    }
    SetMember("high-availability", std::move(list), document_, *parameters);
    return listens;
  }

 private:
  void SetText(std::string_view name, std::string_view text, Value& object) {
    SetMember(name, TextValue(text, document_), document_, object);
  }

  void WriteRelationship(Value& relationship) {
    // Kea reports the defaults of the mode it has, and refuses them in another.
    if (FindString(relationship, "mode") != settings_.mode()) {
      RemoveMember("delayed-updates-limit", relationship);
      RemoveMember("wait-backup-ack", relationship);
    }
    SetText("this-server-name", this_server_, relationship);
    SetText("mode", settings_.mode(), relationship);
    for (const Limit& limit : kLimits) {
      if ((settings_.*limit.has)()) {
        SetMember(limit.name, Value((settings_.*limit.get)()), document_, relationship);
      } else {
        RemoveMember(limit.name, relationship);
      }
    }
    Value peers(rapidjson::kArrayType);
    peers.PushBack(Peer(settings_.primary(), "primary", settings_.primary_url(), relationship),
                   document_.allocator());
    peers.PushBack(Peer(settings_.secondary(), SecondRole(settings_.mode()),
                        settings_.secondary_url(), relationship),
                   document_.allocator());
    SetMember("peers", std::move(peers), document_, relationship);
  }

  // A server, with what `relationship` says of it besides.
  Value Peer(std::string_view name, std::string_view role, std::string_view url,
             const Value& relationship) {
    Value peer(rapidjson::kObjectType);
    const Value* const peers = json::Find(relationship, "peers");
    if (peers != nullptr && peers->IsArray()) {
      for (const Value& was : peers->GetArray()) {
        if (FindString(was, "name") == name) peer.CopyFrom(was, document_.allocator());
      }
    }
    SetText("name", name, peer);
    SetText("role", role, peer);
    SetText("url", url, peer);
    const Value* const failover = json::Find(peer, "auto-failover");
    if (failover == nullptr || !failover->IsBool()) {
      SetMember("auto-failover", Value(true), document_, peer);
    }
    return peer;
  }

  // True: Kea is to listen itself. Nothing else is asked for where somebody has chosen otherwise.
  bool WriteThreads(Value& relationship) {
    const Value* const was = json::Find(relationship, "multi-threading");
    if (was != nullptr && was->IsObject()) {
      const Value* const enabled = json::Find(*was, "enable-multi-threading");
      return enabled == nullptr || !enabled->IsBool() || enabled->GetBool();
    }
    Value threads(rapidjson::kObjectType);
    SetMember("enable-multi-threading", Value(true), document_, threads);
    SetMember("http-dedicated-listener", Value(true), document_, threads);
    SetMember("http-listener-threads", Value(0), document_, threads);  // as many as there are
    SetMember("http-client-threads", Value(0), document_, threads);
    SetMember("multi-threading", std::move(threads), document_, relationship);
    return true;
  }

  const v1::HighAvailability& settings_;
  std::string_view this_server_;
  json::Document& document_;
};

void EraseLibraries(std::string_view name, size_t kept, Value& libraries) {
  for (auto one = libraries.Begin(); one != libraries.End();) {
    const bool is_one = BaseName(FindString(*one, "library")) == name;
    if (is_one && kept == 0) {
      one = libraries.Erase(one);
      continue;
    }
    if (is_one) --kept;
    ++one;
  }
}

// Loads what is not loaded yet, at the end.
absl::Status Load(std::string_view hooks_directory, json::Document& document, Value& libraries) {
  while (hooks_directory.size() > 1 && hooks_directory.ends_with('/')) {
    hooks_directory.remove_suffix(1);
  }
  for (const std::string_view name : {kLeaseCommands, kHighAvailability}) {
    if (FindLibrary(libraries, name) != nullptr) continue;
    if (hooks_directory.empty()) return Unusable("it is not known where {} is", name);
    Value library(rapidjson::kObjectType);
    SetMember("library", TextValue(fmt::format("{}/{}", hooks_directory, name), document), document,
              library);
    libraries.PushBack(library, document.allocator());
  }
  return absl::OkStatus();
}

void EnableThreads(json::Document& document, Value& root) {
  if (json::Find(root, "multi-threading") == nullptr) {
    SetMember("multi-threading", Value(rapidjson::kObjectType), document, root);
  }
  SetMember("enable-multi-threading", Value(true), document, *json::Find(root, "multi-threading"));
}

}  // namespace

absl::Status Set(DhcpService service, const v1::HighAvailability& settings,
                 std::string_view this_server, std::string_view hooks_directory,
                 std::string_view kea_version, json::Document& arguments) {
  RETURN_IF_ERROR(Check(settings, this_server));
  ASSIGN_OR_RETURN(Value* const root, RootOf(service, arguments));
  Value libraries(rapidjson::kArrayType);
  if (const Value* const was = json::Find(*root, "hooks-libraries")) {
    libraries.CopyFrom(*was, arguments.allocator());
  }
  RETURN_IF_ERROR(Load(hooks_directory, arguments, libraries));
  EraseLibraries(kHighAvailability, 1, libraries);
  const bool listens = Parameters(settings, this_server, arguments)
                           .Write(*FindLibrary(libraries, kHighAvailability));
  SetMember("hooks-libraries", std::move(libraries), arguments, *root);
  if (listens && !MultiThreading(service, arguments.root(), kea_version)) {
    EnableThreads(arguments, *root);
  }
  return absl::OkStatus();
}

void Remove(DhcpService service, json::Document& arguments) {
  Value* const root = json::Find(arguments.root(), ServiceRoot(service));
  Value* const libraries = root == nullptr ? nullptr : json::Find(*root, "hooks-libraries");
  if (libraries == nullptr || !libraries->IsArray()) return;
  EraseLibraries(kHighAvailability, 0, *libraries);
}

}  // namespace nestor::ha
