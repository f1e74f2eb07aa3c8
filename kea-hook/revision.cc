#include "kea-hook/revision.h"

#include <charconv>
#include <random>

namespace nestor::hook {
namespace {

// Of the objects changed, so many are remembered.
constexpr size_t kMostRemembered = 20'000;

std::string DrawInstance() {
  std::random_device device;
  std::string text;
  for (int i = 0; i < 16; ++i) text += "0123456789abcdef"[device() % 16];
  return text;
}

}  // namespace

Revision::Revision() : instance_(DrawInstance()) {}

std::string Revision::At(uint64_t generation) const {
  return instance_ + ":" + std::to_string(generation);
}

std::string Revision::Text() const {
  const std::lock_guard lock(mutex_);
  return At(generation_);
}

void Revision::Changed(std::vector<ObjectId> objects) {
  const std::lock_guard lock(mutex_);
  remembered_ += objects.size();
  steps_.push_back({++generation_, std::move(objects)});
  while (remembered_ > kMostRemembered) {
    known_since_ = steps_.front().generation;
    remembered_ -= steps_.front().objects.size();
    steps_.pop_front();
  }
}

void Revision::ChangedSomehow() {
  const std::lock_guard lock(mutex_);
  known_since_ = ++generation_;
  remembered_ = 0;
  steps_.clear();
}

std::optional<std::set<ObjectId>> Revision::Since(const std::string& revision) const {
  const std::lock_guard lock(mutex_);
  const size_t colon = revision.find(':');
  if (revision.substr(0, colon) != instance_ || colon == std::string::npos) return std::nullopt;
  uint64_t since = 0;
  const char* const end = revision.data() + revision.size();
  const auto [stop, error] = std::from_chars(revision.data() + colon + 1, end, since);
  if (error != std::errc() || stop != end) return std::nullopt;
  if (since < known_since_ || since > generation_) return std::nullopt;
  std::set<ObjectId> objects;
  for (const Step& step : steps_) {
    if (step.generation > since) objects.insert(step.objects.begin(), step.objects.end());
  }
  return objects;
}

}  // namespace nestor::hook
