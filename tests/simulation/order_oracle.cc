#include "tests/simulation/oracles.h"

namespace nestor::simulation {

void OrderOracle::Overruled() {
  open_.reset();
  promised_.reset();
}

uint64_t OrderOracle::OnOrdered(const std::string& file) {
  Overruled();
  ++orders_;
  // A file that was edited and never loaded looks to the agent like one that is edited later.
  if (ledger_.Journaled(file)) open_ = orders_;
  return orders_;
}

void OrderOracle::OnDone(uint64_t order) {
  if (open_ == order) promised_ = running_;
}

void OrderOracle::OnKeaSet(const std::string& running) {
  running_ = running;
  if (orders_ == 0) {
    chronicle_.Violate("roles", "the primary's agent changed its own Kea, and nobody asked for it");
  }
  ledger_.Ran(running);
}

void OrderOracle::OnFileWritten(const std::string& digest) {
  if (orders_ == 0 || !ledger_.EverRan(digest)) {
    chronicle_.Violate("truth", "the primary's agent wrote a file that its Kea never ran");
  }
}

void OrderOracle::Check(const std::string& running) {
  if (promised_ && *promised_ != running) {
    chronicle_.Violate("S15", "what was said to be applied is gone: " + Short(*promised_) +
                                    " became " + Short(running));
  }
}

}  // namespace nestor::simulation
