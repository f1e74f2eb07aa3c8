#pragma once

#include <absl/status/statusor.h>

#include <memory>
#include <optional>
#include <string>

#include "common/base/clock.h"
#include "common/base/service.h"
#include "common/config/object_set.h"
#include "common/kea/kea_control.h"

namespace nestor::watch {

// What a Kea says of itself, cheaply.
struct KeaHealth {
  bool reachable = false;
  std::string error;     // why not
  std::string version;   // "2.2.0"
  std::string ha_state;  // "hot-standby", "waiting", ...; empty: no HA hook
  int64_t pid = 0;       // as Kea knows it; 0: it did not answer
  Instant as_of;
};

// Whether a Kea's configuration may have changed since it was last read. Worker thread only.
class ChangeSource {
 public:
  virtual ~ChangeSource() = default;

  struct Notice {
    KeaHealth health;
    bool changed = false;  // read the configuration
    std::string origin;    // "reload", "restart", "command", "audit", "start"
  };
  // Asks Kea, about 1 ms. An unreachable Kea is a Notice with health.reachable false, not an error.
  virtual Notice Poll() = 0;

  // Called right before a configuration is read, and right after it was read well: what changed up
  // to BeginRead() is then known. A change during the same second as the read is noticed again.
  virtual void BeginRead() = 0;
  virtual void EndRead() = 0;

  // The last read was not good: Poll() says `changed` again.
  virtual void ForgetRead() = 0;
};

// Signs that a Kea's configuration is about to change. What it misses is noticed a little later.
class Hint {
 public:
  virtual ~Hint() = default;

  // This is the Kea's process. On the service's worker, at each look: it may wait for the disk.
  virtual void Follow(int64_t pid) = 0;
  // True: there was a sign since the last call. Protocol thread.
  virtual bool Seen() = 0;
};

// A configuration as read from Kea.
struct Running {
  json::Document arguments;  // of config-get, "hash" taken out
  config::ObjectSet objects;
  std::string ha_mode;
  std::optional<std::string> config_backend;  // why it cannot be mirrored
};

// Reads the whole configuration. Errors as KeaControl::Send; FailedPrecondition: Kea refused;
// DataLoss also where the answer is not a configuration.
absl::StatusOr<Running> ReadConfiguration(DhcpService service, kea::KeaControl& kea,
                                          absl::Duration timeout);

// Notices by status-get each poll: `pid`, or `uptime` falling, shows a restart, `uptime - reload`
// (both in Kea's own seconds, so no clock of ours is in it) config-set, config-reload and SIGHUP.
// Where list-commands shows commands that change the configuration without a reload, an audit by
// config-hash-get, or by config-get and its digest, so seldom that it takes less than 0.2 % of the
// time. `kea` and `clock` must outlive it.
std::unique_ptr<ChangeSource> MakePollingSource(kea::KeaControl& kea, Clock& clock);

}  // namespace nestor::watch
