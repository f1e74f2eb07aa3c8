#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace nestor::store {

// What is larger is compressed in its row.
inline constexpr uint64_t kPackAbove = 4096;

// `raw` as it is put into a row: zstd level 1 where it is large and gets smaller by it. The result
// points into `raw` or into `scratch`.
std::string_view Pack(std::string_view raw, std::string& scratch);

// Undoes Pack(). `stored` is compressed where its size differs from `raw_bytes`. DataLoss: it does
// not give `raw_bytes` bytes.
absl::StatusOr<std::string> Unpack(std::string_view stored, uint64_t raw_bytes);

}  // namespace nestor::store
