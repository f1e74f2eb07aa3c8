#pragma once

#include <absl/status/statusor.h>

#include <string_view>

#include "common/config/object_set.h"
#include "nestor/v1/envelope.pb.h"

namespace nestor::config {

void ToProto(const ObjectId& id, std::string_view json, v1::Object& out);
void ToProto(const ObjectId& id, v1::ObjectId& out);
void ToProto(const ChangeSet& change, v1::Change& out);

// InvalidArgument: an unknown kind, an empty key, text that is not canonical JSON, an object twice.
absl::StatusOr<ChangeSet> FromProto(const v1::Change& change);

void ToProto(const ObjectSet& set, v1::Snapshot& out);

// Takes the texts out of `snapshot`, so that the two are not in memory twice. Errors as above.
absl::StatusOr<ObjectSet> FromProto(v1::Snapshot&& snapshot);

// What `primary` and `secondary` differ in.
v1::DiffReport Compare(const ObjectSet& primary, const ObjectSet& secondary);

}  // namespace nestor::config
