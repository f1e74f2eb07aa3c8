// A row of the journal whose checksum somebody made match: its content is unpacked and read as the
// history and the replay do. The input is the two contents' sizes as the row tells them (4 bytes
// each, little-endian), the size of the first as stored (2 bytes), and the two as stored.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "common/store/change_objects.h"
#include "common/store/packing.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace nestor::store;
  constexpr size_t kHead = 10;
  if (size < kHead) return 0;
  const auto number = [data](size_t at, size_t bytes) {
    uint64_t value = 0;
    for (size_t i = bytes; i-- > 0;) value = value << 8 | data[at + i];
    return value;
  };
  const std::string_view stored(reinterpret_cast<const char*>(data) + kHead, size - kHead);
  const size_t split = std::min<size_t>(number(8, 2), stored.size());
  const absl::StatusOr<std::string> envelope = Unpack(stored.substr(0, split), number(0, 4));
  const absl::StatusOr<std::string> replaced = Unpack(stored.substr(split), number(4, 4));
  if (!envelope.ok() || !replaced.ok()) return 0;
  if (envelope->size() != number(0, 4) || replaced->size() != number(4, 4)) std::abort();

  nestor::v1::HistoryEntry entry;
  const bool readable = AddObjects(*envelope, *replaced, entry).ok();
  std::string stream_id, scratch;
  const absl::StatusOr<JournaledChange> change = ChangeFromEnvelope(*envelope, stream_id);
  if (change.ok() && AddObjects(*envelope, "", entry).code() != absl::StatusCode::kOk) std::abort();
  if (!readable) return 0;
  const absl::StatusOr<std::string> again = Unpack(Pack(*envelope, scratch), envelope->size());
  if (!again.ok() || *again != *envelope) std::abort();
  return 0;
}
