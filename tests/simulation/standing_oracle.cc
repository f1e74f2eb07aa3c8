#include "tests/simulation/oracles.h"

namespace nestor::simulation {

void StandingOracle::OnKept(const store::KeptChange& kept) {
  if (!kept.digest.empty()) kept_.insert(kept.digest);
  if (!kept.open && !told_.contains(kept.entry.id())) untold_.insert(kept.entry.id());
}

void StandingOracle::OnTold(const std::string& id) {
  told_.insert(id);
  untold_.erase(id);
}

void StandingOracle::OnKeaChanged(const std::string& running) {
  if (running != running_) stood_.reset();
  running_ = running;
}

void StandingOracle::OnKeaSet(const std::string& running) {
  const bool replaced = stood_ && running != *stood_;
  running_ = running;
  if (!replaced) return;
  if (!kept_.contains(*stood_)) {
    chronicle_.Violate("S17",
                       "what was set on the secondary while the primary was away was "
                       "replaced, and nobody kept it: " +
                           Short(*stood_));
  }
  stood_.reset();
}

}  // namespace nestor::simulation
