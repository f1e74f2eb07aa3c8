#include "primary-agent/publish/lease_feed.h"

#include <utility>

#include "common/base/status.h"
#include "common/log/log.h"

namespace nestor::primary {
namespace {

constexpr absl::Duration kLogEach = absl::Minutes(1);
constexpr size_t kMostReason = 200;  // bytes of it in a log line

}  // namespace

LeaseFeed::LeaseFeed(DhcpService service, watch::LeaseNotices& notices, runtime::Metrics& metrics,
                     const Clock& clock)
    : service_(service),
      notices_(notices),
      metrics_(metrics),
      clock_(clock),
      next_log_(clock.Now()) {
  // So that who looks at their growth sees the first.
  for (const char* reason : {"full", "refused", "hook", "watcher"}) Count(reason, 0);
}

std::vector<v1::Lease> LeaseFeed::Take() {
  std::vector<v1::Lease> leases;
  for (int taken = 0; taken < kMostATurn; ++taken) {
    const auto notice = notices_.Take();
    if (!notice) break;
    auto lease = watch::ParseLeaseNotice(service_, *notice);
    if (lease.ok()) {
      leases.push_back(*std::move(lease));
    } else {
      ++not_understood_;
      why_refused_ = std::string(Message(lease.status()).substr(0, kMostReason));
    }
  }
  Tell();
  return leases;
}

void LeaseFeed::OnHookDropped(uint64_t dropped) {
  // Less than before: Kea has loaded it anew.
  const uint64_t more = dropped < hook_told_ ? dropped : dropped - hook_told_;
  hook_told_ = dropped;
  by_hook_ += more;
  if (more != 0) Count("hook", more);
}

void LeaseFeed::OnWatchersDropped(uint64_t dropped) {
  if (dropped != 0) Count("watcher", dropped);
}

std::string LeaseFeed::Loss() const {
  const uint64_t refused = not_understood_ + notices_.refused();
  if (notices_.dropped() + refused + by_hook_ == 0) return "";
  return fmt::format(
      "lease events of {} were lost since the agent started: {} for want of room in it, {} in the "
      "hook library's, {} were not understood",
      ServiceName(service_), notices_.dropped(), by_hook_, refused);
}

void LeaseFeed::Tell() {
  const uint64_t full = notices_.dropped(), refused = not_understood_ + notices_.refused();
  if (const uint64_t more = full - std::exchange(full_told_, full); more != 0) Count("full", more);
  if (const uint64_t more = refused - std::exchange(refused_told_, refused); more != 0) {
    Count("refused", more);
  }
  const Instant now = clock_.Now();
  if (full + refused == logged_ || now < next_log_) return;
  NESTOR_LOG(warn, "LEASE_EVENTS_LOST", "service={} since_last={} no_room={} refused={}{}",
             ServiceName(service_), full + refused - logged_, full, refused,
             why_refused_.empty() ? "" : fmt::format(" reason=\"{}\"", why_refused_));
  logged_ = full + refused;
  next_log_ = now + kLogEach;
}

void LeaseFeed::Count(std::string_view reason, uint64_t by) {
  metrics_.Count("nestor_lease_events_dropped_total", "Lease events that were lost.",
                 {{"service", std::string(ServiceName(service_))}, {"reason", std::string(reason)}},
                 static_cast<double>(by));
}

}  // namespace nestor::primary
