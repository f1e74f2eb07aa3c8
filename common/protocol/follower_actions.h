#pragma once

#include <absl/status/status.h>

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/config/object_set.h"
#include "common/protocol/position.h"
#include "common/protocol/sync_transfer.h"
#include "nestor/v1/envelope.pb.h"

// What a Follower wants done, and what it is told of how that went.
namespace nestor::protocol {

// One change as the follower keeps it until it is applied.
struct QueuedChange {
  uint64_t sequence = 0;
  uint64_t term = 0;
  std::string digest_before, digest_after;  // 32 bytes
  std::shared_ptr<const config::ChangeSet> change;
  size_t bytes = 0;
};

// ---- what a follower wants done

// Sends `envelope` to the primary; relationship, service, sender and clocks are filled in there.
struct SendToPrimary {
  v1::Envelope envelope;
};

// Brings the local Kea to a configuration, with the intent durable before the first write and the
// position durable before the result is reported by OnApplied().
struct ApplyOrder {
  Position position;                              // reached when applied
  std::shared_ptr<const config::ObjectSet> base;  // start from this whole; null: from what Kea has
  std::vector<std::shared_ptr<const config::ChangeSet>> changes;  // then these, in order
  std::string digest_before;         // what Kea must have; with `base` it may be empty: anything
  bool approved = false;             // a large removal is allowed
  std::vector<uint64_t> superseded;  // changes overtaken by this one
};

// Makes `set`, which Kea runs at `position`, permanent in Kea's file, and then durable that it is;
// then OnPersisted(). At most one is open.
struct Persist {
  Position position;
  std::shared_ptr<const config::ObjectSet> set;
  bool at_once = false;  // the agent is about to end
};

// Keeps received changes for the history, not synced yet; then OnReceived().
struct KeepReceived {
  std::vector<std::string> envelopes;
  uint64_t up_to = 0;
};

// Changes the durable memory; then OnRemembered(token).
struct Remember {
  uint64_t token = 0;
  std::optional<uint64_t> highest_term;
  std::optional<std::string> witnessed_stream;
  std::optional<uint64_t> approved_sequence;
  std::optional<bool> paused;
  std::optional<std::string> refused_digest;
  std::optional<std::string> refused_nack;
};

// Makes durable what was changed here while the primary was away; then OnKept(token). One that is
// not open any more is for the primary's history.
struct Keep {
  uint64_t token = 0;  // 0: nobody waits for it
  std::string id;
  bool open = true;
  // What it is a change of, and what Kea has with it; both null: as it was kept last under this id.
  // The same: it was undone, and nothing is kept.
  std::shared_ptr<const config::ObjectSet> before, after;
  std::string origin;  // how it was noticed
  std::string detail;  // a sentence for people
};

// Makes the position's configuration durable, so that what is changed can be told after a restart.
struct SaveBase {
  std::shared_ptr<const config::ObjectSet> set;
};

// Unpacks a finished transfer away from the protocol thread; then OnDecoded().
struct Decode {
  std::shared_ptr<SyncReceiver> receiver;
};

// Reads the local Kea's configuration now; then OnLocal().
struct ReadLocal {};

// Something for the history, the log and the primary's subscribers.
struct Announce {
  v1::State state;
};

// A comparison that was asked for is done.
struct Compared {
  std::string request_id;
  absl::Status status;
  v1::DiffReport report;
};

using FollowerAction = std::variant<SendToPrimary, ApplyOrder, Persist, KeepReceived, Remember,
                                    Keep, SaveBase, Decode, ReadLocal, Announce, Compared>;
using FollowerActions = std::vector<FollowerAction>;

// ---- what comes in from the local side

// How an ApplyOrder ended; the applier's outcomes, as far as the protocol tells them apart.
struct ApplyEnd {
  enum class Kind {
    kApplied,
    kDiffersBefore,
    kHeld,
    kRefused,
    kServiceBroken,
    kDigestMismatch,
    kUnreachable,
    kUnknown,
  };
  Kind kind = Kind::kUnreachable;
  std::string by;  // "hook", "config-set"; empty: nothing was sent
  std::string text;
  int kea_result = 0;
  std::string kea_text;
  config::ObjectId object;
  std::shared_ptr<const config::ObjectSet> actual;  // what Kea reports now, where known
  // kApplied: what somebody else had made of it meanwhile, and was overwritten; null: nothing.
  std::shared_ptr<const config::ObjectSet> overwritten;
};

// How a Persist ended.
struct PersistEnd {
  bool persisted = false;
  std::string text;  // why not
};

// What a finished transfer held.
struct Decoded {
  uint64_t nonce = 0;
  absl::Status status;
  v1::Join mode = v1::SNAPSHOT;
  uint64_t label = 0;
  std::string label_digest;
  std::shared_ptr<const config::ObjectSet> whole;  // SNAPSHOT
  std::vector<QueuedChange> changes;               // REPLAY
  std::vector<std::string> envelopes;              // REPLAY, serialised
};

}  // namespace nestor::protocol
