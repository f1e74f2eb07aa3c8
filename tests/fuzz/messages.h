#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "common/protocol/envelope.h"

namespace nestor::fuzz {

inline void Require(bool holds) {
  if (!holds) std::abort();
}

// An input as a conversation: a message begins wherever a magic number stands.
inline std::vector<std::string_view> Messages(const uint8_t* data, size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  std::vector<std::string_view> messages;
  for (size_t end = 1; end < rest.size(); ++end) {
    const uint32_t magic = protocol::MagicOf(rest.substr(end));
    if (magic != protocol::kEnvelopeMagic && magic != protocol::kOperatorMagic) continue;
    messages.push_back(rest.substr(0, end));
    rest.remove_prefix(end);
    end = 0;
  }
  messages.push_back(rest);
  return messages;
}

}  // namespace nestor::fuzz
