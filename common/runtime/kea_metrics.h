#pragma once

#include "common/agent/agent_config.h"
#include "common/base/service.h"
#include "common/runtime/metrics.h"
#include "common/watch/watcher.h"

namespace nestor::runtime {

// Sets what is metered of a local Kea whether or not it has a relationship. A Kea that does not
// answer changes nothing.
void MeterKea(Metrics& metrics, DhcpService service, const agent::ServiceConfig& configured,
              const watch::KeaHealth& health);

}  // namespace nestor::runtime
