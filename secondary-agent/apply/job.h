#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/kea/health.h"
#include "secondary-agent/apply/applier.h"

namespace nestor::secondary {

// How long a Kea that fell silent in the middle is waited for before the caller is told.
inline constexpr absl::Duration kPatience = absl::Seconds(20);

// One Apply(): what was read before, what is planned, and how it goes.
struct Applier::Job {
  const Target& target;
  const HoldPolicy& hold;
  const std::function<absl::Status()>& before_first_write;
  ApplyResult result = {};
  watch::Running before = {};                            // what Kea had
  std::shared_ptr<const config::ObjectSet> actual = {};  // its objects
  watch::Running after = {};                             // as last read back
  config::ObjectSet wanted = {};
  ApplyPlan plan = {};
  std::string arguments = {};              // of config-test and config-set
  bool by_text = false;                    // config-get is to be read: config-set it will be
  bool asked = false;                      // Kea was asked what it has
  bool may_test = true;                    // config-test does this Kea no harm
  bool repeated = false;                   // sent once more, since Kea had something else
  std::string last_good = {};              // the configuration as it was, to be put back
  std::vector<std::string> commands = {};  // what list-commands had before
};

}  // namespace nestor::secondary
