// What a secondary receives: the envelopes of a conversation, or the payload of a transfer.
// Whatever is accepted must mean the same after it was written out and read again.
#include <google/protobuf/stubs/logging.h>

#include "common/config/proto.h"
#include "common/protocol/envelope.h"
#include "common/protocol/sync_transfer.h"
#include "common/protocol/tree_walk.h"
#include "tests/fuzz/follower_receiver.h"
#include "tests/fuzz/messages.h"

namespace {

using namespace nestor;
using fuzz::Require;

void TryEnvelope(v1::Envelope envelope) {
  const std::string written = protocol::Seal(envelope);
  const auto again = protocol::ParseEnvelope(written, written.size());
  Require(again.ok() && again->SerializeAsString() == written);
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

// The node that `reply` is about is answered by it, all others truly.
void TryTreeReply(v1::TreeReply reply) {
  constexpr int kMostSteps = 64;
  protocol::TreeWalk walk(protocol::Subnets({1, 2, 3}), 1);
  const auto remote = protocol::Subnets({2, 3, 4}, 7200);
  for (int step = 0; step < kMostSteps; ++step) {
    const auto request = walk.Next();
    if (!request) return Require(walk.done());
    if (request->kind() == reply.kind() && request->bucket() == reply.bucket()) {
      reply.set_request_id(request->request_id());
      if (!walk.Take(reply).ok()) return;
    } else if (!walk.Take(*protocol::AnswerTree(*request, *remote, reply.sequence())).ok()) {
      return;
    }
  }
}

// As the content of a transfer that arrived whole; its digest is right, or that of another.
void TryTransfer(v1::Join mode, std::string_view payload) {
  config::Sha256 digest{};
  v1::Snapshot snapshot;
  if (snapshot.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
    const auto set = config::FromProto(std::move(snapshot));
    if (set.ok()) digest = set->Digest();
  }
  const protocol::StreamDouble stream;
  const auto transfer = protocol::MakeTransfer(mode, 2, config::Bytes(digest), payload);
  protocol::SyncReceiver receiver(1);
  Require(receiver.Begin(stream.Begin(1, *transfer)).ok());
  for (uint32_t i = 0; !receiver.complete(); ++i) {
    const auto taken = receiver.Add(stream.ChunkOf(1, *transfer, i).chunk());
    Require(taken.ok() && *taken);
  }
  const auto decoded = protocol::DecodeTransfer(receiver);
  if (mode == v1::SNAPSHOT) Require(decoded.status.ok() == (decoded.whole != nullptr));
  if (decoded.whole != nullptr) Require(decoded.whole->Digest() == digest);
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* /*count*/, char*** /*arguments*/) {
  google::protobuf::SetLogHandler(nullptr);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  TryTransfer(v1::SNAPSHOT, input);
  TryTransfer(v1::REPLAY, input);
  v1::Snapshot snapshot;
  if (snapshot.ParseFromArray(data, static_cast<int>(size))) TrySnapshot(std::move(snapshot));

  fuzz::FollowerReceiver follower;
  for (const std::string_view payload : fuzz::Messages(data, size)) {
    follower.Hear(payload);
    follower.Pass(absl::Milliseconds(100));
    const auto envelope = protocol::ParseEnvelope(payload, protocol::kMaxEvent);
    if (!envelope.ok()) continue;
    TryEnvelope(*envelope);
    if (envelope->has_change()) TryChange(envelope->change());
    if (envelope->has_tree_reply()) TryTreeReply(envelope->tree_reply());
  }
  // Long enough for whatever is waited for to be asked again, and given up.
  for (int i = 0; i < 20; ++i) follower.Pass(absl::Seconds(3));
  return 0;
}
