#include "ctl/connect.h"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <variant>

#include "common/agent/address.h"
#include "common/agent/keys.h"
#include "common/base/status.h"

namespace nestor::ctl {
namespace {

constexpr std::array<const char*, 2> kOperatorSockets = {"/run/nestor/primary-agent.sock",
                                                         "/run/nestor/secondary-agent.sock"};

absl::StatusOr<std::string> ReadKey(const std::string& path) {
  std::ifstream file(path);
  if (!file) {
    return Error(absl::StatusCode::kInvalidArgument, "cannot read the key file {}: {}", path,
                 std::strerror(errno));
  }
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto key = agent::ParseKeyFile(text);
  if (!key.ok()) return Annotate(key.status(), path);
  return key->z85;
}

absl::StatusOr<std::unique_ptr<bus::OperatorClient>> ConnectToThisHost() {
  absl::Status failure;
  for (const char* path : kOperatorSockets) {
    if (access(path, F_OK) != 0) continue;
    auto client = bus::OperatorClient::Connect({fmt::format("ipc://{}", path), {}});
    if (client.ok()) return client;
    failure.Update(client.status());
  }
  if (!failure.ok()) return failure;
  return Error(absl::StatusCode::kUnavailable,
               "agent not reachable: there is neither {} nor {}; start an agent on this host, or "
               "name one with --agent",
               kOperatorSockets[0], kOperatorSockets[1]);
}

}  // namespace

absl::StatusOr<std::unique_ptr<bus::OperatorClient>> ConnectTo(const Invocation& invocation) {
  if (invocation.agent.empty()) return ConnectToThisHost();
  bus::OperatorAddress address;
  address.endpoint =
      invocation.agent.starts_with('/') ? "ipc://" + invocation.agent : invocation.agent;
  RETURN_IF_ERROR(Annotate(agent::CheckEndpoint(address.endpoint), "--agent"));
  if (!invocation.key_file.empty()) {
    address.keys.emplace();
    ASSIGN_OR_RETURN(address.keys->secret_key, ReadKey(invocation.key_file));
    ASSIGN_OR_RETURN(address.keys->server_key, ReadKey(invocation.server_key_file));
  }
  return bus::OperatorClient::Connect(address);
}

std::string OperatorName() {
  const char* const behind_sudo = getuid() == 0 ? std::getenv("SUDO_USER") : nullptr;
  const passwd* const user = getpwuid(getuid());
  std::array<char, 256> host{};
  gethostname(host.data(), host.size() - 1);
  return fmt::format("{}@{}",
                     behind_sudo != nullptr ? behind_sudo
                     : user != nullptr      ? std::string(user->pw_name)
                                            : fmt::to_string(getuid()),
                     host.data());
}

}  // namespace nestor::ctl
