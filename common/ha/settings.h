// The names that Nestor's settings of HA have in the parameters of Kea's hook.
#pragma once

#include <cstdint>
#include <string_view>

#include "nestor/v1/relationship.pb.h"

namespace nestor::ha {

inline constexpr std::string_view kHotStandby = "hot-standby";
inline constexpr std::string_view kLoadBalancing = "load-balancing";

// The role of the second server in `mode`.
inline constexpr std::string_view SecondRole(std::string_view mode) {
  return mode == kLoadBalancing ? "secondary" : "standby";
}

// A number that may be absent.
struct Limit {
  std::string_view name;
  bool (v1::HighAvailability::*has)() const;
  uint32_t (v1::HighAvailability::*get)() const;
  void (v1::HighAvailability::*set)(uint32_t);
};
inline constexpr Limit kLimits[] = {
    {"heartbeat-delay", &v1::HighAvailability::has_heartbeat_delay,
     &v1::HighAvailability::heartbeat_delay, &v1::HighAvailability::set_heartbeat_delay},
    {"max-response-delay", &v1::HighAvailability::has_max_response_delay,
     &v1::HighAvailability::max_response_delay, &v1::HighAvailability::set_max_response_delay},
    {"max-ack-delay", &v1::HighAvailability::has_max_ack_delay,
     &v1::HighAvailability::max_ack_delay, &v1::HighAvailability::set_max_ack_delay},
    {"max-unacked-clients", &v1::HighAvailability::has_max_unacked_clients,
     &v1::HighAvailability::max_unacked_clients, &v1::HighAvailability::set_max_unacked_clients},
};

}  // namespace nestor::ha
