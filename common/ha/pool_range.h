#pragma once

#include <absl/numeric/int128.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace nestor::ha {

// Addresses from one to another, both in it; IPv4 ones in the lowest 32 bits.
struct PoolRange {
  absl::uint128 first = 0, last = 0;
  bool v6 = false;

  friend bool operator==(const PoolRange&, const PoolRange&) = default;
};

// "10.0.0.1-10.0.0.9", "10.0.0.1 - 10.0.0.9", "10.0.0.0/24"; nothing: it is none.
std::optional<PoolRange> ParsePool(std::string_view text);
// As Kea writes it: a prefix where it is one, else the two addresses.
std::string PoolText(const PoolRange& range);
// The first half has one more of an odd number; the second is nothing where there is but one.
std::pair<PoolRange, std::optional<PoolRange>> Halves(const PoolRange& range);

std::optional<absl::uint128> ParseAddress(std::string_view text, bool v6);
std::string AddressText(absl::uint128 address, bool v6);

}  // namespace nestor::ha
