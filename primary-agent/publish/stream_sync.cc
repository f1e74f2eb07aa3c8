// Replays and snapshots: what a follower asks for when events alone do not bring it along.

#include "common/base/status.h"
#include "common/config/proto.h"
#include "common/log/log.h"
#include "common/protocol/envelope.h"
#include "primary-agent/publish/stream.h"

namespace nestor::primary {
namespace {

constexpr uint64_t kMostReplayBytes = uint64_t{64} << 20;
constexpr absl::Duration kSnapshotShared = absl::Seconds(5);

using protocol::Transfer;

std::shared_ptr<const Transfer> SnapshotOf(const config::ObjectSet& set, uint64_t label) {
  v1::Snapshot snapshot;
  config::ToProto(set, snapshot);
  return protocol::MakeTransfer(v1::SNAPSHOT, label, config::Bytes(set.Digest()),
                                snapshot.SerializeAsString());
}

// The changes from `from` on. NotFound: they are no longer there, or a snapshot serves better.
absl::StatusOr<std::shared_ptr<const Transfer>> ReplayOf(store::Journal& journal,
                                                         const std::string& name, uint64_t from,
                                                         uint64_t head,
                                                         const std::string& head_digest) {
  v1::Replay replay;
  uint64_t bytes = 0, label = from - 1;
  std::string digest = head_digest;
  while (label < head) {
    ASSIGN_OR_RETURN(auto changes, journal.Read(name, label + 1, kMostReplayBytes));
    if (changes.empty()) break;
    for (store::JournaledChange& change : changes) {
      bytes += change.envelope.size();
      if (bytes > kMostReplayBytes) return Error(absl::StatusCode::kNotFound, "too much to replay");
      if (!replay.add_changes()->ParseFromString(change.envelope)) {
        return Error(absl::StatusCode::kDataLoss, "change {} cannot be read", change.sequence);
      }
      label = change.sequence;
      digest = std::move(change.digest_after);
    }
  }
  return protocol::MakeTransfer(v1::REPLAY, label, digest, replay.SerializeAsString());
}

}  // namespace

void Stream::OnSyncRequest(const v1::SyncRequest& request) {
  if (!publisher_.Serves() || publisher_.stream().head == 0) return;
  if (making_ == request.nonce()) return;
  if (sender_ && sender_->nonce() == request.nonce()) {
    sender_->Resume(request.next_chunk(), request.credit());
    sender_begun_ = false;
    return Pump();
  }
  sender_.reset();
  if (request.mode() == v1::REPLAY) {
    MakeReplay(request.nonce(), request.from_sequence(), request.credit());
  } else {
    MakeSnapshot(request.nonce(), request.credit());
  }
}

void Stream::MakeSnapshot(uint64_t nonce, uint32_t credit) {
  const Instant now = world_.clock.Now();
  const uint64_t label = publisher_.stream().head;
  if (snapshot_ && snapshot_->label == label && now - snapshot_made_ < kSnapshotShared) {
    return StartTransfer(nonce, snapshot_, 0, credit);
  }
  if (!set_) return AbortSync(nonce, "the primary has no configuration yet");
  making_ = nonce;
  next_working_ = now + absl::Seconds(1);
  // Label and content belong together: both are of the change that was journaled last.
  world_.disk.Post(
      [self = weak_from_this(), loop = &world_.loop, set = set_, label, nonce, credit] {
        auto transfer = SnapshotOf(*set, label);
        loop->Post([self, transfer = std::move(transfer), nonce, credit] {
          const auto stream = self.lock();
          if (!stream || stream->making_ != nonce) return;
          NESTOR_LOG(info, "SNAPSHOT_SENT", "relationship={} label={} bytes={} packed={}",
                     stream->spec_.name(), transfer->label, transfer->unpacked_bytes,
                     transfer->packed.size());
          stream->Count(kSnapshots);
          stream->snapshot_ = transfer;
          stream->snapshot_made_ = stream->world_.clock.Now();
          stream->StartTransfer(nonce, transfer, 0, credit);
        });
      });
}

void Stream::MakeReplay(uint64_t nonce, uint64_t from, uint32_t credit) {
  if (from < publisher_.stream().lowest || from > publisher_.stream().head + 1) {
    return MakeSnapshot(nonce, credit);
  }
  making_ = nonce;
  next_working_ = world_.clock.Now() + absl::Seconds(1);
  world_.disk.Post([self = weak_from_this(), loop = &world_.loop, journal = &world_.journal,
                    name = spec_.name(), from, nonce, credit, head = publisher_.stream().head,
                    digest = publisher_.stream().head_digest] {
    auto transfer = ReplayOf(*journal, name, from, head, digest);
    loop->Post([self, transfer = std::move(transfer), from, nonce, credit] {
      const auto stream = self.lock();
      if (!stream || stream->making_ != nonce) return;
      if (!transfer.ok()) {
        NESTOR_LOG(warn, "REPLAY_NOT_POSSIBLE", "relationship={} from={} reason=\"{}\"",
                   stream->spec_.name(), from, Message(transfer.status()));
        stream->making_.reset();
        return stream->MakeSnapshot(nonce, credit);
      }
      NESTOR_LOG(info, "REPLAY_SENT", "relationship={} from={} to={}", stream->spec_.name(), from,
                 (*transfer)->label);
      stream->Count(kReplays);
      stream->StartTransfer(nonce, *transfer, 0, credit);
    });
  });
}

void Stream::StartTransfer(uint64_t nonce, std::shared_ptr<const Transfer> transfer,
                           uint32_t next_chunk, uint32_t credit) {
  making_.reset();
  sender_.emplace(nonce, std::move(transfer), next_chunk, credit);
  sender_begun_ = false;
  Pump();
}

// Sends as much as credit and the socket allow; what is left goes with the next credit or tick.
void Stream::Pump() {
  if (!sender_ || sender_->finished()) return;
  if (!sender_begun_) {
    v1::Envelope begin;
    begin.set_sequence(sender_->transfer().label);
    begin.set_digest_after(sender_->transfer().label_digest);
    *begin.mutable_sync_begin() = sender_->Begin();
    if (!SendToFollower(std::move(begin)).ok()) return;
    sender_begun_ = true;
  }
  while (auto chunk = sender_->Next()) {
    v1::Envelope envelope;
    *envelope.mutable_chunk() = *std::move(chunk);
    if (!SendToFollower(std::move(envelope)).ok()) return;
    sender_->Sent();
  }
  if (!sender_->EndDue()) return;
  v1::Envelope end;
  end.mutable_sync_end()->set_nonce(sender_->nonce());
  // It stays, ended, until another is asked for: a follower that missed a part resumes it.
  if (SendToFollower(std::move(end)).ok()) sender_->Ended();
}

void Stream::AbortSync(uint64_t nonce, const std::string& text) {
  making_.reset();
  v1::Envelope end;
  end.mutable_sync_end()->set_nonce(nonce);
  end.mutable_sync_end()->set_aborted(true);
  end.mutable_sync_end()->set_text(text);
  (void)SendToFollower(std::move(end));
}

}  // namespace nestor::primary
