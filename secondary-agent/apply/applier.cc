#include "secondary-agent/apply/applier.h"

#include <algorithm>

#include "common/base/status.h"
#include "common/kea/command.h"
#include "common/log/log.h"

namespace nestor::secondary {
namespace {

using config::ObjectSet;

constexpr absl::Duration kShort = absl::Seconds(5);
constexpr absl::Duration kRead = absl::Seconds(60);
// How long a Kea that fell silent in the middle is waited for before the caller is told.
constexpr absl::Duration kPatience = absl::Seconds(20);
constexpr absl::Duration kBetweenTries = absl::Milliseconds(500);

// Large configurations take Kea longer: about 10 MB of JSON a second, and as much to load.
absl::Duration SetTimeout(size_t bytes) {
  return absl::Seconds(20) + absl::Milliseconds(bytes / 500);
}

bool IsUnsupported(const kea::Answer& answer) { return answer.result == 2; }

}  // namespace

// One Apply(): what was read before, what is planned, and how it goes.
struct Applier::Job {
  const Target& target;
  const HoldPolicy& hold;
  const std::function<absl::Status()>& before_first_write;
  ApplyResult result;
  watch::Running before;
  std::shared_ptr<const ObjectSet> actual;
  ObjectSet wanted;
  ApplyPlan plan;
  std::string last_good;              // the configuration as it was, to be put back
  std::vector<std::string> commands;  // what list-commands had before
};

Applier::Applier(DhcpService service, std::string server, kea::KeaControl& kea,
                 watch::ChangeSource& source, Clock& clock)
    : service_(service), server_(std::move(server)), kea_(kea), source_(source), clock_(clock) {}

ApplyResult Applier::Apply(const Target& target, const HoldPolicy& hold,
                           const std::function<absl::Status()>& before_first_write) {
  Job job{target, hold, before_first_write, {}, {}, {}, {}, {}, {}, {}};
  if (ReadBefore(job) && Prepare(job) && Test(job)) Set(job);
  return std::move(job.result);
}

// False: the job has ended.
bool Applier::ReadBefore(Job& job) {
  source_.Poll();
  source_.BeginRead();
  auto running = watch::ReadConfiguration(service_, kea_, kRead);
  if (!running.ok()) {
    source_.ForgetRead();
    job.result.outcome = Outcome::kUnreachable;
    job.result.text = fmt::format("{}: Kea on {} could not be read: {}. It is tried again.",
                                  job.target.label, server_, Message(running.status()));
    return false;
  }
  source_.EndRead();
  job.before = *std::move(running);
  job.actual = std::make_shared<const ObjectSet>(std::move(job.before.objects));
  (void)job.actual->Digest();
  job.result.actual = job.actual;
  if (job.actual->Digest() == job.target.digest_after) {
    job.result.outcome = Outcome::kUnchanged;
    job.result.persisted = true;
    if (job.target.must_persist) Persist(job);
    return false;
  }
  if (!job.target.whole && job.actual->Digest() != job.target.digest_before) {
    job.result.outcome = Outcome::kDiffersBefore;
    job.result.text = fmt::format("{}: {} has another configuration than the change is made for",
                                  job.target.label, server_);
    return false;
  }
  if (job.before.config_backend) {
    job.result.outcome = Outcome::kRefused;
    job.result.text = fmt::format("{}: {} cannot be mirrored to: {}", job.target.label, server_,
                                  *job.before.config_backend);
    return false;
  }
  return true;
}

bool Applier::Prepare(Job& job) {
  if (job.target.whole) {
    job.wanted = *job.target.whole;
  } else {
    job.wanted = *job.actual;
    for (const auto& change : job.target.changes) config::Apply(change, job.wanted);
  }
  auto plan = PlanApply(service_, job.before.arguments.root(), *job.actual, job.wanted, job.hold,
                        job.target.removal_approved);
  if (!plan.ok()) {
    job.result.outcome = Outcome::kRefused;
    job.result.text = fmt::format("{}: {}. Nothing of it was applied; {} serves what it served "
                                  "before.",
                                  job.target.label, Message(plan.status()), server_);
    return false;
  }
  job.plan = *std::move(plan);
  job.result.subnets_removed = job.plan.subnets_removed;
  job.result.reservations_removed = job.plan.reservations_removed;
  if (job.plan.held) {
    job.result.outcome = Outcome::kHeld;
    job.result.text = fmt::format(
        "{} would remove {} of {} subnets and {} of {} reservations on {}. Nothing of it was "
        "applied. If it is meant, approve it; if not, reject it and mend the primary.",
        job.target.label, job.plan.subnets_removed, job.actual->Count(config::Kind::kSubnet),
        job.plan.reservations_removed, job.actual->Count(config::Kind::kReservation), server_);
    return false;
  }
  job.last_good = json::Write(job.before.arguments.root());
  job.before.arguments = json::Document();
  const auto commands = kea_.Send("list-commands", {}, kShort);
  if (commands.ok() && commands->arguments() != nullptr && commands->arguments()->IsArray()) {
    for (const json::Value& command : commands->arguments()->GetArray()) {
      if (command.IsString()) job.commands.emplace_back(json::Text(command));
    }
  }
  return true;
}

bool Applier::Test(Job& job) {
  const auto answer = kea_.Send("config-test", job.plan.arguments,
                                SetTimeout(job.plan.arguments.size()));
  if (!answer.ok()) {
    job.result.outcome = Outcome::kUnreachable;
    job.result.text = fmt::format("{}: Kea on {} did not answer config-test: {}. Nothing of it was "
                                  "applied; it is tried again.",
                                  job.target.label, server_, Message(answer.status()));
    return false;
  }
  if (answer->ok()) return true;
  job.result.outcome = Outcome::kRefused;
  Refuse(job, "refused", *answer, "Nothing of it was applied");
  return false;
}

void Applier::Set(Job& job) {
  if (const absl::Status status = job.before_first_write(); !status.ok()) {
    job.result.outcome = Outcome::kUnreachable;
    job.result.text = fmt::format("{}: nothing was sent, since the intent could not be kept: {}",
                                  job.target.label, Message(status));
    return;
  }
  job.result.sent = true;
  auto answer = kea_.Send("config-set", job.plan.arguments,
                          SetTimeout(job.plan.arguments.size()));
  if (!answer.ok()) return Find(job, answer.status());
  if (!answer->ok()) return PutBack(job, *answer);
  Verify(job);
}

void Applier::Verify(Job& job) {
  source_.Poll();
  source_.BeginRead();
  auto running = ReadPatiently(kPatience);
  if (!running.ok()) {
    source_.ForgetRead();
    job.result.outcome = Outcome::kUnknown;
    job.result.text =
        fmt::format("{}: Kea on {} took the configuration, but what it has now could not be read: "
                    "{}. It is read again.",
                    job.target.label, server_, Message(running.status()));
    return;
  }
  source_.EndRead();
  auto actual = std::make_shared<const ObjectSet>(std::move(running->objects));
  (void)actual->Digest();
  job.result.actual = actual;
  if (actual->Digest() == job.target.digest_after) {
    job.result.outcome = Outcome::kApplied;
    return Persist(job);
  }
  job.result.outcome = Outcome::kDigestMismatch;
  const config::ChangeSet rest = config::Diff(*actual, job.wanted);
  std::string names;
  for (size_t i = 0; i < std::min<size_t>(rest.upserted.size(), 3); ++i) {
    names += (i > 0 ? ", " : "") +
             config::Describe(rest.upserted[i].id, rest.upserted[i].json);
  }
  for (size_t i = 0; i < std::min<size_t>(rest.removed.size(), 3); ++i) {
    names += (names.empty() ? "" : ", ") + config::Describe(rest.removed[i], {});
  }
  if (!rest.upserted.empty()) job.result.object = rest.upserted.front().id;
  job.result.text = fmt::format(
      "{}: Kea on {} took the configuration but reports {} objects otherwise ({}). Compare them "
      "with nestorctl diff.",
      job.target.label, server_, rest.size(), names);
}

// To the file Kea was started with.
void Applier::Persist(Job& job) {
  const auto answer = kea_.Send("config-write", {}, SetTimeout(job.plan.arguments.size()));
  job.result.persisted = answer.ok() && answer->ok();
  if (job.result.persisted) return;
  job.result.text = fmt::format(
      "{}: applied, but Kea on {} could not write its configuration file: {}. A restart of Kea "
      "would bring the older one back; make the file writable for Kea, it is tried again.",
      job.target.label, server_, answer.ok() ? answer->text : std::string(Message(answer.status())));
}

// After a refused config-set Kea 2.2 answers commands but no DHCP, until a good configuration is
// set: so at once, before anything else.
void Applier::PutBack(Job& job, const kea::Answer& refusal) {
  const auto answer = kea_.Send("config-set", job.last_good, SetTimeout(job.last_good.size()));
  std::string trouble;
  if (!answer.ok()) {
    trouble = Message(answer.status());
  } else if (!answer->ok()) {
    trouble = answer->text;
  } else {
    trouble = Unhealthy(job);
  }
  source_.Poll();
  source_.BeginRead();
  auto running = ReadPatiently(kPatience);
  if (running.ok()) {
    source_.EndRead();
    auto actual = std::make_shared<const ObjectSet>(std::move(running->objects));
    (void)actual->Digest();
    job.result.actual = std::move(actual);
  } else {
    source_.ForgetRead();
  }
  if (trouble.empty()) {
    job.result.outcome = Outcome::kRefused;
    return Refuse(job, "refused", refusal, "The configuration of before was put back");
  }
  job.result.outcome = Outcome::kServiceBroken;
  Refuse(job, "refused", refusal,
         fmt::format("Putting back the configuration of before did not mend it ({}): DHCP on {} "
                     "may not be served, restart Kea there",
                     trouble, server_));
}

// What a Kea that just took a configuration lacks of a healthy one, or empty.
std::string Applier::Unhealthy(const Job& job) {
  const auto status = kea_.Send("status-get", {}, kShort);
  if (!status.ok()) return std::string(Message(status.status()));
  if (!status->ok()) return status->text;
  const auto commands = kea_.Send("list-commands", {}, kShort);
  if (!commands.ok() || commands->arguments() == nullptr || !commands->arguments()->IsArray()) {
    return "list-commands is not answered";
  }
  for (const std::string& before : job.commands) {
    const auto list = commands->arguments()->GetArray();
    const bool there = std::any_of(list.begin(), list.end(), [&](const json::Value& command) {
      return command.IsString() && json::Text(command) == before;
    });
    if (!there) return fmt::format("the command {} is gone", before);
  }
  const bool v4 = service_ == DhcpService::kDhcp4;
  const std::string_view get = v4 ? "lease4-get" : "lease6-get";
  if (std::find(job.commands.begin(), job.commands.end(), get) == job.commands.end()) return {};
  const auto lease = kea_.Send(
      get, v4 ? R"({"ip-address":"192.0.2.1"})" : R"({"ip-address":"2001:db8::1"})", kShort);
  if (!lease.ok()) return std::string(Message(lease.status()));
  // 3 is "no such lease", from a lease database that works.
  if (lease->result != 0 && lease->result != 3) return lease->text;
  return IsUnsupported(*lease) ? lease->text : std::string();
}

// Kea fell silent after config-set was sent: what it has decides.
void Applier::Find(Job& job, absl::Status lost) {
  NESTOR_LOG(warn, "KEA_SILENT", "what=\"{}\" error=\"{}\"", job.target.label, Message(lost));
  source_.Poll();
  source_.BeginRead();
  auto running = ReadPatiently(kPatience);
  if (!running.ok()) {
    source_.ForgetRead();
    job.result.outcome = Outcome::kUnknown;
    job.result.text = fmt::format("{}: Kea on {} did not answer config-set ({}), and what it has "
                                  "cannot be read: {}. It is read again before anything is sent.",
                                  job.target.label, server_, Message(lost),
                                  Message(running.status()));
    return;
  }
  source_.EndRead();
  auto actual = std::make_shared<const ObjectSet>(std::move(running->objects));
  (void)actual->Digest();
  job.result.actual = actual;
  if (actual->Digest() == job.target.digest_after) {
    job.result.outcome = Outcome::kApplied;
    return Persist(job);
  }
  job.result.outcome = Outcome::kUnknown;
  job.result.text = fmt::format("{}: Kea on {} did not answer config-set ({}) and does not have "
                                "the change. It is tried again.",
                                job.target.label, server_, Message(lost));
}

void Applier::Refuse(Job& job, std::string_view by, const kea::Answer& answer,
                     std::string_view state_left) {
  job.result.kea_result = answer.result;
  job.result.kea_text = answer.text;
  std::vector<config::Place> places;
  json::Value none(rapidjson::kObjectType);
  if (auto local = json::Parse(job.last_good); local.ok()) {
    // The same text once more, now with where everything stands in it.
    (void)config::Compose(service_, local->root(), job.wanted, &places);
  }
  size_t prefix = 0;
  (void)kea::CommandText("config-test", "{}", &prefix);
  std::string what = "the configuration";
  if (const auto id = BlameFor(answer.text, places, prefix, job.plan.change)) {
    job.result.object = *id;
    const config::Object* object = job.wanted.Find(*id);
    what = config::Describe(*id, object == nullptr ? std::string_view() : object->json);
  }
  job.result.text =
      fmt::format("{}: Kea on {} {} {}: {}\n{}; {} serves what it served before. Mend it on the "
                  "primary, or on {} what stands against it, then: nestorctl resync",
                  job.target.label, server_, by, what, answer.text, state_left, server_, server_);
}

absl::StatusOr<watch::Running> Applier::ReadPatiently(absl::Duration patience) {
  const Instant deadline = clock_.Now() + patience;
  while (true) {
    auto running = watch::ReadConfiguration(service_, kea_, kRead);
    if (running.ok() || clock_.Now() >= deadline) return running;
    clock_.Sleep(kBetweenTries);
  }
}

}  // namespace nestor::secondary
