// A publisher's side of one stream, as far as a follower can see it: the configurations by
// sequence, and the messages about them.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "common/config/proto.h"
#include "common/protocol/envelope.h"
#include "common/protocol/sync_transfer.h"
#include "common/protocol/tree_walk.h"
#include "tests/unit/common_protocol/configurations.h"

namespace nestor::protocol {

class StreamDouble {
 public:
  explicit StreamDouble(char letter = 'a', uint64_t in_term = 1)
      : id(StreamNamed(letter)), term(in_term) {}

  std::string id;
  uint64_t term;
  // From 1 on; what stands before the first is empty.
  std::map<uint64_t, SetPtr> sets;
  std::map<uint64_t, uint64_t> terms;  // of the changes

  // Journals `set` as the next change.
  uint64_t Add(SetPtr set) {
    const uint64_t sequence = head() + 1;
    sets[sequence] = std::move(set);
    terms[sequence] = term;
    return sequence;
  }

  uint64_t head() const { return sets.empty() ? 0 : sets.rbegin()->first; }
  SetPtr At(uint64_t sequence) const {
    return sequence == 0 ? std::make_shared<const config::ObjectSet>() : sets.at(sequence);
  }
  std::string DigestAt(uint64_t sequence) const { return DigestOf(At(sequence)); }
  std::string head_digest() const { return head() == 0 ? std::string() : DigestAt(head()); }

  v1::Envelope Envelope(uint64_t sequence) const {
    v1::Envelope envelope;
    envelope.set_relationship("east");
    envelope.set_service(v1::DHCP4);
    envelope.set_sender("kea-a");
    envelope.set_stream_id(id);
    envelope.set_term(term);
    envelope.set_sequence(sequence);
    return envelope;
  }

  v1::Envelope Heartbeat() const { return HeartbeatOf(head()); }
  v1::Envelope HeartbeatOf(uint64_t sequence) const {
    v1::Envelope envelope = Envelope(sequence);
    if (sequence > 0) envelope.set_digest_after(DigestAt(sequence));
    envelope.mutable_heartbeat()->set_lowest_sequence(1);
    envelope.mutable_heartbeat()->set_publisher_state(v1::SERVE);
    return envelope;
  }

  v1::Envelope Welcome(v1::Join join) const {
    v1::Envelope envelope = Envelope(head());
    envelope.set_digest_after(head_digest());
    envelope.mutable_welcome()->set_join(join);
    envelope.mutable_welcome()->set_publisher_state(v1::SERVE);
    return envelope;
  }

  v1::Envelope Change(uint64_t sequence) const {
    v1::Envelope envelope = Envelope(sequence);
    envelope.set_term(terms.at(sequence));
    envelope.set_previous_sequence(sequence - 1);
    envelope.set_digest_before(DigestAt(sequence - 1));
    envelope.set_digest_after(DigestAt(sequence));
    config::ToProto(config::Diff(*At(sequence - 1), *At(sequence)), *envelope.mutable_change());
    return envelope;
  }

  v1::Envelope Reference(uint64_t sequence) const {
    v1::Envelope envelope = Change(sequence);
    envelope.mutable_change()->clear_upserted();
    envelope.mutable_change()->clear_removed();
    envelope.mutable_change()->set_snapshot_reference(true);
    return envelope;
  }

  std::shared_ptr<const Transfer> SnapshotAt(uint64_t sequence) const {
    v1::Snapshot snapshot;
    config::ToProto(*At(sequence), snapshot);
    return MakeTransfer(v1::SNAPSHOT, sequence, DigestAt(sequence), snapshot.SerializeAsString());
  }

  std::shared_ptr<const Transfer> ReplayFrom(uint64_t from, uint64_t to) const {
    v1::Replay replay;
    for (uint64_t sequence = from; sequence <= to; ++sequence) {
      *replay.add_changes() = Change(sequence);
    }
    return MakeTransfer(v1::REPLAY, to, DigestAt(to), replay.SerializeAsString());
  }

  v1::Envelope Begin(uint64_t nonce, const Transfer& transfer) const {
    v1::Envelope envelope = Envelope(transfer.label);
    envelope.set_digest_after(transfer.label_digest);
    *envelope.mutable_sync_begin() =
        SyncSender(nonce, std::make_shared<const Transfer>(transfer), 0, 0).Begin();
    return envelope;
  }

  v1::Envelope ChunkOf(uint64_t nonce, const Transfer& transfer, uint32_t index) const {
    v1::Envelope envelope = Envelope(0);
    v1::Chunk& chunk = *envelope.mutable_chunk();
    chunk.set_nonce(nonce);
    chunk.set_index(index);
    chunk.set_data(
        transfer.packed.substr(std::min(index * kChunkBytes, transfer.packed.size()), kChunkBytes));
    return envelope;
  }

  v1::Envelope End(uint64_t nonce, bool aborted = false) const {
    v1::Envelope envelope = Envelope(0);
    envelope.mutable_sync_end()->set_nonce(nonce);
    envelope.mutable_sync_end()->set_aborted(aborted);
    return envelope;
  }

  v1::Envelope TreeReply(const v1::TreeRequest& request) const {
    v1::Envelope envelope = Envelope(head());
    envelope.set_digest_after(head_digest());
    *envelope.mutable_tree_reply() = *AnswerTree(request, *At(head()), head());
    return envelope;
  }
};

}  // namespace nestor::protocol
