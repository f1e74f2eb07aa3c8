#pragma once

#include <absl/status/statusor.h>

#include <memory>
#include <optional>
#include <string>

#include "common/base/clock.h"
#include "common/base/service.h"
#include "common/config/object_set.h"
#include "common/hook/objects.h"
#include "common/hook/status.h"
#include "common/hook/whole.h"
#include "common/kea/kea_control.h"
#include "common/watch/watcher.h"

namespace nestor::watch {

// A Kea's configuration by the hook library: what changed since it was last read, or the whole in
// slices that hold no packet up. Worker thread only.
class HookReading {
 public:
  // `kea` and `clock` must outlive it.
  HookReading(DhcpService service, kea::KeaControl& kea, Clock& clock)
      : service_(service), kea_(kea), clock_(clock), audit_(kea) {}

  // Asks for the library's status. Errors as hook::AskStatus(); nothing is known of the library
  // then.
  absl::Status Ask(absl::Duration timeout);
  void Unload() { status_.reset(); }
  // As of the last Ask(); null: it is not loaded.
  const hook::Status* status() const { return status_ ? &*status_ : nullptr; }

  // Whether the configuration is another one than was last read, as of the last Ask().
  bool Changed() const { return !status_ || status_->revision != revision_; }
  // Whether it is still the instance of the library that was last read from.
  bool SameInstance() const;

  // Reads what changed since the last read. Errors as those of common/hook/objects.h.
  absl::StatusOr<Running> Read(absl::Duration timeout);
  // Where set and library are known: whether `revision`, which the library told of, is news, and
  // then reads what changed. Nothing: there is more to it, or Kea does not say.
  std::optional<bool> ReadNews(std::string_view revision, absl::Duration timeout);
  // What Kea was last known to have, where that is of the library's instance as of the last Ask().
  std::optional<Running> Known() const;
  // Kea has `set` at `revision`, by whatever it was learnt.
  void Took(std::shared_ptr<const config::ObjectSet> set, std::string revision);
  // As Running's, at `revision`: only another instance of the library may have others.
  void TookHa(std::string parameters, std::string_view revision);
  // The next read is of the whole.
  void Forget() { Took(nullptr, {}); }

  // Reads another slice of the whole, when that is due. True: in the end it was not what was read
  // before, so somebody changed it who does not tell.
  bool AuditFinds(absl::Duration timeout);

 private:
  // `set_`, with what the status says besides.
  Running AsRunning() const;
  absl::StatusOr<std::shared_ptr<const config::ObjectSet>> ReadSet(absl::Duration timeout,
                                                                   std::string& revision);

  // `set_` with `news`.
  std::shared_ptr<const config::ObjectSet> With(const hook::Objects& news) const;
  absl::Status ReadHa(absl::Duration timeout);

  DhcpService service_;
  kea::KeaControl& kea_;
  Clock& clock_;
  std::optional<hook::Status> status_;
  std::shared_ptr<const config::ObjectSet> set_;  // as last read; null: not yet
  std::string revision_;                          // of set_
  std::string ha_parameters_, ha_instance_;       // and of which instance they are
  hook::WholeReading audit_;
  std::optional<Instant> next_slice_;
};

}  // namespace nestor::watch
