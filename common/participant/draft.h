#pragma once

#include <absl/status/statusor.h>

#include <memory>
#include <string>

#include "common/base/service.h"
#include "common/config/dialect.h"
#include "common/config/object_set.h"
#include "common/watch/watcher.h"
#include "nestor/v1/relationship.pb.h"

namespace nestor::participant {

// What a server's configuration is to become.
struct Draft {
  std::string own_parts;      // {"Dhcp4": {...}} of what belongs to the server, canonical
  config::ObjectSet objects;  // what is mirrored
  std::string text;           // all of it, as Kea takes it
  config::Dialect dialect = config::Dialect::k22;  // that of this Kea
};

// {"Dhcp4": {...}} of what belongs to the server in `arguments`, canonical.
// InvalidArgument: they are no configuration.
absl::StatusOr<std::string> OwnParts(DhcpService service, const json::Value& arguments);

// Who draws it.
struct Drawer {
  DhcpService service;
  std::string server;
  std::string kea_version;
  std::string hooks_directory;
};

// What `running` becomes by `draft`. `sent`: the objects that the coordinator sent, or null.
// InvalidArgument, FailedPrecondition: it cannot; the text says why.
absl::StatusOr<Draft> Draw(const Drawer& drawer, const v1::Draft& draft,
                           const watch::Running& running, const config::ObjectSet* sent);

// What a Kea of `dialect` becomes where its own parts are `own_parts` and its objects `objects`.
absl::StatusOr<Draft> Compose(DhcpService service, config::Dialect dialect,
                              const std::string& own_parts, config::ObjectSet objects);

}  // namespace nestor::participant
