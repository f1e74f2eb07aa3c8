#include "common/hook/whole.h"

#include <utility>

#include "common/base/status.h"
#include "common/config/kea_config.h"
#include "common/hook/objects.h"

namespace nestor::hook {
namespace {

constexpr int kMostDisturbed = 4;

}  // namespace

absl::StatusOr<std::optional<WholeRead>> WholeReading::ReadOn(absl::Duration timeout) {
  auto slice = ReadAfter(kea_, cursor_, timeout);
  if (!slice.ok()) {
    const bool silent =
        absl::IsUnavailable(slice.status()) || absl::IsDeadlineExceeded(slice.status());
    if (!silent) BeginAnew();
    return slice.status();
  }
  if (!cursor_.empty() && slice->revision != read_.revision) {
    RETURN_IF_ERROR(BeginAgain());
    return std::nullopt;
  }
  read_.revision = std::move(slice->revision);
  if (const absl::Status taken = Take(std::move(slice->changed)); !taken.ok()) {
    BeginAnew();
    return taken;
  }
  cursor_ = std::move(slice->next);
  if (!cursor_.empty()) return std::nullopt;
  WholeRead whole = std::move(read_);
  BeginAnew();
  return whole;
}

absl::Status WholeReading::Take(config::ChangeSet changed) {
  for (config::ChangeSet::Upsert& one : changed.upserted) {
    if (read_.objects.Find(one.id) != nullptr) {
      return Error(absl::StatusCode::kDataLoss,
                   "Kea's answers to nestor-get cannot be read: {} comes in two slices",
                   config::Describe(one.id, {}));
    }
    read_.objects.Put(std::move(one.id), std::move(one.json));
  }
  return absl::OkStatus();
}

absl::Status WholeReading::BeginAgain() {
  const int disturbed = disturbed_ + 1;
  BeginAnew();
  if (disturbed == kMostDisturbed) {
    return Error(absl::StatusCode::kAborted, "the configuration changed during each of {} readings",
                 kMostDisturbed);
  }
  disturbed_ = disturbed;
  return absl::OkStatus();
}

void WholeReading::BeginAnew() {
  cursor_.clear();
  read_ = WholeRead();
  disturbed_ = 0;
}

absl::StatusOr<WholeRead> ReadWhole(kea::KeaControl& kea, absl::Duration timeout) {
  WholeReading reading(kea);
  while (true) {
    ASSIGN_OR_RETURN(std::optional<WholeRead> whole, reading.ReadOn(timeout));
    if (whole) return *std::move(whole);
  }
}

}  // namespace nestor::hook
