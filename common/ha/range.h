#pragma once

#include <absl/numeric/int128.h>
#include <absl/status/statusor.h>

#include <optional>
#include <string>
#include <string_view>

#include "common/base/service.h"

namespace nestor::ha {

// An address as a number; one of IPv4 has 32 bits.
using Address = absl::uint128;

// InvalidArgument: it is not an address of the service's.
absl::StatusOr<Address> ParseAddress(DhcpService service, std::string_view text);
std::string AddressText(DhcpService service, Address address);

// The addresses from `first` to `last`, at least one.
struct Range {
  Address first = 0, last = 0;
  friend bool operator==(const Range&, const Range&) = default;
};

// A range as Kea reads it: "10.0.0.1 - 10.0.0.9" or "10.0.0.0/24", white space anywhere.
// InvalidArgument: it is none, or bits are set beyond the length of a prefix.
absl::StatusOr<Range> ParseRange(DhcpService service, std::string_view text);
// As Kea reports it: "10.0.0.0/24" for what is one prefix, a single address included, else
// "10.0.0.1-10.0.0.9".
std::string RangeText(DhcpService service, const Range& range);

// The length of the prefix that `range` is; nothing: it is not one.
std::optional<int> PrefixLength(DhcpService service, const Range& range);

// The first half has one more of an odd number; there is no second one of a single address.
Range FirstHalf(const Range& range);
std::optional<Range> SecondHalf(const Range& range);

}  // namespace nestor::ha
