#pragma once

#include "common/base/random.h"

namespace nestor::runtime {

// The kernel's random numbers: good for nonces and stream ids, at a system call each. Thread-safe.
class SystemRandom : public Random {
 public:
  uint64_t Next() override;
};

}  // namespace nestor::runtime
