#pragma once

#include <absl/status/statusor.h>

#include <memory>
#include <optional>
#include <string>
#include <zmq.hpp>

#include "common/bus/router.h"

namespace nestor::bus {

// A context for one bus. Unavailable: the process has no descriptors left.
absl::StatusOr<std::unique_ptr<zmq::context_t>> OpenContext();

// The ROUTER that nestorctl on this host reaches at the path; nullopt for an empty path. Errors as
// Listen().
absl::StatusOr<std::optional<Router>> OpenOperatorSocket(zmq::context_t& context,
                                                         const std::string& path);

}  // namespace nestor::bus
