// What comes to the agent's socket as the hook library's word of a lease. What is accepted must fit
// into an event: its texts are UTF-8, its times are times, and a peer reads back what was written.
#include <google/protobuf/util/time_util.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "common/watch/lease_notices.h"

namespace {

using namespace nestor;

void Require(bool holds) {
  if (!holds) std::abort();
}

void Try(DhcpService service, std::string_view notice) {
  const auto lease = watch::ParseLeaseNotice(service, notice);
  if (!lease.ok()) return Require(lease.status().code() == absl::StatusCode::kInvalidArgument);
  Require(!lease->address().empty() && !lease->happened().empty() && !lease->state().empty());
  Require(service == DhcpService::kDhcp6 || lease->prefix_length() == 0);
  Require(lease->expires().seconds() <= google::protobuf::util::TimeUtil::kTimestampMaxSeconds);
  v1::Lease again;
  Require(again.ParseFromString(lease->SerializeAsString()));
  Require(again.SerializeAsString() == lease->SerializeAsString());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view notice(reinterpret_cast<const char*>(data), size);
  Try(DhcpService::kDhcp4, notice);
  Try(DhcpService::kDhcp6, notice);
  return 0;
}
