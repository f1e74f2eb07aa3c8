#pragma once

#include <utf8.h>

#include <iterator>
#include <string>
#include <string_view>

namespace nestor {

// `text` as a protobuf string can hold it: '?' for what is no UTF-8, and at most `most` bytes, cut
// between characters.
inline std::string Utf8(std::string_view text, size_t most) {
  std::string valid;
  utf8::replace_invalid(text.begin(), text.end(), std::back_inserter(valid), '?');
  if (valid.size() <= most) return valid;
  const auto begin_of_character = [&](size_t at) {
    return (static_cast<unsigned char>(valid[at]) & 0xc0) != 0x80;
  };
  while (!begin_of_character(most)) --most;
  valid.resize(most);
  return valid;
}

}  // namespace nestor
