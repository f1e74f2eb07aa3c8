#include "kea-hook/leases.h"

#include <cc/data.h>
#include <dhcpsrv/lease.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace nestor::hook {
namespace {

using isc::dhcp::Lease;
using isc::dhcp::Lease4;
using isc::dhcp::Lease4Collection;
using isc::dhcp::Lease4CollectionPtr;
using isc::dhcp::Lease4Ptr;
using isc::dhcp::Lease6;
using isc::dhcp::Lease6Collection;
using isc::dhcp::Lease6CollectionPtr;
using isc::dhcp::Lease6Ptr;
using isc::hooks::CalloutHandle;

constexpr char kNoted[] = "event";

// Written by hand, since a client waits for it: Kea's own way of writing bytes builds a stream for
// each. Names and texts of values need no escaping, save a host's name.
class Notice {
 public:
  explicit Notice(std::string_view event) {
    text_.reserve(kTypicalBytes);
    text_.append(R"({"notice":"lease","event":")").append(event).append(1, '"');
  }

  void Add(std::string_view name, std::string_view value) {
    if (value.empty()) return;
    Name(name);
    text_.append(1, '"').append(value).append(1, '"');
  }
  void Add(std::string_view name, int64_t value) {
    Name(name);
    text_ += std::to_string(value);
  }
  // As 00:0c:01:02.
  void Add(std::string_view name, const std::vector<uint8_t>& bytes) {
    if (bytes.empty()) return;
    Name(name);
    char separator = '"';
    for (const uint8_t byte : bytes) {
      constexpr std::string_view kDigits = "0123456789abcdef";
      text_.append({separator, kDigits[byte >> 4], kDigits[byte & 0xf]});
      separator = ':';
    }
    text_.append(1, '"');
  }
  void AddEscaped(std::string_view name, const std::string& value) {
    if (value.empty()) return;
    Name(name);
    text_ += isc::data::Element::create(value)->str();
  }
  std::string Done() && {
    text_.append(1, '}');
    return std::move(text_);
  }

 private:
  static constexpr size_t kTypicalBytes = 320;

  void Name(std::string_view name) { text_.append(",\"").append(name).append("\":"); }

  std::string text_;
};

void AddCommon(const Lease& lease, Notice& notice) {
  notice.Add("address", lease.addr_.toText());
  notice.Add("subnet-id", lease.subnet_id_);
  if (lease.hwaddr_) notice.Add("hw-address", lease.hwaddr_->hwaddr_);
  notice.Add("state", lease.state_);
  notice.Add("cltt", lease.cltt_);
  notice.Add("valid-lifetime", lease.valid_lft_);
  notice.AddEscaped("hostname", lease.hostname_);
}

std::string TextOf(const Lease4& lease, std::string_view event) {
  Notice notice(event);
  AddCommon(lease, notice);
  if (lease.client_id_) notice.Add("client-id", lease.client_id_->getClientId());
  return std::move(notice).Done();
}

std::string TextOf(const Lease6& lease, std::string_view event) {
  Notice notice(event);
  AddCommon(lease, notice);
  if (lease.type_ == Lease::TYPE_PD) notice.Add("prefix-length", lease.prefixlen_);
  if (lease.duid_) notice.Add("duid", lease.duid_->getDuid());
  notice.Add("iaid", lease.iaid_);
  return std::move(notice).Done();
}

template <typename CollectionPtr>
void TellAll(CalloutHandle& handle, const char* name, std::string_view event, Notifier& notifier) {
  CollectionPtr leases;
  handle.getArgument(name, leases);
  if (!leases) return;
  for (const auto& lease : *leases) {
    const bool declined = lease->state_ == Lease::STATE_DECLINED;
    notifier.TellLease(TextOf(*lease, declined ? "declined" : event));
  }
}

// What was noted of this packet. Where nothing was, as of each new client's, to ask for it is
// answered by an exception, which costs more than the rest of a notice, so it is looked first. That
// a name is deleted which nobody uses makes the packet's context be there to be looked into.
std::string EventOf(CalloutHandle& handle) {
  std::string event = "committed";
  handle.deleteContext("");
  if (!handle.getContextNames().empty()) handle.getContext(kNoted, event);
  return event;
}

bool IsV6(std::string_view name) { return name.find('6') != std::string_view::npos; }

}  // namespace

void Leases::Note(CalloutHandle& handle, const char* event) {
  handle.setContext(kNoted, std::string(event));
}

void Leases::TellCommitted(CalloutHandle& handle, const char* list, const char* deleted) {
  const std::string event = EventOf(handle);
  if (IsV6(list)) {
    TellAll<Lease6CollectionPtr>(handle, list, event, notifier_);
    TellAll<Lease6CollectionPtr>(handle, deleted, "released", notifier_);
  } else {
    TellAll<Lease4CollectionPtr>(handle, list, event, notifier_);
    TellAll<Lease4CollectionPtr>(handle, deleted, "released", notifier_);
  }
}

void Leases::Tell(CalloutHandle& handle, const char* name, const char* event) {
  if (IsV6(name)) {
    Lease6Ptr lease;
    handle.getArgument(name, lease);
    if (lease) notifier_.TellLease(TextOf(*lease, event));
  } else {
    Lease4Ptr lease;
    handle.getArgument(name, lease);
    if (lease) notifier_.TellLease(TextOf(*lease, event));
  }
}

}  // namespace nestor::hook
