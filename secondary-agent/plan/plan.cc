#include "secondary-agent/plan/plan.h"

#include <absl/strings/ascii.h>

#include <algorithm>
#include <charconv>

#include "common/base/status.h"

namespace nestor::secondary {
namespace {

using config::ChangeSet;
using config::Kind;
using config::ObjectId;
using config::Place;

size_t Removed(const ChangeSet& change, Kind kind) {
  return static_cast<size_t>(std::count_if(change.removed.begin(), change.removed.end(),
                                           [&](const ObjectId& id) { return id.kind == kind; }));
}

bool TooMany(size_t removed, size_t had, const HoldPolicy& hold) {
  return removed > hold.minimum && removed * 100 > had * hold.percent;
}

// Whether the hook library can make this change.
bool Can(const HookAbilities& hook, const ChangeSet& change) {
  const auto cannot = [&](const ObjectId& id) {
    return id.kind == Kind::kGlobal &&
           std::find(hook.needs_config_set.begin(), hook.needs_config_set.end(), id.key) !=
               hook.needs_config_set.end();
  };
  return std::none_of(change.removed.begin(), change.removed.end(), cannot) &&
         std::none_of(change.upserted.begin(), change.upserted.end(),
                      [&](const ChangeSet::Upsert& upsert) { return cannot(upsert.id); });
}

// The innermost object whose text holds the offset.
std::optional<ObjectId> ObjectAt(size_t offset, const std::vector<Place>& places) {
  const Place* best = nullptr;
  for (const Place& place : places) {
    if (offset < place.begin || offset >= place.end) continue;
    if (best == nullptr || place.end - place.begin < best->end - best->begin) best = &place;
  }
  return best == nullptr ? std::nullopt : std::optional(best->id);
}

// The offset in the command's text that Kea names last, as "(<wire>:0:123)"; the line is 0, since a
// command is one. For an object it is that of what follows its brace, else of the value itself.
std::optional<size_t> OffsetIn(std::string_view kea_text) {
  constexpr std::string_view kMark = "<wire>:0:";
  const size_t mark = kea_text.rfind(kMark);
  if (mark == std::string_view::npos) return std::nullopt;
  size_t offset = 0;
  const char* const digits = kea_text.data() + mark + kMark.size();
  const auto [end, error] = std::from_chars(digits, kea_text.data() + kea_text.size(), offset);
  return error == std::errc() ? std::optional(offset) : std::nullopt;
}

// True if `text` has `name` in it as a word of its own: 192.0.2.1 is not in 192.0.2.10.
bool HasWord(std::string_view text, std::string_view name) {
  const auto in_word = [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == ':' || c == '-';
  };
  if (name.empty()) return false;
  for (size_t at = text.find(name); at != std::string_view::npos; at = text.find(name, at + 1)) {
    const size_t end = at + name.size();
    const bool begins = at == 0 || !in_word(text[at - 1]);
    if (begins && (end == text.size() || !in_word(text[end]))) return true;
  }
  return false;
}

// What of an object Kea would name in an error.
std::vector<std::string> NamesOf(const ObjectId& id, const json::Value& object) {
  std::vector<std::string> names;
  const auto add_list = [&](std::string_view member) {
    const json::Value* list = json::Find(object, member);
    if (list == nullptr || !list->IsArray()) return;
    for (const json::Value& one : list->GetArray()) {
      if (one.IsString()) names.emplace_back(json::Text(one));
    }
  };
  switch (id.kind) {
    case Kind::kReservation:
      names.push_back(id.key.substr(id.key.rfind('/') + 1));
      names.emplace_back(json::FindString(object, "ip-address"));
      add_list("ip-addresses");
      add_list("prefixes");
      break;
    case Kind::kSubnet:
      names.emplace_back(json::FindString(object, "subnet"));
      names.push_back(fmt::format("subnet id '{}'", id.key));
      names.push_back(fmt::format("subnet '{}'", id.key));
      names.push_back(fmt::format("subnet id {}", id.key));
      break;
    case Kind::kSharedNetwork:
    case Kind::kClientClass:
      names.push_back(fmt::format("'{}'", id.key));
      names.push_back(fmt::format("Client Class: {}", id.key));
      break;
    case Kind::kGlobal:
      names.push_back(id.key);
      break;
    case Kind::kOption:
    case Kind::kOptionDef:
      names.push_back(fmt::format("'{}'", json::FindString(object, "name")));
      break;
  }
  return names;
}

// The first of the changed objects, the smallest kinds first, that Kea's words name.
std::optional<ObjectId> NamedIn(std::string_view kea_text, const ChangeSet& change) {
  for (auto upsert = change.upserted.rbegin(); upsert != change.upserted.rend(); ++upsert) {
    const auto object = json::Parse(upsert->json);
    if (!object.ok()) continue;
    for (const std::string& name : NamesOf(upsert->id, object->root())) {
      if (HasWord(kea_text, name)) return upsert->id;
    }
  }
  return std::nullopt;
}

}  // namespace

std::string_view ApplyByName(ApplyBy by) {
  switch (by) {
    case ApplyBy::kNothing:
      return "nothing";
    case ApplyBy::kHook:
      return "hook";
    case ApplyBy::kConfigSet:
      return "config-set";
  }
  return "nothing";
}

ApplyPlan PlanApply(const config::ObjectSet& actual, const config::ObjectSet& wanted,
                    const HookAbilities* hook, const HoldPolicy& hold, bool removal_approved) {
  ApplyPlan plan;
  plan.change = config::Diff(actual, wanted);
  if (plan.change.empty()) return plan;
  plan.subnets_removed = Removed(plan.change, Kind::kSubnet);
  plan.reservations_removed = Removed(plan.change, Kind::kReservation);
  plan.held = !removal_approved &&
              (TooMany(plan.subnets_removed, actual.Count(Kind::kSubnet), hold) ||
               TooMany(plan.reservations_removed, actual.Count(Kind::kReservation), hold));
  if (plan.held) return plan;
  plan.by = hook != nullptr && Can(*hook, plan.change) ? ApplyBy::kHook : ApplyBy::kConfigSet;
  return plan;
}

std::optional<ObjectId> BlameFor(std::string_view kea_text, const std::vector<Place>& places,
                                 size_t prefix_bytes, const ChangeSet& change) {
  if (const auto offset = OffsetIn(kea_text); offset && *offset >= prefix_bytes) {
    if (auto id = ObjectAt(*offset - prefix_bytes, places)) return id;
  }
  if (change.size() == 1) {
    return change.upserted.empty() ? change.removed.front() : change.upserted.front().id;
  }
  return NamedIn(kea_text, change);
}

}  // namespace nestor::secondary
