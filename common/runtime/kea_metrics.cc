#include "common/runtime/kea_metrics.h"

namespace nestor::runtime {

void MeterKea(Metrics& metrics, DhcpService service, const agent::ServiceConfig& configured,
              const watch::KeaHealth& health) {
  if (!health.reachable || configured.hook_socket.empty()) return;
  metrics.Set("nestor_hook_loaded", "1: the local Kea has loaded the hook library.",
              {{"service", std::string(ServiceName(service))}}, health.hook.empty() ? 0 : 1);
}

}  // namespace nestor::runtime
