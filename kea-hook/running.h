#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kea-hook/object.h"

namespace nestor::hook {

// The configuration that Kea runs, as objects. Kea's main thread only. Kea's exceptions come
// through.
class RunningConfiguration {
 public:
  virtual ~RunningConfiguration() = default;

  virtual const char* service() const = 0;

  // The mode of the HA hook, "hot-standby" or another; empty: it is not loaded.
  virtual std::string HaMode() const = 0;
  // The type of the first database of config-control; empty: there is none.
  virtual std::string ConfigBackend() const = 0;

  // These objects as they are, in the order asked for.
  virtual std::vector<Object> Read(const std::vector<ObjectId>& ids) const = 0;

  // The code of an option that Kea or the configuration defines; nothing: there is none.
  virtual std::optional<uint16_t> OptionCode(const std::string& space,
                                             const std::string& name) const = 0;

  // The globals of a configuration that sets none.
  virtual std::vector<Object> DefaultGlobals() const = 0;

  // What is not mirrored of it: {"Dhcp4": {...}}.
  virtual isc::data::ElementPtr LocalPart() const = 0;

  struct Page {
    std::vector<Object> objects;
    std::string next;  // where to go on; empty: that was the last
  };
  // From `cursor` on, which is empty or a page's `next`, until `budget` is used up, one object at
  // least. Throws Refused where the cursor is none.
  virtual Page ReadOn(const std::string& cursor, std::chrono::microseconds budget) const = 0;

  // Makes the change, all of it or nothing, and returns the objects that it touched as they are
  // after it. With `dry_run` nothing is changed, and they are as they would be. Throws Refused.
  virtual std::vector<Object> Apply(const Change& change, bool dry_run) = 0;
};

// For the daemon that has loaded the library.
std::unique_ptr<RunningConfiguration> MakeRunningConfiguration();

}  // namespace nestor::hook
