#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <string>
#include <string_view>
#include <vector>

#include "common/config/object_set.h"
#include "common/hook/objects.h"
#include "common/hook/status.h"
#include "common/kea/kea_control.h"

namespace nestor::hook {

// What was said against one object.
struct Refusal {
  config::ObjectId id;
  std::string text;  // Kea's words; may be empty
};

// What came of a change. Unless kDone, nothing has changed.
struct Applied {
  enum class Result {
    kDone,
    kChangedMeanwhile,  // the configuration is not of the revision asked for
    kNeedsConfigSet,    // it holds objects that only a config-set can change: those `refused`
    kRefused,           // Kea's parsers or a rule between objects say no
  };

  Result result = Result::kDone;
  Objects after;                 // kDone: the objects touched, as Kea has them now
  std::string text;              // otherwise Kea's words
  std::vector<Refusal> refused;  // in the order Kea names them; may be empty
};

// Makes `change` in the running configuration of the Kea that `library` is loaded in, all of it or
// nothing, without a reload. Where
// `before` is not empty, only if the configuration is of that revision. `dry_run`: `after` is what
// Kea would have, and nothing changes. Worker threads only.
//
// Errors as KeaControl::Send: after DeadlineExceeded and DataLoss Kea may or may not have done it.
// NotFound            this Kea does not know the command: the library is not loaded.
// FailedPrecondition  Kea refused for a reason that is none of Applied's; nothing changed.
// DataLoss            also where the answer is not as documented; the text says what is wrong.
// InvalidArgument     an object holds characters that Kea cannot write; nothing was sent.
absl::StatusOr<Applied> Apply(kea::KeaControl& kea, const Status& library, std::string_view before,
                              const config::ChangeSet& change, bool dry_run,
                              absl::Duration timeout);

}  // namespace nestor::hook
