#include "common/watch/lease_notices.h"

#include <absl/strings/ascii.h>
#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <limits>

#include "common/base/status.h"
#include "common/json/json.h"

namespace nestor::watch {
namespace {

constexpr std::array<std::string_view, 7> kHappened = {
    "committed", "renewed", "rebound", "released", "declined", "expired", "recovered"};
// As Kea calls them, by their number.
constexpr std::array<std::string_view, 5> kStates = {"default", "declined", "expired-reclaimed",
                                                     "released", "registered"};
constexpr uint64_t kMost32 = std::numeric_limits<uint32_t>::max();
constexpr uint64_t kForEver = kMost32;  // a lifetime, in seconds
constexpr uint64_t kMostState = 255, kLongestPrefix = 128;
// The end of the year 9999, where a Timestamp ends, less the longest lifetime.
constexpr uint64_t kLastTime = uint64_t{253'402'300'799} - kForEver;

absl::Status Wrong(std::string_view name) {
  return Error(absl::StatusCode::kInvalidArgument, "{} is not what it can be", name);
}

// The number that is the member `name`; 0: there is none.
absl::StatusOr<uint64_t> Number(const json::Value& notice, std::string_view name, uint64_t most) {
  const json::Value* found = json::Find(notice, name);
  if (found == nullptr) return 0;
  if (!found->IsUint64() || found->GetUint64() > most) return Wrong(name);
  return found->GetUint64();
}

absl::Status Read32(const json::Value& notice, std::string_view name, uint64_t most,
                    uint32_t& into) {
  ASSIGN_OR_RETURN(const uint64_t number, Number(notice, name, most));
  into = static_cast<uint32_t>(number);
  return absl::OkStatus();
}

// The text that is the member `name`; empty: there is none.
absl::StatusOr<std::string> Text(const json::Value& notice, std::string_view name) {
  const json::Value* found = json::Find(notice, name);
  if (found == nullptr) return "";
  if (!found->IsString()) return Wrong(name);
  return std::string(json::Text(*found));
}

// The same of bytes in hexadecimal, with colons between them.
absl::Status ReadBytes(const json::Value& notice, std::string_view name, std::string& into) {
  ASSIGN_OR_RETURN(into, Text(notice, name));
  const auto fits = [](char c) {
    return c == ':' || absl::ascii_isxdigit(static_cast<unsigned char>(c));
  };
  return std::all_of(into.begin(), into.end(), fits) ? absl::OkStatus() : Wrong(name);
}

bool IsAddress(DhcpService service, const std::string& text) {
  in6_addr address{};  // has room for either
  // An address that goes on behind a NUL is none.
  return text.find('\0') == std::string::npos &&
         ::inet_pton(service == DhcpService::kDhcp4 ? AF_INET : AF_INET6, text.c_str(), &address) ==
             1;
}

absl::Status ReadPlace(DhcpService service, const json::Value& notice, v1::Lease& lease) {
  ASSIGN_OR_RETURN(*lease.mutable_address(), Text(notice, "address"));
  if (!IsAddress(service, lease.address())) return Wrong("address");
  uint32_t subnet_id = 0, prefix_length = 0;
  RETURN_IF_ERROR(Read32(notice, "subnet-id", kMost32, subnet_id));
  RETURN_IF_ERROR(Read32(notice, "prefix-length", kLongestPrefix, prefix_length));
  if (prefix_length != 0 && service == DhcpService::kDhcp4) return Wrong("prefix-length");
  lease.set_subnet_id(subnet_id);
  lease.set_prefix_length(prefix_length);
  return absl::OkStatus();
}

absl::Status ReadClient(DhcpService service, const json::Value& notice, v1::Lease& lease) {
  RETURN_IF_ERROR(ReadBytes(notice, "hw-address", *lease.mutable_hw_address()));
  ASSIGN_OR_RETURN(*lease.mutable_hostname(), Text(notice, "hostname"));
  if (service == DhcpService::kDhcp4) {
    RETURN_IF_ERROR(ReadBytes(notice, "client-id", *lease.mutable_client_id()));
    lease.set_identifier(lease.client_id().empty() ? lease.hw_address() : lease.client_id());
    return absl::OkStatus();
  }
  uint32_t iaid = 0;
  RETURN_IF_ERROR(Read32(notice, "iaid", kMost32, iaid));
  lease.set_iaid(iaid);
  RETURN_IF_ERROR(ReadBytes(notice, "duid", *lease.mutable_duid()));
  lease.set_identifier(lease.duid());
  return absl::OkStatus();
}

absl::Status ReadState(const json::Value& notice, v1::Lease& lease) {
  ASSIGN_OR_RETURN(*lease.mutable_happened(), Text(notice, "event"));
  if (std::find(kHappened.begin(), kHappened.end(), lease.happened()) == kHappened.end()) {
    return Wrong("event");
  }
  ASSIGN_OR_RETURN(const uint64_t state, Number(notice, "state", kMostState));
  lease.set_state(state < kStates.size() ? std::string(kStates[state]) : std::to_string(state));
  ASSIGN_OR_RETURN(const uint64_t lifetime, Number(notice, "valid-lifetime", kMost32));
  lease.set_valid_lifetime(static_cast<uint32_t>(lifetime));
  ASSIGN_OR_RETURN(const uint64_t last_told, Number(notice, "cltt", kLastTime));
  if (lifetime != kForEver) {
    lease.mutable_expires()->set_seconds(static_cast<int64_t>(last_told + lifetime));
  }
  return absl::OkStatus();
}

}  // namespace

void LeaseNotices::Add(std::string_view notice) {
  if (notices_.size() < kMost) {
    notices_.emplace_back(notice);
  } else {
    ++dropped_;
  }
}

std::optional<std::string> LeaseNotices::Take() {
  if (notices_.empty()) return std::nullopt;
  std::optional<std::string> oldest = std::move(notices_.front());
  notices_.pop_front();
  return oldest;
}

absl::StatusOr<v1::Lease> ParseLeaseNotice(DhcpService service, std::string_view notice) {
  ASSIGN_OR_RETURN(const json::Document document, json::Parse(std::string(notice)));
  const json::Value& root = document.root();
  if (!root.IsObject()) return Error(absl::StatusCode::kInvalidArgument, "it is not an object");
  if (json::FindString(root, "notice") != "lease") return Wrong("notice");
  v1::Lease lease;
  RETURN_IF_ERROR(ReadPlace(service, root, lease));
  RETURN_IF_ERROR(ReadClient(service, root, lease));
  RETURN_IF_ERROR(ReadState(root, lease));
  return lease;
}

}  // namespace nestor::watch
