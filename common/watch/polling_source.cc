#include <algorithm>

#include "common/base/status.h"
#include "common/watch/watcher.h"

namespace nestor::watch {
namespace {

constexpr absl::Duration kPollTimeout = absl::Seconds(5);
constexpr absl::Duration kAuditTimeout = absl::Seconds(60);
// An audit blocks Kea, so it may take one part in so many of the time.
constexpr double kAuditShare = 500;
constexpr absl::Duration kLeastAuditSpacing = absl::Seconds(5);

// Commands that change the configuration without a reload, by what their names hold.
bool ChangesWithoutReload(std::string_view command) {
  for (const std::string_view verb : {"-add", "-del", "-update", "-set", "-backend-pull"}) {
    for (const std::string_view noun : {"subnet", "network", "reservation", "class", "remote-",
                                        "option", "config-backend-pull"}) {
      if (command.find(noun) != std::string_view::npos && command.find(verb) !=
          std::string_view::npos) {
        return true;
      }
    }
  }
  return false;
}

class PollingSource : public ChangeSource {
 public:
  PollingSource(kea::KeaControl& kea, Clock& clock) : kea_(kea), clock_(clock) {}

  Notice Poll() override {
    Notice notice;
    notice.health.as_of = clock_.Now();
    auto status = kea_.Send("status-get", {}, kPollTimeout);
    if (!status.ok() || !status->ok() || status->arguments() == nullptr) {
      notice.health.error = status.ok() ? status->text : std::string(Message(status.status()));
      return notice;
    }
    notice.health.reachable = true;
    const json::Value& arguments = *status->arguments();
    const int64_t pid = Number(arguments, "pid");
    const int64_t reload = Number(arguments, "reload");
    latest_ = {pid, Number(arguments, "uptime") - reload};
    latest_settled_ = reload >= 1;
    notice.health.ha_state = HaState(arguments);
    if (pid != learnt_pid_) Learn(pid);
    notice.health.version = version_;
    notice.origin = Decide(pid);
    notice.changed = !notice.origin.empty();
    return notice;
  }

  void BeginRead() override {
    reading_ = latest_;
    reading_settled_ = latest_settled_;
    // Taken before the read: what changes in between shows at the next audit.
    if (needs_audit_ && has_hash_) audited_ = Hash();
    read_began_ = clock_.Now();
  }

  void EndRead() override {
    read_ = reading_;
    settled_ = reading_settled_;
    SpaceAudit(clock_.Now() - read_began_);
  }

  void ForgetRead() override { read_.reset(); }

 private:
  // Both in Kea's own seconds: which process, and when after its start it was last reconfigured.
  struct Marker {
    int64_t pid = 0;
    int64_t reconfigured = 0;
    friend bool operator==(const Marker&, const Marker&) = default;
  };

  static int64_t Number(const json::Value& arguments, std::string_view name) {
    const json::Value* value = json::Find(arguments, name);
    return value != nullptr && value->IsInt64() ? value->GetInt64() : 0;
  }

  static std::string HaState(const json::Value& arguments) {
    const json::Value* list = json::Find(arguments, "high-availability");
    if (list == nullptr || !list->IsArray() || list->Empty()) return {};
    const json::Value* servers = json::Find(list->GetArray()[0], "ha-servers");
    const json::Value* local = servers == nullptr ? nullptr : json::Find(*servers, "local");
    return local == nullptr ? std::string() : std::string(json::FindString(*local, "state"));
  }

  // Why the configuration is to be read, or empty.
  std::string Decide(int64_t pid) {
    if (!read_) return "start";
    if (read_->pid != pid) return "restart";
    if (*read_ != latest_) return "reload";
    // Kea counts whole seconds: another reconfiguration may have followed within the second of the
    // read. Once that second is over, the configuration is read once more.
    if (!settled_ && latest_settled_) return "reload";
    return Audit() ? "command" : "";
  }

  void Learn(int64_t pid) {
    const auto version = kea_.Send("version-get", {}, kPollTimeout);
    if (version.ok() && version->ok()) version_ = version->text;
    const auto commands = kea_.Send("list-commands", {}, kPollTimeout);
    if (!commands.ok() || !commands->ok() || commands->arguments() == nullptr ||
        !commands->arguments()->IsArray()) {
      return;
    }
    learnt_pid_ = pid;
    needs_audit_ = has_hash_ = false;
    for (const json::Value& command : commands->arguments()->GetArray()) {
      if (!command.IsString()) continue;
      needs_audit_ |= ChangesWithoutReload(json::Text(command));
      has_hash_ |= json::Text(command) == "config-hash-get";
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

  kea::KeaControl& kea_;
  Clock& clock_;
  Marker latest_, reading_;
  bool latest_settled_ = false, reading_settled_ = false;
  std::optional<Marker> read_;  // at the last good read
  bool settled_ = false;        // nothing can have followed it unseen
  int64_t learnt_pid_ = 0;
  std::string version_;
  bool needs_audit_ = false, has_hash_ = false;
  std::string audited_;
  Instant next_audit_, read_began_;
};

}  // namespace

std::unique_ptr<ChangeSource> MakePollingSource(kea::KeaControl& kea, Clock& clock) {
  return std::make_unique<PollingSource>(kea, clock);
}

}  // namespace nestor::watch
