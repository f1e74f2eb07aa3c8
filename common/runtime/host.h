#pragma once

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <map>
#include <memory>
#include <string>

#include "common/agent/agent_config.h"
#include "common/base/service.h"
#include "common/kea/kea_control.h"
#include "common/keafile/config_files.h"
#include "common/reach/reach.h"
#include "common/runtime/config_files.h"
#include "common/runtime/loop.h"
#include "common/runtime/metrics.h"
#include "common/runtime/system_clock.h"
#include "common/runtime/system_random.h"
#include "common/runtime/worker.h"
#include "common/watch/file_hint.h"
#include "common/watch/hints.h"
#include "common/watch/lease_notices.h"
#include "common/watch/watcher.h"

namespace nestor::runtime {

// A local Kea and the thread that owns it.
struct KeaService {
  KeaService(DhcpService service, const std::string& control_socket, Clock& clock);

  const std::unique_ptr<kea::KeaControl> kea;
  const std::unique_ptr<watch::ChangeSource> source;
  watch::LeaseNotices leases;  // filled where the configuration wants lease events
  watch::Hints hint;           // of what happens to its configuration
  Worker worker;               // last: its tasks use the others
};

// What both agents run on. Its threads run from the construction on; they must have ended before
// anything that their tasks use goes away, so stop it before that.
class Host {
 public:
  Host(agent::AgentConfig its_config, Keys its_keys, std::string its_version);

  // Makes the state directory, with mode 0700, if it is missing. Unavailable: it cannot be made, or
  // not be written.
  absl::Status PrepareState() const;

  // Listens for what hints at changes of the local Keas; before Services(). Unavailable: a
  // hook-socket cannot be listened at.
  absl::Status ListenToKeas();

  // The path of a file in the state directory.
  std::string StatePath(const std::string& name) const;

  // The services as an app takes them: {kea, source, worker, hint} each.
  template <typename ServiceWorld>
  std::map<DhcpService, ServiceWorld> Services() {
    std::map<DhcpService, ServiceWorld> worlds;
    for (auto& [service, its] : services) {
      worlds.emplace(service, ServiceWorld{*its->kea, *its->source, its->worker, &its->hint});
    }
    return worlds;
  }

  // Stops the workers and ends their sleep. True: all ended within `patience`. False: one still
  // waits for Kea or the disk; nothing that its task uses may be destroyed.
  bool Stop(absl::Duration patience);

  const agent::AgentConfig config;
  const Keys keys;
  const std::string version;
  SystemClock clock;
  SystemRandom random;
  Metrics metrics;
  watch::OwnReplacements own_replacements;
  const std::unique_ptr<keafile::ConfigFiles> files = keafile::LocalConfigFiles(own_replacements);
  const std::unique_ptr<reach::Reach> reach = reach::LocalReach();
  Loop loop;
  std::map<DhcpService, std::unique_ptr<KeaService>> services;
  Worker disk;
};

}  // namespace nestor::runtime
