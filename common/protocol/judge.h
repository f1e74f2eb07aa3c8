#pragma once

#include <absl/time/time.h>

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nestor::protocol {

// What is known of one server of a pair.
struct SideFacts {
  std::string server;
  bool known = true;  // anything was ever heard of it
  bool kea_reachable = false;
  std::string ha_state;     // empty: no HA hook
  std::string error;        // why its Kea does not answer
  bool has_hook = true;     // the hook library is loaded, as far as is known
  std::string file_notice;  // why its Kea has to write its file itself; empty: it has not
  bool ha_known = true;     // whether ha_state says anything
};

// The states of Kea's HA, as it calls them.
inline constexpr std::array<std::string_view, 12> kHaStates = {"backup",
                                                               "communication-recovery",
                                                               "hot-standby",
                                                               "in-maintenance",
                                                               "load-balancing",
                                                               "partner-down",
                                                               "partner-in-maintenance",
                                                               "passive-backup",
                                                               "ready",
                                                               "syncing",
                                                               "terminated",
                                                               "waiting"};

// Whether the server's Kea answers and its HA is in its normal state; or there is no HA and, by
// `has_ha`, need not be.
bool HaIsNormal(const SideFacts& side, bool has_ha);

// What is known of a pair, as seen from one of the two.
struct PairFacts {
  std::string relationship;
  SideFacts primary, secondary;
  // How long the other agent has been silent; nothing: it speaks.
  std::optional<absl::Duration> peer_silent;
  std::string peer;  // the other agent's server
  std::string follower_state;
  std::string publisher_text;  // why the publisher does not publish; empty: it does
  absl::Duration lag;
  bool digest_equal = false;
  uint64_t held_sequence = 0;
  bool observe = false;
  std::string last_error;
  bool has_ha = false;   // HA is a part of it: both Keas should run it
  std::string ha_drift;  // in what HA is not the same on both; empty: it is, or is not known
  std::string changing;  // what is being done to it; empty: nothing
  std::vector<std::string> unsplit_pools;  // that should be split between the servers
  bool more_unsplit = false;               // and others
  uint64_t standing = 0;  // objects changed on the secondary while the primary was away
};

struct Judgement {
  std::string state;  // "OK", "IMPAIRED", "DOWN"
  std::vector<std::string> reasons;
  std::vector<std::string> notices;   // what does not impair the pair, and should be known
  std::vector<std::string> warnings;  // what does not impair it, and should be mended
};

// The same state for who counts: 0 for "OK", 1 for "IMPAIRED", 2 for "DOWN".
int StateNumber(std::string_view state);

// The same state as relationships are listed with: "NORMAL" for "OK".
std::string ViewState(const std::string& state);

// DOWN: neither Kea answers. IMPAIRED: anything else that keeps the pair from being identical and
// in its normal HA state. Reasons are sentences for people, the weightiest first.
Judgement Judge(const PairFacts& facts);

}  // namespace nestor::protocol
