#include "common/participant/draft.h"

#include "common/base/status.h"
#include "common/config/kea_config.h"
#include "common/ha/compare.h"
#include "common/ha/ha.h"
#include "common/ha/scopes.h"

namespace nestor::participant {
namespace {

absl::StatusOr<config::ObjectSet> DrawObjects(const Drawer& drawer, const v1::Draft& draft,
                                              const watch::Running& running,
                                              const config::ObjectSet* sent) {
  if (draft.take_objects() && sent == nullptr) {
    return Error(absl::StatusCode::kFailedPrecondition,
                 "the objects that {} is to have did not come whole", drawer.server);
  }
  config::ObjectSet objects = draft.take_objects() ? *sent : *running.set;
  switch (draft.pools()) {
    case v1::SPLIT: {
      ASSIGN_OR_RETURN(objects,
                       ha::Split(drawer.service, objects, draft.primary(), draft.secondary()));
      break;
    }
    case v1::JOIN: {
      ASSIGN_OR_RETURN(objects, ha::Join(drawer.service, objects));
      break;
    }
    default:
      break;
  }
  switch (draft.scopes()) {
    case v1::DISABLE:
      return ha::Disable(drawer.service, objects);
    case v1::ENABLE:
      return ha::Enable(drawer.service, objects);
    case v1::DELETE:
      return ha::Delete(objects);
    default:
      return objects;
  }
}

}  // namespace

absl::StatusOr<std::string> OwnParts(DhcpService service, const json::Value& arguments) {
  // A configuration without objects is what belongs to the server.
  // None in the oldest dialect, too, which adds nothing to them.
  ASSIGN_OR_RETURN(std::string text,
                   config::Compose(service, config::Dialect::k22, arguments, config::ObjectSet()));
  ASSIGN_OR_RETURN(const json::Document own, json::Parse(std::move(text)));
  return json::Canonical(own.root());
}

absl::StatusOr<Draft> Compose(DhcpService service, config::Dialect dialect,
                              const std::string& own_parts, config::ObjectSet objects) {
  ASSIGN_OR_RETURN(const json::Document own, json::Parse(own_parts));
  Draft draft;
  ASSIGN_OR_RETURN(draft.text, config::Compose(service, dialect, own.root(), objects));
  draft.own_parts = own_parts;
  draft.dialect = dialect;
  draft.objects = std::move(objects);
  return draft;
}

absl::StatusOr<Draft> Draw(const Drawer& drawer, const v1::Draft& draft,
                           const watch::Running& running, const config::ObjectSet* sent) {
  ASSIGN_OR_RETURN(const std::string before, OwnParts(drawer.service, running.arguments.root()));
  ASSIGN_OR_RETURN(json::Document own, json::Parse(before));
  if (draft.has_set_ha()) {
    // In a pair that somebody else set up a server may have another name.
    const auto found = ha::Find(drawer.service, own.root());
    const std::string& name = found ? found->this_server : drawer.server;
    if (!draft.like_ha().empty()) ha::TakeOver(drawer.service, draft.like_ha(), own);
    RETURN_IF_ERROR(ha::Set(drawer.service, draft.set_ha(), name, drawer.hooks_directory,
                            drawer.kea_version, own));
  } else if (draft.remove_ha()) {
    ha::Remove(drawer.service, own);
  }
  ASSIGN_OR_RETURN(config::ObjectSet objects, DrawObjects(drawer, draft, running, sent));
  return Compose(drawer.service, config::DialectOf(drawer.service, running.arguments.root()),
                 json::Canonical(own.root()), std::move(objects));
}

}  // namespace nestor::participant
