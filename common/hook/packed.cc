#include "common/hook/packed.h"

#include <absl/strings/escaping.h>
#include <fmt/format.h>
#include <zstd.h>

namespace nestor::hook {

std::string Pack(std::string_view arguments) {
  std::string frame(ZSTD_compressBound(arguments.size()), '\0');
  frame.resize(ZSTD_compress(frame.data(), frame.size(), arguments.data(), arguments.size(), 1));
  return fmt::format(R"({{"packed":"{}"}})", absl::Base64Escape(frame));
}

}  // namespace nestor::hook
