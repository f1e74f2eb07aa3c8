// A change by the hook library.

#include "common/base/status.h"
#include "common/config/kea_config.h"
#include "common/log/log.h"
#include "secondary-agent/apply/job.h"

namespace nestor::secondary {

// True: a config-set is to be sent instead.
bool Applier::Change(Job& job) {
  if (!Intend(job)) return false;
  job.result.sent = true;
  size_t bytes = 0;
  for (const auto& upsert : job.plan.change.upserted) bytes += upsert.json.size();
  const auto applied = hook::Apply(kea_, *source_.hook(), job.before.revision, job.plan.change,
                                   /*dry_run=*/false, kea::SetTimeout(bytes));
  if (applied.ok()) return TakeAnswer(job, *applied);
  if (absl::IsNotFound(applied.status()) || absl::IsFailedPrecondition(applied.status())) {
    NESTOR_LOG(warn, "HOOK_UNUSABLE", "what=\"{}\" error=\"{}\"", job.target.label,
               Message(applied.status()));
    job.by_text = true;
    return Run(job);
  }
  if (absl::IsInvalidArgument(applied.status())) {
    job.result.outcome = Outcome::kRefused;
    job.result.text = fmt::format("{}: {}. {}", job.target.label, Message(applied.status()),
                                  StillServes("Nothing of it was applied"));
    return false;
  }
  if (absl::IsUnavailable(applied.status()) && !std::exchange(job.asked, true)) {
    job.result.sent = false;
    return Run(job);
  }
  NESTOR_LOG(warn, "KEA_SILENT", "what=\"{}\" error=\"{}\"", job.target.label,
             Message(applied.status()));
  Find(job, applied.status());
  return false;
}

bool Applier::TakeAnswer(Job& job, const hook::Applied& applied) {
  switch (applied.result) {
    case hook::Applied::Result::kDone:
      break;
    case hook::Applied::Result::kChangedMeanwhile:
      if (!std::exchange(job.asked, true)) return Run(job);
      if (!std::exchange(job.repeated, true)) return Run(job);
      job.result.outcome = Outcome::kUnreachable;
      job.result.text = fmt::format("{}: the configuration of {} changes all the time ({}). {}",
                                    job.target.label, server_, applied.text, "It is tried again.");
      return false;
    case hook::Applied::Result::kNeedsConfigSet:
      job.by_text = true;
      return Run(job);
    case hook::Applied::Result::kRefused: {
      kea::Answer answer;
      answer.result = 1;
      answer.text = applied.text;
      job.result.outcome = Outcome::kRefused;
      if (!applied.refused.empty()) job.result.object = applied.refused.front().id;
      Refused(job, "nestor-apply", answer, StillServes("Nothing of it was applied"));
      return false;
    }
  }
  auto after = std::make_shared<config::ObjectSet>(*job.actual);
  config::Apply(applied.after.changed, *after);
  if (after->Digest() == job.target.digest_after) {
    source_.Took(after, applied.after.revision);
    job.result.actual = std::move(after);
    job.result.outcome = Outcome::kApplied;
  } else {
    source_.Took(nullptr, {});
    ReadOtherwise(job, applied.after.revision);
  }
  return false;
}

// Kea has the objects otherwise than they were sent: what else it made of them says only the whole.
void Applier::ReadOtherwise(Job& job, std::string_view revision) {
  const absl::Status read = ReadBack(job);
  if (read.ok() && job.after.revision == revision) return Mismatch(job);
  job.result.outcome = Outcome::kUnknown;
  job.result.text = fmt::format(
      "{}: Kea on {} took it and has something else since ({}). {}", job.target.label, server_,
      read.ok() ? "somebody changed it" : Message(read), "It is compared again.");
}

}  // namespace nestor::secondary
