#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/base/backoff.h"
#include "common/base/clock.h"
#include "common/base/service.h"
#include "common/config/object_set.h"
#include "common/protocol/position.h"
#include "common/protocol/sync_transfer.h"
#include "common/protocol/tree_walk.h"
#include "nestor/v1/envelope.pb.h"

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
  std::string digest_before;  // without `base`: what Kea must have
  bool approved = false;      // a large removal is allowed
  bool must_persist = false;
  std::vector<uint64_t> superseded;  // changes overtaken by this one
};

// Makes received changes durable for the history; then OnReceived().
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

using FollowerAction = std::variant<SendToPrimary, ApplyOrder, KeepReceived, Remember, Decode,
                                    ReadLocal, Announce, Compared>;
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
  bool persisted = false;
  std::string by;  // "hook", "config-set"; empty: nothing was sent
  std::string text;
  int kea_result = 0;
  std::string kea_text;
  config::ObjectId object;
  std::shared_ptr<const config::ObjectSet> actual;  // what Kea reports now, where known
  // kApplied: what somebody else had made of it meanwhile, and was overwritten; null: nothing.
  std::shared_ptr<const config::ObjectSet> overwritten;
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

// ---- the machine

// The link to the publisher. The names shown to people are in Follower::StateName().
enum class LinkState { kConnect, kHello, kCatchup, kSnapshot, kFollow, kStale, kFenced };
// What is done to the local Kea.
enum class ApplyState { kIdle, kApplying, kRejected, kVerify, kHeld, kPaused };

// The secondary's half of the protocol, for one relationship. Pure: it is told what happened and
// when, and returns what to do. It never applies to Kea but through an ApplyOrder, of which at most
// one is open.
//
// Two small machines side by side, since a link may break and heal while Kea takes its time: the
// link (joining, catching up, following) and the apply (what Kea is being brought to).
class Follower {
 public:
  struct Options {
    std::string relationship;
    std::string server;
    std::string version;
    bool observe = false;
    double jitter = 0.5;  // in [0, 1), for the first waits
  };

  // `memory` as loaded; `nonce_seed` makes nonces differ between starts.
  Follower(Options options, FollowerMemory memory, uint64_t nonce_seed, Instant now);

  FollowerActions Tick(Instant now);
  // An event of this relationship, or a control message about it, already checked by
  // ParseEnvelope(). `payload` is its text.
  FollowerActions OnEnvelope(const v1::Envelope& envelope, std::string_view payload, Instant now);
  // An ack with these was not sent: the next one tells them again.
  void Untold(const v1::Ack& ack);
  FollowerActions OnDecoded(Decoded decoded, Instant now);
  FollowerActions OnReceived(uint64_t up_to, Instant now);
  FollowerActions OnRemembered(uint64_t token, Instant now);
  FollowerActions OnApplied(const ApplyEnd& end, Instant now);
  // The local Kea was read: at the start, after a notice, or because ReadLocal asked for it.
  FollowerActions OnLocal(std::shared_ptr<const config::ObjectSet> set, std::string_view origin,
                          Instant now);
  // The local Kea answers again, or not.
  FollowerActions OnReachable(bool reachable, Instant now);
  // The primary's agent answers again: a Hello that got lost meanwhile is not waited for.
  FollowerActions OnConnected(Instant now);
  // A person's decision about a held change. FailedPrecondition: that one is not held.
  absl::StatusOr<FollowerActions> Decide(uint64_t sequence, bool approve, Instant now);
  // As asked for by a person here; the primary's request comes as an Envelope.
  FollowerActions RequestResync(const v1::Resync& resync, Instant now);
  FollowerActions SetObserve(bool observe, Instant now);

  // "INIT", "CONNECT", "HELLO", "CATCHUP", "SNAPSHOT", "FOLLOW", "APPLYING", "REJECTED", "VERIFY",
  // "HELD", "STALE", "PAUSED", "FENCED".
  std::string StateName() const;
  LinkState link() const { return link_; }
  ApplyState apply() const { return apply_; }
  const Position& position() const { return position_; }
  bool persisted() const { return persisted_; }
  uint64_t received() const { return received_; }
  // Of the stream that is followed; 0 until something of it is applied.
  uint64_t applied() const;
  uint64_t head() const { return head_; }
  const std::string& head_digest() const { return head_digest_; }
  const std::string& stream_id() const { return stream_id_; }
  uint64_t term() const { return term_; }
  // The change a person decides about, also where it was rejected and may yet be approved; 0: none.
  uint64_t held_sequence() const {
    return apply_ == ApplyState::kHeld || apply_ == ApplyState::kPaused ? held_sequence_ : 0;
  }
  const std::string& last_error() const { return link_error_.empty() ? last_error_ : link_error_; }
  std::string local_digest() const;  // 32 bytes, or empty
  v1::PublisherState publisher_state() const { return publisher_state_; }
  const std::shared_ptr<const config::ObjectSet>& known() const { return known_; }

