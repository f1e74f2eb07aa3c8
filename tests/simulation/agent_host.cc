#include "tests/simulation/agent_host.h"

#include <algorithm>

namespace nestor::simulation {
namespace {

constexpr absl::Duration kTick = absl::Milliseconds(50);  // the least an agent is promised
constexpr std::string_view kStateFile = "state.db";
constexpr absl::Duration kEpoch = absl::Hours(24 * 365 * 55);

}  // namespace

AgentHost::AgentHost(Surroundings around, std::string name, uint64_t seed,
                     const std::string& kea_config)
    : around_(around),
      name_(std::move(name)),
      seed_(seed),
      dice_(seed, "host " + name_),
      kea_(around.scheduler, around.chronicle, around.oracles, name_, seed, kea_config) {}

void AgentHost::Start() {
  if (process_) return;
  sync_failed_ = false;
  process_ = std::make_shared<Process>(
      around_.scheduler, fmt::format("{}#{}", name_, ++starts_), dice_.Next(),
      absl::UnixEpoch() + kEpoch + around_.scheduler.Now() + wall_offset_);
  around_.chronicle.Note("{} starts", process_->name());
  disk_.Slow(absl::Microseconds(300), [weak = std::weak_ptr(process_)](absl::Duration d) {
    if (const auto process = weak.lock()) process->Spend(d);
  });
  metrics_ = std::make_unique<runtime::Metrics>();
  channel_ = kea_.Connect(process_);
  reach_ = std::make_unique<testing::FakeReach>(around_.addresses, std::set{Address()});
  source_ = watch::MakeChangeSource(DhcpService::kDhcp4, *channel_, process_->clock());
  absl::Status built;
  process_->Act([&] { built = Build(); });
  if (built.ok()) return TickLater(process_);
  around_.chronicle.Note("{} does not start: {}", name_, built.ToString());
  if (process_->alive()) process_->Kill([this] { disk_.Kill(); });
  Bury();
  StartAfter(absl::Seconds(2));
}

void AgentHost::TickLater(std::shared_ptr<Process> process) {
  around_.scheduler.After(kTick, [this, process = std::move(process)] {
    if (process != process_ || !process->alive()) return;
    process->Act([this] { TickApp(); });
    TickLater(process);
  });
}

void AgentHost::StartAfter(absl::Duration d) {
  if (std::exchange(start_planned_, true)) return;
  around_.scheduler.After(d, [this] {
    start_planned_ = false;
    Start();
  });
}

void AgentHost::StopGently() {
  if (!runs()) return;
  around_.chronicle.Note("{} is stopped", process_->name());
  process_->Act([this] { DrainApp(); });
  Kill(Death::kKilled);
}

void AgentHost::CutOff(Death death) {
  if (death == Death::kKilled) {
    disk_.Kill();
  } else {
    disk_.Crash(dice_);
  }
}

void AgentHost::Kill(Death death) {
  if (!runs()) return;
  around_.chronicle.Note("{} {}", process_->name(),
                         death == Death::kKilled ? "is killed" : "loses power");
  process_->Kill([this, death] { CutOff(death); });
  Bury();
}

void AgentHost::DieAtStep(int count, Death death, absl::Duration back_after) {
  if (!runs()) return;
  process_->DieAtStep(
      count, [this, death] { CutOff(death); },
      [this, process = process_, back_after] {
        around_.chronicle.Note("{} died in mid-step", process->name());
        if (process != process_) return;
        process->Kill(nullptr);
        Bury();
        StartAfter(back_after);
      });
}

void AgentHost::ForgetPlannedDeath() {
  if (runs()) process_->DieAtStep(0, nullptr, nullptr);
}

void AgentHost::FailNextSync() {
  sync_failed_ = true;
  disk_.FailNextSync();
}

void AgentHost::End() {
  if (!process_) return;
  process_->Kill([this] { disk_.Kill(); });
  Bury();
}

// Its threads have ended; takes apart what it was made of.
void AgentHost::Bury() {
  deepest_queue_ = deepest_queue();
  TearDown();
  source_.reset();
  channel_.reset();
  metrics_.reset();
  process_.reset();
}

void AgentHost::JumpWallClock(absl::Duration by) {
  around_.chronicle.Note("{} clock jumps by {}", name_, absl::FormatDuration(by));
  wall_offset_ += by;
  if (process_) process_->JumpWallClock(by);
}

size_t AgentHost::deepest_queue() const {
  return std::max(deepest_queue_, process_ ? process_->deepest_queue() : 0);
}

std::string AgentHost::Address() const { return name_ == kPrimary ? "10.0.0.1" : "10.0.0.2"; }

std::map<DhcpService, agent::ServiceConfig> AgentHost::ServicesConfig() const {
  return {{DhcpService::kDhcp4,
           {.ha_url = fmt::format("http://{}:8000/", Address()), .hooks_directory = "/hooks"}}};
}

// ---- the primary

PrimaryHost::~PrimaryHost() { End(); }

absl::Status PrimaryHost::Build() {
  auto opened = store::Journal::Open({std::string(kStateFile), disk_.vfs()});
  if (!opened.ok()) return opened.status();
  leases_ = std::make_unique<watch::LeaseNotices>();
  journal_ = std::make_unique<JournalTap>(*process_, around_.oracles, *std::move(opened));
  journal_->retention = retention;
  around_.without.Tap(*journal_);
  bus_ = around_.network.Bind(process_, [this] { app_->Tick(); });
  files_ = kea_.OpenFiles(process_);
  primary::PrimaryWorld world{process_->clock(),
                              process_->random(),
                              process_->loop(),
                              process_->MakeWorker(),
                              *bus_,
                              *journal_,
                              *metrics_,
                              *files_,
                              *reach_,
                              {}};
  world.services.emplace(
      DhcpService::kDhcp4,
      primary::ServiceWorld{*channel_, *source_, process_->MakeWorker(), nullptr, leases_.get()});
  app_ = std::make_unique<primary::PrimaryApp>(
      primary::PrimaryOptions{name_, "simulated", ServicesConfig(), true}, std::move(world));
  journal_->SetStarting(true);
  absl::Status started = app_->Start();
  journal_->SetStarting(false);
  return started;
}

void PrimaryHost::TickApp() {
  TellLeases();
  app_->Tick();
}

void PrimaryHost::TellLeases() {
  if (!lease_dice_.Chance(0.05)) return;
  const bool flood = lease_dice_.Chance(0.02);
  const int count = flood ? static_cast<int>(watch::LeaseNotices::kMost) + 100 : 1;
  for (int i = 0; i < count; ++i) {
    const std::string event = lease_dice_.Chance(0.9) ? "committed" : "garbage";
    leases_->Add(fmt::format(R"({{"notice":"lease","event":"{}","address":"10.0.0.1"}})", event));
  }
}

void PrimaryHost::TearDown() {
  app_.reset();
  leases_.reset();
  bus_.reset();
  files_.reset();
  journal_.reset();
}

void PrimaryHost::LoseJournal() {
  around_.chronicle.Note("{} loses its journal", name_);
  disk_.Remove(std::string(kStateFile));
  around_.oracles.ledger.ReplaceJournal();
}

void PrimaryHost::RestoreBackup() {
  around_.chronicle.Note("{} gets an old copy of its journal back", name_);
  disk_.Restore(backup_);
  around_.oracles.ledger.ReplaceJournal();
}

// ---- the secondary

SecondaryHost::~SecondaryHost() { End(); }

absl::Status SecondaryHost::Build() {
  auto opened = store::FollowerStore::Open({std::string(kStateFile), disk_.vfs()});
  if (!opened.ok()) return opened.status();
  store_ =
      std::make_unique<FollowerStoreTap>(*process_, around_.oracles, name_, *std::move(opened));
  around_.without.Tap(*store_);
  bus::Peer peer;
  peer.user = name_;
  peer.rights.replicate = true;
  endpoint_ = around_.network.Join(name_, process_, std::move(peer));
  endpoint_->After([this] { app_->Tick(); });
  bus_ = std::make_unique<FollowerSocket>(endpoint_);
  files_ = kea_.OpenFiles(process_);
  secondary::SecondaryWorld world{process_->clock(),
                                  process_->random(),
                                  process_->loop(),
                                  process_->MakeWorker(),
                                  *bus_,
                                  *store_,
                                  *metrics_,
                                  *files_,
                                  *reach_,
                                  {}};
  world.services.emplace(DhcpService::kDhcp4,
                         secondary::ServiceWorld{*channel_, *source_, process_->MakeWorker()});
  app_ = std::make_unique<secondary::SecondaryApp>(
      secondary::SecondaryOptions{name_, "simulated", ServicesConfig()}, std::move(world));
  store_->SetStarting(true);
  absl::Status started = app_->Start();
  store_->SetStarting(false);
  return started;
}

void SecondaryHost::TearDown() {
  if (endpoint_ != nullptr) around_.network.Leave(std::exchange(endpoint_, nullptr));
  app_.reset();
  bus_.reset();
  files_.reset();
  store_.reset();
}

void SecondaryHost::Ask(std::string_view payload, std::function<void(std::string_view)> answer) {
  if (!runs() || !bus_) return;
  process_->Act([&] {
    bus_->Ask(payload, std::move(answer));
    app_->Tick();
  });
}

}  // namespace nestor::simulation
