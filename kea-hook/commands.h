#pragma once

#include <cc/data.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "kea-hook/notifier.h"
#include "kea-hook/object.h"
#include "kea-hook/revision.h"
#include "kea-hook/running.h"

namespace nestor::hook {

// Answers nestor-status, nestor-get and nestor-apply; docs/kea-hook.md has their arguments. Kea's
// main thread only, except where it says otherwise.
class Commands {
 public:
  // `socket`: as the parameter of the library. Throws as Notifier does.
  explicit Commands(const std::string& socket);

  // The answer, which is a refusal where anything is wrong. `arguments` may be null.
  isc::data::ConstElementPtr Status(const isc::data::ConstElementPtr& arguments);
  isc::data::ConstElementPtr Get(const isc::data::ConstElementPtr& arguments);
  isc::data::ConstElementPtr Apply(const isc::data::ConstElementPtr& arguments);

  // Kea has taken a configuration, the library with it; `origin` as in the notice. Any thread.
  void OnConfigured(const std::string& origin);
  // Kea has carried out a command of its own or of another library. Any thread.
  void OnCommand(const std::string& name, const isc::data::ConstElementPtr& response);

  Notifier& notifier() { return notifier_; }

 private:
  isc::data::ElementPtr Read(const isc::data::ConstElementPtr& arguments) const;
  isc::data::ElementPtr ReadLocal(const isc::data::ConstElementPtr& arguments) const;
  isc::data::ElementPtr Change(const isc::data::ConstElementPtr& arguments);

  Revision revision_;
  Notifier notifier_;
  const std::unique_ptr<RunningConfiguration> running_;
  uint64_t applied_ = 0, refused_ = 0;
  std::atomic<bool> config_set_failed_ = false;  // since the library was loaded
};

}  // namespace nestor::hook
