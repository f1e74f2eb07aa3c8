// What a mirror says of its relationship: to the primary, to operators, as metrics.

#include <fmt/format.h>

#include <algorithm>

#include "common/base/text.h"
#include "common/protocol/envelope.h"
#include "common/protocol/judge.h"
#include "common/protocol/wire_time.h"
#include "secondary-agent/follow/mirror.h"

namespace nestor::secondary {
namespace {

constexpr absl::Duration kSilent = absl::Milliseconds(3200);

}  // namespace

std::string Mirror::LastError() const {
  if (!blocked_.empty()) return blocked_;
  return store_error_.empty() ? follower_.last_error() : store_error_;
}

// How the next change goes.
const char* Mirror::ApplyBy() const { return health_.hook.empty() ? "config-set" : "hook"; }

uint64_t Mirror::Standing() const {
  return follower_.stands() ? std::max<uint64_t>(1, follower_.standing_objects()) : 0;
}

void Mirror::FillStatus(v1::SideStatus& side) const {
  side.set_server(server_);
  side.set_kea_version(health_.version);
  side.set_ha_state(health_.ha_state);
  side.set_reachable(health_.reachable);
  side.set_follower_state(follower_.StateName());
  side.set_digest(follower_.local_digest());
  side.set_apply_by(ApplyBy());
  side.set_last_error(Utf8(LastError(), 4096));
  side.set_held_sequence(follower_.held_sequence());
  *side.mutable_as_of() = ToWire(world_.clock.Wall());
  side.set_mode(ha_mode_);
  side.set_applies(applies_);
  side.set_file_notice(Utf8(file_notice_, 1024));
  if (ha_parameters_ && ha_parameters_->size() <= protocol::kMaxHaParameters) {
    side.set_ha_parameters(*ha_parameters_);
  }
  side.set_standing(Standing());
}

protocol::PairFacts Mirror::Facts() const {
  protocol::PairFacts facts;
  facts.primary.server = spec_.primary();
  facts.relationship = spec_.name();
  facts.primary.kea_reachable = follower_.publisher_state() != v1::DEGRADED;
  facts.primary.ha_known = primary_side_ && primary_side_->has_ha_parameters();
  if (primary_side_) facts.primary.ha_state = primary_side_->ha_state();
  facts.secondary = {server_,          true,          health_.reachable,
                     health_.ha_state, health_.error, !health_.hook.empty(),
                     file_notice_};
  facts.peer = spec_.primary();
  const Instant now = world_.clock.Now();
  if (!heard_) {
    facts.peer_silent = absl::InfiniteDuration();
  } else if (now - *heard_ > kSilent) {
    facts.peer_silent = now - *heard_;
  }
  if (follower_.publisher_state() == v1::READONLY) {
    facts.publisher_text =
        fmt::format("{} cannot write its journal and publishes nothing", spec_.primary());
  } else if (follower_.publisher_state() == v1::PUBLISHER_FENCED) {
    facts.publisher_text = fmt::format("{} is FENCED", spec_.primary());
  }
  facts.follower_state = follower_.StateName();
  facts.lag = Lag();
  facts.digest_equal =
      !follower_.head_digest().empty() && follower_.local_digest() == follower_.head_digest();
  facts.held_sequence = follower_.held_sequence();
  facts.observe = spec_.observe();
  facts.last_error = LastError();
  facts.has_ha = spec_.has_ha();
  facts.secondary.ha_known = ha_parameters_.has_value();
  facts.ha_drift = ha::DriftText(HaDrift(), spec_.primary(), server_, spec_.name());
  facts.standing = Standing();
  return facts;
}

std::vector<ha::Difference> Mirror::HaDrift() const {
  if (!ha_parameters_ || !primary_side_ || !primary_side_->has_ha_parameters()) return {};
  return ha::Compare(primary_side_->ha_parameters(), *ha_parameters_);
}

absl::Time Mirror::StateSince(const std::string& state) const {
  return state == judged_state_ ? judged_since_ : world_.clock.Wall();
}

absl::Duration Mirror::Lag() const {
  if (behind_.empty() || spec_.observe()) return absl::ZeroDuration();
  return world_.clock.Now() - behind_.front().since;
}

protocol::Judgement Mirror::Judged() const {
  protocol::Judgement judgement = protocol::Judge(Facts());
  for (std::string& trouble : world_.troubles()) {
    if (judgement.state == "OK") judgement.state = "IMPAIRED";
    judgement.reasons.push_back(std::move(trouble));
  }
  return judgement;
}

v1::RelationshipStatus Mirror::Status() const {
  const protocol::PairFacts facts = Facts();
  const protocol::Judgement judgement = Judged();
  v1::RelationshipStatus status;
  status.set_name(spec_.name());
  status.set_service(std::string(ServiceName(service_)));
  status.set_mode(ha_mode_.empty() ? "none" : ha_mode_);
  status.set_state(judgement.state);
  for (const std::string& reason : judgement.reasons) status.add_reasons(reason);
  for (const std::string& notice : judgement.notices) status.add_notices(notice);
  for (const std::string& warning : judgement.warnings) status.add_warnings(warning);
  status.set_observe(spec_.observe());
  *status.mutable_since() = spec_.since();
  *status.mutable_state_since() = ToWire(StateSince(judgement.state));
  v1::ServerStatus& primary = *status.mutable_primary();
  primary.set_server(spec_.primary());
  if (primary_side_) primary.set_kea_version(primary_side_->kea_version());
  primary.set_ha_state(facts.primary.ha_state);
  primary.set_reachable(facts.primary.kea_reachable && !facts.peer_silent);
  if (heard_) *primary.mutable_as_of() = ToWire(heard_wall_);
  v1::ServerStatus& secondary = *status.mutable_secondary();
  secondary.set_server(server_);
  secondary.set_kea_version(health_.version);
  secondary.set_ha_state(health_.ha_state);
  secondary.set_reachable(health_.reachable);
  if (health_wall_ != absl::Time()) *secondary.mutable_as_of() = ToWire(health_wall_);
  v1::MirrorStatus& mirror = *status.mutable_mirror();
  mirror.set_follower_state(facts.follower_state);
  mirror.set_stream_id(config::Hex(follower_.stream_id()));
  mirror.set_term(follower_.term());
  mirror.set_head(follower_.head());
  mirror.set_received(follower_.received());
  mirror.set_applied(follower_.applied());
  mirror.set_persisted(std::min(follower_.persisted(), follower_.applied()));
  mirror.set_lag_seconds(absl::ToDoubleSeconds(facts.lag));
  mirror.set_digest_equal(facts.digest_equal);
  mirror.set_primary_digest(config::Hex(follower_.head_digest()));
  mirror.set_secondary_digest(config::Hex(follower_.local_digest()));
  mirror.set_apply_by(ApplyBy());
  mirror.set_last_error(facts.last_error);
  mirror.set_publisher_state(v1::PublisherState_Name(follower_.publisher_state()));
  mirror.set_held_sequence(follower_.held_sequence());
  mirror.set_standing(Standing());
  *mirror.mutable_as_of() = ToWire(world_.clock.Wall());
  return status;
}

v1::RelationshipView Mirror::View() const {
  v1::RelationshipView view;
  view.set_name(spec_.name());
  view.set_service(std::string(ServiceName(service_)));
  view.set_primary(spec_.primary());
  view.set_secondary(spec_.secondary());
  view.set_mode(ha_mode_.empty() ? "none" : ha_mode_);
  view.set_observe(spec_.observe());
  view.set_hold_percent(spec_.hold_percent());
  view.set_hold_minimum(spec_.hold_minimum());
  *view.mutable_since() = spec_.since();
  if (spec_.has_ha()) *view.mutable_ha() = spec_.ha();
  view.set_split_pools(spec_.split_pools());
  const std::string state = Judged().state;
  view.set_state(protocol::ViewState(state));
  *view.mutable_state_since() = ToWire(StateSince(state));
  if (primary_side_) view.set_primary_ha_state(primary_side_->ha_state());
  view.set_secondary_ha_state(health_.ha_state);
  return view;
}

}  // namespace nestor::secondary
