#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "common/base/clock.h"

namespace nestor::runtime {

// The agent's metrics, in Prometheus' terms, and how it is. Thread-safe.
//
// Names of metrics and labels are such as Prometheus allows, and a name is always a gauge or always
// a counter: anything else is a defect, for which prometheus-cpp throws.
class Metrics {
 public:
  using Labels = std::map<std::string, std::string>;

  Metrics();
  // With `clock` in place of the system's, for IsAlive(); it must outlive this.
  explicit Metrics(const Clock& clock);
  ~Metrics();

  // Sets a gauge, made at its first use. `name` as Prometheus wants it: nestor_..._seconds.
  void Set(std::string_view name, std::string_view help, const Labels& labels, double value);
  // Sets a gauge for each of `states`, told apart by the label "state": 1 for `state`, 0 for the
  // others. Where `state` is not among them all are 0.
  void SetState(std::string_view name, std::string_view help, Labels labels,
                std::span<const std::string_view> states, std::string_view state);
  // Adds to a counter, made at its first use. One that is made by adding 0 shows its first event as
  // a rise.
  void Count(std::string_view name, std::string_view help, const Labels& labels, double by = 1);
  // Takes away every series whose label "relationship" is `relationship`.
  void Forget(std::string_view relationship);

  // Prometheus' text format.
  std::string Text() const;

  // What /readyz answers: 200 when empty, else 503 with this text. Starts as "starting".
  void SetNotReady(std::string reason);
  std::string NotReady() const;

  // The protocol thread calls it at each turn; /healthz answers 503 when that, or the construction,
  // is longer than 5 s ago.
  void Alive();
  bool IsAlive() const;

 private:
  struct State;
  std::unique_ptr<Clock> own_clock_;
  std::unique_ptr<State> state_;
};

}  // namespace nestor::runtime
