#pragma once

#include <memory>
#include <string>

#include "common/kea/kea_control.h"

namespace nestor::kea {

// A Kea daemon's control channel over its unix socket: one connection for each command, as Kea
// serves one command per connection.
std::unique_ptr<KeaControl> ConnectUnix(std::string socket_path);

}  // namespace nestor::kea
