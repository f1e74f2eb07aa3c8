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
  // L3: this change did not reach the follower, and the next heartbeats do.
  void Lost(uint64_t sequence) { lost_ = {scheduler_.Now(), sequence}; }
  // Time passed. `excused`: the primary's Kea hangs, and who waits for it is not late.
  void Check(bool excused);

  // The follower sent this, or received it.
  void OnSent(const v1::Envelope& envelope);
  void OnReceived(const v1::Envelope& envelope);

 private:
  // Something that begins at a time, by its nonce or sequence.
  struct Begun {
    absl::Duration at;
    uint64_t number = 0;
  };

  Scheduler& scheduler_;
  Chronicle& chronicle_;
  std::optional<absl::Duration> calm_since_;
  std::optional<Begun> transfer_;  // asked for, neither ended nor given up
  std::optional<Begun> lost_;      // published, not asked for yet
};

}  // namespace nestor::simulation
