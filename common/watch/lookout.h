#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/executor.h"
#include "common/watch/watcher.h"

namespace nestor::watch {

// What one look at a Kea gave.
struct Look {
  KeaHealth health;
  bool read = false;         // the configuration was read, and is in what follows
  absl::Status read_status;  // why not, where it should have been
  std::string ha_mode;
  std::string ha_parameters;  // as Running's
  std::string blocked;        // why this configuration cannot be mirrored; `set` is null then
  std::string origin;         // how the change was noticed, as in ChangeSource::Notice
  std::shared_ptr<const config::ObjectSet> set;  // its digest is filled in
  absl::Status used_status;                      // of what was done with it on the worker
};

// Looks at one local Kea each 250 ms, at once where a hint says that it changed, more often for a
// while where it says that it may, and reads its configuration when it changed. Protocol thread
// only; asking and reading are one task on the service's worker. A Kea whose configuration cannot
// be read, or that keeps a look waiting for 10 s, is told of as one that does not answer.
class Lookout : public std::enable_shared_from_this<Lookout> {
 public:
  // What is to be done with a configuration on the worker, before the protocol thread hears of the
  // look. After an error the configuration is read again, 2 s later.
  using Use = std::function<absl::Status(const Look&)>;
  using OnLook = std::function<void(Look)>;

  // Everything referred to must outlive it. `hint` may be null, `use` empty.
  Lookout(DhcpService service, ChangeSource& source, Hint* hint, Executor& worker, Executor& loop,
          Clock& clock, Use use, OnLook on_look);

  void Tick();
  // Reads the configuration whether or not it changed; `done` runs after its look was handled.
  // Unavailable: Kea does not answer; or as ChangeSource::Read(); or as `use`.
  void ReadAgain(std::function<void(absl::Status)> done);

 private:
  using Done = std::function<void(absl::Status)>;
  void PostLook();
  void Finish(Look look, const std::vector<Done>& waiting);

  DhcpService service_;
  ChangeSource& source_;
  Hint* const hint_;
  Executor& worker_;
  Executor& loop_;
  Clock& clock_;
  Use use_;
  OnLook on_look_;
  void TakeSign(Hint::Sign sign, Instant now);
  bool looking_ = false;
  Instant began_;  // the look under way
  bool told_silent_ = false;
  KeaHealth health_;  // of the last look
  Instant next_look_;
  bool look_again_ = false;    // a change was told of during the look under way
  bool told_ = false;          // changes are told of when they happen, by a hook library
  std::string revision_;       // told of and not looked at yet
  Instant hurry_until_;        // what was hinted at may happen until then
  std::vector<Done> waiting_;  // for the next look that begins
};

}  // namespace nestor::watch
