// What is known of the pair, for who scrapes it. docs/metrics.md explains each name.

#include "primary-agent/publish/stream.h"

namespace nestor::primary {

const Stream::Counter Stream::kChanges{"nestor_changes_total", "Changes published."};
const Stream::Counter Stream::kReplays{"nestor_replays_total", "Replays sent to followers."};
const Stream::Counter Stream::kSnapshots{"nestor_snapshots_total", "Snapshots sent to followers."};
const Stream::Counter Stream::kLeaseEvents{"nestor_lease_events_total", "Lease events published."};

runtime::Metrics::Labels Stream::MetricLabels() const {
  return {{"relationship", spec_.name()}, {"service", ServiceText()}};
}

void Stream::Count(const Counter& counter, size_t by) {
  world_.metrics.Count(counter.name, counter.help, MetricLabels(), static_cast<double>(by));
}

void Stream::StartCounters() {
  for (const Counter& counter : {kChanges, kReplays, kSnapshots}) Count(counter, 0);
}

void Stream::Meter() {
  auto& metrics = world_.metrics;
  const auto labels = MetricLabels();
  const auto set = [&](std::string_view name, std::string_view help, double value) {
    metrics.Set(name, help, labels, value);
  };
  const protocol::PairFacts facts = Facts();
  set("nestor_relationship_state", "0 OK, 1 impaired, 2 down.",
      protocol::StateNumber(judged_.state));
  set("nestor_head_sequence", "The newest change published.",
      static_cast<double>(publisher_.stream().head));
  set("nestor_applied_sequence", "The newest change applied by the secondary.",
      static_cast<double>(follower_.ack.applied()));
  set("nestor_persisted_sequence", "The newest change in the secondary's file.",
      static_cast<double>(follower_.ack.persisted()));
  set("nestor_lag_seconds", "Age of the oldest change not applied.",
      absl::ToDoubleSeconds(facts.lag));
  set("nestor_digest_equal", "1: both Keas report the same.",
      follower_.digest == publisher_.stream().head_digest ? 1 : 0);
  set("nestor_kea_reachable", "1: the local Kea answers.", health_.reachable ? 1 : 0);
  set("nestor_term", "The publisher's term.", static_cast<double>(publisher_.stream().term));
  if (const auto offset = clock_offset_.Get()) {
    set("nestor_clock_offset_seconds", "How far the secondary's clock is ahead of this host's.",
        absl::ToDoubleSeconds(*offset));
  }
  auto with = labels;
  with["peer"] = spec_.secondary();
  metrics.Set("nestor_peer_silent_seconds", "Since the peer's agent was heard.", with,
              absl::ToDoubleSeconds(world_.clock.Now() - follower_.heard.value_or(began_)));
  with = labels;
  with["server"] = server_;
  metrics.Set("nestor_ha_normal", "1: HA of the local Kea is in its normal state.", with,
              protocol::HaIsNormal(facts.primary, spec_.has_ha()) ? 1 : 0);
  metrics.SetState("nestor_ha_state", "1: HA of the local Kea is in this state.", with,
                   protocol::kHaStates, health_.ha_state);
}

}  // namespace nestor::primary
