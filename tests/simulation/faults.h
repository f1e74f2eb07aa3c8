#pragma once

#include <vector>

#include "tests/simulation/world.h"

namespace nestor::simulation {

// What goes wrong in one run. Which kinds of fault there are at all is chosen per seed, so that
// each kind also happens without the others (swarm testing).
class Faults {
 public:
  explicit Faults(World& world);

  // Plans everything from now until `end`.
  void Plan(absl::Duration end);

 private:
  struct Kind {
    double weight;
    void (Faults::*happen)();
  };

  void Next(absl::Duration end);
  AgentHost& Host();
  AgentHost::Death Death();
  absl::Duration Up(absl::Duration most) { return dice_.Between(absl::ZeroDuration(), most); }
  void After(absl::Duration wait, Scheduler::Callback callback);

  // Edits.
  void Edit();
  void Burst();
  void Large();
  void Removal();
  void Unfit();
  void Revert();
  void SecondThoughts();
  void Apply();
  void ApplyAndDie();
  void Drift();
  void Away();
  // The network.
  void Cut();
  void Break();
  void Hold();
  // Processes and their clocks.
  void Kill();
  void DieInMidStep();
  void DieInMidApply();
  void Stop();
  void JumpClock();
  // Kea.
  void RestartKea();
  void HangKea();
  void Temper();
  // Disks.
  void FillDisk();
  void FailSync();
  void BackUp();
  void RestoreBackup();
  void LoseJournal();
  void RollBackInMidApply();
  // People.
  void Resync();
  void Decide();
  void Browse();
  void Stranger();
  void Demand(Endpoint& stranger);

  World& world_;
  Dice dice_;
  std::vector<Kind> kinds_;
  absl::Duration spacing_;
};

}  // namespace nestor::simulation
