#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <string>
#include <vector>

#include "common/kea/kea_control.h"

namespace nestor::hook {

// What libdhcp_nestor.so says of itself. Counts are since it was loaded.
struct Status {
  struct Datagrams {
    uint64_t sent = 0, dropped = 0;
  };

  std::string version;         // of the library
  std::string kea;             // Kea's version, "2.2.0"
  std::string revision;        // "<instance>:<generation>"
  std::string ha_mode;         // "hot-standby", ...; empty: no HA hook
  std::string config_backend;  // the type of the database of config-control; empty: none
  // Kea refused a configuration since the library was loaded; Kea 2.2 serves no DHCP then.
  bool config_set_failed = false;
  std::string socket;         // where its notices go; empty: nowhere
  bool takes_packed = false;  // and answers briefly: from version 0.2 on
  Datagrams notices, leases;
  uint64_t queued_bytes = 0;                  // sent, and not taken yet by whoever listens
  uint64_t applied = 0, refused = 0;          // nestor-apply
  std::vector<std::string> needs_config_set;  // names of globals that only a config-set can change
};

// Worker threads only. Errors as KeaControl::Send, and
// NotFound            this Kea does not know the command: the library is not loaded.
// FailedPrecondition  Kea refused; the text holds its words.
// DataLoss            also where the answer is not as documented; the text says what is wrong.
absl::StatusOr<Status> AskStatus(kea::KeaControl& kea, absl::Duration timeout);

}  // namespace nestor::hook
