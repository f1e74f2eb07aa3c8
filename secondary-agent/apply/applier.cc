#include "secondary-agent/apply/applier.h"

#include <algorithm>

#include "common/base/status.h"
#include "common/log/log.h"
#include "secondary-agent/apply/job.h"

namespace nestor::secondary {
namespace {

constexpr absl::Duration kReadTimeout = absl::Seconds(60);
constexpr absl::Duration kBetweenTries = absl::Milliseconds(500);

}  // namespace

Applier::Applier(DhcpService service, std::string server, kea::KeaControl& kea,
                 watch::ChangeSource& source, Clock& clock)
    : service_(service), server_(std::move(server)), kea_(kea), source_(source), clock_(clock) {}

ApplyResult Applier::Apply(const Target& target, const HoldPolicy& hold,
                           const std::function<absl::Status()>& before_first_write) {
  Job job{target, hold, before_first_write};
  if (Run(job)) {
    Set(job);
  } else {
    Revive(job);
  }
  return std::move(job.result);
}

// True: a config-set is to be sent.
bool Applier::Run(Job& job) {
  if (!ReadBefore(job) || !Prepare(job)) return false;
  if (job.plan.by == ApplyBy::kHook) return Change(job);
  return Compose(job) && Test(job);
}

bool Applier::ReadBefore(Job& job) {
  using By = watch::ChangeSource::By;
  if (auto known = AsLastKnown(job)) {
    job.before = *std::move(known);
  } else {
    job.asked = true;
    source_.Poll();
    auto running = source_.Read(job.by_text ? By::kConfigGet : By::kLeast, kReadTimeout);
    if (!running.ok()) {
      job.result.outcome = Outcome::kUnreachable;
      job.result.text = fmt::format("{}: Kea on {} could not be read: {}. It is tried again.",
                                    job.target.label, server_, Message(running.status()));
      return false;
    }
    job.before = *std::move(running);
  }
  job.actual = job.before.set;
  job.result.actual = job.actual;
  const hook::Status* hook = source_.hook();
  const bool sound = hook != nullptr && !hook->config_set_failed;
  if (sound || job.actual->Digest() == unsure_) unsure_.reset();
  if (job.actual->Digest() == job.target.digest_after) {
    job.result.outcome = Outcome::kUnchanged;
    return false;
  }
  const bool any_before = job.target.whole && !job.target.only_from_before;
  if (!any_before && job.actual->Digest() != job.target.digest_before) {
    job.result.outcome = Outcome::kDiffersBefore;
    job.result.text = fmt::format("{}: {} has another configuration than the change is made for",
                                  job.target.label, server_);
    return false;
  }
  if (job.before.blocked()) {
    job.result.outcome = Outcome::kRefused;
    job.result.text = fmt::format("{}: {} cannot be mirrored to: {}", job.target.label, server_,
                                  *job.before.blocked());
    return false;
  }
  return true;
}

// What Kea was last known to have, where the change is for that and can be sent without asking: the
// hook library makes it only if it is so.
std::optional<watch::Running> Applier::AsLastKnown(const Job& job) const {
  const Target& target = job.target;
  if (job.asked || job.by_text || unsure_ || target.whole ||
      target.digest_before == target.digest_after) {
    return std::nullopt;
  }
  auto known = source_.Known();
  if (known && known->set->Digest() != target.digest_before) known.reset();
  return known;
}

bool Applier::Prepare(Job& job) {
  if (job.target.whole) {
    job.wanted = *job.target.whole;
  } else {
    job.wanted = *job.actual;
    for (const auto& change : job.target.changes) config::Apply(change, job.wanted);
  }
  if (job.wanted.Digest() != job.target.digest_after) {
    job.result.outcome = Outcome::kDigestMismatch;
    job.result.text = fmt::format(
        "{}: what it leads to on {} is not what it says it leads to. Nothing of it was applied. "
        "Compare the servers with nestorctl diff, then: nestorctl resync",
        job.target.label, server_);
    return false;
  }
  return Plan(job);
}

bool Applier::Plan(Job& job) {
  const hook::Status* const hook = source_.hook();
  HookAbilities abilities;
  if (hook != nullptr) abilities.needs_config_set = hook->needs_config_set;
  const bool by_hook = hook != nullptr && !job.by_text && !unsure_;
  job.plan = PlanApply(*job.actual, job.wanted, by_hook ? &abilities : nullptr, job.hold,
                       job.target.removal_approved || job.repeated);
  job.result.by = job.plan.by;
  job.result.subnets_removed = job.plan.subnets_removed;
  job.result.reservations_removed = job.plan.reservations_removed;
  if (!job.plan.held) return true;
  job.result.outcome = Outcome::kHeld;
  job.result.text = fmt::format(
      "{} would remove {} of {} subnets and {} of {} reservations on {}. Nothing of it was "
      "applied. If it is meant, approve it; if not, reject it and mend the primary.",
      job.target.label, job.plan.subnets_removed, job.actual->Count(config::Kind::kSubnet),
      job.plan.reservations_removed, job.actual->Count(config::Kind::kReservation), server_);
  return false;
}

bool Applier::Intend(Job& job) {
  const absl::Status status = job.before_first_write();
  if (status.ok()) return true;
  job.result.outcome = Outcome::kUnreachable;
  job.result.text = fmt::format("{}: nothing was sent, since the intent could not be kept: {}",
                                job.target.label, Message(status));
  return false;
}

// The text of what is wanted, beside what is this server's own.
bool Applier::Compose(Job& job) {
  if (!job.before.arguments.root().IsObject()) {
    // Read once more, now with its text; what changed meanwhile is planned for anew.
    job.by_text = true;
    return Run(job);
  }
  auto arguments = config::Compose(service_, job.before.arguments.root(), job.wanted);
  if (!arguments.ok()) {
    job.result.outcome = Outcome::kRefused;
    job.result.text =
        fmt::format("{}: {}. Nothing of it was applied; {} serves what it served before.",
                    job.target.label, Message(arguments.status()), server_);
    return false;
  }
  job.arguments = *std::move(arguments);
  job.may_test = config::MayTest(config::DialectOf(service_, job.before.arguments.root()));
  if (!job.repeated) job.last_good = json::Write(job.before.arguments.root());
  job.before.arguments = json::Document();
  job.commands = kea::ListCommands(kea_).value_or(std::vector<std::string>());
  return true;
}

bool Applier::Test(Job& job) {
  if (!job.may_test) return true;
  const auto answer =
      kea_.Send("config-test", job.arguments, kea::SetTimeout(job.arguments.size()));
  if (!answer.ok()) {
    job.result.outcome = Outcome::kUnreachable;
    job.result.text = fmt::format(
        "{}: Kea on {} did not answer config-test: {}. Nothing of it was "
        "applied; it is tried again.",
        job.target.label, server_, Message(answer.status()));
    return false;
  }
  if (answer->ok()) return true;
  job.result.outcome = Outcome::kRefused;
  Refused(job, "config-test", *answer, StillServes("Nothing of it was applied"));
  return false;
}

void Applier::Set(Job& job) {
  if (!Intend(job)) return;
  job.result.sent = true;
  unsure_ = job.target.digest_after;
  const auto answer = kea_.Send("config-set", job.arguments, kea::SetTimeout(job.arguments.size()));
  if (!answer.ok()) {
    NESTOR_LOG(warn, "KEA_SILENT", "what=\"{}\" error=\"{}\"", job.target.label,
               Message(answer.status()));
    return Find(job, answer.status());
  }
  if (!answer->ok()) return PutBack(job, *answer);
  unsure_.reset();
  Verify(job);
}

void Applier::Verify(Job& job) {
  if (const absl::Status read = ReadBack(job); !read.ok()) {
    job.result.outcome = Outcome::kUnknown;
    job.result.text = fmt::format(
        "{}: Kea on {} took the configuration, but what it has now could not be read: "
        "{}. It is read again.",
        job.target.label, server_, Message(read));
    return;
  }
  if (job.result.actual->Digest() != job.target.digest_after) {
    // Perhaps somebody changed Kea between its being set and read: once more, before Kea is
    // believed to have its own idea of it.
    if (std::exchange(job.repeated, true)) return Mismatch(job);
    job.result.between = job.result.actual;
    return Repeat(job);
  }
  job.after = watch::Running();
  job.result.outcome = Outcome::kApplied;
}

void Applier::Repeat(Job& job) {
  job.before = std::move(job.after);
  job.actual = job.result.actual;
  if (Plan(job) && Compose(job) && Test(job)) return Set(job);
  if (job.result.outcome == Outcome::kUnreachable) job.result.outcome = Outcome::kUnknown;
}

void Applier::Mismatch(Job& job) {
  constexpr size_t kNamed = 3;
  job.result.outcome = Outcome::kDigestMismatch;
  const config::ChangeSet rest = config::Diff(*job.result.actual, job.wanted);
  std::vector<std::string> names;
  for (const auto& upsert : rest.upserted) {
    if (names.size() < kNamed) names.push_back(config::Describe(upsert.id, upsert.json));
  }
  for (const config::ObjectId& id : rest.removed) {
    if (names.size() < kNamed) names.push_back(config::Describe(id, {}));
  }
  if (!rest.empty()) {
    job.result.object = rest.upserted.empty() ? rest.removed.front() : rest.upserted.front().id;
  }
  job.result.text = fmt::format(
      "{}: Kea on {} took the configuration but reports {} objects otherwise ({}). Compare them "
      "with nestorctl diff.",
      job.target.label, server_, rest.size(), fmt::join(names, ", "));
}

absl::Status Applier::ReadBack(Job& job) {
  job.result.actual.reset();
  ASSIGN_OR_RETURN(job.after, ReadPatiently(job.result.by));
  job.result.actual = job.after.set;
  return absl::OkStatus();
}

// After a config-set the text is what is put back if need be.
absl::StatusOr<watch::Running> Applier::ReadPatiently(ApplyBy after) {
  using By = watch::ChangeSource::By;
  const Instant deadline = clock_.Now() + kPatience;
  while (true) {
    source_.Poll();
    auto running =
        source_.Read(after == ApplyBy::kConfigSet ? By::kConfigGet : By::kLeast, kReadTimeout);
    if (running.ok() || clock_.Now() >= deadline) return running;
    clock_.Sleep(kBetweenTries);
  }
}

}  // namespace nestor::secondary
