#include "common/config/proto.h"

#include <algorithm>

#include "common/base/status.h"
#include "common/json/json.h"

namespace nestor::config {
namespace {

absl::StatusOr<ObjectId> IdOf(std::string_view kind, const std::string& key) {
  const auto known = KindFromName(kind);
  if (!known) return Error(absl::StatusCode::kInvalidArgument, "unknown kind of object: {}", kind);
  if (key.empty()) return Error(absl::StatusCode::kInvalidArgument, "a {} without key", kind);
  return ObjectId{*known, key};
}

// Texts are hashed and joined as they are, so a peer's must be what it says.
absl::Status CheckCanonical(const ObjectId& id, const std::string& text) {
  const auto document = json::Parse(text);
  if (!document.ok() || json::Canonical(document->root()) != text) {
    return Error(absl::StatusCode::kInvalidArgument, "{} {} is not canonical JSON",
                 KindName(id.kind), id.key);
  }
  return absl::OkStatus();
}

}  // namespace

void ToProto(const ObjectId& id, std::string_view json, v1::Object& out) {
  out.set_kind(std::string(KindName(id.kind)));
  out.set_key(id.key);
  out.set_object(std::string(json));
}

void ToProto(const ObjectId& id, v1::ObjectId& out) {
  out.set_kind(std::string(KindName(id.kind)));
  out.set_key(id.key);
}

void ToProto(const ChangeSet& change, v1::Change& out) {
  for (const auto& upsert : change.upserted) {
    ToProto(upsert.id, upsert.json, *out.add_upserted());
  }
  for (const ObjectId& id : change.removed) ToProto(id, *out.add_removed());
}

absl::StatusOr<ChangeSet> FromProto(const v1::Change& change) {
  ChangeSet set;
  set.upserted.reserve(static_cast<size_t>(change.upserted_size()));
  std::vector<ObjectId> all;
  for (const v1::Object& object : change.upserted()) {
    ASSIGN_OR_RETURN(ObjectId id, IdOf(object.kind(), object.key()));
    RETURN_IF_ERROR(CheckCanonical(id, object.object()));
    all.push_back(id);
    set.upserted.push_back({std::move(id), object.object()});
  }
  for (const v1::ObjectId& object : change.removed()) {
    ASSIGN_OR_RETURN(ObjectId id, IdOf(object.kind(), object.key()));
    all.push_back(id);
    set.removed.push_back(std::move(id));
  }
  std::sort(all.begin(), all.end());
  if (const auto twice = std::adjacent_find(all.begin(), all.end()); twice != all.end()) {
    return Error(absl::StatusCode::kInvalidArgument, "{} {} stands in the change twice",
                 KindName(twice->kind), twice->key);
  }
  std::sort(set.upserted.begin(), set.upserted.end(),
            [](const auto& a, const auto& b) { return a.id < b.id; });
  std::sort(set.removed.begin(), set.removed.end());
  return set;
}

void ToProto(const ObjectSet& set, v1::Snapshot& out) {
  out.mutable_objects()->Reserve(static_cast<int>(set.size()));
  for (const auto* entry : set.InOrder()) {
    ToProto(entry->first, entry->second.json, *out.add_objects());
  }
}

absl::StatusOr<ObjectSet> FromProto(v1::Snapshot&& snapshot) {
  ObjectSet set;
  for (v1::Object& object : *snapshot.mutable_objects()) {
    ASSIGN_OR_RETURN(ObjectId id, IdOf(object.kind(), object.key()));
    RETURN_IF_ERROR(CheckCanonical(id, object.object()));
    if (set.Find(id) != nullptr) {
      return Error(absl::StatusCode::kInvalidArgument, "{} {} stands in the snapshot twice",
                   KindName(id.kind), id.key);
    }
    set.Put(std::move(id), std::move(*object.mutable_object()));
    object.Clear();
  }
  return set;
}

v1::DiffReport Compare(const ObjectSet& primary, const ObjectSet& secondary) {
  v1::DiffReport report;
  const ChangeSet change = Diff(secondary, primary);
  report.set_same(change.empty());
  for (const auto& upsert : change.upserted) {
    const Object* mine = secondary.Find(upsert.id);
    if (mine == nullptr) {
      ToProto(upsert.id, upsert.json, *report.add_only_on_primary());
      continue;
    }
    v1::Difference& difference = *report.add_different();
    difference.set_kind(std::string(KindName(upsert.id.kind)));
    difference.set_key(upsert.id.key);
    difference.set_primary(upsert.json);
    difference.set_secondary(mine->json);
  }
  for (const ObjectId& id : change.removed) {
    ToProto(id, secondary.Find(id)->json, *report.add_only_on_secondary());
  }
  return report;
}

}  // namespace nestor::config
