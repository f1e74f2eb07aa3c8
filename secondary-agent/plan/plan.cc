#include "secondary-agent/plan/plan.h"

#include <algorithm>
#include <charconv>
#include <regex>

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

// The innermost object whose text holds the offset.
std::optional<ObjectId> ObjectAt(size_t offset, const std::vector<Place>& places) {
  const Place* best = nullptr;
  for (const Place& place : places) {
    if (offset < place.begin || offset >= place.end) continue;
    if (best == nullptr || place.end - place.begin < best->end - best->begin) best = &place;
  }
  return best == nullptr ? std::nullopt : std::optional(best->id);
}

// What of an object Kea would name in an error.
std::vector<std::string> NamesOf(const ObjectId& id, std::string_view json) {
  std::vector<std::string> names;
  switch (id.kind) {
    case Kind::kSubnet: {
      if (const auto document = json::Parse(std::string(json)); document.ok()) {
        names.emplace_back(json::FindString(document->root(), "subnet"));
      }
      names.push_back(fmt::format("subnet id {}", id.key));
      names.push_back(fmt::format("subnet-id {}", id.key));
      break;
    }
    case Kind::kReservation:
      names.push_back(id.key.substr(id.key.rfind('/') + 1));
      break;
    case Kind::kGlobal:
    case Kind::kClientClass:
    case Kind::kSharedNetwork:
      names.push_back(fmt::format("'{}'", id.key));
      names.push_back(id.key);
      break;
    case Kind::kOption:
    case Kind::kOptionDef:
      if (const auto document = json::Parse(std::string(json)); document.ok()) {
        names.push_back(fmt::format("'{}'", json::FindString(document->root(), "name")));
      }
      break;
  }
  std::erase_if(names, [](const std::string& name) { return name.size() < 3; });
  return names;
}

}  // namespace

absl::StatusOr<ApplyPlan> PlanApply(DhcpService service, const json::Value& local,
                                    const config::ObjectSet& actual,
                                    const config::ObjectSet& wanted, const HoldPolicy& hold,
                                    bool removal_approved) {
  ApplyPlan plan;
  plan.change = config::Diff(actual, wanted);
  if (plan.change.empty()) return plan;
  plan.subnets_removed = Removed(plan.change, Kind::kSubnet);
  plan.reservations_removed = Removed(plan.change, Kind::kReservation);
  plan.held = !removal_approved &&
              (TooMany(plan.subnets_removed, actual.Count(Kind::kSubnet), hold) ||
               TooMany(plan.reservations_removed, actual.Count(Kind::kReservation), hold));
  if (plan.held) return plan;
  plan.by = ApplyBy::kConfigSet;
  ASSIGN_OR_RETURN(plan.arguments, config::Compose(service, local, wanted));
  plan.commands = {{"config-test", false}, {"config-set", true}};
  return plan;
}

std::optional<ObjectId> BlameFor(std::string_view kea_text, const std::vector<Place>& places,
                                 size_t prefix_bytes, const ChangeSet& change) {
  // The command is one line, so that Kea's column is an offset into it.
  static const std::regex kPosition("<(?:wire|string)>:[0-9]+:([0-9]+)");
  std::cmatch match;
  if (std::regex_search(kea_text.data(), kea_text.data() + kea_text.size(), match, kPosition)) {
    size_t column = 0;
    std::from_chars(match[1].first, match[1].second, column);
    if (column > prefix_bytes) {
      if (auto id = ObjectAt(column - 1 - prefix_bytes, places)) return id;
    }
  }
  if (change.size() == 1) {
    return change.upserted.empty() ? change.removed.front() : change.upserted.front().id;
  }
  for (const auto& upsert : change.upserted) {
    for (const std::string& name : NamesOf(upsert.id, upsert.json)) {
      if (kea_text.find(name) != std::string_view::npos) return upsert.id;
    }
  }
  return std::nullopt;
}

}  // namespace nestor::secondary
