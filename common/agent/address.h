#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace nestor::agent {

// Checks an address of the bus, "tcp://HOST:PORT" or "ipc:///PATH". The host is a name, an IPv4
// address, an IPv6 address in brackets, or '*'; nothing is looked up.
// InvalidArgument: what is wrong with it.
absl::Status CheckEndpoint(std::string_view endpoint);

// Checks an endpoint that CheckEndpoint passes for the side that listens there. ZeroMQ looks up no
// names for a listener: an address, '*', or the name of an interface.
// InvalidArgument: what is wrong with it.
absl::Status CheckListens(std::string_view endpoint);

// The same for the side that connects: every host but '*'.
absl::Status CheckConnects(std::string_view endpoint);

// As CheckEndpoint, for "HOST:PORT".
absl::Status CheckHostPort(std::string_view address);

// Checks the path of a unix socket: absolute, and short enough for the kernel.
// InvalidArgument: what is wrong with it.
absl::Status CheckSocketPath(std::string_view path);

// An URL as Kea's HA takes it, "http://192.0.2.1:8000/": the host is an address, without a zone
// ("%eth0").
struct HaUrl {
  std::string host;  // an IPv6 address without its brackets
  uint16_t port = 0;
};
// InvalidArgument: what is wrong with it.
absl::StatusOr<HaUrl> ParseHaUrl(std::string_view url);

// True for an endpoint that no other host can reach: ipc, or a loopback address.
bool StaysOnThisHost(std::string_view endpoint);

}  // namespace nestor::agent
