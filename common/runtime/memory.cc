#include "common/runtime/memory.h"

#include <malloc.h>

#include <cstddef>

namespace nestor::runtime {
namespace {

constexpr int kArenas = 2;
constexpr int kLargeBlock = 1 << 20;
constexpr size_t kMuch = size_t{4} << 20;

}  // namespace

void BoundMemory() {
  ::mallopt(M_ARENA_MAX, kArenas);
  // Setting either also ends malloc's habit of raising both with what it has seen freed.
  ::mallopt(M_MMAP_THRESHOLD, kLargeBlock);
  ::mallopt(M_TRIM_THRESHOLD, kLargeBlock);
}

void ReleaseFreeMemory() {
  if (::mallinfo2().fordblks > kMuch) ::malloc_trim(0);
}

}  // namespace nestor::runtime
