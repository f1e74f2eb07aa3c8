#pragma once

#include <fmt/format.h>

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "tests/simulation/scheduler.h"

namespace nestor::simulation {

// What happened in one run, in virtual time: told as it happens, if anybody listens, and the first
// broken oracle. While it lives, every log line of the agents comes to it; there is one at a time.
class Chronicle {
 public:
  // `tell` prints the event log; otherwise only errors are formatted at all.
  Chronicle(Scheduler& scheduler, bool tell);
  ~Chronicle();
  Chronicle(const Chronicle&) = delete;
  Chronicle& operator=(const Chronicle&) = delete;

  template <typename... Args>
  void Note(fmt::format_string<Args...> format, Args&&... args) {
    if (tell_) Tell(fmt::format(format, std::forward<Args>(args)...));
  }

  // An oracle is broken: the run ends.
  void Violate(std::string_view oracle, std::string text);
  // "S2: ...", of the first.
  const std::optional<std::string>& violation() const { return violation_; }

  // Which error lines a fault explains: those that begin with `id`.
  void Expect(std::string id) { expected_.insert(std::move(id)); }

  // One log line of an agent. An error that nothing explains breaks an oracle.
  void Log(bool error, std::string_view line);

 private:
  void Tell(std::string_view text) const;

  Scheduler& scheduler_;
  const bool tell_;
  std::set<std::string, std::less<>> expected_;
  std::optional<std::string> violation_;
};

}  // namespace nestor::simulation
