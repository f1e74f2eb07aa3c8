#pragma once

#include <absl/time/time.h>

#include <algorithm>
#include <deque>
#include <optional>

namespace nestor::primary {

// How far another host's clock is ahead of this one's, by the times that its messages say. One that
// waited on its way makes that clock seem behind, and none makes it seem ahead: of the last few the
// largest counts.
class ClockOffset {
 public:
  // A message that was sent at `theirs` came at `ours`.
  void Heard(absl::Time theirs, absl::Time ours) {
    last_.push_back(theirs - ours);
    if (last_.size() > kKept) last_.pop_front();
  }

  // Negative: it is behind. Nothing: no message came yet.
  std::optional<absl::Duration> Get() const {
    if (last_.empty()) return std::nullopt;
    return *std::max_element(last_.begin(), last_.end());
  }

 private:
  static constexpr size_t kKept = 8;
  std::deque<absl::Duration> last_;
};

}  // namespace nestor::primary
