#pragma once

#include <cstdint>

#include "common/base/random.h"

namespace nestor::testing {

// Numbers that are never the same twice, and the same in each run.
class CountingRandom final : public Random {
 public:
  uint64_t Next() override { return ++next_ * 0x9e3779b97f4a7c15u; }

 private:
  uint64_t next_ = 0;
};

}  // namespace nestor::testing
