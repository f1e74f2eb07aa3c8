#include "common/hook/status.h"

#include "common/base/status.h"
#include "common/hook/wire.h"

namespace nestor::hook {
namespace {

constexpr std::string_view kStatus = "nestor-status";

absl::StatusOr<Status::Datagrams> DatagramsIn(const json::Value& arguments, std::string_view name) {
  const json::Value* counts = json::Find(arguments, name);
  if (counts == nullptr) return Error(absl::StatusCode::kDataLoss, "it has no {}", name);
  Status::Datagrams datagrams;
  ASSIGN_OR_RETURN(datagrams.sent, CountIn(*counts, "sent"));
  ASSIGN_OR_RETURN(datagrams.dropped, CountIn(*counts, "dropped"));
  return datagrams;
}

// As StringIn(), and may be empty.
absl::StatusOr<std::string> TextIn(const json::Value& arguments, std::string_view name) {
  const json::Value* text = json::Find(arguments, name);
  if (text != nullptr && text->IsString()) return std::string(json::Text(*text));
  return Error(absl::StatusCode::kDataLoss, "{} is no text", name);
}

absl::StatusOr<std::vector<std::string>> NamesIn(const json::Value& arguments,
                                                 std::string_view name) {
  ASSIGN_OR_RETURN(const json::Value* const list, ListIn(arguments, name));
  std::vector<std::string> names;
  for (const json::Value& one : list->GetArray()) {
    if (!one.IsString()) return Error(absl::StatusCode::kDataLoss, "{} holds no names", name);
    names.emplace_back(json::Text(one));
  }
  return names;
}

absl::StatusOr<Status> StatusFrom(const json::Value& arguments) {
  Status status;
  ASSIGN_OR_RETURN(status.version, StringIn(arguments, "version"));
  ASSIGN_OR_RETURN(status.kea, StringIn(arguments, "kea"));
  ASSIGN_OR_RETURN(status.revision, StringIn(arguments, "revision"));
  ASSIGN_OR_RETURN(status.ha_mode, TextIn(arguments, "ha-mode"));
  ASSIGN_OR_RETURN(status.config_backend, TextIn(arguments, "config-backend"));
  const json::Value* failed = json::Find(arguments, "config-set-failed");
  if (failed == nullptr || !failed->IsBool()) {
    return Error(absl::StatusCode::kDataLoss, "it has no config-set-failed");
  }
  status.config_set_failed = failed->GetBool();
  status.socket = json::FindString(arguments, "socket");
  const json::Value* packed = json::Find(arguments, "takes-packed");
  status.takes_packed = packed != nullptr && packed->IsTrue();
  ASSIGN_OR_RETURN(status.notices, DatagramsIn(arguments, "notices"));
  ASSIGN_OR_RETURN(status.leases, DatagramsIn(arguments, "leases"));
  ASSIGN_OR_RETURN(status.queued_bytes, CountIn(arguments, "queued"));
  ASSIGN_OR_RETURN(status.applied, CountIn(arguments, "applied"));
  ASSIGN_OR_RETURN(status.refused, CountIn(arguments, "refused"));
  ASSIGN_OR_RETURN(status.needs_config_set, NamesIn(arguments, "needs-config-set"));
  return status;
}

}  // namespace

absl::StatusOr<Status> AskStatus(kea::KeaControl& kea, absl::Duration timeout) {
  ASSIGN_OR_RETURN(const kea::Answer answer, AskWell(kea, kStatus, {}, timeout));
  auto status = StatusFrom(*answer.arguments());
  if (!status.ok()) return Unreadable(kStatus, status.status());
  return status;
}

}  // namespace nestor::hook
