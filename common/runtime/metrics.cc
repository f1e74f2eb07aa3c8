#include "common/runtime/metrics.h"

#include <absl/base/thread_annotations.h>
#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <utility>

#include "common/lock/mutex.h"
#include "common/runtime/system_clock.h"

namespace nestor::runtime {
namespace {

constexpr absl::Duration kAliveFor = absl::Seconds(5);

// The metrics of one kind, by name and labels; prometheus-cpp does not tell what it holds. Not
// thread-safe.
template <typename Kind>
class Series {
 public:
  explicit Series(prometheus::Registry& registry) : registry_(registry) {}

  // `build` is prometheus-cpp's: BuildGauge or BuildCounter.
  template <typename Build>
  Kind& Get(Build build, std::string_view name, std::string_view help,
            const Metrics::Labels& labels) {
    auto found = families_.find(name);
    if (found == families_.end()) {
      const std::string key(name);
      auto& family = build().Name(key).Help(std::string(help)).Register(registry_);
      found = families_.emplace(key, Known{family, {}}).first;
    }
    auto& [family, metrics] = found->second;
    const auto metric = metrics.find(labels);
    if (metric != metrics.end()) return *metric->second;
    return *metrics.emplace(labels, &family.Add(labels)).first->second;
  }

  void Forget(std::string_view relationship) {
    for (auto& [name, known] : families_) {
      std::erase_if(known.metrics, [&, &family = known.family](const auto& entry) {
        const auto label = entry.first.find("relationship");
        if (label == entry.first.end() || label->second != relationship) return false;
        family.Remove(entry.second);
        return true;
      });
    }
  }

 private:
  struct Known {
    prometheus::Family<Kind>& family;
    std::map<Metrics::Labels, Kind*> metrics;
  };

  prometheus::Registry& registry_;
  std::map<std::string, Known, std::less<>> families_;
};

}  // namespace

struct Metrics::State {
  explicit State(const Clock& its_clock) : clock(its_clock), alive(clock.Now()) {}

  const Clock& clock;
  prometheus::Registry registry;
  Mutex mutex;
  Series<prometheus::Gauge> gauges ABSL_GUARDED_BY(mutex){registry};
  Series<prometheus::Counter> counters ABSL_GUARDED_BY(mutex){registry};
  std::string not_ready ABSL_GUARDED_BY(mutex) = "starting";
  Instant alive ABSL_GUARDED_BY(mutex);
};

Metrics::Metrics()
    : own_clock_(std::make_unique<SystemClock>()), state_(std::make_unique<State>(*own_clock_)) {}

Metrics::Metrics(const Clock& clock) : state_(std::make_unique<State>(clock)) {}

Metrics::~Metrics() = default;

void Metrics::Set(std::string_view name, std::string_view help, const Labels& labels,
                  double value) {
  const MutexLock lock(state_->mutex);
  state_->gauges.Get(prometheus::BuildGauge, name, help, labels).Set(value);
}

void Metrics::SetState(std::string_view name, std::string_view help, Labels labels,
                       std::span<const std::string_view> states, std::string_view state) {
  std::string& label = labels["state"];
  for (const std::string_view one : states) {
    label = std::string(one);
    Set(name, help, labels, one == state ? 1 : 0);
  }
}

void Metrics::Count(std::string_view name, std::string_view help, const Labels& labels, double by) {
  const MutexLock lock(state_->mutex);
  state_->counters.Get(prometheus::BuildCounter, name, help, labels).Increment(by);
}

void Metrics::Forget(std::string_view relationship) {
  const MutexLock lock(state_->mutex);
  state_->gauges.Forget(relationship);
  state_->counters.Forget(relationship);
}

std::string Metrics::Text() const {
  return prometheus::TextSerializer().Serialize(state_->registry.Collect());
}

void Metrics::SetNotReady(std::string reason) {
  const MutexLock lock(state_->mutex);
  state_->not_ready = std::move(reason);
}

std::string Metrics::NotReady() const {
  const MutexLock lock(state_->mutex);
  return state_->not_ready;
}

void Metrics::Alive() {
  const Instant now = state_->clock.Now();
  const MutexLock lock(state_->mutex);
  state_->alive = now;
}

bool Metrics::IsAlive() const {
  const Instant now = state_->clock.Now();
  const MutexLock lock(state_->mutex);
  return now - state_->alive <= kAliveFor;
}

}  // namespace nestor::runtime
