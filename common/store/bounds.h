#pragma once

#include <absl/time/time.h>

#include <algorithm>
#include <cstdint>
#include <limits>

#include "common/store/journal.h"

namespace nestor::store {

// A bound times a factor, without overflow.
inline uint64_t Times(uint64_t bound, uint64_t factor) {
  return factor != 0 && bound > std::numeric_limits<uint64_t>::max() / factor
             ? std::numeric_limits<uint64_t>::max()
             : bound * factor;
}

// What even a connected secondary does not hold.
inline Retention HardCap(const Retention& soft) {
  const uint64_t factor = std::max<uint64_t>(1, soft.hard_cap_factor);
  return {.changes = Times(soft.changes, factor),
          .bytes = Times(soft.bytes, factor),
          .age = soft.age * static_cast<double>(factor),
          .hard_cap_factor = 1};
}

// How much of the newer history lies above a change, with it.
struct Weight {
  uint64_t changes = 0;
  uint64_t bytes = 0;
};

inline bool Exceeds(const Retention& bounds, Weight weight, absl::Duration age) {
  return weight.changes > bounds.changes || weight.bytes > bounds.bytes || age > bounds.age;
}

}  // namespace nestor::store
