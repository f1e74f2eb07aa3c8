#pragma once

#include <absl/status/statusor.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/service.h"
#include "nestor/v1/envelope.pb.h"

namespace nestor::watch {

// What a hook library told of leases and nobody has taken yet, oldest first. Bounded: what finds no
// room is lost, and counted. Protocol thread only.
class LeaseNotices {
 public:
  static constexpr size_t kMost = 1024;

  // `notice` is the text of one.
  void Add(std::string_view notice);
  // Something came that is not a notice, or too long for one.
  void Refuse() { ++refused_; }

  // The text of the oldest, which is no longer here then; nullopt: there is none.
  std::optional<std::string> Take();

  bool empty() const { return notices_.empty(); }
  // Since the start.
  uint64_t dropped() const { return dropped_; }  // no room
  uint64_t refused() const { return refused_; }

 private:
  std::deque<std::string> notices_;
  uint64_t dropped_ = 0;
  uint64_t refused_ = 0;
};

// The lease that the hook library of `service`'s Kea told of; all of it is what a lease can be.
// InvalidArgument: it is not such a notice; the text says what is wrong.
absl::StatusOr<v1::Lease> ParseLeaseNotice(DhcpService service, std::string_view notice);

}  // namespace nestor::watch
