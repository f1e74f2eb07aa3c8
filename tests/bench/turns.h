#pragma once

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string>
#include <vector>

#include "common/base/status.h"

namespace nestor::bench {

template <typename T>
T OrExit(absl::StatusOr<T> result) {
  if (result.ok()) return *std::move(result);
  fmt::print(stderr, "{}\n", result.status().ToString());
  std::exit(1);
}
inline void OrExit(const absl::Status& status) {
  if (status.ok()) return;
  fmt::print(stderr, "{}\n", status.ToString());
  std::exit(1);
}

template <typename Work>
double Seconds(Work&& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

inline double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// The median of `times` runs of `work`, in seconds.
template <typename Work>
double MedianOf(int times, Work&& work) {
  std::vector<double> each;
  for (int i = 0; i < times; ++i) each.push_back(Seconds(work));
  return Median(std::move(each));
}

// Times of what is measured and of its limit, turn by turn.
struct Turns {
  std::vector<double> measured, limit, ratios;

  void Add(double measured_s, double limit_s) {
    measured.push_back(measured_s);
    limit.push_back(limit_s);
    ratios.push_back(measured_s / limit_s);
  }
  void Report(benchmark::State& state, double in_unit, const std::string& unit) const {
    state.counters[unit] = in_unit * Median(measured);
    state.counters["limit_" + unit] = in_unit * Median(limit);
    state.counters["ratio"] = Median(ratios);
  }
};

}  // namespace nestor::bench
