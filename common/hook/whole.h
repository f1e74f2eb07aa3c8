#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <optional>
#include <string>

#include "common/config/object_set.h"
#include "common/kea/kea_control.h"

namespace nestor::hook {

// All that is mirrored of a configuration, at one revision.
struct WholeRead {
  std::string revision;
  config::ObjectSet objects;
};

// Reads a whole configuration slice by slice, for a caller that leaves Kea alone in between. Where
// the configuration changes meanwhile it begins again. Worker thread only.
class WholeReading {
 public:
  // `kea` must outlive it.
  explicit WholeReading(kea::KeaControl& kea) : kea_(kea) {}

  // Reads one slice, in at most `timeout`. The whole where that was the last slice, and the next
  // call begins anew; nothing where there are more.
  //
  // Aborted  the configuration changed during each of several readings.
  // Others as those of common/hook/objects.h. After Unavailable and DeadlineExceeded the next call
  // asks for the same slice, after any other error it begins anew.
  absl::StatusOr<std::optional<WholeRead>> ReadOn(absl::Duration timeout);

 private:
  absl::Status Take(config::ChangeSet changed);
  // The configuration changed in mid-reading. Aborted: once too often.
  absl::Status BeginAgain();
  void BeginAnew();

  kea::KeaControl& kea_;
  std::string cursor_;  // of the slice to read; empty: the first
  WholeRead read_;      // so far
  int disturbed_ = 0;   // how often the configuration changed in mid-reading
};

// The same at once. `timeout` is for each slice. Errors as ReadOn().
absl::StatusOr<WholeRead> ReadWhole(kea::KeaControl& kea, absl::Duration timeout);

}  // namespace nestor::hook
