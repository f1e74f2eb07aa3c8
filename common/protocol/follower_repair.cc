// Comparing the local configuration with the primary's, by its digest tree: to repair what cannot
// be located otherwise, to answer a person's question, to observe.

#include "common/base/status.h"
#include "common/config/proto.h"
#include "common/protocol/envelope.h"
#include "common/protocol/follower.h"

namespace nestor::protocol {
namespace {

constexpr absl::Duration kWalkPatience = absl::Seconds(5);
constexpr int kWalkTries = 5;
// After a walk to what was refused: the next heartbeat tells whether the primary moved on.
constexpr absl::Duration kRefusedSpacing = absl::Seconds(1);
constexpr absl::Duration kSnapshotSpacing = absl::Seconds(30);
constexpr absl::Duration kSnapshotForgiven = absl::Minutes(10);
// A little less than the primary waits for the report.
constexpr absl::Duration kComparePatience = absl::Seconds(50);

}  // namespace

// Reads the local Kea and compares it with the primary, repairing what differs.
void Follower::Verify() {
  verify_asked_ = true;
  actions_.push_back(ReadLocal{});
}

// Only the primary's tree tells how to get from what Kea has to where the primary is, which is of
// no use where that was refused or is held.
void Follower::WalkToHead(Instant now) {
  const bool held = apply_ == ApplyState::kHeld && TailSequence() == open_target_;
  const bool refused = head_digest_ == refused_digest_ || head_digest_ == repair_refused_;
  if (link_ != LinkState::kFollow || walk_ || whole_ || held || refused || now < walk_at_) return;
  StartWalk(now);
}

void Follower::StartWalk(Instant now) {
  verify_asked_ = verify_ready_ = false;
  apply_ = ApplyState::kVerify;
  walk_purpose_ = WalkPurpose::kRepair;
  BeginWalk(now);
}

void Follower::BeginWalk(Instant now) {
  walk_first_id_ += uint64_t{1} << 20;
  walk_.emplace(
      known_, walk_first_id_,
      walk_purpose_ == WalkPurpose::kCompare ? TreeWalk::kAllBuckets : TreeWalk::kMostBuckets);
  walk_digest_.clear();
  StepWalk(now);
}

void Follower::AskCompare(const v1::Resync& resync, Instant now) {
  if (compare_asked_) {
    actions_.push_back(
        Compared{compare_asked_->request_id(),
                 Error(absl::StatusCode::kAborted, "overtaken by another comparison"),
                 {}});
  }
  compare_asked_ = resync;
  compare_ready_ = false;
  compare_deadline_ = now + kComparePatience;
  actions_.push_back(ReadLocal{});
}

void Follower::StartCompare(Instant now) {
  if (!compare_asked_) return;
  std::string trouble;
  if (link_ == LinkState::kStale || link_ == LinkState::kConnect) {
    trouble = fmt::format("the primary's agent does not answer {}", options_.server);
  } else if (now >= compare_deadline_) {
    trouble = fmt::format("Kea on {} could not be read in time", options_.server);
  }
  const bool by_base = !trouble.empty() && !Joined() && base_;
  if ((trouble.empty() || by_base) && now < compare_deadline_ &&
      (!compare_ready_ || walk_ || !known_)) {
    return;
  }
  const bool read = std::exchange(compare_ready_, false);
  const std::string id = compare_asked_->request_id();
  compare_asked_.reset();
  if (by_base && read && known_) return CompareWithBase(id);
  if (!trouble.empty()) {
    actions_.push_back(Compared{id, Error(absl::StatusCode::kUnavailable, "{}", trouble), {}});
    return;
  }
  compare_id_ = id;
  walk_purpose_ = WalkPurpose::kCompare;
  walk_tries_ = 0;
  BeginWalk(now);
}

// The primary is away: what it had last, as far as it is known here, is compared with.
void Follower::CompareWithBase(const std::string& id) {
  Compared compared{id, absl::OkStatus(), config::Compare(*base_, *known_)};
  compared.report.set_compared_with(fmt::format(
      "{} is away: {} is compared with what {} had at change {}", options_.primary, options_.server,
      options_.primary, ChangeName(position_.term, position_.sequence)));
  actions_.push_back(std::move(compared));
}

void Follower::ObserveDrift(Instant now) {
  if (walk_ || link_ != LinkState::kFollow || head_digest_.empty() || now < walk_at_) return;
  const std::string local = local_digest();
  const std::string pair = local + head_digest_;
  if (local == head_digest_) {
    observed_.clear();
    last_error_.clear();
    return;
  }
  if (observed_ == pair) return;
  observed_ = pair;
  walk_purpose_ = WalkPurpose::kObserve;
  walk_tries_ = 0;
  BeginWalk(now);
}

void Follower::StepWalk(Instant now) {
  if (auto request = walk_->Next()) {
    v1::Envelope envelope;
    *envelope.mutable_tree_request() = *std::move(request);
    Send(std::move(envelope));
    walk_deadline_ = now + kWalkPatience;
  } else if (walk_->done()) {
    EndWalk(now);
  }
}

void Follower::OnTreeReply(const v1::Envelope& envelope, Instant now) {
  if (!walk_ || !walk_->Awaits(envelope.tree_reply())) return;
  // A comparison changes nothing, so anybody may be compared with.
  const bool mine = envelope.term() == term_ && envelope.stream_id() == stream_id_;
  if (!mine && walk_purpose_ != WalkPurpose::kCompare) return;
  if (walk_digest_.empty()) walk_digest_ = envelope.digest_after();
  const absl::Status status = walk_->Take(envelope.tree_reply());
  if (!status.ok()) return WalkFailed(status, now);
  StepWalk(now);
}

void Follower::WalkFailed(const absl::Status& status, Instant now) {
  walk_.reset();
  const bool again = absl::IsAborted(status) || absl::IsUnavailable(status);
  if (again && ++walk_tries_ < kWalkTries && link_ == LinkState::kFollow) return BeginWalk(now);
  walk_tries_ = 0;
  switch (walk_purpose_) {
    case WalkPurpose::kCompare:
      actions_.push_back(Compared{compare_id_, status, {}});
      break;
    case WalkPurpose::kObserve:
      if (again) {
        observed_.clear();
        walk_at_ = now + kSnapshotSpacing;
      } else {
        AnnounceMuchDrift(Message(status));
      }
      break;
    case WalkPurpose::kRepair:
      apply_ = ApplyState::kIdle;
      // Otherwise whoever is joined next tells what to do.
      if (link_ == LinkState::kFollow) AutomaticSnapshot(now);
      break;
  }
}

// A snapshot that nobody asked for: rarely, so that a pair that cannot agree does not spend its
// time on nothing else.
void Follower::AutomaticSnapshot(Instant now) {
  if (now < next_snapshot_) {
    walk_at_ = next_snapshot_;
    last_error_ = "waiting before the next automatic resync";
    return;
  }
  if (now - next_snapshot_ > kSnapshotForgiven) snapshot_backoff_.Reset();
  next_snapshot_ = now + std::max(kSnapshotSpacing, snapshot_backoff_.Next(options_.jitter));
  RequestSync(v1::SNAPSHOT, now);
}

void Follower::EndWalk(Instant now) {
  const TreeWalk walk = *std::exchange(walk_, std::nullopt);
  walk_tries_ = 0;
  config::ObjectSet primary = walk.local();
  config::Apply(walk.change(), primary);
  switch (walk_purpose_) {
    case WalkPurpose::kCompare:
      actions_.push_back(
          Compared{compare_id_, absl::OkStatus(), config::Compare(primary, walk.local())});
      break;
    case WalkPurpose::kObserve:
      AnnounceDrift(primary, walk.local(), "observed");
      last_error_ = fmt::format("{} objects differ; see: nestorctl diff {}", walk.change().size(),
                                options_.relationship);
      break;
    case WalkPurpose::kRepair:
      EndRepairWalk(walk, primary, now);
      break;
  }
}

void Follower::EndRepairWalk(const TreeWalk& walk, const config::ObjectSet& primary, Instant now) {
  apply_ = ApplyState::kIdle;
  if (walk.sequence() > TailSequence()) {
    // Changes on the way there did not come yet, and are not to be passed over: once more, later.
    verify_asked_ = verify_ready_ = resync_.has_value();
    return;
  }
  ResyncSynced();
  if (BelowIntent(walk.sequence()) || walk.sequence() < position_.sequence) return;
  if (drift_unseen_ && !walk.change().empty()) {
    AnnounceDrift(primary, walk.local(), "found at start");
  }
  drift_unseen_ = false;
  const auto local = std::make_shared<const config::ObjectSet>(walk.local());
  if (stands_ && !walk.change().empty() && kept_digest_ != config::Bytes(local->Digest())) {
    // Kept first. Then it is known what is to be put back, or it is compared once more.
    const auto before = std::make_shared<const config::ObjectSet>(primary);
    const bool is_position = config::Bytes(before->Digest()) == position_.digest && InStream();
    if (is_position) base_ = before;
    verify_asked_ = verify_ready_ = !is_position;
    (void)KeepStanding(before, local, /*open=*/false, now);
    return;
  }
  ApplyOrder order;
  order.position = {stream_id_, term_, walk.sequence(), walk_digest_};
  if (order.position.digest == refused_digest_ || order.position.digest == repair_refused_) {
    apply_ = ApplyState::kRejected;
    walk_at_ = now + kRefusedSpacing;
    EndResync("ABORTED", last_error_);
    return;
  }
  if (walk.change().empty()) {
    order.base = known_;
  } else {
    order.digest_before = config::Bytes(walk.local().Digest());
    order.changes.push_back(std::make_shared<const config::ChangeSet>(walk.change()));
  }
  const bool back = order.position.digest == position_.digest;
  order.approved =
      back || (approved_sequence_ != 0 && approved_sequence_ == order.position.sequence);
  retry_at_ = now;
  const bool only_back = back && order.position.sequence == position_.sequence;
  Start(std::move(order), only_back ? Purpose::kRepair : Purpose::kTarget, now);
}

}  // namespace nestor::protocol
