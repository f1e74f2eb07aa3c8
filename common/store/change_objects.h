#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <google/protobuf/timestamp.pb.h>

#include <string_view>

#include "common/store/journal.h"

namespace nestor::store {

void SetTime(absl::Time time, google::protobuf::Timestamp& out);
absl::Time TimeOf(const google::protobuf::Timestamp& time);

// What a row keeps of a change that came as a serialised v1::Envelope; `stream_id` is the
// envelope's. InvalidArgument: it is none, or holds no change.
absl::StatusOr<JournaledChange> ChangeFromEnvelope(std::string_view bytes, std::string& stream_id);

// Puts the objects of `envelope` (v1::Envelope) and of `replaced` (v1::Snapshot) into `entry`.
// DataLoss: one of them cannot be read.
absl::Status AddObjects(std::string_view envelope, std::string_view replaced,
                        v1::HistoryEntry& entry);

}  // namespace nestor::store
