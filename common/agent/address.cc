#include "common/agent/address.h"

#include <absl/strings/ascii.h>

#include <algorithm>
#include <charconv>

#include "common/base/status.h"

namespace nestor::agent {
namespace {

constexpr std::string_view kTcp = "tcp://";
constexpr std::string_view kIpc = "ipc://";
constexpr size_t kMostPathBytes = 107;  // sun_path of a sockaddr_un, its NUL left out

bool IsPort(std::string_view text) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && port != 0;
}

bool IsHost(std::string_view host) {
  if (host == "*") return true;
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  return !host.empty() && std::all_of(host.begin(), host.end(), [&](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return absl::ascii_isalnum(byte) || c == '.' || c == '-' || c == '_' ||
           (bracketed && (c == ':' || c == '%'));
  });
}

}  // namespace

absl::Status CheckHostPort(std::string_view address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string_view::npos || !IsPort(address.substr(colon + 1))) {
    return Error(absl::StatusCode::kInvalidArgument,
                 "\"{}\" does not end in a port, ':' and 1 to 65535", address);
  }
  if (!IsHost(address.substr(0, colon))) {
    return Error(absl::StatusCode::kInvalidArgument,
                 "\"{}\" has no host before the port: a name, an IPv4 address, or an IPv6 address "
                 "in brackets",
                 address);
  }
  return absl::OkStatus();
}

absl::Status CheckEndpoint(std::string_view endpoint) {
  if (endpoint.starts_with(kTcp)) return CheckHostPort(endpoint.substr(kTcp.size()));
  if (endpoint.starts_with(kIpc)) return CheckSocketPath(endpoint.substr(kIpc.size()));
  return Error(absl::StatusCode::kInvalidArgument,
               "\"{}\" is not an address: write tcp://HOST:PORT or ipc:///PATH", endpoint);
}

absl::Status CheckSocketPath(std::string_view path) {
  if (!path.starts_with('/')) {
    return Error(absl::StatusCode::kInvalidArgument,
                 "\"{}\" is not the path of a socket: it begins with '/'", path);
  }
  if (path.size() > kMostPathBytes) {
    return Error(absl::StatusCode::kInvalidArgument,
                 "\"{}\" has {} bytes: the path of a socket has at most {}", path, path.size(),
                 kMostPathBytes);
  }
  return absl::OkStatus();
}

bool StaysOnThisHost(std::string_view endpoint) {
  if (endpoint.starts_with(kIpc)) return true;
  if (!endpoint.starts_with(kTcp)) return false;
  endpoint.remove_prefix(kTcp.size());
  const std::string_view host = endpoint.substr(0, endpoint.rfind(':'));
  // "127.0.0.1.example.org" is a name: only digits and dots make an address of it.
  const bool is_v4 = host.find_first_not_of("0123456789.") == std::string_view::npos;
  return host == "localhost" || host == "[::1]" || (is_v4 && host.starts_with("127."));
}

}  // namespace nestor::agent
