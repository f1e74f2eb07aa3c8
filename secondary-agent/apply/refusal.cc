// What follows where Kea did not take a configuration.

#include "common/base/status.h"
#include "common/kea/command.h"
#include "common/log/log.h"
#include "secondary-agent/apply/job.h"

namespace nestor::secondary {

// The innermost object that Kea's words are about, where the hook library did not name it.
std::optional<config::ObjectId> Applier::Blame(const Job& job, std::string_view command,
                                               const kea::Answer& answer) const {
  if (!job.result.object.key.empty()) return job.result.object;
  std::vector<config::Place> places;
  if (auto local = json::Parse(job.last_good); local.ok()) {
    // The same text once more, now with where everything stands in it.
    (void)config::Compose(service_, local->root(), job.wanted, &places);
  }
  size_t prefix = 0;
  (void)kea::CommandText(command, "{}", &prefix);
  return BlameFor(answer.text, places, prefix, job.plan.change);
}

void Applier::Refused(Job& job, std::string_view command, const kea::Answer& answer,
                      std::string_view state_left) {
  job.result.kea_result = answer.result;
  job.result.kea_text = answer.text;
  std::string what = "the configuration";
  if (const auto id = Blame(job, command, answer)) {
    job.result.object = *id;
    const config::Object* object = job.wanted.Find(*id);
    what = config::Describe(*id, object == nullptr ? std::string_view() : object->json);
  }
  job.result.text = fmt::format("{}: Kea on {} refused {}: {}\n{}", job.target.label, server_, what,
                                answer.text, state_left);
}

std::string Applier::StillServes(std::string_view because) const {
  return fmt::format(
      "{}; {} serves what it served before. Mend it on the primary, or on {} what stands against "
      "it, then: nestorctl resync",
      because, server_, server_);
}

std::string Applier::SetLastGood(const Job& job) {
  const auto answer = kea_.Send("config-set", job.last_good, kea::SetTimeout(job.last_good.size()));
  if (!answer.ok()) return std::string(Message(answer.status()));
  if (!answer->ok()) return answer->text;
  unsure_.reset();
  return kea::WhyUnhealthy(kea_, service_, job.commands);
}

std::string Applier::MayBeBroken(std::string_view trouble) const {
  return fmt::format(
      "Putting back the configuration of before did not mend it ({}): DHCP on {} may not be "
      "served. Restart Kea there",
      trouble, server_);
}

void Applier::PutBack(Job& job, const kea::Answer& refusal) {
  const std::string trouble = SetLastGood(job);
  (void)ReadBack(job);
  if (trouble.empty()) {
    job.result.outcome = Outcome::kRefused;
    return Refused(job, "config-set", refusal,
                   StillServes("The configuration of before was put back"));
  }
  job.result.outcome = Outcome::kServiceBroken;
  Refused(job, "config-set", refusal, MayBeBroken(trouble));
}

void Applier::Find(Job& job, const absl::Status& lost) {
  const absl::Status read = ReadBack(job);
  const bool took_nothing = absl::IsUnavailable(lost);
  if (took_nothing) unsure_.reset();
  if (read.ok() && job.result.actual->Digest() == job.target.digest_after) {
    unsure_.reset();
    job.result.outcome = Outcome::kApplied;
    return;
  }
  job.result.outcome = Outcome::kUnknown;
  const bool by_hook = job.result.by == ApplyBy::kHook;
  const std::string silence =
      fmt::format("{}: Kea on {} did not answer {} ({})", job.target.label, server_,
                  by_hook ? "nestor-apply" : "config-set", Message(lost));
  if (!read.ok()) {
    job.result.text = fmt::format(
        "{}, and what it has cannot be read: {}. It is read again before "
        "anything is sent.",
        silence, Message(read));
    return;
  }
  job.result.text = fmt::format("{} and does not have the change. It is tried again.", silence);
  // It may have refused, and then nothing but a good configuration brings DHCP back: what it runs.
  if (by_hook || took_nothing || job.result.actual->Digest() != job.actual->Digest()) return;
  job.last_good = json::Write(job.after.arguments.root());
  if (const std::string trouble = SetLastGood(job); !trouble.empty()) {
    job.result.outcome = Outcome::kServiceBroken;
    job.result.text = fmt::format("{}.\n{}", silence, MayBeBroken(trouble));
  }
}

void Applier::Revive(Job& job) {
  const bool comes_back =
      job.result.outcome == Outcome::kUnreachable || job.result.outcome == Outcome::kDiffersBefore;
  if (!unsure_ || comes_back) return;
  if (job.last_good.empty()) {
    if (!job.before.arguments.root().IsObject()) {
      auto text = source_.Read(watch::ChangeSource::By::kConfigGet, kea::kShortTimeout);
      if (!text.ok()) return;
      job.before = *std::move(text);
    }
    job.last_good = json::Write(job.before.arguments.root());
  }
  NESTOR_LOG(warn, "KEA_SET_AGAIN", "what=\"{}\"", job.target.label);
  const std::string trouble = SetLastGood(job);
  (void)ReadBack(job);
  if (trouble.empty()) return;
  job.result.outcome = Outcome::kUnknown;
  job.result.text = fmt::format("{}: an earlier apply was cut off in the middle. {}",
                                job.target.label, MayBeBroken(trouble));
}

}  // namespace nestor::secondary
