#include "common/base/status.h"
#include "common/bus/zmq_bus.h"
#include "common/runtime/agent_main.h"
#include "common/store/follower_store.h"
#include "secondary-agent/app/secondary_app.h"

namespace nestor::secondary {
namespace {

bus::FollowerBusOptions BusOptions(const runtime::Host& host) {
  bus::FollowerBusOptions options{.events = host.config.events,
                                  .control = host.config.control,
                                  .operator_socket = host.config.operator_socket,
                                  .security = std::nullopt};
  if (host.config.security) {
    options.security = {.secret_key = host.keys.secret, .primary_key = host.keys.primary};
  }
  return options;
}

class SecondaryAgent : public runtime::Agent {
 public:
  SecondaryAgent(runtime::Host& host, std::unique_ptr<store::FollowerStore> store,
                 std::unique_ptr<bus::PolledFollowerBus> bus)
      : store_(std::move(store)),
        bus_(std::move(bus)),
        app_({.server_name = host.config.server_name,
              .version = host.version,
              .services = host.config.services},
             {.clock = host.clock,
              .random = host.random,
              .loop = host.loop,
              .disk = host.disk,
              .bus = *bus_,
              .store = *store_,
              .metrics = host.metrics,
              .files = *host.files,
              .reach = *host.reach,
              .services = host.Services<ServiceWorld>()}) {}

  bus::PolledBus& Bus() override { return *bus_; }
  absl::Status Start() override { return app_.Start(); }
  void Tick() override { app_.Tick(); }
  void Drain() override { app_.Drain(); }
  std::string StatusLine() const override { return app_.StatusLine(); }
  // Only operators of this host connect, by a socket file's mode.
  absl::Status ReloadKeys() override { return absl::OkStatus(); }

 private:
  const std::unique_ptr<store::FollowerStore> store_;
  const std::unique_ptr<bus::PolledFollowerBus> bus_;
  SecondaryApp app_;
};

absl::StatusOr<std::unique_ptr<runtime::Agent>> Open(runtime::Host& host) {
  ASSIGN_OR_RETURN(auto store,
                   store::FollowerStore::Open({.path = host.StatePath("secondary.db"), .vfs = ""}));
  ASSIGN_OR_RETURN(auto bus, bus::OpenFollowerBus(BusOptions(host)));
  return std::make_unique<SecondaryAgent>(host, std::move(store), std::move(bus));
}

}  // namespace
}  // namespace nestor::secondary

int main(int argc, char** argv) {
  return nestor::runtime::AgentMain(
      {.name = {.name = "nestor-secondary-agent",
                .purpose = "Keeps the local Kea's configuration the same as its primary's.",
                .version = NESTOR_VERSION,
                .default_config = "/etc/nestor/secondary-agent.json"},
       .role = nestor::agent::Role::kSecondary,
       .open = nestor::secondary::Open},
      argc, argv);
}
