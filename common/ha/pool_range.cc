#include "common/ha/pool_range.h"

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <arpa/inet.h>
#include <fmt/format.h>

#include <array>

namespace nestor::ha {
namespace {

constexpr int Bits(bool v6) { return v6 ? 128 : 32; }

// The `length` highest bits of an address set.
absl::uint128 Mask(int length, bool v6) {
  const int low = Bits(v6) - length;
  const absl::uint128 all = v6 ? absl::Uint128Max() : absl::uint128(0xffffffffU);
  return low >= 128 ? absl::uint128(0) : all & ~((absl::uint128(1) << low) - 1);
}

// The length of the prefix that the range is; nothing: it is none.
std::optional<int> PrefixLength(const PoolRange& range) {
  for (int length = 0; length <= Bits(range.v6); ++length) {
    const absl::uint128 mask = Mask(length, range.v6);
    const absl::uint128 all = Mask(Bits(range.v6), range.v6);
    if ((range.first & mask) == range.first && (range.first | (all & ~mask)) == range.last) {
      return length;
    }
  }
  return std::nullopt;
}

std::string_view Trimmed(std::string_view text) {
  while (!text.empty() && absl::ascii_isspace(static_cast<unsigned char>(text.front()))) {
    text.remove_prefix(1);
  }
  while (!text.empty() && absl::ascii_isspace(static_cast<unsigned char>(text.back()))) {
    text.remove_suffix(1);
  }
  return text;
}

}  // namespace

std::optional<absl::uint128> ParseAddress(std::string_view text, bool v6) {
  std::array<unsigned char, 16> bytes{};
  if (inet_pton(v6 ? AF_INET6 : AF_INET, std::string(text).c_str(), bytes.data()) != 1) {
    return std::nullopt;
  }
  absl::uint128 address = 0;
  for (size_t i = 0; i < (v6 ? 16U : 4U); ++i) address = (address << 8) | bytes[i];
  return address;
}

std::string AddressText(absl::uint128 address, bool v6) {
  std::array<unsigned char, 16> bytes{};
  for (size_t i = v6 ? 16 : 4; i > 0; --i, address >>= 8) {
    bytes[i - 1] = static_cast<unsigned char>(absl::Uint128Low64(address) & 0xff);
  }
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(v6 ? AF_INET6 : AF_INET, bytes.data(), text.data(), text.size());
  return text.data();
}

std::optional<PoolRange> ParsePool(std::string_view text) {
  PoolRange range;
  range.v6 = text.find(':') != std::string_view::npos;
  if (const size_t slash = text.find('/'); slash != std::string_view::npos) {
    int length = 0;
    const auto address = ParseAddress(Trimmed(text.substr(0, slash)), range.v6);
    const std::string digits(Trimmed(text.substr(slash + 1)));
    if (!address || !absl::SimpleAtoi(digits, &length) || length < 0 || length > Bits(range.v6)) {
      return std::nullopt;
    }
    const absl::uint128 mask = Mask(length, range.v6);
    range.first = *address & mask;
    range.last = *address | (Mask(Bits(range.v6), range.v6) & ~mask);
    return range;
  }
  const size_t dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto first = ParseAddress(Trimmed(text.substr(0, dash)), range.v6);
  const auto last = ParseAddress(Trimmed(text.substr(dash + 1)), range.v6);
  if (!first || !last || *first > *last) return std::nullopt;
  range.first = *first;
  range.last = *last;
  return range;
}

std::string PoolText(const PoolRange& range) {
  if (const auto length = PrefixLength(range)) {
    return fmt::format("{}/{}", AddressText(range.first, range.v6), *length);
  }
  return fmt::format("{}-{}", AddressText(range.first, range.v6),
                     AddressText(range.last, range.v6));
}

std::pair<PoolRange, std::optional<PoolRange>> Halves(const PoolRange& range) {
  if (range.first == range.last) return {range, std::nullopt};
  PoolRange first = range, second = range;
  first.last = range.first + (range.last - range.first) / 2;
  second.first = first.last + 1;
  return {first, second};
}

}  // namespace nestor::ha
