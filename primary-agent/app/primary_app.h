#pragma once

#include <map>
#include <memory>
#include <string>

#include "common/agent/agent_config.h"
#include "common/base/clock.h"
#include "common/base/executor.h"
#include "common/base/random.h"
#include "common/base/service.h"
#include "common/bus/bus.h"
#include "common/kea/kea_control.h"
#include "common/keafile/config_files.h"
#include "common/reach/reach.h"
#include "common/runtime/metrics.h"
#include "common/store/journal.h"
#include "common/watch/lease_notices.h"
#include "common/watch/watcher.h"

namespace nestor::primary {

// A local Kea and the worker thread that owns it.
struct ServiceWorld {
  kea::KeaControl& kea;
  watch::ChangeSource& source;
  Executor& worker;
  watch::Hint* hint = nullptr;
  watch::LeaseNotices* leases = nullptr;  // null: no lease events
};

// All that a PrimaryApp reaches. Everything must outlive it.
struct PrimaryWorld {
  Clock& clock;
  Random& random;
  Executor& loop;  // the protocol thread; all of the app runs there
  Executor& disk;  // the worker that reads the journal for others
  bus::PublisherBus& bus;
  store::Journal& journal;
  runtime::Metrics& metrics;
  keafile::ConfigFiles& files;
  reach::Reach& reach;
  std::map<DhcpService, ServiceWorld> services;
};

struct PrimaryOptions {
  std::string server_name;
  std::string version;
  std::map<DhcpService, agent::ServiceConfig> services;
  bool secured = false;  // peers prove who they are; a follower's key must name its server
};

// The primary agent: built alike by main.cc and by the simulation. Protocol thread only.
class PrimaryApp {
 public:
  PrimaryApp(PrimaryOptions options, PrimaryWorld world);
  ~PrimaryApp();

  // Loads the relationships and raises their terms, then begins to watch and serve. What goes wrong
  // later shows in status; an unusable journal is the only error here. Blocks for the disk.
  absl::Status Start();

  // Called at least every 50 ms, and after each message: time passes by it.
  void Tick();

  // Says goodbye to followers. Work under way on workers ends by itself.
  void Drain();

  // One line: each relationship, its position and lag, and how it is unless that is well.
  std::string StatusLine() const;

 private:
  class Core;
  std::shared_ptr<Core> core_;  // workers hold it weakly, so that a late result finds nobody
};

}  // namespace nestor::primary
