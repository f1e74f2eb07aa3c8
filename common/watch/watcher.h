#pragma once

#include <absl/status/statusor.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/clock.h"
#include "common/base/service.h"
#include "common/config/object_set.h"
#include "common/hook/status.h"
#include "common/kea/kea_control.h"

namespace nestor::watch {

// What a Kea says of itself, cheaply.
struct KeaHealth {
  bool reachable = false;
  std::string error;     // why not
  std::string version;   // "2.2.0"
  std::string hook;      // the version of the hook library; empty: it is not loaded
  std::string ha_state;  // "hot-standby", "waiting", ...; empty: no HA hook
  int64_t pid = 0;       // as Kea knows it; 0: it did not answer
  // Notices of leases for which the agent's socket had no room, since the hook library was loaded.
  uint64_t leases_dropped = 0;
  Instant as_of;
};

// A configuration as read from Kea.
struct Running {
  std::shared_ptr<const config::ObjectSet> set;  // its digest is filled in
  std::string ha_mode;
  std::string ha_parameters;  // of the HA hook, canonical JSON; empty: it is not loaded
  std::optional<std::string> config_backend;  // why it cannot be mirrored
  std::optional<std::string> hub;             // the same, where its HA has several partners
  std::string revision;                       // of the hook library; empty: it is not loaded
  json::Document arguments;  // of config-get, "hash" taken out; null where the library was asked

  // Why it cannot be mirrored, or nothing.
  const std::optional<std::string>& blocked() const {
    return config_backend ? config_backend : hub;
  }
};

// Reads the whole configuration by config-get. Errors as KeaControl::Send; FailedPrecondition: Kea
// refused; DataLoss also where the answer is not a configuration.
absl::StatusOr<Running> ReadConfiguration(DhcpService service, kea::KeaControl& kea,
                                          absl::Duration timeout);

// How a change was noticed.
inline constexpr std::string_view kStart = "start";      // the first look
inline constexpr std::string_view kRestart = "restart";  // of Kea
inline constexpr std::string_view kReload = "reload";    // config-set, config-reload or SIGHUP
inline constexpr std::string_view kCommand = "command";  // any other command
inline constexpr std::string_view kAudit = "audit";      // nobody told of it

// One local Kea's configuration: whether it may have changed since it was last read, and reading
// it. Worker thread only.
class ChangeSource {
 public:
  virtual ~ChangeSource() = default;

  struct Notice {
    KeaHealth health;
    bool changed = false;  // read the configuration
    std::string origin;    // one of the above, or as Expect() said
  };
  // Asks Kea, about 1 ms. An unreachable Kea is a Notice with health.reachable false, not an error.
  virtual Notice Poll() = 0;

  // As Poll(), where the hook library told of `revision` and Kea was asked within the last second:
  // Kea is asked for nothing but what changed, which Known() has then, and its health is that of
  // the last Poll(). Nothing where there may be more to it; then it is Poll()'s.
  virtual std::optional<Notice> PollTold(std::string_view revision) = 0;

  enum class By {
    kLeast,      // what costs Kea least
    kConfigGet,  // so that its text is there
  };
  // Reads the configuration. What changes once that has begun, Poll() tells; after an error it says
  // `changed` again. Errors as ReadConfiguration().
  virtual absl::StatusOr<Running> Read(By by, absl::Duration timeout) = 0;

  // Nothing came of the last read: Poll() says `changed` again.
  virtual void Forget() = 0;

  // By a change of our own Kea has `set` at this revision of the hook library, read back.
  virtual void Took(std::shared_ptr<const config::ObjectSet> set, std::string revision) = 0;

  // What Kea had when it was last asked, without asking it; nothing where the hook library, which
  // tells whether a revision still holds, is not loaded or the configuration is not known.
  virtual std::optional<Running> Known() const = 0;

  // The next change that Poll() tells of is our own, and has this origin; empty: it is not.
  virtual void Expect(std::string origin) = 0;

  // What the hook library said of itself at the last Poll(); null: it is not loaded.
  virtual const hook::Status* hook() const = 0;
};

// Signs that a Kea's configuration changes. What it misses is noticed a little later.
class Hint {
 public:
  enum class Sign {
    kNone,
    kExpected,  // it is perhaps about to change
    kHappened,  // it has changed
  };

  virtual ~Hint() = default;

  // This is the Kea's process. On the service's worker, at each look: it may wait for the disk.
  virtual void Follow(int64_t pid) = 0;
  // The strongest sign since the last call. Protocol thread.
  virtual Sign Seen() = 0;
  // The revision of the hook library that the newest kHappened told of; empty: none was. Protocol
  // thread.
  virtual std::string Told() { return {}; }
};

// Notices by status-get each poll: `pid`, or `uptime` falling, shows a restart, `uptime - reload`
// (both in Kea's own seconds, so no clock of ours is in it) config-set, config-reload and SIGHUP.
// Where the hook library is loaded its revision shows each change, what changed since the last read
// is all that is read, and an audit of the whole goes on in slices, one a poll, five minutes after
// the last. Where it is not, and list-commands shows commands that change the configuration without
// a reload, the audit is by config-hash-get, or by config-get and its digest, so seldom that it
// takes less than 0.2 % of the time. `kea` and `clock` must outlive it.
std::unique_ptr<ChangeSource> MakeChangeSource(DhcpService service, kea::KeaControl& kea,
                                               Clock& clock);

}  // namespace nestor::watch
