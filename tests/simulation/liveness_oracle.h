#pragma once

#include <cstdint>
#include <optional>

#include "nestor/v1/envelope.pb.h"
#include "tests/simulation/chronicle.h"

namespace nestor::simulation {

// L2 and L3: what has to happen in time once the faults have ended. A monitor that reads nothing
// is there all the while, so that they hold nevertheless is L5.
class LivenessOracle {
 public:
  LivenessOracle(Scheduler& scheduler, Chronicle& chronicle)
      : scheduler_(scheduler), chronicle_(chronicle) {}

  // L2: from now on each transfer that was asked for ends soon.
  void Calm() { calm_since_ = scheduler_.Now(); }
  // L3: this change does not reach the follower. Three heartbeats that name it are enough.
  void Lost(uint64_t sequence) { lost_ = {sequence, 0, scheduler_.Now()}; }
  // Time passed. `excused`: the primary's Kea hangs, and who waits for it is not late.
  void Check(bool excused);

  // An event, or what the follower sent or received besides.
  void OnEvent(const v1::Envelope& envelope);
  void OnSent(const v1::Envelope& envelope);
  void OnReceived(const v1::Envelope& envelope);

 private:
  struct Asked {
    absl::Duration at;
    uint64_t nonce = 0;
  };
  struct Unnoticed {
    uint64_t sequence = 0;
    int heartbeats = 0;  // that arrived since and name it, or a later one
    absl::Duration at;   // when the last of them arrived
  };

  Scheduler& scheduler_;
  Chronicle& chronicle_;
  std::optional<absl::Duration> calm_since_;
  std::optional<Asked> transfer_;  // neither ended nor given up
  std::optional<Unnoticed> lost_;  // published, not asked for yet
};

}  // namespace nestor::simulation
