#include "tests/support/fake_kea.h"

#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "common/config/kea_config.h"
#include "common/kea/command.h"

namespace nestor::testing {
namespace {

constexpr size_t kMostArrived = 1000;

// What kea-dhcp4 2.2.0 has of its own.
constexpr std::string_view kCoreCommands[] = {
    "build-report",      "config-backend-pull", "config-get",     "config-reload", "config-set",
    "config-test",       "config-write",        "dhcp-disable",   "dhcp-enable",   "leases-reclaim",
    "libreload",         "list-commands",       "server-tag-get", "shutdown",      "statistic-get",
    "statistic-get-all", "status-get",          "version-get",
};

// What the hook libraries add; {} stands for 4 or 6.
struct Hook {
  std::string_view library;
  std::vector<std::string_view> commands;
};
const std::vector<Hook>& Hooks() {
  static const auto* const kHooks = new std::vector<Hook>{
      {"libdhcp_lease_cmds.so", {"lease{}-add", "lease{}-del", "lease{}-get", "lease{}-update"}},
      {"libdhcp_stat_cmds.so", {"stat-lease{}-get"}},
      {"libdhcp_ha.so", {"ha-heartbeat", "ha-reset", "ha-scopes", "ha-sync"}},
      {"libdhcp_subnet_cmds.so", {"subnet{}-add", "subnet{}-del", "subnet{}-list"}},
      {"libdhcp_host_cmds.so", {"reservation-add", "reservation-del"}},
      {"libdhcp_class_cmds.so", {"class-add", "class-del"}},
      {"libdhcp_nestor.so", {"nestor-apply", "nestor-get", "nestor-status"}},
  };
  return *kHooks;
}

std::string JsonString(std::string_view text) {
  std::string json;
  json::AppendString(text, json);
  return json;
}

absl::Duration HeartbeatDelay(const json::Value& hook) {
  const json::Value* parameters = json::Find(hook, "parameters");
  const json::Value* ha =
      parameters == nullptr ? nullptr : json::Find(*parameters, "high-availability");
  const json::Value* delay = ha == nullptr || !ha->IsArray() || ha->Empty()
                                 ? nullptr
                                 : json::Find((*ha)[0], "heartbeat-delay");
  return absl::Milliseconds(delay == nullptr || !delay->IsInt64() ? 10'000 : delay->GetInt64());
}

absl::Status Away() {
  return Error(absl::StatusCode::kUnavailable, "Kea's socket: Connection refused");
}

}  // namespace

FakeKea::FakeKea(DhcpService service, Clock& clock, std::string config, std::string version)
    : service_(service),
      clock_(clock),
      version_(std::move(version)),
      has_hash_(!version_.starts_with("2.2")),
      file_(config) {
  started_ = Seconds();
  Take(std::move(config));
}

absl::StatusOr<kea::Answer> FakeKea::Send(std::string_view command, std::string_view arguments,
                                          absl::Duration timeout) {
  Fault fault = before_command ? before_command(command) : Fault::kNone;
  std::string text;
  int64_t pid = 0;
  {
    const std::lock_guard lock(mutex_);
    if (fault == Fault::kNone) fault = TakeFault(command);
    if (!up_ || damage_ == Damage::kLockedOut || fault == Fault::kUnavailable) return Away();
    if (arrived_.size() == kMostArrived) arrived_.erase(arrived_.begin());
    arrived_.emplace_back(command);
    pid = pid_;
    if (fault != Fault::kHang) text = Execute(command, arguments);
  }
  if (fault == Fault::kHang || fault == Fault::kLate) {
    clock_.Sleep(timeout);
    return Error(absl::StatusCode::kDeadlineExceeded, "Kea did not answer {} in time", command);
  }
  if (before_answer) before_answer(command);
  const std::lock_guard lock(mutex_);
  if (!up_ || pid_ != pid || fault == Fault::kClosed) {
    return Error(absl::StatusCode::kDataLoss, "Kea closed the connection without answering {}",
                 command);
  }
  if (fault == Fault::kCutOff) text.resize(text.size() / 2);
  return kea::ParseAnswer(std::move(text));
}

FakeKea::Fault FakeKea::TakeFault(std::string_view command) {
  const auto planned = std::find_if(planned_.begin(), planned_.end(), [&](const Planned& one) {
    return one.command.empty() || one.command == command;
  });
  if (planned == planned_.end()) return Fault::kNone;
  const Fault fault = planned->fault;
  if (--planned->times == 0) planned_.erase(planned);
  return fault;
}

std::string FakeKea::Execute(std::string_view command, std::string_view arguments) {
  const Reply reply = Answer(command, arguments);
  if (reply.result == 0) ++accepted_[std::string(command)];
  std::string text = "{ ";
  if (!reply.arguments.empty()) text += fmt::format("\"arguments\": {}, ", reply.arguments);
  text += fmt::format("\"result\": {}", reply.result);
  if (!reply.text.empty()) text += fmt::format(", \"text\": {}", JsonString(reply.text));
  return text + " }";
}

FakeKea::Reply FakeKea::Answer(std::string_view command, std::string_view arguments) {
  if (const auto refused = refused_.find(command); refused != refused_.end()) {
    return refused->second;
  }
  const std::vector<std::string> commands = Commands();
  if (std::find(commands.begin(), commands.end(), command) == commands.end()) {
    return {2, fmt::format("'{}' command not supported.", command), {}};
  }
  if (command == "list-commands") {
    std::string list;
    for (const std::string& one : commands) {
      list += fmt::format("{}{}", list.empty() ? "" : ", ", JsonString(one));
    }
    return {0, {}, fmt::format("[ {} ]", list)};
  }
  if (command == "version-get") return {0, version_, R"({ "extended": "in memory" })"};
  if (command == "status-get") return Status();
  if (command == "config-get") return Running();
  if (command == "config-hash-get") {
    return {
        0,
        {},
        fmt::format(R"({{ "hash": "{}" }})", config::Hex(config::Bytes(config::HashOf(running_))))};
  }
  if (command == "config-test" || command == "config-set") return Configure(command, arguments);
  if (command == "config-reload") return ReloadFile();
  if (command == "config-write") return WriteFile();
  if (command.starts_with("nestor-")) return AnswerOfHook(command, arguments);
  if (command.starts_with("lease") && command.ends_with("-get")) return GetLease();
  return {0, {}, {}};
}

FakeKea::Reply FakeKea::Configure(std::string_view command, std::string_view arguments) {
  if (arguments.empty()) return {1, "Missing mandatory 'arguments' parameter.", {}};
  const std::string text = kea::CommandText(command, arguments);
  std::string config(arguments);
  std::string objection =
      command == "config-test" ? Objection(config, text, false) : Load(std::move(config), text);
  if (!objection.empty()) return {1, std::move(objection), {}};
  return {0,
          command == "config-test"
              ? "Configuration seems sane. Control-socket, hook-libraries, and D2 configuration "
                "were sanity checked, but not applied."
              : "Configuration successful.",
          {}};
}

FakeKea::Reply FakeKea::ReloadFile() {
  const std::string objection = Load(file_, file_);
  if (objection.empty()) return {0, "Configuration successful.", {}};
  return {
      1,
      fmt::format("Config reload failed: configuration error using file 'kea.conf': {}", objection),
      {}};
}

FakeKea::Reply FakeKea::WriteFile() {
  file_ = running_;
  return {0, "Configuration written to kea.conf successful",
          fmt::format(R"({{ "filename": "kea.conf", "size": {} }})", file_.size())};
}

FakeKea::Reply FakeKea::GetLease() const {
  if (damage_ == Damage::kNoLeases) return {1, "no current lease manager is available", {}};
  return {3, "Lease not found.", {}};
}

FakeKea::Reply FakeKea::Status() const {
  std::string ha;
  if (const std::string state = HaStateNow(); !state.empty()) {
    ha = fmt::format(
        R"("high-availability": [ {{ "ha-mode": "{}", "ha-servers": {{ "local": {{ "role": "primary", )"
        R"("scopes": [], "state": "{}" }} }} }} ], )",
        ha_mode_, state);
  }
  const std::string reload =
      starting_ ? "" : fmt::format(R"("reload": {}, )", Seconds() - reconfigured_at_);
  return {0,
          {},
          fmt::format(R"({{ {}"multi-threading-enabled": false, "pid": {}, {})"
                      R"("sockets": {{ "status": "ready" }}, "uptime": {} }})",
                      ha, pid_, reload, Seconds() - started_)};
}

FakeKea::Reply FakeKea::Running() const {
  if (!has_hash_) return {0, {}, running_};
  return {0,
          {},
          fmt::format(R"({}, "hash": "{}" }})",
                      std::string_view(running_).substr(0, running_.rfind('}')),
                      config::Hex(config::Bytes(config::HashOf(running_))))};
}

std::string FakeKea::Objection(std::string_view config, std::string_view text, bool set) const {
  const auto document = json::ParseKea(std::string(config));
  if (!document.ok()) return std::string(Message(document.status()));
  const json::Value& root = document->root();
  if (json::Find(root, ServiceRoot(service_)) == nullptr) {
    return fmt::format("Missing mandatory '{}' parameter.", ServiceRoot(service_));
  }
  for (const auto& member : root.GetObject()) {
    if (json::Text(member.name) == ServiceRoot(service_)) continue;
    return fmt::format("Unsupported '{}' parameter.", json::Text(member.name));
  }
  std::string objection = test_rule_ ? test_rule_(text) : std::string();
  if (objection.empty() && set && set_rule_) objection = set_rule_(text);
  return objection;
}

std::string FakeKea::Load(std::string config, std::string_view text) {
  std::string objection = Objection(config, text, true);
  if (objection.empty()) {
    Take(std::move(config));
  } else {
    damage_ = damage_of_refusal_;
  }
  return objection;
}

void FakeKea::Take(std::string config) {
  running_ = normalise_ ? normalise_(std::move(config)) : std::move(config);
  reconfigured_at_ = Seconds();
  ++reconfigured_;
  if (!lasting_) damage_ = Damage::kNone;
  Learn();
  ha_normal_ = clock_.Now() + heartbeat_delay_;
}

// What the hook libraries of the running configuration bring.
void FakeKea::Learn() {
  hook_commands_.clear();
  ha_mode_.clear();
  hook_.reset();
  const auto document = json::ParseKea(running_);
  if (!document.ok()) return;
  ha_mode_ = config::HaMode(service_, document->root());
  const json::Value* root = json::Find(document->root(), ServiceRoot(service_));
  const json::Value* hooks = root == nullptr ? nullptr : json::Find(*root, "hooks-libraries");
  if (hooks == nullptr || !hooks->IsArray()) return;
  for (const json::Value& one : hooks->GetArray()) {
    const std::string_view library = json::FindString(one, "library");
    if (library.ends_with("libdhcp_ha.so")) heartbeat_delay_ = HeartbeatDelay(one);
    if (library.ends_with("libdhcp_nestor.so")) hook_.emplace(NewInstance(), Mirrored(running_));
    for (const Hook& hook : Hooks()) {
      if (!library.ends_with(hook.library)) continue;
      for (const std::string_view command : hook.commands) {
        hook_commands_.push_back(
            fmt::format(fmt::runtime(command), service_ == DhcpService::kDhcp4 ? 4 : 6));
      }
    }
  }
}

std::string FakeKea::NewInstance() const {
  const config::Sha256 drawn = config::HashOf(fmt::format("{} {}", reconfigured_, running_));
  return config::Hex(config::Bytes(drawn).substr(0, 8));
}

config::ObjectSet FakeKea::Mirrored(std::string config) const {
  const auto document = json::ParseKea(std::move(config));
  if (!document.ok()) return {};
  auto objects = config::Extract(service_, document->root());
  return objects.ok() ? *std::move(objects) : config::ObjectSet();
}

std::vector<std::string> FakeKea::Commands() const {
  std::vector<std::string> commands(std::begin(kCoreCommands), std::end(kCoreCommands));
  if (has_hash_) commands.emplace_back("config-hash-get");
  if (damage_ != Damage::kNoHooks) {
    commands.insert(commands.end(), hook_commands_.begin(), hook_commands_.end());
  }
  std::sort(commands.begin(), commands.end());
  return commands;
}

std::string FakeKea::HaStateNow() const {
  if (ha_mode_.empty() || damage_ == Damage::kNoHooks) return {};
  return clock_.Now() < ha_normal_ ? "waiting" : ha_mode_;
}

int64_t FakeKea::Seconds() const { return absl::ToInt64Seconds(clock_.Now().since_start); }

}  // namespace nestor::testing
