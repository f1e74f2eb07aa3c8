#include <algorithm>
#include <initializer_list>
#include <limits>

#include "common/base/status.h"
#include "common/kea/health.h"
#include "common/log/log.h"
#include "common/watch/hook_reading.h"
#include "common/watch/watcher.h"

namespace nestor::watch {
namespace {

constexpr absl::Duration kPollTimeout = absl::Seconds(5);
// For so long what a poll found is taken to be so still.
constexpr absl::Duration kFresh = absl::Seconds(1);
constexpr absl::Duration kAuditTimeout = absl::Seconds(60);
// A hook library that does not answer well is left alone for so long.
constexpr absl::Duration kHookPause = absl::Seconds(30);
// An audit blocks Kea, so it may take one part in so many of the time.
constexpr double kAuditShare = 500;
constexpr absl::Duration kLeastAuditSpacing = absl::Seconds(5);

// Commands that change the configuration without a reload, by what their names hold. Those of a
// Config Backend are none: a Kea that has one is not mirrored.
bool ChangesWithoutReload(std::string_view command) {
  const auto holds_one_of = [&](std::initializer_list<std::string_view> words) {
    return std::any_of(words.begin(), words.end(), [&](std::string_view word) {
      return command.find(word) != std::string_view::npos;
    });
  };
  return !command.starts_with("remote-") && holds_one_of({"-add", "-del", "-update"}) &&
         holds_one_of({"subnet", "network", "reservation", "class"});
}

class KeaSource : public ChangeSource {
 public:
  KeaSource(DhcpService service, kea::KeaControl& kea, Clock& clock)
      : service_(service), kea_(kea), clock_(clock), hook_(service, kea, clock) {}

  Notice Poll() override {
    Notice notice = Ask();
    health_ = notice.health;
    return notice;
  }

  std::optional<Notice> PollTold(std::string_view revision) override {
    const bool fresh = health_.reachable && clock_.Now() - health_.as_of < kFresh;
    if (!fresh || again_ || hook() == nullptr || !SameProcess()) return std::nullopt;
    const std::optional<bool> changed = hook_.ReadNews(revision, kPollTimeout);
    if (!changed) return std::nullopt;
    Notice notice;
    notice.health = health_;
    notice.changed = *changed;
    if (*changed) notice.origin = origin_ = OriginOfCommand();
    expected_.clear();
    return notice;
  }

  absl::StatusOr<Running> Read(By by, absl::Duration timeout) override {
    const Marker reading = latest_;
    auto running = by == By::kLeast && hook() != nullptr ? ReadByHook(timeout) : ReadText(timeout);
    again_ = !running.ok();
    if (running.ok()) read_ = reading;
    return running;
  }

  void Forget() override { again_ = true; }

  void Took(std::shared_ptr<const config::ObjectSet> set, std::string revision) override {
    hook_.Took(std::move(set), std::move(revision));
  }

  std::optional<Running> Known() const override {
    return read_ && !again_ ? hook_.Known() : std::nullopt;
  }

  void Expect(std::string origin) override { expected_ = std::move(origin); }

  const hook::Status* hook() const override { return hook_.status(); }

 private:
  Notice Ask() {
    Notice notice;
    notice.health.as_of = clock_.Now();
    const auto status = kea_.Send("status-get", {}, kPollTimeout);
    notice.health.error = Trouble(status);
    if (!notice.health.error.empty()) {
      // Nobody listened: whoever does next may be another process of the same pid.
      if (absl::IsUnavailable(status.status())) uptime_ = std::numeric_limits<int64_t>::max();
      return notice;
    }
    const json::Value& arguments = *status->arguments();
    Look(arguments);
    notice.health.ha_state = kea::HaState(arguments);
    notice.health.pid = latest_.pid;
    if (learnt_ != latest_ || (learn_again_ && clock_.Now() >= *learn_again_)) Learn();
    notice.health.version = version_;
    notice.health.error = AskHook();
    notice.health.reachable = notice.health.error.empty();
    if (!notice.health.reachable) return notice;
    if (hook() != nullptr) {
      notice.health.hook = hook()->version;
      notice.health.leases_dropped = hook()->leases.dropped;
    }
    notice.origin = Decide();
    notice.changed = !notice.origin.empty();
    origin_ = notice.changed ? notice.origin : std::string(kCommand);
    return notice;
  }

