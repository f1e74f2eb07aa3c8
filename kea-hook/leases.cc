#include "kea-hook/leases.h"

#include <cc/data.h>
#include <dhcpsrv/lease.h>

#include <string_view>

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

// Written by hand, since it is done for each packet. Names and texts of values need no escaping,
// save a host's name.
class Notice {
 public:
  explicit Notice(const char* event) : text_(R"({"notice":"lease","event":")") {
    text_.append(event).append(1, '"');
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
  void AddEscaped(std::string_view name, const std::string& value) {
    if (value.empty()) return;
    Name(name);
    text_ += isc::data::Element::create(value)->str();
  }
  std::string Done() { return std::move(text_) + "}"; }

 private:
  void Name(std::string_view name) { text_.append(",\"").append(name).append("\":"); }

  std::string text_;
};

void AddCommon(const Lease& lease, Notice& notice) {
  notice.Add("address", lease.addr_.toText());
  notice.Add("subnet-id", lease.subnet_id_);
  if (lease.hwaddr_) notice.Add("hw-address", lease.hwaddr_->toText(false));
  notice.Add("state", lease.state_);
  notice.Add("cltt", lease.cltt_);
  notice.Add("valid-lifetime", lease.valid_lft_);
  notice.AddEscaped("hostname", lease.hostname_);
}

std::string TextOf(const Lease4& lease, const char* event) {
  Notice notice(event);
  AddCommon(lease, notice);
  if (lease.client_id_) notice.Add("client-id", lease.client_id_->toText());
  return notice.Done();
}

std::string TextOf(const Lease6& lease, const char* event) {
  Notice notice(event);
  AddCommon(lease, notice);
  if (lease.type_ == Lease::TYPE_PD) notice.Add("prefix-length", lease.prefixlen_);
  if (lease.duid_) notice.Add("duid", lease.duid_->toText());
  notice.Add("iaid", lease.iaid_);
  return notice.Done();
}

template <typename CollectionPtr>
void TellAll(CalloutHandle& handle, const char* name, const char* event, Notifier& notifier) {
  CollectionPtr leases;
  handle.getArgument(name, leases);
  if (!leases) return;
  for (const auto& lease : *leases) {
    const bool declined = lease->state_ == Lease::STATE_DECLINED;
    notifier.TellLease(TextOf(*lease, declined ? "declined" : event));
  }
}

bool IsV6(std::string_view name) { return name.find('6') != std::string_view::npos; }

}  // namespace

void Leases::Note(CalloutHandle& handle, const char* event) {
  handle.setContext(kNoted, std::string(event));
}

void Leases::TellCommitted(CalloutHandle& handle, const char* list, const char* deleted) {
  std::string event = "committed";
  try {
    handle.getContext(kNoted, event);
  } catch (const isc::hooks::NoSuchCalloutContext&) {
    // A lease that the client did not have.
  }
  if (IsV6(list)) {
    TellAll<Lease6CollectionPtr>(handle, list, event.c_str(), notifier_);
    TellAll<Lease6CollectionPtr>(handle, deleted, "released", notifier_);
  } else {
    TellAll<Lease4CollectionPtr>(handle, list, event.c_str(), notifier_);
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
