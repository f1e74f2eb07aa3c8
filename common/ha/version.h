#pragma once

#include <charconv>
#include <string_view>
#include <tuple>

namespace nestor::ha {

// Whether Kea of `version`, "2.2.0" as version-get has it, is MAJOR.MINOR or later; what is no
// version is not.
inline bool AtLeast(std::string_view version, int major, int minor) {
  int has_major = 0, has_minor = 0;
  const char* const end = version.data() + version.size();
  const char* at = std::from_chars(version.data(), end, has_major).ptr;
  if (at != end && *at == '.') std::from_chars(at + 1, end, has_minor);
  return std::tuple(has_major, has_minor) >= std::tuple(major, minor);
}

}  // namespace nestor::ha