 private:
  // -- the link (follower_link.cc)
  void OnHeartbeat(const v1::Envelope& envelope, Instant now);
  void OnChange(const v1::Envelope& envelope, std::string_view payload, Instant now);
  void OnWelcome(const v1::Envelope& envelope, Instant now);
  void ActOnWelcome(Instant now);
  std::string ConflictWith(const v1::Envelope& welcome) const;
  void ForgetQueue();
  void ForgetPosition();
  void ForgetHold();
  void ToHello(Instant now, absl::Duration wait = absl::ZeroDuration());
  void ToStale(Instant now);
  void ToFollow(Instant now);
  void ToFenced(std::string text);
  void SendHello(Instant now);
  void Enqueue(QueuedChange change);
  void TakeBuffered(Instant now);
  void TickLink(Instant now);
  // Whether the link was let in: to catch up, or to follow.
  bool Joined() const {
    return link_ == LinkState::kCatchup || link_ == LinkState::kSnapshot ||
           link_ == LinkState::kFollow;
  }
  // Whether the position is one of the stream that is followed now.
  bool InStream() const { return position_.stream_id == stream_id_; }
  // Whether a change of so many bytes can still be queued.
  bool Room(size_t bytes) const;
  uint64_t TailSequence() const;
  const std::string& TailDigest() const;
  // -- transfers (follower_sync.cc)
  void RequestSync(v1::Join mode, Instant now);
  void SendSyncRequest(Instant now);
  void RetrySync(Instant now);
  void SyncFailed(std::string_view why, Instant now);
  void OnSync(const v1::Envelope& envelope, Instant now);
  void GiveCredit();
  bool TakeSnapshot(Decoded& decoded);
  bool TakeReplay(Decoded& decoded);
  // -- applying (follower_apply.cc)
  void MaybeApply(Instant now);
  bool OnTheWay(std::string_view digest) const;
  bool TargetIsHere() const;
  void Resume();
  bool ApplyTarget(Instant now);
  size_t TargetSize() const;
  bool FromQueue(size_t size, ApplyOrder& order);
  bool RecordReached();
  bool PersistAgain(Instant now);
  bool BelowIntent(uint64_t sequence) const;
  void RepairDrift(Instant now);
  // What an order is for: to get on, to record what Kea has already, to put the position back.
  enum class Purpose { kTarget, kRecord, kRepair };
  void Start(ApplyOrder order, Purpose purpose);
  void Applied(const ApplyEnd& end, Instant now);
  void ForgetRefusal();
  void DropApplied();
  void Refused(const ApplyEnd& end, v1::NackClass nack_class);
  void RetryLater(const ApplyEnd& end, v1::NackClass nack_class, Instant now);
  // -- saying it (follower_report.cc)
  void Nack(const ApplyEnd& end, v1::NackClass nack_class, bool retryable);
  void SendAck(Instant now);
  void AckSoon(Instant now);
  void AckApplied(Instant now);
  void ResyncSynced();
  bool ResyncReached() const;
  void EndResync(std::string_view to, std::string_view reason);
  void AnnounceMuchDrift(std::string_view why);
  void AnnounceDrift(const config::ObjectSet& before, const config::ObjectSet& after,
                     std::string_view reason);
  // -- comparing with the primary (follower_repair.cc)
  void AskCompare(const v1::Resync& resync, Instant now);
  enum class WalkPurpose { kRepair, kCompare, kObserve };
  void Verify();
  void WalkToHead(Instant now);
  void StartWalk(Instant now);
  void BeginWalk(Instant now);
  void StartCompare(Instant now);
  void ObserveDrift(Instant now);
  void StepWalk(Instant now);
  void OnTreeReply(const v1::Envelope& envelope, Instant now);
  void EndWalk(Instant now);
  void EndRepairWalk(const TreeWalk& walk, const config::ObjectSet& primary, Instant now);
  void WalkFailed(const absl::Status& status, Instant now);
  void AutomaticSnapshot(Instant now);

  FollowerActions Take();
  void Send(v1::Envelope envelope) { actions_.push_back(SendToPrimary{std::move(envelope)}); }
  void DoRemember(Remember update);

  Options options_;
  FollowerActions actions_;
  LinkState link_ = LinkState::kConnect;
  ApplyState apply_ = ApplyState::kIdle;

  // Durable, as last loaded or reported.
  Position position_;
  bool persisted_ = false;
  uint64_t persisted_sequence_ = 0;
  uint64_t highest_term_ = 0;
  std::string witnessed_stream_;
  std::optional<Position> intent_;
  uint64_t approved_sequence_ = 0;
  std::string refused_digest_;
  v1::Nack refused_nack_;

