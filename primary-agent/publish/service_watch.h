#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/executor.h"
#include "common/kea/kea_control.h"
#include "common/watch/watcher.h"
#include "primary-agent/publish/recorder.h"

namespace nestor::primary {

// Watches one local Kea: asks it each 250 ms whether it changed, reads it when it did, and has the
// change recorded. The asking, reading and recording are one task on the service's worker, so a
// change is durable before the protocol thread hears of it. Protocol thread only.
class ServiceWatch : public std::enable_shared_from_this<ServiceWatch> {
 public:
  // What one look at Kea gave.
  struct Look {
    watch::KeaHealth health;
    bool read = false;           // the configuration was read
    absl::Status read_status;    // why not, where it should have been
    std::string ha_mode;
    std::string blocked;         // why the configuration cannot be mirrored
    std::vector<Recorded> recorded;
    absl::Status record_status;  // a journal that could not be written
  };
  using OnLook = std::function<void(Look)>;

  ServiceWatch(DhcpService service, kea::KeaControl& kea, watch::ChangeSource& source,
               Executor& worker, Executor& loop, Clock& clock,
               std::shared_ptr<Recorder> recorder, OnLook on_look);

  void Tick();
  // Kea's file was touched: look now rather than at the next turn.
  void Hint() { next_look_ = clock_.Now(); }
  // Reads the configuration whether or not it changed; `done` runs after its look was handled.
  void ReadAgain(std::function<void(absl::Status)> done);

  Recorder& recorder() { return *recorder_; }
  Executor& worker() { return worker_; }

 private:
  void PostLook();
  static Look LookAt(DhcpService service, kea::KeaControl& kea, watch::ChangeSource& source,
                     Recorder& recorder, bool forced);

  DhcpService service_;
  kea::KeaControl& kea_;
  watch::ChangeSource& source_;
  Executor& worker_;
  Executor& loop_;
  Clock& clock_;
  std::shared_ptr<Recorder> recorder_;  // shared with tasks on the worker
  OnLook on_look_;
  bool looking_ = false;
  Instant next_look_;
  std::vector<std::function<void(absl::Status)>> waiting_;  // for the next look that begins
};

}  // namespace nestor::primary
