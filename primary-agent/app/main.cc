#include "common/base/status.h"
#include "common/bus/zmq_bus.h"
#include "common/runtime/agent_main.h"
#include "common/store/journal.h"
#include "primary-agent/app/primary_app.h"

namespace nestor::primary {
namespace {

bus::PublisherBusOptions BusOptions(const runtime::Host& host) {
  bus::PublisherBusOptions options{.events = host.config.events,
                                   .control = host.config.control,
                                   .operator_socket = host.config.operator_socket,
                                   .security = std::nullopt};
  if (host.config.security) {
    options.security = {.secret_key = host.keys.secret,
                        .authorized_keys = host.config.security->authorized_keys};
  }
  return options;
}

std::map<DhcpService, ServiceWorld> ServicesOf(runtime::Host& host) {
  auto services = host.Services<ServiceWorld>();
  for (auto& [service, world] : services) {
    if (host.config.services.at(service).lease_events) {
      world.leases = &host.services.at(service)->leases;
    }
  }
  return services;
}

class PrimaryAgent : public runtime::Agent {
 public:
  PrimaryAgent(runtime::Host& host, std::unique_ptr<store::Journal> journal,
               std::unique_ptr<bus::PolledPublisherBus> bus)
      : journal_(std::move(journal)),
        bus_(std::move(bus)),
        app_({.server_name = host.config.server_name,
              .version = host.version,
              .services = host.config.services,
              .secured = host.config.security.has_value()},
             {.clock = host.clock,
              .random = host.random,
              .loop = host.loop,
              .disk = host.disk,
              .bus = *bus_,
              .journal = *journal_,
              .metrics = host.metrics,
              .files = *host.files,
              .reach = *host.reach,
              .services = ServicesOf(host)}) {}

  bus::PolledBus& Bus() override { return *bus_; }
  absl::Status Start() override { return app_.Start(); }
  void Tick() override { app_.Tick(); }
  void Drain() override { app_.Drain(); }
  std::string StatusLine() const override { return app_.StatusLine(); }
  absl::Status ReloadKeys() override { return bus_->ReloadKeys(); }

 private:
  const std::unique_ptr<store::Journal> journal_;
  const std::unique_ptr<bus::PolledPublisherBus> bus_;
  PrimaryApp app_;
};

absl::StatusOr<std::unique_ptr<runtime::Agent>> Open(runtime::Host& host) {
  ASSIGN_OR_RETURN(auto journal,
                   store::Journal::Open({.path = host.StatePath("primary.db"), .vfs = ""}));
  ASSIGN_OR_RETURN(auto bus, bus::OpenPublisherBus(BusOptions(host)));
  return std::make_unique<PrimaryAgent>(host, std::move(journal), std::move(bus));
}

}  // namespace
}  // namespace nestor::primary

int main(int argc, char** argv) {
  return nestor::runtime::AgentMain(
      {.name = {.name = "nestor-primary-agent",
                .purpose = "Publishes each change of the local Kea's configuration.",
                .version = NESTOR_VERSION,
                .default_config = "/etc/nestor/primary-agent.json"},
       .role = nestor::agent::Role::kPrimary,
       .open = nestor::primary::Open},
      argc, argv);
}
