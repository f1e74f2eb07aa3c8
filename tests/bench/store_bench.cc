// What a change costs the primary beside SQLite itself, and what its base costs, on a real file.
#include <benchmark/benchmark.h>

#include <string>
#include <vector>

#include "tests/bench/disk.h"
#include "tests/bench/sockets.h"
#include "tests/bench/turns.h"

namespace nestor::bench {
namespace {

constexpr int kBatch = 200;
constexpr char kTopic[] = "nestor.v1.east.dhcp4.change";

// Changes of 1 KiB journaled and published, per second, to a follower over CURVE; the limit is bare
// commits of the same bytes into one table. The two take turns, a batch each, so that both meet the
// disk in the same mood. Goal: `ratio`, the median of the batches', at least 0.8.
void JournaledPublish(benchmark::State& state) {
  const Folder folder;
  BareTable bare(folder.File("bare.db"));
  Changes changes(folder.File("journal.db"));
  const std::string bytes(Changes::kEnvelopeBytes + Changes::kReplacedBytes, 'b');
  Buses buses;
  int heard = 0;
  buses.follower->OnEvent([&](std::string_view, std::string_view) { ++heard; });
  Connect(buses, kTopic, bytes, heard);
  std::vector<double> rates, bare_rates, ratios;
  for (auto _ : state) {
    const double bare_s = Seconds([&] {
      for (int i = 0; i < kBatch; ++i) bare.Append(bytes);
    });
    heard = 0;
    const double measured_s = Seconds([&] {
      for (int i = 0; i < kBatch; ++i) buses.publisher->Publish(kTopic, changes.Append());
    });
    Run(*buses.follower, [&] { return heard >= kBatch; });
    rates.push_back(kBatch / measured_s);
    bare_rates.push_back(kBatch / bare_s);
    ratios.push_back(bare_s / measured_s);
    state.SetIterationTime(measured_s);
  }
  state.counters["per_s"] = Median(rates);
  state.counters["limit_per_s"] = Median(bare_rates);
  state.counters["ratio"] = Median(ratios);
}
BENCHMARK(JournaledPublish)->UseManualTime()->Iterations(25)->Unit(benchmark::kMillisecond);

// A configuration of 100,000 reservations: what is kept to rebuild the head from.
void SaveAndLoadBase(benchmark::State& state) {
  const Folder folder;
  const Changes changes(folder.File("journal.db"));
  const std::string base(25'000'000, 'b');
  for (auto _ : state) {
    OrExit(changes.journal->SaveBase("east", 0, base));
    if (OrExit(changes.journal->LoadBase("east")).packed.size() != base.size()) {
      state.SkipWithError("the base was not kept");
    }
  }
  state.SetBytesProcessed(static_cast<int64_t>(base.size()) * state.iterations());
}
BENCHMARK(SaveAndLoadBase)->Iterations(5)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace nestor::bench

BENCHMARK_MAIN();
