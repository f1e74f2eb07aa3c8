#include "tests/simulation/faults.h"

#include <utility>

#include "common/protocol/envelope.h"

namespace nestor::simulation {

Faults::Faults(World& world) : world_(world), dice_(world.options_.seed, "faults") {
  const std::vector<Kind> all = {{6, &Faults::Edit},           {3, &Faults::Burst},
                                 {0.5, &Faults::Large},        {1, &Faults::Removal},
                                 {1, &Faults::Unfit},          {1, &Faults::Revert},
                                 {2, &Faults::Drift},          {2, &Faults::Cut},
                                 {2, &Faults::Break},          {1, &Faults::Hold},
                                 {3, &Faults::Kill},           {3, &Faults::DieInMidStep},
                                 {2, &Faults::DieInMidApply},  {1, &Faults::Stop},
                                 {1, &Faults::JumpClock},      {2, &Faults::RestartKea},
                                 {2, &Faults::HangKea},        {2, &Faults::Temper},
                                 {1, &Faults::FillDisk},       {1, &Faults::FailSync},
                                 {1, &Faults::BackUp},         {0.5, &Faults::RestoreBackup},
                                 {0.7, &Faults::LoseJournal},  {0.7, &Faults::RollBackInMidApply},
                                 {1, &Faults::Resync},         {1, &Faults::Decide},
                                 {0.5, &Faults::Browse},       {0.5, &Faults::Stranger},
                                 {2, &Faults::SecondThoughts}, {2, &Faults::Apply},
                                 {2, &Faults::ApplyAndDie},    {2, &Faults::Away}};
  kinds_.push_back(all[0]);
  for (size_t i = 1; i < all.size(); ++i) {
    if (dice_.Chance(0.4)) kinds_.push_back(all[i]);
  }
  spacing_ = dice_.Between(absl::Milliseconds(500), absl::Seconds(6));
}

void Faults::Plan(absl::Duration end) { Next(end); }

void Faults::Next(absl::Duration end) {
  const absl::Duration wait = dice_.Fraction() * 2 * spacing_;
  if (world_.scheduler_.Now() + wait >= end) return;
  world_.scheduler_.After(wait, [this, end] {
    double total = 0;
    for (const Kind& kind : kinds_) total += kind.weight;
    double at = dice_.Fraction() * total;
    size_t chosen = 0;
    while (chosen + 1 < kinds_.size() && at >= kinds_[chosen].weight) at -= kinds_[chosen++].weight;
    (this->*kinds_[chosen].happen)();
    Next(end);
  });
}

AgentHost& Faults::Host() {
  if (dice_.Chance(0.5)) return *world_.primary_;
  return *world_.secondary_;
}

AgentHost::Death Faults::Death() {
  return dice_.Chance(0.5) ? AgentHost::Death::kKilled : AgentHost::Death::kPowerOff;
}

// Nothing planned happens any more once the faults have ended.
void Faults::After(absl::Duration wait, Scheduler::Callback callback) {
  world_.scheduler_.After(wait, [this, callback = std::move(callback)]() mutable {
    if (!world_.calm_) callback();
  });
}

// ---- edits

void Faults::Edit() { world_.Edit(Blueprint::Edit::kSmall); }

void Faults::Burst() {
  const int count = dice_.Between(2, 12);
  for (int i = 0; i < count; ++i) {
    After(Up(absl::Seconds(3)), [this] { world_.Edit(Blueprint::Edit::kSmall); });
  }
}

void Faults::Large() { world_.Edit(Blueprint::Edit::kLarge); }
void Faults::Removal() { world_.Edit(Blueprint::Edit::kRemoval); }

void Faults::Unfit() {
  static constexpr Blueprint::Edit kKinds[] = {Blueprint::Edit::kRefused, Blueprint::Edit::kHarmful,
                                               Blueprint::Edit::kBent};
  world_.Edit(kKinds[dice_.Below(3)]);
  if (!dice_.Chance(0.7)) return;
  After(Up(absl::Seconds(20)), [this] { world_.Edit(Blueprint::Edit::kMended); });
}

void Faults::Revert() { world_.Revert(); }

// An edit, and at once the way back: who misses the first does not see it by the second.
void Faults::SecondThoughts() {
  Edit();
  After(dice_.Between(absl::Milliseconds(300), absl::Milliseconds(900)), [this] { Revert(); });
}

void Faults::Apply() {
  world_.Apply();
  if (dice_.Chance(0.5)) After(Up(absl::Seconds(2)), [this] { world_.Apply(); });
}

// Of several in a row the last is not in the file yet when Kea starts from it again, and perhaps
// the agent with it.
void Faults::ApplyAndDie() {
  Apply();
  After(Up(absl::Seconds(3)), [this] {
    world_.primary_->kea().RestartAfter(Up(absl::Seconds(4)));
    if (!dice_.Chance(0.5)) return;
    world_.primary_->Kill(Death());
    world_.primary_->StartAfter(Up(absl::Seconds(6)));
  });
}

void Faults::Drift() { world_.Drift(); }

// The primary's host is gone, and people help themselves on the secondary, whose agent may die too.
void Faults::Away() {
  AgentHost& primary = *world_.primary_;
  if (!primary.runs()) return;
  const absl::Duration away = dice_.Between(absl::Seconds(20), absl::Seconds(50));
  if (dice_.Chance(0.5)) primary.kea().RestartAfter(Up(away));
  primary.Kill(Death());
  After(away, [&primary] { primary.StartAfter({}); });
  const auto drift = [this, &primary, starts = primary.starts()] {
    KeaHost& kea = world_.secondary_->kea();
    const bool known = !primary.runs() && primary.starts() == starts && !kea.hangs();
    world_.Drift(known);
  };
  After(dice_.Between(absl::Seconds(13), absl::Seconds(19)), drift);
  if (dice_.Chance(0.5)) After(dice_.Between(absl::Seconds(13), absl::Seconds(19)), drift);
  if (!dice_.Chance(0.4)) return;
  After(dice_.Between(absl::Seconds(8), absl::Seconds(25)), [this] {
    world_.secondary_->Kill(Death());
    world_.secondary_->StartAfter(Up(absl::Seconds(10)));
  });
}

// ---- the network

void Faults::Cut() {
  Endpoint* endpoint = world_.secondary_->endpoint();
  if (endpoint == nullptr) return;
  world_.chronicle_.Note("the network is cut");
  world_.network_.Cut(endpoint);
  After(Up(absl::Seconds(25)), [this, endpoint] {
    world_.chronicle_.Note("the network is whole");
    if (endpoint == world_.secondary_->endpoint()) world_.network_.Heal(endpoint);
  });
}

void Faults::Break() {
  const bool monitor = dice_.Chance(0.3);
  Endpoint* endpoint = monitor ? world_.monitor_->endpoint() : world_.secondary_->endpoint();
  if (endpoint == nullptr) return;
  world_.chronicle_.Note("connections of {} break", endpoint->name());
  world_.network_.Break(endpoint);
}

void Faults::Hold() {
  if (world_.secondary_->endpoint() == nullptr) return;
  world_.network_.Hold(world_.secondary_->endpoint(), Up(absl::Seconds(8)));
}

// ---- processes

void Faults::Kill() {
  AgentHost& host = Host();
  host.Kill(Death());
  host.StartAfter(Up(absl::Seconds(10)));
}

void Faults::DieInMidStep() {
  Host().DieAtStep(dice_.Between(1, 40), Death(), Up(absl::Seconds(10)));
}

void Faults::DieInMidApply() {
  world_.secondary_->kea().after_set = [this] {
    world_.secondary_->DieAtStep(dice_.Between(1, 6), Death(), Up(absl::Seconds(10)));
  };
  Edit();
}

void Faults::Stop() {
  AgentHost& host = Host();
  host.StopGently();
  host.StartAfter(Up(absl::Seconds(10)));
}

void Faults::JumpClock() { Host().JumpWallClock(dice_.Between(absl::Hours(-30), absl::Hours(30))); }

// ---- Kea

void Faults::RestartKea() { Host().kea().RestartAfter(Up(absl::Seconds(8))); }

void Faults::HangKea() {
  Host().kea().HangFor(dice_.Chance(0.7) ? Up(absl::Seconds(6)) : Up(absl::Seconds(70)));
}

void Faults::Temper() {
  KeaHost& kea = Host().kea();
  world_.chronicle_.Note("{} kea: is in a bad temper", kea.name());
  kea.temper.unavailable = dice_.Fraction() * 0.1;
  kea.temper.cut_off = dice_.Fraction() * 0.2;
  kea.temper.refused = dice_.Fraction() * 0.1;
  kea.temper.slow = dice_.Fraction() * 0.1;
  kea.temper.file_full = dice_.Chance(0.5) ? dice_.Fraction() : 0;
  kea.temper.file_forbidden = dice_.Chance(0.2) ? dice_.Fraction() : 0;
  After(dice_.Between(absl::Seconds(2), absl::Seconds(20)), [&kea] { kea.temper = {}; });
}

// ---- disks

void Faults::FillDisk() {
  AgentHost& host = Host();
  world_.chronicle_.Note("{}: the disk is full", host.name());
  world_.chronicle_.Expect("JOURNAL_WRITE_FAILED");
  world_.chronicle_.Expect("STORE_WRITE_FAILED");
  host.disk().FillUp(dice_.Below(20'000));
  After(Up(absl::Seconds(15)), [&host] { host.disk().Empty(); });
}

// After a failed sync nothing more is written, until somebody starts the agent anew.
void Faults::FailSync() {
  AgentHost& host = Host();
  if (!host.runs()) return;
  world_.chronicle_.Note("{}: the next sync fails", host.name());
  world_.chronicle_.Expect("JOURNAL_WRITE_FAILED");
  world_.chronicle_.Expect("STORE_WRITE_FAILED");
  host.FailNextSync();
  After(dice_.Between(absl::Seconds(2), absl::Seconds(15)), [this, &host] {
    host.Kill(AgentHost::Death::kPowerOff);
    host.StartAfter(Up(absl::Seconds(3)));
  });
}

void Faults::BackUp() {
  if (world_.primary_->sync_failed()) return;  // nobody knows what such a copy holds
  world_.chronicle_.Note("{}: a copy of the disk is made", kPrimary);
  world_.primary_->BackUp();
}

void Faults::RestoreBackup() {
  if (!world_.primary_->has_backup()) return BackUp();
  world_.rolled_back_ = true;
  world_.chronicle_.Expect("PUBLISHER_FENCED");
  world_.oracles_.orders.Overruled();
  world_.primary_->Kill(Death());
  world_.primary_->RestoreBackup();
  world_.primary_->StartAfter(Up(absl::Seconds(5)));
}

void Faults::LoseJournal() {
  world_.chronicle_.Expect("RELATIONSHIP_UNKNOWN");
  world_.oracles_.orders.Overruled();
  world_.primary_->Kill(Death());
  world_.primary_->LoseJournal();
  world_.primary_->StartAfter(Up(absl::Seconds(5)));
}

// The worst night: the secondary dies when its Kea has just taken a change of which the primary's
// journal, put back from a copy, knows nothing, while the primary's Kea is away.
void Faults::RollBackInMidApply() {
  BackUp();
  if (!world_.primary_->has_backup()) return;
  world_.rolled_back_ = true;
  world_.chronicle_.Expect("PUBLISHER_FENCED");
  world_.secondary_->kea().after_set = [this] {
    world_.secondary_->DieAtStep(dice_.Between(1, 3), Death(),
                                 dice_.Between(absl::Seconds(3), absl::Seconds(6)));
    After(absl::Milliseconds(100), [this] {
      world_.oracles_.orders.Overruled();
      world_.primary_->Kill(Death());
      world_.primary_->RestoreBackup();
      world_.primary_->kea().RestartAfter(dice_.Between(absl::Seconds(15), absl::Seconds(30)));
      world_.primary_->StartAfter(absl::Milliseconds(500));
    });
  };
  Edit();
}

// ---- people

void Faults::Resync() { world_.operator_->Resync(dice_.Chance(0.5)); }
void Faults::Browse() { world_.operator_->Browse(); }

void Faults::Decide() {
  world_.operator_->Ask();
  After(absl::Seconds(1), [this] {
    const auto& status = world_.operator_->look().secondary;
    if (!status || status->mirror().held_sequence() == 0) return;
    world_.operator_->Decide(status->mirror().held_sequence(), dice_.Chance(0.7),
                             dice_.Chance(0.5));
  });
}

// S13: whatever a peer without rights says is as good as not said.
void Faults::Stranger() {
  Endpoint* stranger = world_.network_.Join(
      "stranger", nullptr, {"", "mallory", {dice_.Chance(0.5), false, false}, false});
  After(absl::Seconds(1), [this, stranger] {
    v1::Envelope forged;
    forged.set_relationship(std::string(kRelationship));
    forged.set_sender(std::string(kSecondary));
    forged.set_stream_id(world_.monitor_->stream());
    forged.set_sequence(dice_.Below(50));
    const auto send = [&] { (void)stranger->Send(protocol::Seal(forged)); };
    forged.mutable_ack()->set_applied(forged.sequence());
    send();
    forged.mutable_nack()->set_nack_class(v1::REJECTED_CONFIG);
    send();
    forged.mutable_resync()->set_mode(v1::RESYNC_SNAPSHOT);
    forged.mutable_resync()->set_request_id("forged");
    send();
    forged.mutable_sync_request()->set_mode(v1::SNAPSHOT);
    forged.mutable_sync_request()->set_credit(1'000'000);
    send();
    forged.mutable_tree_request()->set_objects(true);
    send();
    forged.mutable_decision()->set_sequence(forged.sequence());
    forged.mutable_decision()->set_approve(true);
    send();
    forged.mutable_report()->set_last(true);
    send();
    forged.mutable_fenced()->set_term(1'000'000);
    send();
    forged.mutable_bye();
    send();
    forged.mutable_hello()->set_server(std::string(kSecondary));
    forged.mutable_hello()->set_highest_term(1'000'000);
    forged.mutable_hello()->set_stream_id(world_.monitor_->stream());
    send();
    Demand(*stranger);
  });
}

// What only an operator may.
void Faults::Demand(Endpoint& stranger) {
  v1::OperatorRequest request;
  request.set_magic(protocol::kOperatorMagic);
  const auto send = [&] { (void)stranger.Send(request.SerializeAsString()); };
  request.mutable_resync()->set_name(std::string(kRelationship));
  send();
  request.mutable_decision()->set_name(std::string(kRelationship));
  request.mutable_decision()->set_sequence(dice_.Below(50));
  request.mutable_decision()->set_approve(true);
  send();
  request.mutable_remove()->set_name(std::string(kRelationship));
  send();
}

}  // namespace nestor::simulation
