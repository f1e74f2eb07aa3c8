// What a peer sends: an envelope with a change, or the objects of a snapshot. Whatever is accepted
// must mean the same after it was written out and read again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "common/config/proto.h"
#include "nestor/v1/envelope.pb.h"

namespace {

using namespace nestor;

void Require(bool holds) {
  if (!holds) std::abort();
}

void TryChange(const v1::Change& received) {
  const absl::StatusOr<config::ChangeSet> change = config::FromProto(received);
  if (!change.ok()) return;
  v1::Change written;
  config::ToProto(*change, written);
  const absl::StatusOr<config::ChangeSet> again = config::FromProto(written);
  Require(again.ok() && again->size() == change->size());
  config::ObjectSet once, twice;
  config::Apply(*change, once);
  config::Apply(*again, twice);
  Require(once.Digest() == twice.Digest());
}

void TrySnapshot(v1::Snapshot received) {
  const absl::StatusOr<config::ObjectSet> set = config::FromProto(std::move(received));
  if (!set.ok()) return;
  v1::Snapshot written;
  config::ToProto(*set, written);
  const absl::StatusOr<config::ObjectSet> again = config::FromProto(std::move(written));
  Require(again.ok() && again->Digest() == set->Digest());
  Require(config::Diff(*set, *again).empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  v1::Envelope envelope;
  if (envelope.ParseFromArray(data, static_cast<int>(size)) && envelope.has_change()) {
    TryChange(envelope.change());
  }
  v1::Snapshot snapshot;
  if (snapshot.ParseFromArray(data, static_cast<int>(size))) TrySnapshot(std::move(snapshot));
  return 0;
}
