// What a mirror has its service's worker do: Kea, its file, the store.

#include <fmt/format.h>

#include "common/base/status.h"
#include "common/log/log.h"
#include "common/protocol/envelope.h"
#include "secondary-agent/follow/apply_task.h"
#include "secondary-agent/follow/mirror.h"

namespace nestor::secondary {
namespace {

// For the log.
std::string_view OutcomeName(protocol::ApplyEnd::Kind kind) {
  using enum protocol::ApplyEnd::Kind;
  switch (kind) {
    case kApplied:
      return "applied";
    case kDiffersBefore:
      return "differs-before";
    case kHeld:
      return "held";
    case kRefused:
      return "refused";
    case kServiceBroken:
      return "service-broken";
    case kDigestMismatch:
      return "digest-mismatch";
    case kUnreachable:
      return "unreachable";
    case kUnknown:
      return "unknown";
  }
  return "unknown";
}

}  // namespace

void Mirror::Carry(protocol::ApplyOrder order) {
  const HoldPolicy hold{spec_.hold_percent(), spec_.hold_minimum()};
  const std::string change = protocol::ChangeName(order.position.term, order.position.sequence);
  NESTOR_LOG(info, "APPLY_STARTED", "relationship={} change={} changes={} whole={}", spec_.name(),
             change, order.changes.size(), order.base != nullptr);
  world_.worker.Post([self = weak_from_this(), loop = &world_.loop, store = &world_.store,
                      applier = world_.applier, order = std::move(order), hold, change,
                      name = spec_.name()] {
    ApplyTask task(name, fmt::format("change {} of {}", change, name), hold, *applier, *store);
    protocol::ApplyEnd end = task.Run(order);
    loop->Post([self, end = std::move(end), sent = task.sent(), change] {
      const auto mirror = self.lock();
      if (!mirror) return;
      if (sent) {
        ++mirror->applies_;
        mirror->Count(kApplies);
      }
      if (end.kind == protocol::ApplyEnd::Kind::kApplied) {
        mirror->store_error_.clear();
        NESTOR_LOG(info, "APPLIED", "relationship={} change={} sent={} by={}", mirror->spec_.name(),
                   change, sent, end.by.empty() ? "nothing" : end.by);
      } else {
        NESTOR_LOG(warn, "APPLY_ENDED", "relationship={} change={} outcome={} text=\"{}\"",
                   mirror->spec_.name(), change, OutcomeName(end.kind), end.text);
      }
      mirror->Do(mirror->follower_.OnApplied(end, mirror->world_.clock.Now()));
    });
  });
}

void Mirror::Carry(protocol::Persist action) {
  const auto done = [self = weak_from_this(), loop = &world_.loop, store = &world_.store,
                     name = spec_.name(),
                     position = action.position](const keafile::Written& written) {
    absl::Status status = written.status;
    // Acknowledged only when that, too, outlives the agent.
    if (status.ok()) status = KeepPersisted(*store, name, position);
    loop->Post([self, status, notice = written.notice] {
      const auto mirror = self.lock();
      if (!mirror) return;
      mirror->file_notice_ = notice;
      mirror->Do(mirror->follower_.OnPersisted({status.ok(), std::string(Message(status))},
                                               mirror->world_.clock.Now()));
    });
  };
  if (!action.at_once) return world_.writer->Write(std::move(action.set), done);
  world_.worker.Post([writer = world_.writer, set = std::move(action.set), done] {
    done(writer->WriteNow(*set));
  });
}

void Mirror::Carry(protocol::KeepReceived action) {
  world_.worker.Post([self = weak_from_this(), loop = &world_.loop, store = &world_.store,
                      name = spec_.name(), action = std::move(action)] {
    const absl::Status kept = store->Received(name, action.envelopes);
    loop->Post([self, kept, up_to = action.up_to] {
      const auto mirror = self.lock();
      if (!mirror) return;
      if (!mirror->Stored(kept)) return;
      mirror->Do(mirror->follower_.OnReceived(up_to, mirror->world_.clock.Now()));
    });
  });
}

void Mirror::Carry(protocol::Keep action) {
  world_.worker.Post([self = weak_from_this(), loop = &world_.loop, store = &world_.store,
                      name = spec_.name(), action = std::move(action), wall = world_.clock.Wall()] {
    auto entry = CarryOut(action, name, wall, *store);
    loop->Post([self, entry = std::move(entry), token = action.token] {
      const auto mirror = self.lock();
      if (!mirror) return;
      if (mirror->Stored(entry.status()) && *entry) {
        NESTOR_LOG(warn, "CHANGE_KEPT", "relationship={} id={} upserted={} removed={}",
                   mirror->spec_.name(), (*entry)->id(), (*entry)->upserted_count(),
                   (*entry)->removed_count());
        mirror->kept_.Put(**entry);
      }
      mirror->Do(mirror->follower_.OnKept(token, entry.ok(), mirror->world_.clock.Now()));
    });
  });
}

void Mirror::Carry(protocol::SaveBase action) {
  Later([name = spec_.name(), action = std::move(action)](store::FollowerStore& store) {
    return CarryOut(action, name, store);
  });
}

void Mirror::Carry(protocol::Remember update) {
  world_.worker.Post([self = weak_from_this(), loop = &world_.loop, store = &world_.store,
                      name = spec_.name(), update = std::move(update)] {
    const auto write = [&]() -> absl::Status {
      ASSIGN_OR_RETURN(protocol::FollowerMemory memory, store->Load(name));
      if (update.highest_term) memory.highest_term = *update.highest_term;
      if (update.witnessed_stream) memory.witnessed_stream = *update.witnessed_stream;
      if (update.approved_sequence) memory.approved_sequence = *update.approved_sequence;
      if (update.paused) memory.paused = *update.paused;
      if (update.refused_digest) memory.refused_digest = *update.refused_digest;
      if (update.refused_nack) memory.refused_nack = *update.refused_nack;
      return store->Save(name, memory);
    };
    const absl::Status written = write();
    loop->Post([self, written, token = update.token] {
      const auto mirror = self.lock();
      if (!mirror) return;
      // Not durable, so not acted upon: the Hello that waits for it is repeated.
      if (!mirror->Stored(written)) return;
      mirror->Do(mirror->follower_.OnRemembered(token, mirror->world_.clock.Now()));
    });
  });
}

}  // namespace nestor::secondary
