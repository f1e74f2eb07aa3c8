#pragma once

#include <string>

#include "nestor/v1/operator.pb.h"
#include "tests/simulation/chronicle.h"
#include "tests/simulation/ledger.h"
#include "tests/simulation/network.h"

namespace nestor::simulation {

// Somebody with the right to subscribe who watches the changes, and checks what etcd promises of a
// watch: ordered, unique, atomic (a change comes whole), reliable (none is left out), resumable
// (after a broken connection it goes on from what it saw last), bookmarkable (a heartbeat's head is
// not ahead of what came).
class Monitor {
 public:
  Monitor(Scheduler& scheduler, Chronicle& chronicle, Network& network, const Ledger& ledger);

  Endpoint* endpoint() { return endpoint_; }
  // Asks again if it hears nothing.
  void Tick();
  // The last change seen, 0: none of this stream.
  uint64_t seen() const { return seen_; }
  const std::string& stream() const { return stream_; }

 private:
  void Watch();
  void OnReply(std::string_view payload);
  void OnChange(const v1::Envelope& event);

  Scheduler& scheduler_;
  Chronicle& chronicle_;
  const Ledger& ledger_;
  Endpoint* endpoint_;
  uint64_t request_ = 0;
  bool resumed_ = false;  // the next change answers `from`
  uint64_t from_ = 1;
  std::string stream_;
  uint64_t seen_ = 0;
  int ahead_ = 0;  // heartbeats in a row whose head did not come
  absl::Duration heard_;
};

}  // namespace nestor::simulation