  // Of which process and reconfiguration a configuration is.
  struct Marker {
    int64_t pid = 0;
    int64_t start = 0;  // counts the restarts seen: in a container the pid is always the same
    int64_t reconfigured = 0;  // how long after Kea's start, in Kea's own seconds
    bool settled = false;      // that second is over: no other reconfiguration can look the same
    friend bool operator==(const Marker&, const Marker&) = default;
  };

  // Why Kea cannot be asked about its configuration now, or empty.
  static std::string Trouble(const absl::StatusOr<kea::Answer>& status) {
    if (!status.ok()) return std::string(Message(status.status()));
    if (!status->ok()) return fmt::format("Kea refused status-get: {}", status->text);
    if (status->arguments() == nullptr) return "Kea's answer to status-get has no arguments";
    // Kea 3.0 answers before it has read its file.
    if (json::Find(*status->arguments(), "reload") == nullptr) return "Kea is still starting";
    return {};
  }

  void Look(const json::Value& arguments) {
    const int64_t reload = Number(arguments, "reload");
    const int64_t uptime = Number(arguments, "uptime");
    const int64_t start = latest_.start + (uptime < uptime_ ? 1 : 0);
    latest_ = {Number(arguments, "pid"), start, uptime - reload, reload >= 1};
    uptime_ = uptime;
  }

  static int64_t Number(const json::Value& arguments, std::string_view name) {
    const json::Value* value = json::Find(arguments, name);
    return value != nullptr && value->IsInt64() ? value->GetInt64() : 0;
  }

  // Whether that which was read from last is the one that answers.
  bool SameProcess() const {
    return read_ && read_->pid == latest_.pid && read_->start == latest_.start;
  }

  // Why the configuration is to be read, or empty.
  std::string Decide() {
    if (!read_) return std::string(kStart);
    if (!SameProcess()) return std::string(kRestart);
    if (again_) return origin_;
    if (hook() != nullptr) return DecideByRevision();
    // Also where only `settled` differs. Kea counts whole seconds: another reconfiguration may have
    // followed within the second of the read, so once it is over the configuration is read again.
    if (*read_ != latest_) return std::string(kReload);
    return std::string(Audit() ? kCommand : "");
  }

  std::string DecideByRevision() {
    if (hook_.Changed() && hook_.SameInstance()) return OriginOfCommand();
    if (hook_.Changed()) return std::string(kReload);
    expected_.clear();
    return std::string(hook_.AuditFinds(kPollTimeout) ? kAudit : "");
  }

  std::string OriginOfCommand() {
    return expected_.empty() ? std::string(kCommand) : std::exchange(expected_, {});
  }

  // Why Kea cannot be asked now, or empty.
  std::string AskHook() {
    if (!has_hook_) return {};
    const absl::Status status = hook_.Ask(kPollTimeout);
    if (status.ok()) return {};
    if (absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status)) {
      return std::string(Message(status));
    }
    // Kea is asked anew what it has when it is configured again, and after a while.
    has_hook_ = false;
    learn_again_ = clock_.Now() + kHookPause;
    if (!absl::IsNotFound(status)) {
      NESTOR_LOG(warn, "HOOK_UNUSABLE", "service={} error=\"{}\"", ServiceName(service_),
                 Message(status));
    }
    return {};
  }

