#include "common/base/status.h"
#include "common/config/kea_config.h"
#include "common/ha/ha.h"
#include "common/watch/watcher.h"

namespace nestor::watch {

absl::StatusOr<Running> ReadConfiguration(DhcpService service, kea::KeaControl& kea,
                                          absl::Duration timeout) {
  ASSIGN_OR_RETURN(kea::Answer answer, kea.Send("config-get", {}, timeout));
  if (!answer.ok()) {
    return Error(absl::StatusCode::kFailedPrecondition, "Kea refused config-get: {}", answer.text);
  }
  if (answer.arguments() == nullptr) {
    return Error(absl::StatusCode::kDataLoss, "Kea's answer to config-get has no arguments");
  }
  Running running;
  auto objects = config::Extract(service, *answer.arguments());
  // A configuration that cannot be taken apart is a bad answer, never an empty configuration.
  if (!objects.ok()) return Error(absl::StatusCode::kDataLoss, "{}", Message(objects.status()));
  auto set = std::make_shared<const config::ObjectSet>(*std::move(objects));
  (void)set->Digest();  // filled in before other threads see it
  running.set = std::move(set);
  running.ha_mode = config::HaMode(service, *answer.arguments());
  if (auto found = ha::Find(service, *answer.arguments())) {
    running.ha_parameters = std::move(found->parameters);
  }
  running.config_backend = config::ConfigBackendInUse(service, *answer.arguments());
  running.hub = config::HubAndSpoke(service, *answer.arguments());
  json::Value arguments = std::move(answer.whole.root()["arguments"]);
  // Kea would not take it back.
  arguments.RemoveMember("hash");
  answer.whole.root() = std::move(arguments);
  running.arguments = std::move(answer.whole);
  return running;
}

}  // namespace nestor::watch
