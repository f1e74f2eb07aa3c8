// A key file. What is accepted is one Z85 key and survives being written and read again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "common/agent/keys.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace nestor;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<agent::KeyFile> key = agent::ParseKeyFile(text);
  if (!key.ok()) {
    if (key.status().code() != absl::StatusCode::kInvalidArgument) std::abort();
    return 0;
  }
  if (key->z85.size() != 40) std::abort();
  const absl::StatusOr<agent::KeyFile> again =
      agent::ParseKeyFile(agent::FormatPublic("name", key->z85));
  if (!again.ok() || again->z85 != key->z85) std::abort();
  return 0;
}
