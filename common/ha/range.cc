#include "common/ha/range.h"

#include <absl/strings/ascii.h>
#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "common/base/status.h"

namespace nestor::ha {
namespace {

constexpr size_t kMostBytes = 16;

int Family(DhcpService service) { return service == DhcpService::kDhcp4 ? AF_INET : AF_INET6; }
int Bits(DhcpService service) { return service == DhcpService::kDhcp4 ? 32 : 128; }
size_t Bytes(DhcpService service) { return static_cast<size_t>(Bits(service)) / 8; }

// A number whose lowest `bits` bits are set.
Address Ones(int bits) { return bits == 128 ? absl::Uint128Max() : (Address(1) << bits) - 1; }

absl::Status Bad(std::string_view text, std::string_view what) {
  return Error(absl::StatusCode::kInvalidArgument, "\"{}\" is not {}", text, what);
}

std::string WithoutSpace(std::string_view text) {
  std::string dense(text);
  dense.erase(
      std::remove_if(dense.begin(), dense.end(),
                     [](char c) { return absl::ascii_isspace(static_cast<unsigned char>(c)); }),
      dense.end());
  return dense;
}

absl::StatusOr<Range> ParsePrefix(DhcpService service, std::string_view text, size_t slash) {
  ASSIGN_OR_RETURN(const Address first, ParseAddress(service, text.substr(0, slash)));
  int length = -1;
  const char* const end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data() + slash + 1, end, length);
  if (error != std::errc() || at != end || length < 0 || length > Bits(service)) {
    return Bad(text, "a prefix: its length is none");
  }
  const Address rest = Ones(Bits(service) - length);
  if ((first & rest) != 0) return Bad(text, "a prefix: it has bits beyond its length");
  return Range{first, first | rest};
}

}  // namespace

absl::StatusOr<Address> ParseAddress(DhcpService service, std::string_view text) {
  std::array<unsigned char, kMostBytes> bytes{};
  if (inet_pton(Family(service), std::string(text).c_str(), bytes.data()) != 1) {
    return Bad(text, service == DhcpService::kDhcp4 ? "an IPv4 address" : "an IPv6 address");
  }
  Address address = 0;
  for (size_t i = 0; i < Bytes(service); ++i) address = (address << 8) | bytes[i];
  return address;
}

std::string AddressText(DhcpService service, Address address) {
  std::array<unsigned char, kMostBytes> bytes{};
  for (size_t i = Bytes(service); i > 0; --i, address >>= 8) {
    bytes[i - 1] = static_cast<unsigned char>(absl::Uint128Low64(address) & 0xff);
  }
  std::array<char, INET6_ADDRSTRLEN> text{};
  const char* const written = inet_ntop(Family(service), bytes.data(), text.data(), text.size());
  return written == nullptr ? std::string() : std::string(written);
}

absl::StatusOr<Range> ParseRange(DhcpService service, std::string_view text) {
  const std::string dense = WithoutSpace(text);
  const size_t slash = dense.find('/');
  if (slash != std::string::npos) return ParsePrefix(service, dense, slash);
  const size_t dash = dense.find('-');
  if (dash == std::string::npos) return Bad(text, "a range: write FIRST-LAST or PREFIX/LENGTH");
  ASSIGN_OR_RETURN(const Address first, ParseAddress(service, dense.substr(0, dash)));
  ASSIGN_OR_RETURN(const Address last, ParseAddress(service, dense.substr(dash + 1)));
  if (last < first) return Bad(text, "a range: its last address comes before the first");
  return Range{first, last};
}

std::optional<int> PrefixLength(DhcpService service, const Range& range) {
  const Address rest = range.first ^ range.last;
  if ((rest & (rest + 1)) != 0 || (range.first & rest) != 0) return std::nullopt;
  int length = Bits(service);
  while (length > 0 && Ones(Bits(service) - length) != rest) --length;
  return length;
}

std::string RangeText(DhcpService service, const Range& range) {
  const std::string first = AddressText(service, range.first);
  if (const auto length = PrefixLength(service, range)) return fmt::format("{}/{}", first, *length);
  return fmt::format("{}-{}", first, AddressText(service, range.last));
}

Range FirstHalf(const Range& range) {
  return {range.first, range.first + (range.last - range.first) / 2};
}

std::optional<Range> SecondHalf(const Range& range) {
  if (range.first == range.last) return std::nullopt;
  return Range{FirstHalf(range).last + 1, range.last};
}

}  // namespace nestor::ha
