#include "common/store/packing.h"

#include <zlib.h>

#include "common/base/status.h"

namespace nestor::store {
namespace {

// zlib cannot expand by more; what claims to is damaged.
constexpr uint64_t kMostExpansion = 1032;

const Bytef* In(std::string_view bytes) { return reinterpret_cast<const Bytef*>(bytes.data()); }
Bytef* Out(std::string& bytes) { return reinterpret_cast<Bytef*>(bytes.data()); }

}  // namespace

std::string_view Pack(std::string_view raw, std::string& scratch) {
  if (raw.size() <= kPackAbove) return raw;
  uLongf size = compressBound(raw.size());
  scratch.resize(size);
  if (compress2(Out(scratch), &size, In(raw), raw.size(), 1) != Z_OK) return raw;
  scratch.resize(size);
  return size < raw.size() ? std::string_view(scratch) : raw;
}

absl::StatusOr<std::string> Unpack(std::string_view stored, uint64_t raw_bytes) {
  if (stored.size() == raw_bytes) return std::string(stored);
  if (stored.size() > raw_bytes || raw_bytes / kMostExpansion > stored.size()) {
    return Error(absl::StatusCode::kDataLoss, "{} stored bytes cannot be {} bytes", stored.size(),
                 raw_bytes);
  }
  std::string raw(raw_bytes, '\0');
  uLongf size = raw_bytes;
  if (uncompress(Out(raw), &size, In(stored), stored.size()) != Z_OK || size != raw_bytes) {
    return Error(absl::StatusCode::kDataLoss, "the compressed content is damaged");
  }
  return raw;
}

}  // namespace nestor::store
