#pragma once

#include <string>
#include <string_view>

namespace nestor::hook {

// The `arguments` of a command as the library takes them packed.
std::string Pack(std::string_view arguments);

}  // namespace nestor::hook
