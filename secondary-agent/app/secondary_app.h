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
#include "common/store/follower_store.h"
#include "common/watch/watcher.h"

namespace nestor::secondary {

// A local Kea and the worker thread that owns it.
struct ServiceWorld {
  kea::KeaControl& kea;
  watch::ChangeSource& source;
  Executor& worker;
  watch::Hint* hint = nullptr;
};

// All that a SecondaryApp reaches. Everything must outlive it.
struct SecondaryWorld {
  Clock& clock;
  Random& random;
  Executor& loop;  // the protocol thread; all of the app runs there
  Executor& disk;  // the worker that writes Keas' files, and the store where no Kea worker is at it
  bus::FollowerBus& bus;
  store::FollowerStore& store;
  runtime::Metrics& metrics;
  keafile::ConfigFiles& files;
  reach::Reach& reach;
  std::map<DhcpService, ServiceWorld> services;
};

struct SecondaryOptions {
  std::string server_name;
  std::string version;
  std::map<DhcpService, agent::ServiceConfig> services;
};

// The secondary agent: built alike by main.cc and by the simulation. Protocol thread only.
class SecondaryApp {
 public:
  SecondaryApp(SecondaryOptions options, SecondaryWorld world);
  ~SecondaryApp();

  // Loads relationships and positions, subscribes, begins to follow. Blocks for the disk. An
  // unusable store is the only error here.
  absl::Status Start();

  // Called at least every 50 ms, and after each message: time passes by it.
  void Tick();

  // Says goodbye to the primary, and has the workers write what is not in Kea's file yet.
  void Drain();

  // One line: each relationship, its position and lag, and how it is unless that is well.
  std::string StatusLine() const;

 private:
  class Core;
  std::shared_ptr<Core> core_;
};

}  // namespace nestor::secondary
