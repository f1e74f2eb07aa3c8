// What is known of the pair, for operators and monitors.

#include <algorithm>

#include "common/base/status.h"
#include "common/config/object_set.h"
#include "common/protocol/envelope.h"
#include "common/protocol/wire_time.h"
#include "primary-agent/publish/service_watch.h"
#include "primary-agent/publish/stream.h"

namespace nestor::primary {
namespace {

constexpr absl::Duration kJudgePeriod = absl::Milliseconds(500);

}  // namespace

absl::Duration Stream::Lag() const {
  if (pending_.empty() || spec_.observe()) return absl::ZeroDuration();
  return world_.clock.Now() - pending_.front().since;
}

protocol::PairFacts Stream::Facts() const {
  const v1::SideStatus& side = follower_.ack.status();
  protocol::PairFacts facts;
  facts.primary = {server_,          true,          health_.reachable,
                   health_.ha_state, health_.error, !health_.hook.empty(),
                   file_notice_};
  facts.secondary = {spec_.secondary(), true, side.reachable(),
                     side.ha_state(),   {},   side.apply_by() == "hook",
                     side.file_notice()};
  facts.relationship = spec_.name();
  facts.peer = spec_.secondary();
  if (!follower_.heard) {
    facts.peer_silent = absl::InfiniteDuration();
  } else if (const auto age = world_.clock.Now() - *follower_.heard; age >= kSilent) {
    facts.peer_silent = age;
  }
  facts.follower_state = side.follower_state();
  if (publisher_.state() == v1::PUBLISHER_FENCED) {
    facts.publisher_text = fmt::format("{} is FENCED: {}", server_, publisher_.fenced_text());
  } else if (publisher_.state() == v1::READONLY) {
    facts.publisher_text = fmt::format("{} cannot write its journal and publishes nothing: {}",
                                       server_, journal_error_);
  } else {
    facts.publisher_text = blocked_;
  }
  facts.lag = Lag();
  facts.digest_equal =
      !follower_.digest.empty() && follower_.digest == publisher_.stream().head_digest;
  facts.held_sequence = side.held_sequence();
  facts.observe = spec_.observe();
  facts.last_error = side.last_error();
  facts.standing = side.standing();
  AddHaFacts(facts);
  return facts;
}

void Stream::AddHaFacts(protocol::PairFacts& facts) const {
  const v1::SideStatus& side = follower_.ack.status();
  facts.has_ha = spec_.has_ha();
  facts.secondary.ha_known = side.has_ha_parameters();
  facts.ha_drift = ha::DriftText(HaDrift(), server_, spec_.secondary(), spec_.name());
  facts.changing = world_.changing(spec_.name());
  if (mode_ == "load-balancing" && (spec_.split_pools() || split_)) {
    facts.unsplit_pools = unsplit_;
    facts.more_unsplit = unsplit_.size() > ServiceWatch::kMostUnsplit;
    if (facts.more_unsplit) facts.unsplit_pools.resize(ServiceWatch::kMostUnsplit);
  }
}

void Stream::OnHa(std::string mode, std::string parameters) {
  mode_ = std::move(mode);
  ha_parameters_ = std::move(parameters);
}

void Stream::OnPools(std::vector<std::string> unsplit, bool split) {
  unsplit_ = std::move(unsplit);
  split_ = split;
}

std::vector<ha::Difference> Stream::HaDrift() const {
  const v1::SideStatus& side = follower_.ack.status();
  if (!ha_parameters_ || !side.has_ha_parameters()) return {};
  return ha::Compare(*ha_parameters_, side.ha_parameters());
}

absl::Time Stream::StateSince(const std::string& state) const {
  return state == judged_.state ? judged_since_ : world_.clock.Wall();
}

v1::SideStatus Stream::Side() const {
  v1::SideStatus side;
  side.set_server(server_);
  side.set_kea_version(health_.version);
  side.set_ha_state(health_.ha_state);
  side.set_reachable(health_.reachable);
  side.set_mode(mode_);
  *side.mutable_as_of() = ToWire(world_.clock.Wall());
  if (ha_parameters_ && ha_parameters_->size() <= protocol::kMaxHaParameters) {
    side.set_ha_parameters(*ha_parameters_);
  }
  return side;
}

void Stream::JudgeNow() {
  next_judge_ = world_.clock.Now() + kJudgePeriod;
  const protocol::Judgement judgement = protocol::Judge(Facts());
  if (judgement.state != judged_.state && publisher_.state() != v1::RECOVER) {
    v1::State state;
    state.set_what("relationship");
    state.set_from(judged_.state);
    state.set_to(judgement.state);
    state.set_server(server_);
    state.set_reason(judgement.reasons.empty() ? "" : judgement.reasons.front());
    Announce(state);
  }
  if (judgement.state != judged_.state) judged_since_ = world_.clock.Wall();
  judged_ = judgement;
  Meter();
}

v1::RelationshipStatus Stream::Status() const {
  const protocol::Judgement judgement = protocol::Judge(Facts());
  const v1::SideStatus& side = follower_.ack.status();
  v1::RelationshipStatus status;
  status.set_name(spec_.name());
  status.set_service(ServiceText());
  status.set_mode(mode_.empty() ? "none" : mode_);
  status.set_state(judgement.state);
  for (const std::string& reason : judgement.reasons) status.add_reasons(reason);
  for (const std::string& notice : judgement.notices) status.add_notices(notice);
  for (const std::string& warning : judgement.warnings) status.add_warnings(warning);
  if (!leases_lost_.empty()) status.add_notices(leases_lost_);
  status.set_observe(spec_.observe());
  *status.mutable_since() = spec_.since();
  *status.mutable_state_since() = ToWire(StateSince(judgement.state));

  v1::ServerStatus& primary = *status.mutable_primary();
  primary.set_server(server_);
  primary.set_kea_version(health_.version);
  primary.set_ha_state(health_.ha_state);
  primary.set_reachable(health_.reachable);
  if (health_wall_ != absl::Time()) *primary.mutable_as_of() = ToWire(health_wall_);
  v1::ServerStatus& secondary = *status.mutable_secondary();
  secondary.set_server(spec_.secondary());
  secondary.set_kea_version(side.kea_version());
  secondary.set_ha_state(side.ha_state());
  secondary.set_reachable(side.reachable() && !Facts().peer_silent);
  if (follower_.heard) *secondary.mutable_as_of() = ToWire(follower_.heard_wall);

  v1::MirrorStatus& mirror = *status.mutable_mirror();
  mirror.set_follower_state(side.follower_state());
  mirror.set_stream_id(config::Hex(publisher_.stream().stream_id));
  mirror.set_term(publisher_.stream().term);
  mirror.set_head(publisher_.stream().head);
  mirror.set_received(follower_.ack.received());
  mirror.set_applied(follower_.ack.applied());
  mirror.set_persisted(follower_.ack.persisted());
  mirror.set_lag_seconds(absl::ToDoubleSeconds(Lag()));
  mirror.set_digest_equal(Facts().digest_equal);
  mirror.set_primary_digest(config::Hex(publisher_.stream().head_digest));
  mirror.set_secondary_digest(config::Hex(follower_.digest));
  mirror.set_apply_by(side.apply_by());
  mirror.set_last_error(side.last_error());
  mirror.set_publisher_state(publisher_.state() == v1::PUBLISHER_FENCED
                                 ? "FENCED"
                                 : v1::PublisherState_Name(publisher_.state()));
  mirror.set_held_sequence(side.held_sequence());
  mirror.set_standing(side.standing());
  if (follower_.heard) *mirror.mutable_as_of() = ToWire(follower_.heard_wall);
  return status;
}

v1::RelationshipView Stream::View() const {
  v1::RelationshipView view;
  view.set_name(spec_.name());
  view.set_service(ServiceText());
  view.set_primary(spec_.primary());
  view.set_secondary(spec_.secondary());
  view.set_mode(mode_.empty() ? "none" : mode_);
  view.set_observe(spec_.observe());
  view.set_hold_percent(spec_.hold_percent());
  view.set_hold_minimum(spec_.hold_minimum());
  *view.mutable_since() = spec_.since();
  if (spec_.has_ha()) *view.mutable_ha() = spec_.ha();
  view.set_split_pools(spec_.split_pools());
  const std::string state = protocol::Judge(Facts()).state;
  view.set_state(protocol::ViewState(state));
  *view.mutable_state_since() = ToWire(StateSince(state));
  view.set_primary_ha_state(health_.ha_state);
  view.set_secondary_ha_state(follower_.ack.status().ha_state());
  return view;
}

}  // namespace nestor::primary
