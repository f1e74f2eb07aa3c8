#include "common/kea/health.h"

#include <algorithm>

#include "common/base/status.h"

namespace nestor::kea {

absl::Duration SetTimeout(size_t bytes) {
  return absl::Seconds(20) + absl::Milliseconds(bytes / 500);
}

std::optional<std::vector<std::string>> ListCommands(KeaControl& kea) {
  const auto answer = kea.Send("list-commands", {}, kShortTimeout);
  if (!answer.ok() || !answer->ok() || answer->arguments() == nullptr ||
      !answer->arguments()->IsArray()) {
    return std::nullopt;
  }
  std::vector<std::string> commands;
  for (const json::Value& command : answer->arguments()->GetArray()) {
    if (command.IsString()) commands.emplace_back(json::Text(command));
  }
  return commands;
}

std::string WhyUnhealthy(KeaControl& kea, DhcpService service,
                         const std::vector<std::string>& before) {
  const auto status = kea.Send("status-get", {}, kShortTimeout);
  if (!status.ok()) return std::string(Message(status.status()));
  if (!status->ok()) return status->text;
  const auto now = ListCommands(kea);
  if (!now) return "list-commands is not answered";
  for (const std::string& had : before) {
    if (std::find(now->begin(), now->end(), had) == now->end()) {
      return fmt::format("the command {} is gone", had);
    }
  }
  const bool v4 = service == DhcpService::kDhcp4;
  const std::string_view get = v4 ? "lease4-get" : "lease6-get";
  if (std::find(now->begin(), now->end(), get) == now->end()) return {};
  const auto lease = kea.Send(
      get, v4 ? R"({"ip-address":"192.0.2.1"})" : R"({"ip-address":"2001:db8::1"})", kShortTimeout);
  if (!lease.ok()) return std::string(Message(lease.status()));
  // 3 is "no such lease", from a lease database that works.
  return lease->result == 0 || lease->result == 3 ? std::string() : lease->text;
}

std::string HaState(const json::Value& status) {
  const json::Value* list = json::Find(status, "high-availability");
  if (list == nullptr || !list->IsArray() || list->Empty()) return {};
  const json::Value* servers = json::Find(list->GetArray()[0], "ha-servers");
  const json::Value* local = servers == nullptr ? nullptr : json::Find(*servers, "local");
  return local == nullptr ? std::string() : std::string(json::FindString(*local, "state"));
}

}  // namespace nestor::kea
