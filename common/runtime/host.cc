#include "common/runtime/host.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/kea/unix_kea_control.h"
#include "common/watch/file_hint.h"
#include "common/watch/hook_hint.h"

namespace nestor::runtime {
namespace {

constexpr mode_t kOwnerOnly = 0700;

}  // namespace

KeaService::KeaService(DhcpService service, const std::string& control_socket, Clock& clock)
    : kea(kea::ConnectUnix(control_socket)),
      source(watch::MakeChangeSource(service, *kea, clock)),
      worker(std::string(ServiceName(service))) {}

Host::Host(agent::AgentConfig its_config, Keys its_keys, std::string its_version)
    : config(std::move(its_config)),
      keys(std::move(its_keys)),
      version(std::move(its_version)),
      disk("disk") {
  for (const auto& [service, its] : config.services) {
    services[service] = std::make_unique<KeaService>(service, its.control_socket, clock);
  }
}

absl::Status Host::PrepareState() const {
  const std::string& directory = config.state_directory;
  if (::mkdir(directory.c_str(), kOwnerOnly) != 0 && errno != EEXIST) {
    return Error(absl::StatusCode::kUnavailable, "state-directory {}: cannot be made: {}",
                 directory, std::strerror(errno));
  }
  struct stat found {};
  if (::stat(directory.c_str(), &found) == 0 && !S_ISDIR(found.st_mode))
    errno = ENOTDIR;
  else if (::access(directory.c_str(), R_OK | W_OK | X_OK) == 0)
    return absl::OkStatus();
  return Error(absl::StatusCode::kUnavailable,
               "state-directory {}: {}; it must be a directory that the agent's user may write",
               directory, std::strerror(errno));
}

absl::Status Host::ListenToKeas() {
  for (auto& [service, its] : services) {
    auto file = std::make_unique<watch::FileHint>("/proc", &own_replacements);
    if (file->fd() >= 0) loop.Watch(file->fd(), [] {});  // the tick of that turn looks
    its->hint.Add(std::move(file));
    const agent::ServiceConfig& configured = config.services.at(service);
    if (configured.hook_socket.empty()) continue;
    ASSIGN_OR_RETURN(auto hook,
                     watch::HookHint::Listen(configured.hook_socket, configured.control_socket,
                                             configured.lease_events ? &its->leases : nullptr));
    loop.Watch(hook->fd(), [] {});
    its->hint.Add(std::move(hook));
  }
  return absl::OkStatus();
}

std::string Host::StatePath(const std::string& name) const {
  return config.state_directory + "/" + name;
}

bool Host::Stop(absl::Duration patience) {
  std::vector<Worker*> workers = {&disk};
  for (auto& [service, its] : services) workers.push_back(&its->worker);
  for (Worker* worker : workers) worker->Stop();
  clock.Shutdown();
  const Instant deadline = clock.Now() + patience;
  return std::all_of(workers.begin(), workers.end(), [&](Worker* worker) {
    return worker->WaitUntilEnded(std::max(deadline - clock.Now(), absl::ZeroDuration()));
  });
}

}  // namespace nestor::runtime
