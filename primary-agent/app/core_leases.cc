// What the hook libraries tell of leases, as events. Last in a turn and a few at a time, so that
// nothing waits for them.

#include "primary-agent/app/core.h"

namespace nestor::primary {

void PrimaryApp::Core::PublishLeases() {
  bool more = false;
  for (auto& [service, feed] : feeds_) {
    const std::vector<v1::Lease> leases = feed.Take();
    if (!leases.empty()) {
      for (auto& [name, stream] : streams_) {
        if (stream->service() == service) stream->PublishLeases(leases);
      }
      feed.OnWatchersDropped(std::exchange(watchers_missed_, 0));
    }
    more |= feed.has_more();
  }
  if (more) world_.loop.Post([] {});  // the next turn begins at once
}

// A watcher that has no room loses what came of leases, and gets no more of it for a while: what
// else happens finds room again, and does not cost it the watch.
void PrimaryApp::Core::SendLease(Watcher& watcher, const std::string& topic,
                                 const v1::Envelope& event) {
  const Instant now = world_.clock.Now();
  const bool sent = now >= watcher.no_leases_until && SendEvent(watcher, topic, event);
  if (sent) return;
  ++watchers_missed_;
  if (now >= watcher.no_leases_until) watcher.no_leases_until = now + kLeaseRest;
}

// What was lost of leases, in each status of the service's relationships.
void PrimaryApp::Core::NoteLeases(DhcpService service, const watch::KeaHealth& health) {
  const auto feed = feeds_.find(service);
  if (feed == feeds_.end()) return;
  if (!health.hook.empty()) feed->second.OnHookDropped(health.leases_dropped);
  const std::string loss = feed->second.Loss();
  for (auto& [name, stream] : streams_) {
    if (stream->service() == service) stream->OnLeasesLost(loss);
  }
}

}  // namespace nestor::primary
