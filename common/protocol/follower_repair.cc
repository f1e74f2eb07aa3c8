// Comparing the local configuration with the primary's, by its digest tree: to repair what cannot
// be located otherwise, to answer a person's question, to observe.

#include "common/base/status.h"
#include "common/config/proto.h"
#include "common/protocol/follower.h"

namespace nestor::protocol {
namespace {

constexpr absl::Duration kWalkPatience = absl::Seconds(5);
constexpr int kWalkTries = 5;
constexpr absl::Duration kSnapshotSpacing = absl::Seconds(30);

}  // namespace

// Reads the local Kea and compares it with the primary, repairing what differs.
void Follower::Verify() {
  verify_asked_ = true;
  actions_.push_back(ReadLocal{});
}

void Follower::StartWalk(Instant now) {
  apply_ = ApplyState::kVerify;
  walk_purpose_ = WalkPurpose::kRepair;
  BeginWalk(now);
}

void Follower::BeginWalk(Instant now) {
  walk_first_id_ += uint64_t{1} << 20;
  walk_.emplace(known_, walk_first_id_);
  walk_digest_.clear();
  StepWalk(now);
}

void Follower::StartCompare(Instant now) {
  if (!compare_asked_ || !compare_ready_ || walk_ || !known_) return;
  compare_ready_ = false;
  compare_id_ = compare_asked_->request_id();
  compare_asked_.reset();
  walk_purpose_ = WalkPurpose::kCompare;
  walk_tries_ = 0;
  if (link_ == LinkState::kStale || link_ == LinkState::kConnect) {
    actions_.push_back(Compared{compare_id_,
                                Error(absl::StatusCode::kUnavailable,
                                      "the primary's agent does not answer {}", options_.server),
                                {}});
    return;
  }
  BeginWalk(now);
}

void Follower::ObserveDrift(Instant now) {
  if (walk_ || link_ != LinkState::kFollow || head_digest_.empty()) return;
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

void Follower::OnTreeReply(const v1::TreeReply& reply, const std::string& head_digest,
                           Instant now) {
  if (!walk_) return;
  if (walk_digest_.empty()) walk_digest_ = head_digest;
  if (const absl::Status status = walk_->Take(reply); !status.ok()) return WalkFailed(status, now);
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
      observed_.clear();
      break;
    case WalkPurpose::kRepair:
      apply_ = ApplyState::kIdle;
      AutomaticSnapshot(now);
      break;
  }
}

// A snapshot that nobody asked for: rarely, so that a pair that cannot agree does not spend its
// time on nothing else.
void Follower::AutomaticSnapshot(Instant now) {
  if (now < next_snapshot_) {
    retry_at_ = next_snapshot_;
    last_error_ = "waiting before the next automatic resync";
    return;
  }
  next_snapshot_ = now + std::max(kSnapshotSpacing, snapshot_backoff_.Next(options_.jitter));
  RequestSync(v1::SNAPSHOT, now);
}

void Follower::EndWalk(Instant now) {
  const config::ChangeSet change = walk_->change();
  const uint64_t sequence = walk_->sequence();
  walk_.reset();
  walk_tries_ = 0;
  switch (walk_purpose_) {
    case WalkPurpose::kCompare:
      actions_.push_back(Compared{compare_id_, absl::OkStatus(), ReportOf(change)});
      break;
    case WalkPurpose::kObserve: {
      config::ObjectSet primary = *known_;
      config::Apply(change, primary);
      AnnounceDrift(primary, *known_, "observed");
      last_error_ = fmt::format("{} objects differ; see: nestorctl diff {}", change.size(),
                                options_.relationship);
      break;
    }
    case WalkPurpose::kRepair:
      EndRepairWalk(change, sequence, now);
      break;
  }
}

void Follower::EndRepairWalk(const config::ChangeSet& change, uint64_t sequence, Instant now) {
  apply_ = ApplyState::kIdle;
  ResyncSynced();
  if (open_ || BelowIntent(sequence) || sequence < position_.sequence) return;
  if (drift_unseen_ && !change.empty()) {
    config::ObjectSet primary = *known_;
    config::Apply(change, primary);
    AnnounceDrift(primary, *known_, "found at start");
  }
  drift_unseen_ = false;
  ApplyOrder order;
  order.position = {stream_id_, term_, sequence, walk_digest_};
  order.must_persist = true;
  if (order.position.digest == refused_digest_ || order.position.digest == repair_refused_) {
    apply_ = ApplyState::kRejected;
    return;
  }
  if (change.empty()) {
    order.base = known_;
  } else {
    order.digest_before = local_digest();
    order.changes.push_back(std::make_shared<const config::ChangeSet>(change));
  }
  retry_at_ = now;
  Start(std::move(order));
}

v1::DiffReport Follower::ReportOf(const config::ChangeSet& change) const {
  v1::DiffReport report;
  report.set_same(change.empty());
  const auto fill = [](v1::Object& object, const config::ObjectId& id, std::string_view json) {
    object.set_kind(std::string(config::KindName(id.kind)));
    object.set_key(id.key);
    object.set_object(std::string(json));
  };
  for (const auto& upsert : change.upserted) {
    const config::Object* mine = known_->Find(upsert.id);
    if (mine == nullptr) {
      fill(*report.add_only_on_primary(), upsert.id, upsert.json);
      continue;
    }
    v1::Difference& difference = *report.add_different();
    difference.set_kind(std::string(config::KindName(upsert.id.kind)));
    difference.set_key(upsert.id.key);
    difference.set_primary(upsert.json);
    difference.set_secondary(mine->json);
  }
  for (const auto& id : change.removed) {
    fill(*report.add_only_on_secondary(), id, known_->Find(id)->json);
  }
  return report;
}

}  // namespace nestor::protocol
