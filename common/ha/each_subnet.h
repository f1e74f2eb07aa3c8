#pragma once

#include <absl/status/statusor.h>

#include "common/base/status.h"
#include "common/config/kea_config.h"
#include "common/config/object_set.h"
#include "common/json/json.h"

namespace nestor::ha {

// Does `change` to each subnet of `objects`: a function of the subnet's document that returns
// absl::StatusOr<bool>, whether it changed it.
template <typename Change>
absl::StatusOr<config::ObjectSet> ChangeSubnets(const config::ObjectSet& objects, Change change) {
  config::ObjectSet changed = objects;
  for (const auto* entry : objects.InOrder()) {
    const auto& [id, object] = *entry;
    if (id.kind != config::Kind::kSubnet) continue;
    auto document = json::Parse(object.json);
    if (!document.ok()) return Annotate(document.status(), config::Describe(id, {}));
    if (!document->root().IsObject()) {
      return Error(absl::StatusCode::kInvalidArgument, "{} is not an object",
                   config::Describe(id, {}));
    }
    const absl::StatusOr<bool> done = change(*document);
    if (!done.ok()) return Annotate(done.status(), config::Describe(id, object.json));
    if (*done) changed.Put(id, json::Canonical(document->root()));
  }
  return changed;
}

}  // namespace nestor::ha
