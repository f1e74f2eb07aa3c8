#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "common/base/clock.h"
#include "common/base/status.h"
#include "common/reach/reach.h"

namespace nestor::testing {

// What FakeReaches of several hosts share: who listens where, and whether hosts reach each other.
// It must outlive them. Thread-safe.
class FakeNetwork {
 public:
  // With a clock, which must outlive it, what listens ends when its time is over; without, when its
  // host ends it.
  explicit FakeNetwork(const Clock* clock = nullptr) : clock_(clock) {}

  // No host reaches another, until it is mended. Each still reaches itself.
  void Cut(bool cut = true) {
    const std::lock_guard lock(mutex_);
    cut_ = cut;
  }

  // A program that is not an agent listens there, as Kea does; it answers no token.
  void Occupy(const std::string& host, uint16_t port) {
    const std::lock_guard lock(mutex_);
    occupied_.insert({host, port});
  }
  void Free(const std::string& host, uint16_t port) {
    const std::lock_guard lock(mutex_);
    occupied_.erase({host, port});
  }

  // How many were asked for, whatever became of them.
  int listens() const {
    const std::lock_guard lock(mutex_);
    return listens_;
  }
  int probes() const {
    const std::lock_guard lock(mutex_);
    return probes_;
  }

 private:
  friend class FakeReach;

  using Place = std::pair<std::string, uint16_t>;
  struct Listening {
    std::string token;
    std::optional<Instant> until;
  };

  absl::Status Listen(const std::set<std::string>& own, const Place& place,
                      const std::string& token, absl::Duration duration) {
    const std::lock_guard lock(mutex_);
    ++listens_;
    if (!own.contains(place.first)) {
      return Error(absl::StatusCode::kFailedPrecondition, "{} is not an address of this host",
                   place.first);
    }
    if (occupied_.contains(place)) {
      return Error(absl::StatusCode::kFailedPrecondition, "{} port {} is in use", place.first,
                   place.second);
    }
    Listening& listening = listening_[place];
    listening = {token, std::nullopt};
    if (clock_ != nullptr) listening.until = clock_->Now() + duration;
    return absl::OkStatus();
  }

  absl::Status Probe(const std::set<std::string>& own, const Place& place,
                     const std::string& token) {
    const std::lock_guard lock(mutex_);
    ++probes_;
    if (cut_ && !own.contains(place.first)) {
      return Error(absl::StatusCode::kUnavailable, "{} port {} timed out", place.first,
                   place.second);
    }
    const auto found = listening_.find(place);
    const bool listens =
        found != listening_.end() && (!found->second.until || clock_->Now() < *found->second.until);
    if (!listens && !occupied_.contains(place)) {
      return Error(absl::StatusCode::kUnavailable, "{} port {} refused the connection", place.first,
                   place.second);
    }
    if (token.empty() || (listens && found->second.token == token)) return absl::OkStatus();
    return Error(absl::StatusCode::kFailedPrecondition, "somebody else answers at {} port {}",
                 place.first, place.second);
  }

  void End(const std::set<std::string>& own) {
    const std::lock_guard lock(mutex_);
    std::erase_if(listening_, [&own](const auto& its) { return own.contains(its.first.first); });
  }

  const Clock* const clock_;
  mutable std::mutex mutex_;
  bool cut_ = false;
  std::set<Place> occupied_;
  std::map<Place, Listening> listening_;
  int listens_ = 0, probes_ = 0;
};

// A host of a FakeNetwork. Never blocks: a probe that would time out says so at once.
class FakeReach final : public reach::Reach {
 public:
  FakeReach(FakeNetwork& network, std::set<std::string> own)
      : network_(network), own_(std::move(own)) {}
  ~FakeReach() override { network_.End(own_); }

  absl::Status Listen(const std::string& host, uint16_t port, const std::string& token,
                      absl::Duration duration) override {
    RETURN_IF_ERROR(Check(host, port));
    return network_.Listen(own_, {host, port}, token, duration);
  }

  void EndListening() override { network_.End(own_); }

  absl::Status Probe(const std::string& host, uint16_t port, const std::string& token,
                     absl::Duration /*timeout*/) override {
    RETURN_IF_ERROR(Check(host, port));
    return network_.Probe(own_, {host, port}, token);
  }

 private:
  static absl::Status Check(const std::string& host, uint16_t port) {
    const bool address =
        !host.empty() && (host.find(':') != std::string::npos ||
                          host.find_first_not_of("0123456789.") == std::string::npos);
    if (address && port != 0) return absl::OkStatus();
    return Error(absl::StatusCode::kInvalidArgument, "\"{}\" port {} is no address", host, port);
  }

  FakeNetwork& network_;
  const std::set<std::string> own_;
};

}  // namespace nestor::testing
