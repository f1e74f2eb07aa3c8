#pragma once

#include <absl/status/statusor.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/service.h"
#include "common/config/kea_config.h"

namespace nestor::secondary {

// When a removal is too large to be made unasked.
struct HoldPolicy {
  uint32_t percent = 20;  // of the subnets, or of the reservations
  uint32_t minimum = 5;   // and more than so many
};

// How a change reaches Kea; the least disruptive that serves.
enum class ApplyBy {
  kNothing,    // nothing differs, or too much would be removed
  kHook,       // the hook library, object by object; HA goes on
  kConfigSet,  // config-test and config-set of the whole; HA begins anew
};

// "nothing", "hook", "config-set".
std::string_view ApplyByName(ApplyBy by);

// What the local Kea's hook library can do.
struct HookAbilities {
  std::vector<std::string> needs_config_set;  // globals that it cannot change
};

// How to bring Kea from what it has to what is wanted.
struct ApplyPlan {
  ApplyBy by = ApplyBy::kNothing;
  bool held = false;  // it removes too much; nothing is to be sent
  size_t subnets_removed = 0, reservations_removed = 0;
  config::ChangeSet change;  // from what Kea has
};

// `hook`: null where the hook library is not loaded.
ApplyPlan PlanApply(const config::ObjectSet& actual, const config::ObjectSet& wanted,
                    const HookAbilities* hook, const HoldPolicy& hold, bool removal_approved);

// Which object Kea's words are about: the innermost one at the position they name, else the only
// one changed, else a changed one whose address, identifier or name they hold; or nothing.
//
// Kea's position, "(<wire>:0:123)", counts bytes of the command's text, which must be one line.
// `places` is config::Compose's for the arguments, which begin `prefix_bytes` into that text.
std::optional<config::ObjectId> BlameFor(std::string_view kea_text,
                                         const std::vector<config::Place>& places,
                                         size_t prefix_bytes, const config::ChangeSet& change);

}  // namespace nestor::secondary
