#pragma once

#include <absl/time/time.h>
#include <google/protobuf/timestamp.pb.h>

namespace nestor {

inline google::protobuf::Timestamp ToWire(absl::Time time) {
  google::protobuf::Timestamp wire;
  const int64_t ns = absl::ToUnixNanos(time);
  wire.set_seconds(ns / 1'000'000'000);
  wire.set_nanos(static_cast<int32_t>(ns % 1'000'000'000));
  return wire;
}

inline absl::Time FromWire(const google::protobuf::Timestamp& wire) {
  return absl::FromUnixSeconds(wire.seconds()) + absl::Nanoseconds(wire.nanos());
}

}  // namespace nestor
