#pragma once

#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "kea-hook/object.h"

namespace nestor::hook {

// Which state the configuration is in, and what changed on the way to it. Thread-safe.
class Revision {
 public:
  // A new instance, at generation 0.
  Revision();

  // "<instance>:<generation>".
  std::string Text() const;
  // The objects changed: the next generation.
  void Changed(std::vector<ObjectId> objects);
  // Something changed, nobody knows what.
  void ChangedSomehow();
  // The objects that changed since `revision`; nothing where that cannot be told.
  std::optional<std::set<ObjectId>> Since(const std::string& revision) const;

 private:
  struct Step {
    uint64_t generation;
    std::vector<ObjectId> objects;
  };
  std::string At(uint64_t generation) const;

  const std::string instance_;  // 16 hexadecimal digits
  mutable std::mutex mutex_;
  uint64_t generation_ = 0;
  uint64_t known_since_ = 0;  // every step after this generation is in steps_
  size_t remembered_ = 0;     // objects in steps_
  std::deque<Step> steps_;
};

}  // namespace nestor::hook