  // The publisher, as it was welcomed and as it was last heard.
  std::string stream_id_;
  uint64_t term_ = 0;
  uint64_t head_ = 0;
  std::string head_digest_;
  v1::PublisherState publisher_state_ = v1::PUBLISHER_UNSPECIFIED;
  Instant heard_;
  std::string link_error_;               // why the link does not get on; of the apply: last_error_
  std::optional<v1::Envelope> welcome_;  // waits until its term is durable
  uint64_t welcome_token_ = 0;
  // The highest term of a Welcome and whose it was, also while that is not durable yet.
  uint64_t heard_term_;
  std::string heard_stream_;
  Instant next_hello_;
  Backoff hello_backoff_{absl::Seconds(1), absl::Seconds(30)};

  // What is to be applied: a whole configuration first if there is one, then the queue.
  struct Whole {
    Position position;
    std::shared_ptr<const config::ObjectSet> set;
  };
  std::optional<Whole> whole_;
  std::deque<QueuedChange> queue_;
  size_t queue_bytes_ = 0;
  std::vector<std::pair<v1::Envelope, std::string>> buffered_;  // live events while catching up
  size_t buffered_bytes_ = 0;
  uint64_t received_ = 0;

  // The transfer under way.
  std::shared_ptr<SyncReceiver> sync_;
  v1::Join sync_mode_ = v1::SNAPSHOT;
  bool decoding_ = false;
  uint64_t next_nonce_;
  Instant sync_asked_, sync_deadline_;
  int sync_tries_ = 0;
  Backoff sync_backoff_{absl::Seconds(1), absl::Seconds(60)};  // after a transfer of no use

  // The local Kea.
  std::shared_ptr<const config::ObjectSet> known_;  // as last reported
  std::shared_ptr<const config::ObjectSet> base_;   // the configuration at position_, if held
  bool reachable_ = true;
  std::optional<ApplyOrder> open_;
  Purpose open_purpose_ = Purpose::kTarget;
  uint64_t open_target_ = 0;                     // the sequence last tried to get on to
  ApplyState state_before_ = ApplyState::kIdle;  // of the open order
  std::string repair_refused_;                   // the digest that could not be put back
  bool drift_unseen_ = false;                    // found at the start, its content not known yet
  uint64_t held_sequence_ = 0;
  uint64_t nacked_held_ = 0;
  Instant retry_at_;
  Backoff retry_backoff_{absl::Seconds(1), absl::Seconds(60)};
  Instant persist_at_;
  Backoff persist_backoff_{absl::Seconds(1), absl::Seconds(60)};
  v1::NackClass nacked_ = v1::NACK_UNSPECIFIED;  // the retryable class already reported
  std::string last_error_;
  std::string applied_by_;  // how the last apply reached Kea
  uint64_t next_token_ = 1;
  bool must_persist_ = false;
  bool verify_asked_ = false;
  bool verify_ready_ = false;  // and Kea was read for it

  // Acknowledging.
  std::vector<uint64_t> superseded_;
  std::optional<Instant> ack_at_;
  Instant last_ack_{-absl::InfiniteDuration()};
  Instant last_applied_ack_{-absl::InfiniteDuration()};  // that told of a change applied
  Instant ack_periodic_;

  // The walk over the primary's digest tree, for a repair or a comparison.
  std::optional<TreeWalk> walk_;
  WalkPurpose walk_purpose_ = WalkPurpose::kRepair;
  uint64_t walk_first_id_ = 0;
  std::string walk_digest_;  // the primary's, at the walk's sequence
  std::string compare_id_;
  std::optional<v1::Resync> compare_asked_;
  bool compare_ready_ = false;  // the local Kea was read for it
  Instant compare_deadline_;
  Instant walk_deadline_;
  int walk_tries_ = 0;
  Instant walk_at_;  // not before: the last one led nowhere
  Instant next_snapshot_;
  Backoff snapshot_backoff_{absl::Seconds(60), absl::Minutes(10)};
  std::string observed_;  // in observe mode: the pair of digests last announced

  std::optional<v1::Resync> resync_;  // a person's, under way
  bool resync_synced_ = false;        // what it asked of the primary has arrived
  uint64_t resync_target_ = 0;        // then: the change it ends with
  std::string last_resync_;           // the request id of the newest
};

// Decodes a finished transfer; for the worker that carries out Decode.
Decoded DecodeTransfer(const SyncReceiver& receiver);

// A change out of its envelope. InvalidArgument as config::FromProto.
absl::StatusOr<QueuedChange> ToQueued(const v1::Envelope& envelope, size_t bytes);

}  // namespace nestor::protocol
