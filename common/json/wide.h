#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace nestor::json {

// Looking at eight bytes of a text at once: documents have tens of millions.
inline constexpr uint64_t kEach = 0x0101010101010101;
inline constexpr uint64_t kHighBits = 0x80 * kEach;

inline uint64_t EightAt(const char* text) {
  uint64_t eight;
  std::memcpy(&eight, text, sizeof eight);
  return eight;
}

// Not 0 if one of the bytes is `c`, which is ASCII.
constexpr uint64_t Holds(uint64_t eight, char c) {
  const uint64_t off = eight ^ (kEach * static_cast<unsigned char>(c));
  return (off - kEach) & ~off & kHighBits;
}

// Not 0 if one of the bytes is below `c`, which is ASCII.
constexpr uint64_t HoldsBelow(uint64_t eight, char c) {
  return (eight - kEach * static_cast<unsigned char>(c)) & ~eight & kHighBits;
}

inline bool IsAscii(std::string_view text) {
  uint64_t any = 0;
  size_t i = 0;
  for (; i + 8 <= text.size(); i += 8) any |= EightAt(text.data() + i);
  for (; i < text.size(); ++i) any |= static_cast<unsigned char>(text[i]);
  return (any & kHighBits) == 0;
}

}  // namespace nestor::json
