#pragma once

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "common/watch/watcher.h"

namespace nestor::watch {

// Several hints as one.
class Hints final : public Hint {
 public:
  // Before any other use.
  void Add(std::unique_ptr<Hint> hint) { hints_.push_back(std::move(hint)); }

  void Follow(int64_t pid) override {
    for (const auto& hint : hints_) hint->Follow(pid);
  }
  Sign Seen() override {
    Sign strongest = Sign::kNone;
    for (const auto& hint : hints_) strongest = std::max(strongest, hint->Seen());
    return strongest;
  }
  std::string Told() override {
    for (const auto& hint : hints_) {
      if (std::string revision = hint->Told(); !revision.empty()) return revision;
    }
    return {};
  }

 private:
  std::vector<std::unique_ptr<Hint>> hints_;
};

}  // namespace nestor::watch