  absl::StatusOr<Running> ReadByHook(absl::Duration timeout) {
    auto running = hook_.Read(timeout);
    if (running.ok() || absl::IsUnavailable(running.status()) ||
        absl::IsDeadlineExceeded(running.status())) {
      return running;
    }
    NESTOR_LOG(warn, "HOOK_UNUSABLE", "service={} error=\"{}\"", ServiceName(service_),
               Message(running.status()));
    return ReadText(timeout);
  }

  // Where the hook library is loaded, its revision before and after says of which one the text is.
  absl::StatusOr<Running> ReadText(absl::Duration timeout) {
    // Taken before the read: what changes in between shows at the next audit.
    if (needs_audit_ && has_hash_) audited_ = Hash();
    const bool has_hook = has_hook_ && hook_.Ask(kPollTimeout).ok();
    const std::string revision = has_hook ? hook()->revision : std::string();
    const Instant began = clock_.Now();
    auto running = ReadConfiguration(service_, kea_, timeout);
    if (!running.ok()) return running;
    SpaceAudit(clock_.Now() - began);
    if (has_hook && hook_.Ask(kPollTimeout).ok() && hook()->revision == revision) {
      running->revision = revision;
      hook_.Took(running->set, revision);
      hook_.TookHa(running->ha_parameters, revision);
    } else {
      hook_.Forget();
    }
    return running;
  }

  // A reconfiguration may bring other hook libraries, and with them other commands.
  void Learn() {
    const auto version = kea_.Send("version-get", {}, kPollTimeout);
    if (version.ok() && version->ok()) version_ = version->text;
    const auto commands = kea_.Send("list-commands", {}, kPollTimeout);
    if (!commands.ok() || !commands->ok() || commands->arguments() == nullptr ||
        !commands->arguments()->IsArray()) {
      return;
    }
    learnt_ = latest_;
    learn_again_.reset();
    needs_audit_ = has_hash_ = has_hook_ = false;
    hook_.Unload();
    for (const json::Value& command : commands->arguments()->GetArray()) {
      if (!command.IsString()) continue;
      needs_audit_ |= ChangesWithoutReload(json::Text(command));
      has_hash_ |= json::Text(command) == "config-hash-get";
      has_hook_ |= json::Text(command) == "nestor-apply";
    }
  }

  // True: the configuration may have changed without a reload. Where Kea has no hash to ask for,
  // reading the whole is the audit.
  bool Audit() {
    if (!needs_audit_ || clock_.Now() < next_audit_) return false;
    if (!has_hash_) return true;
    const Instant begin = clock_.Now();
    const std::string hash = Hash();
    SpaceAudit(clock_.Now() - begin);
    return !hash.empty() && hash != audited_;
  }

  void SpaceAudit(absl::Duration took) {
    next_audit_ = clock_.Now() + std::max(kLeastAuditSpacing, took * kAuditShare);
  }

  std::string Hash() {
    const auto answer = kea_.Send("config-hash-get", {}, kAuditTimeout);
    if (!answer.ok() || !answer->ok() || answer->arguments() == nullptr) return {};
    return std::string(json::FindString(*answer->arguments(), "hash"));
  }

  const DhcpService service_;
  kea::KeaControl& kea_;
  Clock& clock_;
  HookReading hook_;
  KeaHealth health_;  // at the last poll
  Marker latest_;
  int64_t uptime_ = 0;          // at the last poll
  std::optional<Marker> read_;  // at the last good read
  bool again_ = false;          // nothing came of the last read
  std::string origin_;          // of what was to be read last
  std::optional<Marker> learnt_;
  std::string version_;
  bool needs_audit_ = false, has_hash_ = false, has_hook_ = false;
  std::optional<Instant> learn_again_;  // the hook library did not answer well
  std::string audited_;
  std::string expected_;  // the origin of our own change, until it is told
  Instant next_audit_;
};

}  // namespace

std::unique_ptr<ChangeSource> MakeChangeSource(DhcpService service, kea::KeaControl& kea,
                                               Clock& clock) {
  return std::make_unique<KeaSource>(service, kea, clock);
}

}  // namespace nestor::watch
