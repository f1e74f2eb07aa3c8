// What a mirror says of its relationship to who scrapes it. docs/metrics.md explains each name.

#include "secondary-agent/follow/mirror.h"

namespace nestor::secondary {

const Mirror::Counter Mirror::kDrifts{"nestor_drifts_total", "Drifts found on the secondary."};
const Mirror::Counter Mirror::kApplies{"nestor_applies_total",
                                       "Times that the local Kea was changed."};

runtime::Metrics::Labels Mirror::MetricLabels() const {
  return {{"relationship", spec_.name()}, {"service", std::string(ServiceName(service_))}};
}

void Mirror::Count(const Counter& counter, size_t by) {
  world_.metrics.Count(counter.name, counter.help, MetricLabels(), static_cast<double>(by));
}

void Mirror::Meter() {
  const std::string state = Judged().state;
  if (state != judged_state_) judged_since_ = world_.clock.Wall();
  judged_state_ = state;
  auto& metrics = world_.metrics;
  const auto labels = MetricLabels();
  const auto set = [&](std::string_view name, std::string_view help, double value) {
    metrics.Set(name, help, labels, value);
  };
  const protocol::PairFacts facts = Facts();
  set("nestor_relationship_state", "0 OK, 1 impaired, 2 down.", protocol::StateNumber(state));
  set("nestor_head_sequence", "The newest change published.",
      static_cast<double>(follower_.head()));
  set("nestor_applied_sequence", "The newest change applied by the secondary.",
      static_cast<double>(follower_.applied()));
  set("nestor_digest_equal", "1: both Keas report the same.", facts.digest_equal ? 1 : 0);
  set("nestor_kea_reachable", "1: the local Kea answers.", health_.reachable ? 1 : 0);
  set("nestor_change_refused", "1: a change was refused here, and waits for a newer one.",
      follower_.apply() == protocol::ApplyState::kRejected ? 1 : 0);
  set("nestor_held_sequence", "The change that waits for approval; 0: none.",
      static_cast<double>(follower_.held_sequence()));
  set("nestor_drift_unsettled", "1: the local Kea has what it should not have.",
      follower_.HasDrift() ? 1 : 0);
  set("nestor_standing_objects", "Objects changed here while the primary was away, which stand.",
      static_cast<double>(Standing()));
  metrics.SetState("nestor_mirror_state", "1: the mirror is in this state.", labels,
                   protocol::Follower::kStateNames, facts.follower_state);
  auto with = labels;
  with["peer"] = spec_.primary();
  metrics.Set("nestor_peer_silent_seconds", "Since the peer's agent was heard.", with,
              absl::ToDoubleSeconds(world_.clock.Now() - heard_.value_or(began_)));
  with = labels;
  with["server"] = server_;
  metrics.Set("nestor_ha_normal", "1: HA of the local Kea is in its normal state.", with,
              protocol::HaIsNormal(facts.secondary, spec_.has_ha()) ? 1 : 0);
  metrics.SetState("nestor_ha_state", "1: HA of the local Kea is in this state.", with,
                   protocol::kHaStates, health_.ha_state);
}

}  // namespace nestor::secondary
