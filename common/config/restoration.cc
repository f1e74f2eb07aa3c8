#include "common/config/restoration.h"

#include <algorithm>
#include <map>

#include "common/base/status.h"
#include "common/config/kea_config.h"
#include "common/config/proto.h"
#include "common/json/json.h"

namespace nestor::config {
namespace {

std::string NameOf(const v1::HistoryEntry& entry) {
  return entry.sequence() != 0 ? fmt::format("change {}", entry.sequence())
                               : fmt::format("entry e{} ({})", entry.entry(), entry.what());
}

absl::StatusOr<ChangeSet> ChangeOf(const v1::HistoryEntry& entry) {
  if (entry.left_out() != 0) {
    return Error(absl::StatusCode::kInvalidArgument,
                 "{} holds only a part of what was changed: {} objects are not in the history",
                 NameOf(entry), entry.left_out());
  }
  if (entry.upserted().empty() && entry.removed().empty()) {
    return Error(absl::StatusCode::kInvalidArgument,
                 "{} holds no objects, so there is nothing to bring back", NameOf(entry));
  }
  v1::Change change;
  *change.mutable_upserted() = entry.upserted();
  *change.mutable_removed() = entry.removed();
  return FromProto(change);
}

std::string TextOf(const ObjectSet& set, const ObjectId& id) {
  const Object* object = set.Find(id);
  return object == nullptr ? std::string() : object->json;
}

void Put(const ObjectId& id, const std::string& json, ObjectSet& set) {
  if (json.empty()) {
    set.Remove(id);
  } else {
    set.Put(id, json);
  }
}

std::vector<std::string> NamesIn(const std::string& order) {
  std::vector<std::string> names;
  const auto list = json::Parse(order.empty() ? "[]" : order);
  if (!list.ok() || !list->root().IsArray()) return names;
  for (const json::Value& name : list->root().GetArray()) {
    if (name.IsString()) names.emplace_back(json::Text(name));
  }
  return names;
}

// `now` without the classes that `change` removes, and with those it adds behind the others.
std::string OrderAfter(const std::string& now, const ChangeSet& change) {
  std::vector<std::string> names = NamesIn(now);
  for (const ObjectId& id : change.removed) {
    if (id.kind == Kind::kClientClass) std::erase(names, id.key);
  }
  for (const auto& upsert : change.upserted) {
    const bool there = std::find(names.begin(), names.end(), upsert.id.key) != names.end();
    if (upsert.id.kind == Kind::kClientClass && !there) names.push_back(upsert.id.key);
  }
  if (names.empty()) return {};
  std::string order = "[";
  for (const std::string& name : names) {
    if (order.size() > 1) order += ',';
    json::AppendString(name, order);
  }
  return order + "]";
}

// What goes with a subnet that is removed.
void RemoveReservations(const ObjectId& subnet, const ObjectSet& running,
                        const std::map<ObjectId, std::string>& known, Restoration& restoration) {
  for (const ObjectSet::Entry* entry : running.InOrder()) {
    const auto& [id, object] = *entry;
    if (id.kind != Kind::kReservation || !id.key.starts_with(subnet.key + "/")) continue;
    if (known.contains(id)) continue;
    restoration.conflicts.push_back({id, {}, object.json, {}});
    restoration.wanted.Remove(id);
  }
}

}  // namespace

absl::StatusOr<Restoration> Restore(const v1::HistoryEntry& entry, const ObjectSet& running) {
  ASSIGN_OR_RETURN(const ChangeSet change, ChangeOf(entry));
  v1::Snapshot replaced;
  *replaced.mutable_objects() = entry.replaced();
  ASSIGN_OR_RETURN(const ObjectSet before, FromProto(std::move(replaced)));
  std::map<ObjectId, std::string> after;
  for (const auto& upsert : change.upserted) after[upsert.id] = upsert.json;
  for (const ObjectId& id : change.removed) after[id] = {};

  Restoration restoration;
  restoration.wanted = running;
  for (auto& [id, json] : after) {
    const std::string then = TextOf(before, id), now = TextOf(running, id);
    if (id.kind == Kind::kGlobal && id.key == kClassOrder && now != then && now != json) {
      // Classes came and went on both sides; only where none did is the order itself at stake.
      if (std::string order = OrderAfter(now, change); order != now) {
        Put(id, order, restoration.wanted);
        continue;
      }
    }
    if (now != then && now != json) restoration.conflicts.push_back({id, then, now, json});
    Put(id, json, restoration.wanted);
  }
  for (const ObjectId& id : change.removed) {
    if (id.kind == Kind::kSubnet) RemoveReservations(id, running, after, restoration);
  }
  std::sort(restoration.conflicts.begin(), restoration.conflicts.end(),
            [](const auto& one, const auto& other) { return one.id < other.id; });
  return restoration;
}

}  // namespace nestor::config
