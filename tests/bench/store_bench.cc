// What the journal costs beside SQLite itself: appended changes per second on a real file, held
// against bare commits of the same bytes into one table in the same run.
//
// The two take turns, a batch each, so that both meet the disk in the same mood; the last line is
// the median of the batches' ratios (goal: at least 0.8).
#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "common/store/journal.h"

namespace nestor::store {
namespace {

constexpr size_t kEnvelopeBytes = 1024;
constexpr size_t kReplacedBytes = 256;
constexpr int kBatch = 200;

class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::current_path() / "store-bench-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string File(std::string_view name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

JournaledChange ChangeOf(uint64_t sequence) {
  JournaledChange change;
  change.sequence = sequence;
  change.term = 1;
  change.digest_after = std::string(32, 'd');
  change.envelope = std::string(kEnvelopeBytes, static_cast<char>(sequence));
  change.replaced = std::string(kReplacedBytes, 'r');
  change.upserted = 1;
  change.origin = "reload";
  change.noticed = absl::FromUnixSeconds(1'800'000'000);
  return change;
}

// The least that SQLite can do for the same durability.
class BareTable {
 public:
  explicit BareTable(const std::string& path) {
    Check(sqlite3_open(path.c_str(), &handle_));
    Check(sqlite3_exec(handle_,
                       "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL;"
                       "PRAGMA synchronous = FULL;"
                       "CREATE TABLE bare(id INTEGER PRIMARY KEY, data BLOB)",
                       nullptr, nullptr, nullptr));
    Check(sqlite3_prepare_v2(handle_, "INSERT INTO bare(data) VALUES(?1)", -1, &insert_, nullptr));
  }
  ~BareTable() {
    sqlite3_finalize(insert_);
    sqlite3_close(handle_);
  }
  void Append(const std::string& bytes) {
    sqlite3_bind_blob64(insert_, 1, bytes.data(), bytes.size(), nullptr);
    if (sqlite3_step(insert_) != SQLITE_DONE) Check(SQLITE_ERROR);
    Check(sqlite3_reset(insert_));
  }

 private:
  void Check(int code) {
    if (code == SQLITE_OK) return;
    fmt::print(stderr, "{}\n", sqlite3_errmsg(handle_));
    std::exit(1);
  }
  sqlite3* handle_ = nullptr;
  sqlite3_stmt* insert_ = nullptr;
};

template <typename Work>
double Seconds(Work&& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

void JournaledAppend(benchmark::State& state) {
  const Folder folder;
  BareTable bare(folder.File("bare.db"));
  auto journal = Journal::Open({.path = folder.File("journal.db")});
  if (!journal.ok() || !(*journal)->Begin("east", "stream").ok()) {
    state.SkipWithError("the journal cannot be opened");
    return;
  }
  const std::string bytes(kEnvelopeBytes + kReplacedBytes, 'b');
  uint64_t sequence = 0;
  std::vector<double> bare_rates, journal_rates, ratios;
  for (auto _ : state) {
    const double bare_seconds = Seconds([&] {
      for (int i = 0; i < kBatch; ++i) bare.Append(bytes);
    });
    const double journal_seconds = Seconds([&] {
      for (int i = 0; i < kBatch; ++i) {
        if (!(*journal)->Append("east", ChangeOf(++sequence)).ok()) {
          state.SkipWithError("the journal refused a change");
        }
      }
    });
    bare_rates.push_back(kBatch / bare_seconds);
    journal_rates.push_back(kBatch / journal_seconds);
    ratios.push_back(bare_seconds / journal_seconds);
    state.SetIterationTime(journal_seconds);
  }
  state.counters["journal_per_s"] = Median(journal_rates);
  state.counters["bare_per_s"] = Median(bare_rates);
  state.counters["ratio"] = Median(ratios);
}
BENCHMARK(JournaledAppend)->UseManualTime()->Iterations(25)->Unit(benchmark::kMillisecond);

// A configuration of 100,000 reservations: what is kept to rebuild the head from.
void SaveAndLoadBase(benchmark::State& state) {
  const Folder folder;
  auto journal = Journal::Open({.path = folder.File("journal.db")});
  if (!journal.ok() || !(*journal)->Begin("east", "stream").ok()) {
    state.SkipWithError("the journal cannot be opened");
    return;
  }
  const std::string base(25'000'000, 'b');
  for (auto _ : state) {
    if (!(*journal)->SaveBase("east", 0, base).ok() ||
        (*journal)->LoadBase("east")->packed.size() != base.size()) {
      state.SkipWithError("the base was not kept");
    }
  }
  state.SetBytesProcessed(static_cast<int64_t>(base.size()) * state.iterations());
}
BENCHMARK(SaveAndLoadBase)->Iterations(5)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace nestor::store

BENCHMARK_MAIN();
