#include "common/hook/local.h"

#include "common/base/status.h"
#include "common/hook/wire.h"

namespace nestor::hook {
namespace {

absl::StatusOr<std::optional<FileIdentity>> IdentityIn(const json::Value& arguments) {
  const json::Value* file = json::Find(arguments, "file");
  if (file == nullptr) return std::nullopt;
  const json::Value* device = json::Find(*file, "device");
  const json::Value* inode = json::Find(*file, "inode");
  if (device == nullptr || inode == nullptr || !device->IsInt64() || !inode->IsInt64()) {
    return Error(absl::StatusCode::kDataLoss, "file has no device and inode");
  }
  return FileIdentity{device->GetInt64(), inode->GetInt64()};
}

absl::StatusOr<LocalPart> LocalPartIn(kea::Answer answer, DhcpService service) {
  LocalPart part;
  part.arguments = json::Find(*answer.arguments(), "local");
  const json::Value* root =
      part.arguments == nullptr ? nullptr : json::Find(*part.arguments, ServiceRoot(service));
  if (root == nullptr || !root->IsObject()) {
    return Error(absl::StatusCode::kDataLoss, "it has no {}", ServiceRoot(service));
  }
  ASSIGN_OR_RETURN(part.file, IdentityIn(*answer.arguments()));
  part.answer = std::move(answer.whole);
  return part;
}

}  // namespace

absl::StatusOr<LocalPart> ReadLocalPart(kea::KeaControl& kea, DhcpService service,
                                        std::string_view file, absl::Duration timeout) {
  std::string arguments = R"({"local":true)";
  if (!file.empty()) {
    arguments += R"(,"file":)";
    RETURN_IF_ERROR(AppendStringForKea(file, arguments));
  }
  ASSIGN_OR_RETURN(kea::Answer answer, AskWell(kea, kGet, arguments + '}', timeout));
  auto part = LocalPartIn(std::move(answer), service);
  if (!part.ok()) return Unreadable(kGet, part.status());
  return part;
}

}  // namespace nestor::hook
