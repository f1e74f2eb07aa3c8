// What it costs to know a configuration: from the text Kea reports to the digest, and from two
// configurations to what changed. Both at 100,000 reservations, each held against the least that it
// can cost, measured in turns in the same run; `ratio` is the median of the turns' ratios.
#include <benchmark/benchmark.h>
#include <malloc.h>
#include <openssl/evp.h>
#include <rapidjson/document.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <new>
#include <optional>
#include <string>

#include "common/base/status.h"
#include "common/config/kea_config.h"
#include "tests/bench/turns.h"

namespace {

// While counting: bytes allocated by C++ and not yet freed, and the most there were. One thread
// only.
bool counting = false;
size_t allocated = 0, peak = 0;

}  // namespace

// Kept from being inlined: GCC takes malloc behind a visible operator new for a mistake.
[[gnu::noinline]] void* operator new(size_t size) {
  void* const memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  if (counting) {
    allocated += malloc_usable_size(memory);
    peak = std::max(peak, allocated);
  }
  return memory;
}
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  if (counting) allocated -= malloc_usable_size(memory);
  std::free(memory);
}
void operator delete(void* memory, size_t) noexcept { operator delete(memory); }

namespace nestor::config {
namespace {

constexpr int kSubnets = 100;
constexpr int kReservationsInEach = 1000;

// The answer of kea-dhcp4 2.2 to config-get, members and white space as it writes them.
std::string Reported() {
  std::string text = R"({ "Dhcp4": { "authoritative": false, "boot-file-name": "", "subnet4": [ )";
  for (int subnet = 0; subnet < kSubnets; ++subnet) {
    text += fmt::format(
        R"({}{{ "4o6-interface": "", "4o6-interface-id": "", "4o6-subnet": "", )"
        R"("calculate-tee-times": false, "id": {}, "max-valid-lifetime": 7200, )"
        R"("min-valid-lifetime": 7200, "option-data": [  ], "pools": [ {{ "option-data": [  ], )"
        R"("pool": "10.{}.128.0-10.{}.128.200" }} ], "relay": {{ "ip-addresses": [  ] }}, )"
        R"("reservations": [ )",
        subnet > 0 ? ", " : "", subnet + 1, subnet, subnet);
    for (int i = 0; i < kReservationsInEach; ++i) {
      const int n = subnet * kReservationsInEach + i;
      text += fmt::format(
          R"({}{{ "boot-file-name": "", "client-classes": [  ], "hostname": "host-{}", )"
          R"("hw-address": "02:00:00:{:02x}:{:02x}:{:02x}", "ip-address": "10.{}.{}.{}", )"
          R"("next-server": "0.0.0.0", "option-data": [  ], "server-hostname": "" }})",
          i > 0 ? ", " : "", n, n >> 16, (n >> 8) & 255, n & 255, subnet, i / 250 + 1, i % 250 + 1);
    }
    text += fmt::format(
        R"( ], "store-extended-info": false, "subnet": "10.{}.0.0/16", "t1-percent": 0.5, )"
        R"("t2-percent": 0.875, "valid-lifetime": 7200 }})",
        subnet);
  }
  return text + R"( ], "valid-lifetime": 7200 } })";
}

ObjectSet Read(std::string text) {
  auto document = json::ParseKea(std::move(text));
  if (!document.ok()) std::exit(1);
  auto set = Extract(DhcpService::kDhcp4, document->root());
  if (!set.ok()) std::exit(1);
  return *std::move(set);
}

template <unsigned flags>
double ParseAndHash(std::string text) {
  return bench::Seconds([&] {
    benchmark::DoNotOptimize(HashOf(text));
    rapidjson::Document document;
    document.ParseInsitu<flags>(text.data());
    benchmark::DoNotOptimize(document.HasParseError());
  });
}

// From the text to the digest, against RapidJSON's parsing of it, checked as what comes from
// outside has to be, and hashing its bytes. Goal: 3 at most. `trusting_ratio` is against a
// RapidJSON that believes every byte to be UTF-8 and takes the last digit of a number as it comes.
void Digest(benchmark::State& state) {
  constexpr unsigned kInPlace = rapidjson::kParseInsituFlag;
  constexpr unsigned kChecked =
      kInPlace | rapidjson::kParseValidateEncodingFlag | rapidjson::kParseFullPrecisionFlag;
  const std::string text = Reported();
  bench::Turns turns, trusting;
  for (auto _ : state) {
    std::string mine = text;
    std::optional<ObjectSet> set;
    const double measured = bench::Seconds([&] {
      set = Read(std::move(mine));
      benchmark::DoNotOptimize(set->Digest());
    });
    set.reset();
    turns.Add(measured, ParseAndHash<kChecked>(text));
    trusting.Add(measured, ParseAndHash<kInPlace>(text));
    state.SetIterationTime(measured);
  }
  turns.Report(state, 1e3, "ms");
  state.counters["trusting_ratio"] = bench::Median(trusting.ratios);
  state.counters["MB"] = static_cast<double>(text.size()) / 1e6;
}
BENCHMARK(Digest)->UseManualTime()->Iterations(15)->Unit(benchmark::kMillisecond);

// What one changed reservation is found by, against one pass over the objects of both sets that
// compares ids and digests. Goals: 2 at most, and 20 MiB of memory at most.
void DiffOfOne(benchmark::State& state) {
  const ObjectSet before = Read(Reported());
  ObjectSet after = before;
  const ObjectId changed{Kind::kReservation, "51/hw-address/02:00:00:00:c3:50"};
  if (before.Find(changed) == nullptr) return state.SkipWithError("no such reservation");
  after.Put(changed, R"({"hostname":"changed"})");
  const auto all_before = before.InOrder(), all_after = after.InOrder();
  bench::Turns turns;
  for (auto _ : state) {
    counting = true;
    const double measured = bench::Seconds([&] {
      if (Diff(before, after).size() != 1) state.SkipWithError("not one change");
    });
    counting = false;
    size_t different = 0;
    const double limit = bench::Seconds([&] {
      for (size_t i = 0; i < all_before.size(); ++i) {
        const auto& b = *all_before[i];
        const auto& a = *all_after[i];
        different += b.first != a.first || b.second.digest != a.second.digest;
      }
    });
    if (different != 1) state.SkipWithError("the pass found other than one");
    turns.Add(measured, limit);
    state.SetIterationTime(measured);
  }
  turns.Report(state, 1e3, "ms");
  state.counters["extra_MiB"] = static_cast<double>(peak) / (1 << 20);
}
BENCHMARK(DiffOfOne)->UseManualTime()->Iterations(50)->Unit(benchmark::kMillisecond);

// A copy of the whole with one object changed, and its digest: what each change costs an agent each
// time that it takes a configuration further.
void CopyWithOneChange(benchmark::State& state) {
  auto set = std::make_shared<const ObjectSet>(Read(Reported()));
  (void)set->Digest();
  const ObjectId changed{Kind::kReservation, "51/hw-address/02:00:00:00:c3:50"};
  int n = 0;
  for (auto _ : state) {
    auto next = std::make_shared<ObjectSet>(*set);
    next->Put(changed, fmt::format("{{\"n\":{}}}", ++n));
    benchmark::DoNotOptimize(next->Digest());
    set = std::move(next);
  }
}
BENCHMARK(CopyWithOneChange)->Unit(benchmark::kMicrosecond);

// The digest after one change: one object, one bucket, one kind and the root are hashed.
void DigestAfterOneChange(benchmark::State& state) {
  ObjectSet set = Read(Reported());
  (void)set.Digest();
  const ObjectId changed{Kind::kReservation, "51/hw-address/02:00:00:00:c3:50"};
  int n = 0;
  for (auto _ : state) {
    set.Put(changed, fmt::format("{{\"n\":{}}}", ++n));
    benchmark::DoNotOptimize(set.Digest());
  }
}
BENCHMARK(DigestAfterOneChange)->Unit(benchmark::kMillisecond);

// From the objects to the text for config-set.
void ComposeAll(benchmark::State& state) {
  const ObjectSet set = Read(Reported());
  const auto local = json::Parse(R"({"Dhcp4":{}})");
  for (auto _ : state) {
    const auto text = Compose(DhcpService::kDhcp4, local->root(), set);
    if (!text.ok()) state.SkipWithError("not composed");
    benchmark::DoNotOptimize(text);
  }
}
BENCHMARK(ComposeAll)->Iterations(10)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace nestor::config

BENCHMARK_MAIN();
