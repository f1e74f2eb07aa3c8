#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/service.h"
#include "common/runtime/metrics.h"
#include "common/watch/lease_notices.h"
#include "nestor/v1/envelope.pb.h"

namespace nestor::primary {

// What one service's hook library tells of leases, on its way to the bus: so much in one turn of
// the loop that all else goes on beside it. Protocol thread only.
class LeaseFeed {
 public:
  // One turn's, and no more than half of what a watcher's connection has room for.
  static constexpr int kMostATurn = 32;

  // All must outlive it.
  LeaseFeed(DhcpService service, watch::LeaseNotices& notices, runtime::Metrics& metrics,
            const Clock& clock);

  // The oldest notices, at most kMostATurn of them, those left out that are no notices. To be
  // called once in each turn.
  std::vector<v1::Lease> Take();
  // There is more for the next turn.
  bool has_more() const { return !notices_.empty(); }

  // What the hook library counts of notices that found no room at the agent's socket, since Kea
  // loaded it.
  void OnHookDropped(uint64_t dropped);
  // So many events found no room at somebody who watches over a control or operator socket.
  void OnWatchersDropped(uint64_t dropped);

  // How many were lost and where, since the start, for people; empty: none.
  std::string Loss() const;

 private:
  void Tell();
  void Count(std::string_view reason, uint64_t by);

  const DhcpService service_;
  watch::LeaseNotices& notices_;
  runtime::Metrics& metrics_;
  const Clock& clock_;
  std::string why_refused_;      // the last that was not understood
  uint64_t not_understood_ = 0;  // by ParseLeaseNotice()
  uint64_t by_hook_ = 0;
  uint64_t full_told_ = 0, refused_told_ = 0, hook_told_ = 0;  // to metrics
  uint64_t logged_ = 0;  // of all that was lost here, what the log has
  Instant next_log_;
};

}  // namespace nestor::primary
