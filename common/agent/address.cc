#include "common/agent/address.h"

#include <absl/strings/ascii.h>
#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

#include "common/base/status.h"

namespace nestor::agent {
namespace {

constexpr std::string_view kTcp = "tcp://";
constexpr std::string_view kIpc = "ipc://";
constexpr size_t kMostPathBytes = 107;  // sun_path of a sockaddr_un, its NUL left out

// 0: it is none.
uint16_t PortOf(std::string_view text) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() ? port : uint16_t{0};
}

bool IsPort(std::string_view text) { return PortOf(text) != 0; }

bool IsAddress(const std::string& host, bool bracketed) {
  in6_addr address;  // large enough for either
  return host.find('\0') == std::string::npos &&
         inet_pton(bracketed ? AF_INET6 : AF_INET, host.c_str(), &address) == 1;
}

// fe80::/10
bool IsLinkLocal(const std::string& host) {
  in6_addr address;
  return inet_pton(AF_INET6, host.c_str(), &address) == 1 && IN6_IS_ADDR_LINKLOCAL(&address);
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

// The host of "tcp://HOST:PORT", nothing for any other endpoint.
std::string_view HostOf(std::string_view endpoint) {
  if (!endpoint.starts_with(kTcp)) return {};
  endpoint.remove_prefix(kTcp.size());
  return endpoint.substr(0, endpoint.rfind(':'));
}

// "127.0.0.1.example.org" is a name: only digits and dots make an address of it.
bool IsV4(std::string_view host) {
  return host.find_first_not_of("0123456789.") == std::string_view::npos;
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

absl::Status CheckListens(std::string_view endpoint) {
  const std::string_view host = HostOf(endpoint);
  const bool named = host == "localhost" || (!IsV4(host) && !host.starts_with('[') &&
                                             host.find('.') != std::string_view::npos);
  if (!named) return absl::OkStatus();
  return Error(absl::StatusCode::kInvalidArgument,
               "\"{}\" names a host, and a listener's names are not looked up: write an address of "
               "this host, the name of an interface, or \"*\" for all addresses",
               endpoint);
}

absl::Status CheckConnects(std::string_view endpoint) {
  if (HostOf(endpoint) != "*") return absl::OkStatus();
  return Error(absl::StatusCode::kInvalidArgument,
               "\"{}\" is where a listener listens: write the primary's name or address", endpoint);
}

absl::StatusOr<HaUrl> ParseHaUrl(std::string_view url) {
  constexpr std::string_view kHttp = "http://";
  const auto bad = [&](std::string_view what) {
    return Error(absl::StatusCode::kInvalidArgument,
                 "\"{}\" is not an URL that Kea's HA takes: {}; write http://ADDRESS:PORT/", url,
                 what);
  };
  if (!url.starts_with(kHttp)) return bad("it does not begin with http://");
  std::string_view rest = url.substr(kHttp.size());
  if (const size_t slash = rest.find('/'); slash != std::string_view::npos) {
    if (slash + 1 != rest.size()) return bad("it has a path");
    rest.remove_suffix(1);
  }
  const size_t colon = rest.rfind(':');
  if (colon == std::string_view::npos || colon + 1 == rest.size() || rest.back() == ']') {
    return bad("it has no port");
  }
  HaUrl parsed;
  parsed.port = PortOf(rest.substr(colon + 1));
  if (parsed.port == 0) return bad("its port is not 1 to 65535");
  std::string_view host = rest.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  parsed.host = std::string(host);
  const bool zone = host.find('%') != std::string_view::npos;
  if (bracketed && (zone || IsLinkLocal(parsed.host))) {
    return bad(
        fmt::format("{}, which means something else on each host: use a global or unique "
                    "local address of the server, as [2001:db8::1] or [fd00::1], or an IPv4 "
                    "address",
                    zone ? "its address has a zone ('%')" : "its address is link-local"));
  }
  if (!IsAddress(parsed.host, bracketed)) {
    return bad("its host is not an address, and Kea looks no names up");
  }
  return parsed;
}

bool StaysOnThisHost(std::string_view endpoint) {
  if (endpoint.starts_with(kIpc)) return true;
  const std::string_view host = HostOf(endpoint);
  return host == "localhost" || host == "[::1]" || (IsV4(host) && host.starts_with("127."));
}

}  // namespace nestor::agent
