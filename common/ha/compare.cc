#include "common/ha/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "common/ha/libraries.h"
#include "common/ha/marks.h"
#include "common/ha/settings.h"

namespace nestor::ha {
namespace {

using json::FindString;
using json::Value;

constexpr size_t kMostTold = 3;
constexpr std::string_view kWhole = "high-availability", kPeers = "peers";

// What each server has for itself, or says of itself.
constexpr std::string_view kOwn[] = {"basic-auth-password-file",
                                     "cert-file",
                                     "comment",
                                     "key-file",
                                     "multi-threading",
                                     "name",
                                     "restrict-commands",
                                     "this-server-name",
                                     "trust-anchor",
                                     "user-context"};
constexpr std::string_view kSecret = "basic-auth-password";

// Kea's defaults.
constexpr std::pair<std::string_view, std::string_view> kDefaults[] = {
    {"auto-failover", "true"},
    {"basic-auth-user", R"("")"},
    {"heartbeat-delay", "10000"},
    {"max-ack-delay", "10000"},
    {"max-rejected-lease-updates", "10"},
    {"max-response-delay", "60000"},
    {"max-unacked-clients", "10"},
    {"require-client-certs", "true"},
    {"send-lease-updates", "true"},
    {"state-machine", R"({"states":[]})"},
    {"sync-leases", "true"},
    {"sync-page-limit", "10000"},
    {"sync-timeout", "60000"},
    {"wait-backup-ack", "false"},
};

bool IsOwn(std::string_view name) {
  return std::find(std::begin(kOwn), std::end(kOwn), name) != std::end(kOwn);
}

bool IsDefault(std::string_view mode, std::string_view name, const std::string& text) {
  if (name == "delayed-updates-limit") return text == (mode == kLoadBalancing ? "100" : "0");
  return std::any_of(std::begin(kDefaults), std::end(kDefaults), [&](const auto& known) {
    return known.first == name && known.second == text;
  });
}

// A member as it is compared; empty: it is not there.
std::string TextOf(std::string_view name, const Value* value) {
  if (value == nullptr) return {};
  std::string text = json::Canonical(*value);
  if (name == "url" && text.ends_with("/\"")) text.erase(text.size() - 2, 1);
  return text;
}

bool Same(std::string_view mode, std::string_view name, const Value* one, const Value* other) {
  const std::string first = TextOf(name, one), second = TextOf(name, other);
  if (first == second) return true;
  if (first.empty()) return IsDefault(mode, name, second);
  return second.empty() && IsDefault(mode, name, first);
}

// The members of one object that differ: `differs` is called with the name and both values, of
// which one may be null.
template <typename Differs>
void CompareMembers(std::string_view mode, const Value& one, const Value& other, Differs differs) {
  std::set<std::string, std::less<>> names;
  for (const Value* object : {&one, &other}) {
    for (const auto& member : object->GetObject()) names.emplace(json::Text(member.name));
  }
  for (const std::string& name : names) {
    if (IsOwn(name) || name == kPeers) continue;
    const Value* const first = json::Find(one, name);
    const Value* const second = json::Find(other, name);
    if (!Same(mode, name, first, second)) differs(name, first, second);
  }
}

std::map<std::string, const Value*, std::less<>> PeersOf(const Value& relationship) {
  std::map<std::string, const Value*, std::less<>> peers;
  const Value* const list = json::Find(relationship, kPeers);
  if (list == nullptr || !list->IsArray()) return peers;
  for (const Value& peer : list->GetArray()) {
    if (peer.IsObject()) peers.emplace(FindString(peer, "name"), &peer);
  }
  return peers;
}

// `differs` is called with the peer ("" for what is of all), the member ("" for the whole peer) and
// both values, of which one may be null.
template <typename Differs>
void CompareRelationships(const Value& one, const Value& other, Differs differs) {
  const std::string_view mode = FindString(one, "mode");
  CompareMembers(mode, one, other, [&](const std::string& name, const Value* a, const Value* b) {
    differs(std::string(), name, a, b);
  });
  const auto first = PeersOf(one), second = PeersOf(other);
  std::set<std::string> names;
  for (const auto* peers : {&first, &second}) {
    for (const auto& [name, peer] : *peers) names.insert(name);
  }
  for (const std::string& name : names) {
    const auto a = first.find(name), b = second.find(name);
    if (a == first.end() || b == second.end()) {
      differs(name, std::string(), a == first.end() ? nullptr : a->second,
              b == second.end() ? nullptr : b->second);
      continue;
    }
    CompareMembers(mode, *a->second, *b->second,
                   [&](const std::string& member, const Value* x, const Value* y) {
                     differs(name, member, x, y);
                   });
  }
}

const Value* ListOf(const json::Document& parameters) {
  const Value* const list = json::Find(parameters.root(), kWhole);
  return list == nullptr || !list->IsArray() || list->Empty() ? nullptr : list;
}

// The relationship of `list` that names `server`, or the first.
const Value* With(std::string_view server, const Value& list) {
  for (const Value& one : list.GetArray()) {
    if (one.IsObject() && PeersOf(one).contains(server)) return &one;
  }
  return list[0].IsObject() ? &list[0] : nullptr;
}

std::string_view ThisServer(const Value& list) {
  return list[0].IsObject() ? FindString(list[0], "this-server-name") : std::string_view();
}

std::string Shown(std::string_view member, const Value* value) {
  if (value == nullptr) return {};
  if (member == kSecret) return "\"(not shown)\"";
  if (!member.empty()) return json::Canonical(*value);
  std::string text;  // of a whole peer, which may hold a password, its name
  json::AppendString(FindString(*value, "name"), text);
  return text;
}

std::string ModeText(std::string_view parameters) {
  const auto document = json::Parse(std::string(parameters));
  const Value* const list = document.ok() ? ListOf(*document) : nullptr;
  std::string text;
  json::AppendString(
      list == nullptr || !(*list)[0].IsObject() ? "" : FindString((*list)[0], "mode"), text);
  return text;
}

std::string Sentence(const Difference& one, std::string_view primary, std::string_view secondary) {
  if (one.name == kWhole) {
    return fmt::format("only {} has HA", one.primary.empty() ? secondary : primary);
  }
  const auto value = [](const std::string& text) {
    return text.empty() ? std::string("not there") : text;
  };
  return fmt::format("{} is {} on {} and {} on {}", one.name, value(one.primary), primary,
                     value(one.secondary), secondary);
}

}  // namespace

std::vector<Difference> Compare(std::string_view primary, std::string_view secondary) {
  if (primary == secondary) return {};
  if (primary.empty()) return {{std::string(kWhole), {}, ModeText(secondary)}};
  if (secondary.empty()) return {{std::string(kWhole), ModeText(primary), {}}};
  const auto one = json::Parse(std::string(primary)), other = json::Parse(std::string(secondary));
  const Value* const first = one.ok() ? ListOf(*one) : nullptr;
  const Value* const second = other.ok() ? ListOf(*other) : nullptr;
  if (first == nullptr || second == nullptr) return {};
  const Value* const ours = With(ThisServer(*second), *first);
  const Value* const theirs = With(ThisServer(*first), *second);
  if (ours == nullptr || theirs == nullptr) return {};
  std::vector<Difference> differences;
  CompareRelationships(
      *ours, *theirs,
      [&](const std::string& peer, const std::string& member, const Value* a, const Value* b) {
        std::string name = peer.empty()     ? member
                           : member.empty() ? fmt::format("{} {}", kPeers, peer)
                                            : fmt::format("{} {} {}", kPeers, peer, member);
        differences.push_back({std::move(name), Shown(member, a), Shown(member, b)});
      });
  return differences;
}

std::string DriftText(const std::vector<Difference>& differences, std::string_view primary,
                      std::string_view secondary, std::string_view relationship) {
  if (differences.empty()) return {};
  std::string told;
  for (size_t i = 0; i < std::min(differences.size(), kMostTold); ++i) {
    told += fmt::format("{}{}", i == 0 ? "" : ", ", Sentence(differences[i], primary, secondary));
  }
  if (differences.size() > kMostTold) {
    told += fmt::format(" and {} more", differences.size() - kMostTold);
  }
  const bool one_has_none = differences.front().name == kWhole;
  return fmt::format(
      "HA is not the same on both servers: {}; {}", told,
      one_has_none ? fmt::format("put the HA hook back, or end it with: nestorctl relationship "
                                 "remove {}",
                                 relationship)
                   : fmt::format("see nestorctl diff {0}, and give both what {1} has with: "
                                 "nestorctl relationship edit {0}",
                                 relationship, primary));
}

void AddTo(v1::DiffReport& report, const std::vector<Difference>& differences) {
  for (const Difference& one : differences) {
    report.set_same(false);
    v1::Difference& difference = *report.add_different();
    difference.set_kind("ha-parameter");
    difference.set_key(one.name);
    difference.set_primary(one.primary);
    difference.set_secondary(one.secondary);
  }
}

void TakeOver(DhcpService service, std::string_view from, json::Document& arguments) {
  Value* const root = json::Find(arguments.root(), ServiceRoot(service));
  Value* const libraries = root == nullptr ? nullptr : json::Find(*root, "hooks-libraries");
  if (libraries == nullptr || !libraries->IsArray()) return;
  Value* const library = FindLibrary(*libraries, "libdhcp_ha.so");
  const auto document = json::Parse(std::string(from));
  const Value* const theirs = document.ok() ? ListOf(*document) : nullptr;
  if (library == nullptr || theirs == nullptr || !(*theirs)[0].IsObject()) return;
  if (FirstRelationship(*library) == nullptr) return;
  Value& relationship = (*json::Find(*json::Find(*library, "parameters"), kWhole))[0];
  const Value was(relationship, arguments.allocator());  // what is compared while it is changed
  CompareRelationships(
      (*theirs)[0], was,
      [&](const std::string& peer, const std::string& member, const Value* value, const Value*) {
        if (member.empty()) return;
        Value* place = &relationship;
        if (!peer.empty()) {
          Value& peers = *json::Find(relationship, kPeers);
          place = std::find_if(peers.Begin(), peers.End(),
                               [&](const Value& one) { return FindString(one, "name") == peer; });
        }
        if (value == nullptr) return RemoveMember(member, *place);
        SetMember(member, json::CopyInto(arguments, *value), arguments, *place);
      });
}

}  // namespace nestor::ha
