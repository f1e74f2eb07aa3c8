// The event stream for those who watch over a control or operator socket: changes since a sequence
// from the journal first, then what happens.

#include "common/base/status.h"
#include "common/protocol/envelope.h"
#include "primary-agent/app/core.h"

namespace nestor::primary {
namespace {

constexpr uint64_t kReadBytes = uint64_t{4} << 20;
constexpr size_t kMostWatchers = 64;
// One that takes nothing for so long is let go; it asks again from what it saw last.
constexpr absl::Duration kFullPatience = absl::Seconds(10);

}  // namespace

void PrimaryApp::Core::Watch(const Request& request) {
  const v1::WatchRequest& watch = request.message.watch();
  if (!watch.name().empty() && Named(request, watch.name()) == nullptr) return;
  if (watch.from() != 0 && watch.name().empty()) {
    return desk_->Reply(request, {}, operators::kUsage, "--from needs the name of a relationship");
  }
  // One per route: a client that asks again has lost the first.
  std::erase_if(watchers_, [&](const auto& w) { return w.second.route == request.peer.route; });
  if (watchers_.size() >= kMostWatchers) {
    return desk_->Reply(request, {}, operators::kRefused,
                        fmt::format("{} watch already", kMostWatchers));
  }
  const uint64_t id = next_watcher_++;
  Watcher watcher;
  watcher.route = request.peer.route;
  watcher.request_id = request.message.request_id();
  watcher.relationship = watch.name();
  watcher.kinds = {watch.kinds().begin(), watch.kinds().end()};
  watcher.live = watch.from() == 0;
  const Stream* stream = FindStream(watch.name());
  std::string text;
  if (watch.from() != 0) {
    watcher.stream_id = stream->stream_id();
    watcher.sent = watch.from() - 1;
    if (watcher.sent > stream->head()) {
      text = fmt::format("{} is at change {}: no change is shown before there is one from {} on",
                         watch.name(), stream->head(), watch.from());
    }
  }
  watchers_[id] = std::move(watcher);
  desk_->Reply(request, {}, 0, std::move(text), false);
  // What was compacted away is gone: begin with the oldest that is left.
  if (watch.from() != 0) ReadForWatcher(id, std::max(watch.from(), stream->lowest()));
}

void PrimaryApp::Core::ReadForWatcher(uint64_t id, uint64_t from) {
  const std::string name = watchers_.at(id).relationship;
  watchers_.at(id).reading = true;
  world_.disk.Post(
      [self = weak_from_this(), journal = &world_.journal, loop = &world_.loop, name, id, from] {
        auto changes = journal->Read(name, from, kReadBytes);
        loop->Post([self, id, from, changes = std::move(changes)] {
          const auto core = self.lock();
          if (!core || !core->watchers_.contains(id)) return;
          Watcher& watcher = core->watchers_.at(id);
          watcher.reading = false;
          const Stream* stream = core->FindStream(watcher.relationship);
          if (stream == nullptr || !changes.ok()) {
            core->watchers_.erase(id);
            return;
          }
          watcher.sent = std::max(watcher.sent, from - 1);
          for (const auto& change : *changes) {
            v1::Envelope event;
            if (!event.ParseFromString(change.envelope)) continue;
            const std::string topic =
                protocol::Topic(watcher.relationship, stream->service(), "change");
            if (!core->SendEvent(watcher, topic, event)) {
              if (!watcher.full) watcher.full = core->world_.clock.Now();
              return;
            }
            watcher.full.reset();
            watcher.stream_id = event.stream_id();
            watcher.sent = change.sequence;
          }
          if (watcher.sent < stream->head() && !changes->empty()) {
            core->ReadForWatcher(id, watcher.sent + 1);
          } else {
            watcher.live = true;
          }
        });
      });
}

// Those whose connection was full while changes were read for them.
void PrimaryApp::Core::GoOnWatching() {
  const Instant now = world_.clock.Now();
  std::erase_if(watchers_, [&](const auto& entry) {
    return entry.second.full && now - *entry.second.full > kFullPatience;
  });
  for (const auto& [id, watcher] : watchers_) {
    if (watcher.full && !watcher.reading) ReadForWatcher(id, watcher.sent + 1);
  }
}

bool PrimaryApp::Core::SendEvent(const Watcher& watcher, const std::string& topic,
                                 const v1::Envelope& event) {
  // A watcher that does not read is let go; it asks again from what it saw last.
  return desk_->SendEvent(watcher.route, watcher.request_id, topic, event);
}

void PrimaryApp::Core::OnEvent(const std::string& topic, const v1::Envelope& event) {
  const std::string kind(protocol::KindOf(event));
  const auto wants = [&](const Watcher& watcher) {
    if (!watcher.relationship.empty() && watcher.relationship != event.relationship()) return false;
    if (watcher.kinds.empty() ? kind == "heartbeat" : !watcher.kinds.contains(kind)) return false;
    if (kind != "change") return true;
    const bool again = event.stream_id() == watcher.stream_id && event.sequence() <= watcher.sent;
    return watcher.live && !again;
  };
  for (auto entry = watchers_.begin(); entry != watchers_.end();) {
    Watcher& watcher = entry->second;
    const bool wanted = wants(watcher);
    if (wanted && event.has_lease()) SendLease(watcher, topic, event);
    const bool gone = wanted && !event.has_lease() && !SendEvent(watcher, topic, event);
    entry = gone ? watchers_.erase(entry) : std::next(entry);
  }
}

}  // namespace nestor::primary
