#include "kea-hook/packed.h"

#include <zstd.h>

#include <vector>

#include "kea-hook/kea_versions.h"
#include "kea-hook/object.h"

namespace nestor::hook {
namespace {

constexpr unsigned long long kMostBytes = 256ull << 20;
// Kea reads JSON by recursion.
constexpr int kMostLevels = 150;

bool IsTooDeep(const std::string& json) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      if (c == '\\') ++i;
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kMostLevels) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

std::string Inflate(const std::vector<uint8_t>& frame) {
  const unsigned long long size = ZSTD_getFrameContentSize(frame.data(), frame.size());
  // What is no frame, or does not say its size, is larger as well.
  if (size > kMostBytes) throw Refused(kMalformed, "packed is no zstd frame of at most 256 MiB");
  std::string json(size, '\0');
  const size_t got = ZSTD_decompress(json.data(), json.size(), frame.data(), frame.size());
  if (ZSTD_isError(got) != 0 || got != size) {
    throw Refused(kMalformed, "packed holds a damaged zstd frame");
  }
  return json;
}

}  // namespace

isc::data::ConstElementPtr Unpack(const std::string& packed) {
  std::vector<uint8_t> frame;
  try {
    DecodeBase64(packed, frame);
  } catch (const isc::Exception& error) {
    throw Refused(kMalformed, std::string("packed is no base64: ") + error.what());
  }
  const std::string json = Inflate(frame);
  if (IsTooDeep(json)) {
    throw Refused(kMalformed, "packed is deeper than " + std::to_string(kMostLevels) + " levels");
  }
  try {
    return isc::data::Element::fromJSON(json);
  } catch (const isc::Exception& error) {
    throw Refused(kMalformed, std::string("packed holds no JSON: ") + error.what());
  }
}

}  // namespace nestor::hook
