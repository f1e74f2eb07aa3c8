#include "secondary-agent/follow/apply_task.h"

#include <fmt/format.h>

#include "common/base/status.h"
#include "common/protocol/envelope.h"

namespace nestor::secondary {
namespace {

using Kind = protocol::ApplyEnd::Kind;

Kind KindOf(Outcome outcome) {
  switch (outcome) {
    case Outcome::kApplied:
    case Outcome::kUnchanged:
      return Kind::kApplied;
    case Outcome::kDiffersBefore:
      return Kind::kDiffersBefore;
    case Outcome::kHeld:
      return Kind::kHeld;
    case Outcome::kRefused:
      return Kind::kRefused;
    case Outcome::kServiceBroken:
      return Kind::kServiceBroken;
    case Outcome::kDigestMismatch:
      return Kind::kDigestMismatch;
    case Outcome::kUnreachable:
      return Kind::kUnreachable;
    case Outcome::kUnknown:
      return Kind::kUnknown;
  }
  return Kind::kUnknown;
}

// Nothing reached Kea, so what an earlier apply may have left there is as unknown as before.
bool NothingSent(Kind kind) {
  return kind == Kind::kDiffersBefore || kind == Kind::kHeld || kind == Kind::kUnreachable;
}

// Of an intent that was durable when an apply of `ended` began, what is left of it afterwards: an
// apply that was cut off may have left Kea further on than `ended`. Unless that is of a later term:
// there the intent's change is no more, since an older journal was put back.
std::optional<protocol::Position> StillIntended(const std::optional<protocol::Position>& intent,
                                                const protocol::Position& ended, bool applied) {
  if (!intent) return std::nullopt;
  const bool same_stream = intent->stream_id == ended.stream_id;
  const bool ahead = same_stream && intent->sequence > ended.sequence && intent->term >= ended.term;
  const bool the_same = same_stream && intent->sequence == ended.sequence;
  return ahead || (!applied && !the_same) ? intent : std::nullopt;
}

}  // namespace

ApplyTask::ApplyTask(std::string relationship, std::string label, HoldPolicy hold, Applier& applier,
                     store::FollowerStore& store)
    : relationship_(std::move(relationship)),
      label_(std::move(label)),
      hold_(hold),
      applier_(applier),
      store_(store) {}

protocol::ApplyEnd ApplyTask::Run(const protocol::ApplyOrder& order) {
  // Durable before Kea is touched, so that no start ever applies anything older.
  ApplyResult result =
      applier_.Apply(TargetOf(order), hold_, [&] { return Intend(order.position); });
  sent_ = result.sent;
  protocol::ApplyEnd end;
  end.kind = KindOf(result.outcome);
  if (result.by != ApplyBy::kNothing) end.by = ApplyByName(result.by);
  end.text = std::move(result.text);
  end.kea_result = result.kea_result;
  end.kea_text = std::move(result.kea_text);
  end.object = std::move(result.object);
  end.actual = std::move(result.actual);
  end.overwritten = std::move(result.between);
  if (end.kind == Kind::kUnknown) return end;
  if (const absl::Status settled = Settle(order, end); !settled.ok()) {
    // The position is not durable, so nothing may be acknowledged: it is read and decided anew.
    end.kind = Kind::kUnknown;
    end.text = fmt::format("{}: the agent's store cannot be written: {}", label_, Message(settled));
  }
  return end;
}

Target ApplyTask::TargetOf(const protocol::ApplyOrder& order) const {
  Target target;
  target.label = label_;
  target.digest_after = config::Sha256FromBytes(order.position.digest).value_or(config::Sha256{});
  target.removal_approved = order.approved;
  target.digest_before = config::Sha256FromBytes(order.digest_before).value_or(config::Sha256{});
  target.only_from_before = !order.digest_before.empty();
  if (order.base) {
    auto whole = std::make_shared<config::ObjectSet>(*order.base);
    for (const auto& change : order.changes) config::Apply(*change, *whole);
    (void)whole->Digest();
    target.whole = std::move(whole);
  } else {
    for (const auto& change : order.changes) target.changes.push_back(*change);
  }
  return target;
}

absl::Status ApplyTask::Intend(const protocol::Position& position) {
  ASSIGN_OR_RETURN(protocol::FollowerMemory memory, store_.Load(relationship_));
  if (!earlier_) earlier_ = memory.intent;
  memory.intent = position;
  return store_.Save(relationship_, memory);
}

absl::Status ApplyTask::Settle(const protocol::ApplyOrder& order, const protocol::ApplyEnd& end) {
  const bool applied = end.kind == Kind::kApplied;
  const uint64_t sequence = order.position.sequence;
  ASSIGN_OR_RETURN(protocol::FollowerMemory memory, store_.Load(relationship_));
  const bool sent = applied || !NothingSent(end.kind);
  const auto earlier = earlier_ ? earlier_ : memory.intent;
  if (sent) memory.intent = StillIntended(earlier, order.position, applied);
  if (applied) {
    memory.position = order.position;
    memory.persisted = false;
    // An approval is for that change alone.
    if (memory.approved_sequence <= sequence) memory.approved_sequence = 0;
    RETURN_IF_ERROR(
        store_.SaveApplied(relationship_, memory, order.superseded, protocol::AppliedBy(end.by)));
  } else if (earlier && sent) {
    RETURN_IF_ERROR(store_.Save(relationship_, memory));
  }
  if (!applied && !end.text.empty()) {
    // Only told by `history`: what stands in the way is also in the status and the nack.
    const bool again = end.kind == Kind::kUnreachable || end.kind == Kind::kDiffersBefore;
    const char* const outcome = end.kind == Kind::kHeld ? "held" : again ? "waiting" : "refused";
    (void)store_.SetOutcome(relationship_, sequence, outcome, end.text);
  }
  return absl::OkStatus();
}

absl::Status KeepPersisted(store::FollowerStore& store, const std::string& relationship,
                           const protocol::Position& position) {
  ASSIGN_OR_RETURN(protocol::FollowerMemory memory, store.Load(relationship));
  const bool the_same = memory.position.stream_id == position.stream_id &&
                        memory.position.term == position.term &&
                        memory.position.sequence == position.sequence;
  if (!the_same) return absl::OkStatus();
  memory.persisted = true;
  return store.Save(relationship, memory);
}

}  // namespace nestor::secondary
