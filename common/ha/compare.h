#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/service.h"
#include "common/json/json.h"
#include "nestor/v1/envelope.pb.h"

namespace nestor::ha {

// A parameter of HA that has to be the same on both servers of a pair, and is not.
struct Difference {
  std::string name;  // "heartbeat-delay", "peers kea-b url"; "high-availability": one has no HA
  // JSON; empty: it is not there. A password's is not shown.
  std::string primary, secondary;
};

// Compares the parameters of the HA hook, canonical JSON as Found has them; empty: no HA. What each
// server has for itself is left out (its name, threads, files of TLS), and what is only written on
// one and is Kea's default is the same. Of several relationships of HA the one with the other
// server counts. What is not JSON differs in nothing: it is not known.
std::vector<Difference> Compare(std::string_view primary, std::string_view secondary);

// The same for people, in one sentence that says what to do; empty: there is none.
std::string DriftText(const std::vector<Difference>& differences, std::string_view primary,
                      std::string_view secondary, std::string_view relationship);

// Adds them to what `nestorctl diff` says.
void AddTo(v1::DiffReport& report, const std::vector<Difference>& differences);

// Makes the HA hook of `arguments`, {"Dhcp4": {...}}, the same as `from`, the parameters of the
// other server, in what Compare() finds, servers that only one knows left as they are. Nothing
// happens where either has no HA.
void TakeOver(DhcpService service, std::string_view from, json::Document& arguments);

}  // namespace nestor::ha
