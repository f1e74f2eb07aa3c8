#include "common/runtime/system_random.h"

#include <sys/random.h>

namespace nestor::runtime {

uint64_t SystemRandom::Next() {
  uint64_t value = 0;
  // Up to 256 bytes come whole once the kernel's pool is filled; before that a signal may
  // interrupt.
  while (::getrandom(&value, sizeof(value), 0) != sizeof(value)) {
  }
  return value;
}

}  // namespace nestor::runtime
