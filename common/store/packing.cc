#include "common/store/packing.h"

#include <zstd.h>

#include "common/base/status.h"

namespace nestor::store {

std::string_view Pack(std::string_view raw, std::string& scratch) {
  if (raw.size() <= kPackAbove) return raw;
  scratch.resize(ZSTD_compressBound(raw.size()));
  const size_t size = ZSTD_compress(scratch.data(), scratch.size(), raw.data(), raw.size(), 1);
  if (ZSTD_isError(size) != 0 || size >= raw.size()) return raw;
  scratch.resize(size);
  return scratch;
}

absl::StatusOr<std::string> Unpack(std::string_view stored, uint64_t raw_bytes) {
  if (stored.size() == raw_bytes) return std::string(stored);
  // A damaged size is found before it is made room for.
  if (ZSTD_getFrameContentSize(stored.data(), stored.size()) != raw_bytes) {
    return Error(absl::StatusCode::kDataLoss, "{} stored bytes cannot be {} bytes", stored.size(),
                 raw_bytes);
  }
  std::string raw(raw_bytes, '\0');
  if (ZSTD_decompress(raw.data(), raw.size(), stored.data(), stored.size()) != raw_bytes) {
    return Error(absl::StatusCode::kDataLoss, "the compressed content is damaged");
  }
  return raw;
}

}  // namespace nestor::store
