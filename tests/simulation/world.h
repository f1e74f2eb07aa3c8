#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "tests/simulation/agent_host.h"
#include "tests/simulation/blueprint.h"
#include "tests/simulation/monitor.h"
#include "tests/simulation/operator.h"
#include "tests/simulation/rules.h"

namespace nestor::simulation {

struct Options {
  uint64_t seed = 1;
  Rule without = Rule::kNone;
  bool tell = false;  // print the event log
};

struct Result {
  std::optional<std::string> violation;
  absl::Duration lasted;  // virtual time
  uint64_t events = 0;    // of the scheduler: the same for the same seed
};

// Both agents, their Keas, disks and the network between them, through the faults that a seed
// chooses, until they must be equal again.
Result Run(const Options& options);

class Faults;

// What the faults act on.
class World {
 public:
  explicit World(const Options& options);
  ~World();

  Result Run();

  // The primary's operator edits its Kea.
  void Edit(Blueprint::Edit edit);
  // The primary's operator puts back what was there before the last edit.
  void Revert();
  // The primary's operator edits a file and has it applied.
  void Apply();
  // Somebody edits the secondary's Kea; `stands`: the primary is known to be away.
  void Drift(bool stands = false);

 private:
  friend class Faults;

  void Prepare();
  bool Adopt();
  void BreakThings();
  void Calm();
  // L1: equal, and both agents say OK, within `patience`.
  bool Settle(absl::Duration patience, absl::Duration assist_after);
  bool Good() const;
  void Assist();
  // L3: the last change is lost on its way.
  void LoseATail();
  void CheckEnd();
  std::string Describe() const;
  void Housekeeping();

  const Options options_;
  Scheduler scheduler_;
  Chronicle chronicle_;
  Oracles oracles_;
  Dice dice_;
  Network network_;
  WithoutRule without_;
  testing::FakeNetwork addresses_;
  Surroundings around_;
  Blueprint blueprint_, before_;
  std::unique_ptr<PrimaryHost> primary_;
  std::unique_ptr<SecondaryHost> secondary_;
  std::unique_ptr<Operator> operator_;
  std::unique_ptr<Monitor> monitor_, idler_;  // the second asks and never reads: L5
  std::unique_ptr<Faults> faults_;
  bool drop_next_change_ = false;
  bool rolled_back_ = false;  // an old journal was restored: a fence is to be expected
  bool calm_ = false;
};

}  // namespace nestor::simulation
