#pragma once

#include <optional>
#include <string_view>

namespace nestor {

// Which of a host's two Keas. Declared here and not taken from proto/ so that the lowest rooms need
// no generated code; the numbers are the same.
enum class DhcpService { kDhcp4 = 1, kDhcp6 = 2 };

constexpr std::string_view ServiceName(DhcpService service) {
  return service == DhcpService::kDhcp4 ? "dhcp4" : "dhcp6";
}

// The top-level name in a Kea configuration: "Dhcp4" or "Dhcp6".
constexpr std::string_view ServiceRoot(DhcpService service) {
  return service == DhcpService::kDhcp4 ? "Dhcp4" : "Dhcp6";
}

constexpr std::optional<DhcpService> ServiceFromName(std::string_view name) {
  if (name == "dhcp4") return DhcpService::kDhcp4;
  if (name == "dhcp6") return DhcpService::kDhcp6;
  return std::nullopt;
}

}  // namespace nestor
