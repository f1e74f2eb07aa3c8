#include "common/store/change_objects.h"

#include "common/base/status.h"
#include "common/store/tables.h"

namespace nestor::store {
namespace {

template <typename Proto>
bool Parse(std::string_view bytes, Proto& out) {
  constexpr size_t kMost = size_t{1} << 30;
  return bytes.size() < kMost && out.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

}  // namespace

void SetTime(absl::Time time, google::protobuf::Timestamp& out) {
  const absl::Duration since_epoch = time - absl::UnixEpoch();
  const int64_t seconds = absl::ToUnixSeconds(time);
  out.set_seconds(seconds);
  out.set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(since_epoch - absl::Seconds(seconds))));
}

absl::Time TimeOf(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

absl::StatusOr<JournaledChange> ChangeFromEnvelope(std::string_view bytes, std::string& stream_id) {
  v1::Envelope envelope;
  if (!Parse(bytes, envelope) || !envelope.has_change() || envelope.sequence() == 0 ||
      envelope.sequence() > kMostSequence) {
    return Error(absl::StatusCode::kInvalidArgument, "this is no envelope with a change");
  }
  const v1::Change& body = envelope.change();
  JournaledChange change;
  change.sequence = envelope.sequence();
  change.term = envelope.term();
  change.digest_after = envelope.digest_after();
  change.envelope = std::string(bytes);
  change.removed = static_cast<uint64_t>(body.removed_size());
  change.upserted = body.snapshot_reference() ? body.objects_changed()
                                              : static_cast<uint64_t>(body.upserted_size());
  change.origin = body.origin();
  change.noticed = TimeOf(body.noticed());
  stream_id = envelope.stream_id();
  return change;
}

absl::Status AddObjects(std::string_view envelope, std::string_view replaced,
                        v1::HistoryEntry& entry) {
  v1::Envelope change;
  v1::Snapshot before;
  if (!Parse(envelope, change) || !Parse(replaced, before)) {
    return Error(absl::StatusCode::kDataLoss, "its content cannot be read");
  }
  entry.mutable_upserted()->Swap(change.mutable_change()->mutable_upserted());
  entry.mutable_removed()->Swap(change.mutable_change()->mutable_removed());
  entry.mutable_replaced()->Swap(before.mutable_objects());
  return absl::OkStatus();
}

}  // namespace nestor::store
