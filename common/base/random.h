#pragma once

#include <cstdint>
#include <string>

namespace nestor {

// Where stream ids, nonces and jitter come from; seeded in the simulation. Thread-safe.
class Random {
 public:
  virtual ~Random() = default;
  virtual uint64_t Next() = 0;

  // 16 random bytes.
  std::string StreamId() {
    std::string id;
    for (int half = 0; half < 2; ++half) {
      uint64_t value = Next();
      for (int byte = 0; byte < 8; ++byte, value >>= 8)
        id.push_back(static_cast<char>(value & 0xff));
    }
    return id;
  }

  // Uniform in [0, 1).
  double Fraction() { return static_cast<double>(Next() >> 11) * 0x1.0p-53; }
};

}  // namespace nestor
