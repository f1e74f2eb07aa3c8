#include "tests/simulation/world.h"

#include <algorithm>

#include "tests/simulation/faults.h"

namespace nestor::simulation {
namespace {

constexpr absl::Duration kStep = absl::Milliseconds(500);
constexpr absl::Duration kAssistAfter = absl::Seconds(20);
constexpr absl::Duration kTailAssistAfter = absl::Seconds(5);
// A broken connection is noticed within 15 s, and a silent one asked on after 4 s.
constexpr absl::Duration kMonitorPatience = absl::Seconds(20);
// Automatic snapshots may be 10 minutes apart by then.
constexpr absl::Duration kPatience = absl::Minutes(20);
// A connection that the last fault broke is noticed, made again, and looked at three times.
constexpr absl::Duration kTailPatience = absl::Seconds(20);
constexpr int kGoodLooks = 3;  // in a row
// What is told is told again after half a minute at most.
constexpr absl::Duration kTellPatience = absl::Seconds(90);
constexpr size_t kDeepest = 1500;  // tasks that may wait in an executor

Weather MakeWeather(Dice& dice) {
  Weather weather;
  if (dice.Chance(0.2)) return weather;
  const double roughness = dice.Fraction();
  weather.jitter = dice.Fraction() * absl::Milliseconds(200);
  weather.drop_event = roughness * roughness * 0.4;
  weather.drop_burst = roughness * 0.02;
  weather.repeat_on_connect = dice.Chance(0.5) ? 0.5 : 0;
  if (dice.Chance(0.3)) weather.repeat = roughness * 0.1;
  if (dice.Chance(0.3)) weather.garbage = roughness * 0.02;
  return weather;
}

}  // namespace

Result Run(const Options& options) { return World(options).Run(); }

World::World(const Options& options)
    : options_(options),
      chronicle_(scheduler_, options.tell),
      oracles_(scheduler_, chronicle_),
      dice_(options.seed, "world"),
      network_(scheduler_, options.seed),
      without_(options.without, oracles_.ledger),
      around_{scheduler_, chronicle_, network_, oracles_, without_, addresses_},
      blueprint_(dice_),
      before_(blueprint_) {}

World::~World() = default;

Result World::Run() {
  Prepare();
  if (Adopt()) {
    BreakThings();
    Calm();
    if (Settle(kPatience, kAssistAfter)) {
      oracles_.orders.Check(primary_->kea().running());
      LoseATail();
    }
    CheckEnd();
  }
  return {chronicle_.violation(), scheduler_.Now(), scheduler_.events_run()};
}

void World::Prepare() {
  network_.Observe(&oracles_);
  network_.rewrite_event = [this](const Endpoint& endpoint, std::string& frame) {
    if (endpoint.name() != kSecondary) return true;
    without_.Event(frame);
    v1::Envelope envelope;
    if (!drop_next_change_ || !envelope.ParseFromString(frame)) return true;
    if (!envelope.has_change()) return true;
    drop_next_change_ = false;
    oracles_.liveness.Lost(envelope.sequence());
    return false;
  };
  network_.rewrite_control = [this](const Endpoint& endpoint, std::string& frame) {
    if (endpoint.name() == kSecondary) without_.Control(frame);
    return true;
  };
  primary_ = std::make_unique<PrimaryHost>(around_, std::string(kPrimary), options_.seed,
                                           blueprint_.Text(kPrimary));
  if (dice_.Chance(0.3)) {
    primary_->retention = store::Retention{.changes = 1 + dice_.Below(8), .hard_cap_factor = 1};
  }
  const Blueprint other = dice_.Chance(0.5) ? blueprint_ : Blueprint(dice_);
  secondary_ = std::make_unique<SecondaryHost>(around_, std::string(kSecondary), options_.seed,
                                               other.Text(kSecondary));
  secondary_->kea().kea().SetRules(Blueprint::Refusal, Blueprint::RefusalAtSet);
  secondary_->kea().kea().SetNormalisation(Blueprint::Bend);
  oracles_.follower.serves = [this] {
    return !secondary_->kea().up() || secondary_->kea().kea().ServesDhcp();
  };
  operator_ = std::make_unique<Operator>(around_, *secondary_);
  monitor_ = std::make_unique<Monitor>(scheduler_, chronicle_, network_, oracles_.ledger);
  idler_ = std::make_unique<Monitor>(scheduler_, chronicle_, network_, oracles_.ledger);
  idler_->endpoint()->StopReading(true);
  primary_->StartAfter(dice_.Fraction() * absl::Seconds(2));
  secondary_->StartAfter(dice_.Fraction() * absl::Seconds(2));
}

bool World::Adopt() {
  const absl::Duration deadline = scheduler_.Now() + absl::Seconds(30);
  while (!scheduler_.stopped() && scheduler_.Now() < deadline) {
    operator_->Ask();
    scheduler_.RunUntil(scheduler_.Now() + absl::Seconds(1));
    if (operator_->look().adopted) return true;
    operator_->Adopt();
    scheduler_.RunUntil(scheduler_.Now() + absl::Seconds(1));
  }
  chronicle_.Violate("L1", "the relationship could not be adopted");
  return false;
}

// What people do anyway while things break.
void World::Housekeeping() {
  monitor_->Tick();
  idler_->Tick();
  if (primary_->runs() && !operator_->look().adopted) operator_->Adopt();
}

void World::BreakThings() {
  network_.weather = MakeWeather(dice_);
  faults_ = std::make_unique<Faults>(*this);
  const absl::Duration end = scheduler_.Now() + dice_.Between(absl::Seconds(15), absl::Seconds(75));
  faults_->Plan(end);
  while (!scheduler_.stopped() && scheduler_.Now() < end) {
    operator_->Ask();
    scheduler_.RunUntil(std::min(end, scheduler_.Now() + absl::Seconds(2)));
    Housekeeping();
  }
}

void World::Calm() {
  chronicle_.Note("---- the faults end");
  calm_ = true;
  oracles_.liveness.Calm();
  network_.weather = Weather{};
  if (secondary_->endpoint() != nullptr) network_.Heal(secondary_->endpoint());
  for (AgentHost* host :
       {static_cast<AgentHost*>(primary_.get()), static_cast<AgentHost*>(secondary_.get())}) {
    host->ForgetPlannedDeath();
    host->kea().temper = {};
    host->kea().after_set = nullptr;
    host->disk().Empty();
    if (host->sync_failed()) host->Kill(AgentHost::Death::kPowerOff);
    host->StartAfter(absl::Milliseconds(100));
  }
}

bool World::Good() const {
  const auto fine = [](const std::optional<v1::RelationshipStatus>& status) {
    return status && status->state() == "OK" && status->mirror().digest_equal();
  };
  return !primary_->kea().hangs() && !secondary_->kea().hangs() &&
         primary_->kea().running() == secondary_->kea().running() &&
         fine(operator_->look().primary) && fine(operator_->look().secondary);
}

bool World::Settle(absl::Duration patience, absl::Duration assist_after) {
  const absl::Duration begin = scheduler_.Now();
  absl::Duration next_assist = begin + assist_after;
  int good = 0;
  while (!scheduler_.stopped()) {
    operator_->Ask();
    scheduler_.RunUntil(scheduler_.Now() + kStep);
    oracles_.liveness.Check(primary_->kea().hangs() || !primary_->kea().up());
    Housekeeping();
    good = Good() ? good + 1 : 0;
    if (good == kGoodLooks) return true;
    if (scheduler_.Now() - begin > patience) {
      chronicle_.Violate(
          "L1", fmt::format("not equal after {}: {}", absl::FormatDuration(patience), Describe()));
    }
    if (good == 0 && scheduler_.Now() >= next_assist) {
      next_assist = scheduler_.Now() + assist_after;
      Assist();
    }
  }
  return false;
}

// What an operator does who reads the status; only where the scenario explains it.
void World::Assist() {
  const auto& status = operator_->look().primary;
  if (!status) return;
  const std::string& follower = status->mirror().follower_state();
  chronicle_.Note("operator sees {}", Describe());
  if (status->mirror().publisher_state() == "FENCED" || follower == "FENCED") {
    if (rolled_back_) operator_->Resync(false);
  } else if (status->mirror().held_sequence() != 0) {
    operator_->Decide(status->mirror().held_sequence(), true, false);
  } else if (follower == "PAUSED") {
    operator_->Resync(false);
  } else if (follower == "REJECTED" && Blueprint::Unfit(primary_->kea().kea().running())) {
    Edit(Blueprint::Edit::kMended);
  }
}

void World::LoseATail() {
  chronicle_.Note("---- the last change is lost");
  drop_next_change_ = true;
  Edit(Blueprint::Edit::kMended);
  (void)Settle(kTailPatience, kTailAssistAfter);
}

void World::CheckEnd() {
  if (chronicle_.violation()) return;
  for (AgentHost* host :
       {static_cast<AgentHost*>(primary_.get()), static_cast<AgentHost*>(secondary_.get())}) {
    if (host->deepest_queue() > kDeepest) {
      chronicle_.Violate("S12", fmt::format("{} tasks waited in one queue of {}",
                                            host->deepest_queue(), host->name()));
    }
  }
  const auto all_seen = [this] {
    return monitor_->seen() == oracles_.ledger.head(monitor_->stream());
  };
  const absl::Duration monitored_until = scheduler_.Now() + kMonitorPatience;
  do {
    scheduler_.RunUntil(scheduler_.Now() + absl::Seconds(3));
    oracles_.liveness.Check(primary_->kea().hangs() || !primary_->kea().up());
    monitor_->Tick();
  } while (!all_seen() && scheduler_.Now() < monitored_until && !scheduler_.stopped());
  const absl::Duration told_until = scheduler_.Now() + kTellPatience;
  while (!oracles_.standing.all_told() && scheduler_.Now() < told_until && !scheduler_.stopped()) {
    scheduler_.RunUntil(scheduler_.Now() + absl::Seconds(1));
  }
  if (!oracles_.standing.all_told()) {
    chronicle_.Violate("S17", "what was kept on the secondary is not in the primary's history");
  }
  if (!all_seen()) {
    chronicle_.Violate("watch: reliable",
                       fmt::format("{} was seen, the head is {}", monitor_->seen(),
                                   oracles_.ledger.head(monitor_->stream())));
  }
}

std::string World::Describe() const {
  const auto tell = [](const std::optional<v1::RelationshipStatus>& status) -> std::string {
    if (!status) return "no answer";
    const auto& mirror = status->mirror();
    return fmt::format("{} {} publisher={} follower={} head={} applied={} held={}", status->state(),
                       status->reasons().empty() ? "" : status->reasons(0),
                       mirror.publisher_state(), mirror.follower_state(), mirror.head(),
                       mirror.applied(), mirror.held_sequence());
  };
  std::string text =
      fmt::format("Kea {} and {}; {}: {}; {}: {}", Short(primary_->kea().running()),
                  Short(secondary_->kea().running()), kPrimary, tell(operator_->look().primary),
                  kSecondary, tell(operator_->look().secondary));
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

void World::Edit(Blueprint::Edit edit) {
  if (!primary_->kea().up()) return;
  oracles_.orders.Overruled();
  before_ = blueprint_;
  const std::string what = blueprint_.Make(edit, dice_);
  primary_->kea().Edit(blueprint_.Text(kPrimary), dice_.Chance(0.8));
  chronicle_.Note("{} kea: edited,{} -> {}", kPrimary, what, Short(primary_->kea().running()));
}

void World::Revert() {
  if (!primary_->kea().up()) return;
  oracles_.orders.Overruled();
  std::swap(before_, blueprint_);
  primary_->kea().Edit(blueprint_.Text(kPrimary), dice_.Chance(0.8));
  chronicle_.Note("{} kea: reverted -> {}", kPrimary, Short(primary_->kea().running()));
}

void World::Apply() {
  if (!primary_->runs()) return;
  before_ = blueprint_;
  const std::string what = blueprint_.Make(Blueprint::Edit::kSmall, dice_);
  chronicle_.Note("operator: applies,{}", what);
  const uint64_t order = oracles_.orders.OnOrdered(primary_->kea().file());
  // A journal that soon forgets what it made does not know an older file by it.
  if (primary_->retention) oracles_.orders.Overruled();
  operator_->Apply(blueprint_.Text(kPrimary), [this, order](const std::string& state) {
    chronicle_.Note("operator: order {} is {}", order, state.empty() ? "refused" : state);
    if (state == "APPLIED") oracles_.orders.OnDone(order);
  });
}

void World::Drift(bool stands) {
  if (!secondary_->kea().up()) return;
  Blueprint strange = blueprint_;
  strange.Estrange(dice_);
  secondary_->kea().Edit(strange.Text(kSecondary), dice_.Chance(0.3));
  const std::string& running = secondary_->kea().running();
  const bool news = !oracles_.ledger.EverRan(running) && oracles_.follower.has_position();
  if (stands && news) oracles_.standing.Stood(running);
  chronicle_.Note("{} kea: drifts -> {}", kSecondary, Short(secondary_->kea().running()));
}

}  // namespace nestor::simulation
