#pragma once

#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/backoff.h"
#include "common/base/clock.h"
#include "common/base/service.h"
#include "common/config/object_set.h"
#include "common/protocol/follower_actions.h"
#include "common/protocol/position.h"
#include "common/protocol/sync_transfer.h"
#include "common/protocol/tree_walk.h"
#include "nestor/v1/envelope.pb.h"

namespace nestor::protocol {

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
    double jitter = 0.5;                  // in [0, 1), for the first waits
    std::string primary = "the primary";  // its name, for texts
  };

  // `memory` as loaded; `nonce_seed` makes nonces differ between starts.
  Follower(Options options, FollowerMemory memory, uint64_t nonce_seed, Instant now);

  // What is kept of an earlier start; to be called before anything else.
  void Recall(StandingMemory memory);

  FollowerActions Tick(Instant now);
  // An event of this relationship, or a control message about it, already checked by
  // ParseEnvelope(). `payload` is its text.
  FollowerActions OnEnvelope(const v1::Envelope& envelope, std::string_view payload, Instant now);
  // An ack with these was not sent: the next one tells them again.
  void Untold(const v1::Ack& ack);
  FollowerActions OnDecoded(Decoded decoded, Instant now);
  FollowerActions OnReceived(uint64_t up_to, Instant now);
  FollowerActions OnRemembered(uint64_t token, Instant now);
  // A Keep was carried out, or could not be.
  FollowerActions OnKept(uint64_t token, bool kept, Instant now);
  FollowerActions OnApplied(const ApplyEnd& end, Instant now);
  FollowerActions OnPersisted(const PersistEnd& end, Instant now);
  // The agent is about to end: what is not in Kea's file yet is to be written at once.
  FollowerActions OnStopping(Instant now);
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

  static constexpr std::array<std::string_view, 13> kStateNames = {
      "INIT",     "CONNECT", "HELLO", "CATCHUP", "SNAPSHOT", "FOLLOW", "APPLYING",
      "REJECTED", "VERIFY",  "HELD",  "STALE",   "PAUSED",   "FENCED"};
  // One of these.
  std::string StateName() const;
  LinkState link() const { return link_; }
  ApplyState apply() const { return apply_; }
  const Position& position() const { return position_; }
  // Kea's file holds this one of the position's stream, or a newer one; 0: it is not known to.
  uint64_t persisted() const { return persisted_sequence_; }
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
  const std::string& last_error() const {
    if (!link_error_.empty()) return link_error_;
    return last_error_.empty() ? persist_error_ : last_error_;
  }
  // Whether the link was let in: to catch up, or to follow.
  bool Joined() const {
    return link_ == LinkState::kCatchup || link_ == LinkState::kSnapshot ||
           link_ == LinkState::kFollow;
  }
  // The primary's agent is heard, and says that its Kea answers.
  bool PrimaryHere() const { return Joined() && publisher_state_ != v1::DEGRADED; }
  // Kea has something that the primary neither has nor is on the way to, and that does not stand:
  // it is to be put back, or, where the relationship only observes, it differs from the primary.
  bool HasDrift() const;
  // What Kea has was changed here while the primary was away, and stands: in so many objects, 0
  // where that is not known.
  bool stands() const { return stands_; }
  uint64_t standing_objects() const { return standing_objects_; }
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
  bool RecordReached(Instant now);
  bool Settled();
  bool BelowIntent(uint64_t sequence) const;
  void RepairDrift(Instant now);
  // What an order is for: to get on, to record what Kea has already, to put the position back.
  enum class Purpose { kTarget, kRecord, kRepair };
  void Start(ApplyOrder order, Purpose purpose, Instant now);
  void Applied(const ApplyEnd& end, Instant now);
  void ForgetRefusal();
  void DropApplied();
  void Refused(const ApplyEnd& end, v1::NackClass nack_class);
  void RetryLater(const ApplyEnd& end, v1::NackClass nack_class, Instant now);
  // -- what is changed while the primary is away (follower_away.cc)
  void NoteAway(Instant now);
  bool Drifted() const;
  bool Stands(Instant now);
  void NoteStanding(std::string_view origin, std::string_view before, Instant now);
  bool InDoubt(Instant now) const;
  bool KeepStanding(const std::shared_ptr<const config::ObjectSet>& before,
                    const std::shared_ptr<const config::ObjectSet>& after, bool open, Instant now);
  void KeepAside(const std::shared_ptr<const config::ObjectSet>& overwritten);
  void ForgetStanding();
  void EndStanding();
  std::string NewKeptId();
  std::string StandingText() const;
  // -- Kea's file (follower_persist.cc)
  void NotPersisted(Instant due);
  void MaybePersist(Instant now);
  // -- saying it (follower_report.cc)
  void Nack(const ApplyEnd& end, v1::NackClass nack_class, bool retryable);
  void SendAck(Instant now);
  void AckSoon(Instant now);
  void AckReceived(Instant now);
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
  void CompareWithBase(const std::string& id);
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
  // persist_at_: when the file is to be written, unless that is under way. What is under way is of
  // use only if nothing happened since that calls for another (unpersisted_).
  Instant persist_at_;
  uint64_t unpersisted_ = 0;
  struct Persisting {
    Position position;
    uint64_t unpersisted;
  };
  std::optional<Persisting> persisting_;
  std::string persist_error_;
  Backoff persist_backoff_{absl::Seconds(1), absl::Seconds(60)};
  v1::NackClass nacked_ = v1::NACK_UNSPECIFIED;  // the retryable class already reported
  std::string last_error_;
  std::string applied_by_;  // how the last apply reached Kea
  uint64_t next_token_ = 1;
  bool verify_asked_ = false;
  bool verify_ready_ = false;  // and Kea was read for it

  // What was changed here while the primary was away.
  std::optional<Instant> gone_at_;  // since when it is away; nothing: it is here
  bool away_told_ = false;
  Instant doubt_until_;         // what is found until then may be from before
  bool stands_ = false;         // what Kea has is such a change, or is one with others
  bool from_old_file_ = false;  // Kea started from a file older than the position: no such change
  uint64_t standing_objects_ = 0;
  std::string standing_origin_;  // how it was noticed
  struct Standing {
    std::string id;      // under which it is kept; empty: it is not yet
    std::string digest;  // of the configuration with it
    bool open = true;
    bool durable = false;
    bool closing = false;  // it is gone from Kea, and is kept as it was
  };
  Standing standing_;
  uint64_t keeping_ = 0;     // the token of a Keep under way; 0: none
  std::string kept_digest_;  // kept for good: may be replaced
  Instant keep_at_;          // not before: the last could not be kept
  Backoff keep_backoff_{absl::Seconds(1), absl::Seconds(30)};
  std::string saved_base_;   // the digest of the configuration that is kept as the base
  std::string kept_prefix_;  // of ids, other ones at each start
  uint64_t next_kept_ = 1;

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
