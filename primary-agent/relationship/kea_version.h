#pragma once

#include <charconv>
#include <compare>
#include <string_view>
#include <system_error>

namespace nestor::primary {

// A version of Kea.
struct Version {
  int major = 0, minor = 0, patch = 0;
  friend auto operator<=>(const Version&, const Version&) = default;
};

// "2.2.0" or less of it; what is not there, or is no number, is 0.
inline Version ParseVersion(std::string_view text) {
  Version version;
  int* const parts[] = {&version.major, &version.minor, &version.patch};
  const char* at = text.data();
  for (int* part : parts) {
    const auto [end, error] = std::from_chars(at, text.data() + text.size(), *part);
    if (error != std::errc()) break;
    at = end < text.data() + text.size() ? end + 1 : end;
  }
  return version;
}

}  // namespace nestor::primary
