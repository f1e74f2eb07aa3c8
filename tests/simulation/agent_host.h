#pragma once

#include <functional>
#include <memory>
#include <string>

#include "common/runtime/metrics.h"
#include "primary-agent/app/primary_app.h"
#include "secondary-agent/app/secondary_app.h"
#include "tests/simulation/chronicle.h"
#include "tests/simulation/kea_host.h"
#include "tests/simulation/network.h"
#include "tests/simulation/oracles.h"
#include "tests/simulation/process.h"
#include "tests/simulation/rules.h"
#include "tests/support/fake_reach.h"
#include "tests/support/sim_disk.h"

namespace nestor::simulation {

// What the hosts of one world share.
struct Surroundings {
  Scheduler& scheduler;
  Chronicle& chronicle;
  Network& network;
  Oracles& oracles;
  WithoutRule& without;
  testing::FakeNetwork& addresses;  // of the servers, as their agents see whether they are reached
};

// A host: its Kea, its disk, and the agent on it, which dies and is started again. All that a later
// start finds is what the disk kept.
class AgentHost {
 public:
  enum class Death { kKilled, kPowerOff };  // power off: what was not synced is lost

  AgentHost(Surroundings around, std::string name, uint64_t seed, const std::string& kea_config);
  virtual ~AgentHost() = default;
  AgentHost(const AgentHost&) = delete;
  AgentHost& operator=(const AgentHost&) = delete;

  const std::string& name() const { return name_; }
  KeaHost& kea() { return kea_; }
  testing::SimDisk& disk() { return disk_; }
  // How often the agent was started.
  uint64_t starts() const { return starts_; }
  bool runs() const { return process_ != nullptr && process_->alive(); }

  // Starts the agent. It is tried again each 2 s while its disk does not let it.
  void Start();
  // Ends the agent as it is told to: it says goodbye.
  void StopGently();
  void Kill(Death death);
  // Dies at its `count`th outside operation from now, and is started again `back_after` later.
  void DieAtStep(int count, Death death, absl::Duration back_after);
  void ForgetPlannedDeath();
  // The next sync of the disk fails; what is written after it fails too, until the next start.
  void FailNextSync();
  bool sync_failed() const { return sync_failed_; }
  void StartAfter(absl::Duration d);

  void JumpWallClock(absl::Duration by);
  // The deepest any of its queues ever was.
  size_t deepest_queue() const;

 protected:
  // Makes the agent of `process_` and starts it; its stores block. Then what it reaches.
  virtual absl::Status Build() = 0;
  virtual void TearDown() = 0;
  virtual void TickApp() = 0;
  virtual void DrainApp() = 0;
  // For the destructors, while what Build() made is still there.
  void End();

  Surroundings around_;
  std::string name_;
  const uint64_t seed_;
  Dice dice_;
  testing::SimDisk disk_;
  KeaHost kea_;
  std::shared_ptr<Process> process_;
  std::unique_ptr<kea::KeaControl> channel_;
  std::unique_ptr<watch::ChangeSource> source_;
  std::unique_ptr<runtime::Metrics> metrics_;
  std::unique_ptr<reach::Reach> reach_;

  std::string Address() const;
  std::map<DhcpService, agent::ServiceConfig> ServicesConfig() const;

 private:
  void TickLater(std::shared_ptr<Process> process);
  void Bury();
  void CutOff(Death death);

  uint64_t starts_ = 0;
  bool sync_failed_ = false;
  bool start_planned_ = false;
  absl::Duration wall_offset_;
  size_t deepest_queue_ = 0;
};

class PrimaryHost final : public AgentHost {
 public:
  using AgentHost::AgentHost;
  ~PrimaryHost() override;

  // Kept by the journal from its next start on; for replays that are no longer possible.
  std::optional<store::Retention> retention;

  // Deletes the journal of an agent that does not run.
  void LoseJournal();
  // The disk as it is now, and putting that back under an agent that does not run.
  void BackUp() { backup_ = disk_.Copy(); }
  bool has_backup() const { return !backup_.empty(); }
  void RestoreBackup();

 private:
  absl::Status Build() override;
  void TearDown() override;
  void TickApp() override;
  void DrainApp() override { app_->Drain(); }
  // What its Kea's hook library tells meanwhile: now and then a lease, more at once than there is
  // room for, or what is none.
  void TellLeases();

  Dice lease_dice_{seed_, "leases"};
  std::unique_ptr<watch::LeaseNotices> leases_;
  std::unique_ptr<keafile::ConfigFiles> files_;
  std::unique_ptr<JournalTap> journal_;
  std::unique_ptr<bus::PublisherBus> bus_;
  std::unique_ptr<primary::PrimaryApp> app_;
  testing::SimDisk::Files backup_;
};

class SecondaryHost final : public AgentHost {
 public:
  using AgentHost::AgentHost;
  ~SecondaryHost() override;

  // Null while it does not run.
  Endpoint* endpoint() { return endpoint_; }
  // An operator on this host asks; nothing is answered while the agent does not run.
  void Ask(std::string_view payload, std::function<void(std::string_view)> answer);

 private:
  absl::Status Build() override;
  void TearDown() override;
  void TickApp() override { app_->Tick(); }
  void DrainApp() override { app_->Drain(); }

  std::unique_ptr<FollowerStoreTap> store_;
  std::unique_ptr<keafile::ConfigFiles> files_;
  Endpoint* endpoint_ = nullptr;
  std::unique_ptr<FollowerSocket> bus_;
  std::unique_ptr<secondary::SecondaryApp> app_;
};

}  // namespace nestor::simulation
