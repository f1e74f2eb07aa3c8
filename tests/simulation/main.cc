// Runs seeds of the simulation. A seed that fails is printed with the command that repeats it.

#include <fmt/format.h>
#include <google/protobuf/stubs/logging.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/simulation/pairing.h"
#include "tests/simulation/world.h"

namespace nestor::simulation {
namespace {

struct Arguments {
  std::string program;
  uint64_t first = 1, last = 0;
  int jobs = 1;
  bool verbose = false;
  bool pairing = false;
  bool find = false;  // a failing seed is what is looked for
  std::string without;
};

// Runs every `jobs`th seed from `offset` on; the number of seeds that fail.
int RunShare(const Arguments& arguments, uint64_t offset) {
  Options options;
  options.tell = arguments.verbose;
  options.without = RuleFromName(arguments.without).value_or(Rule::kNone);
  int failed = 0;
  for (uint64_t seed = arguments.first + offset; seed <= arguments.last;
       seed += static_cast<uint64_t>(arguments.jobs)) {
    options.seed = seed;
    const Result result = arguments.pairing ? RunPairing(options) : Run(options);
    if (arguments.verbose) {
      fmt::print("seed {}: {} events, {} of virtual time\n", seed, result.events,
                 absl::FormatDuration(result.lasted));
    }
    if (!result.violation) continue;
    ++failed;
    fmt::print("seed {} FAILED {}\n  repeat: {} --seed {}{}{} --verbose\n", seed, *result.violation,
               arguments.program, seed, arguments.pairing ? " --pairing" : "",
               arguments.without.empty() ? "" : " --without " + arguments.without);
    std::fflush(stdout);
    if (arguments.find) break;
  }
  return failed;
}

// The number of shares with a failed seed.
int RunAll(const Arguments& arguments) {
  if (arguments.jobs == 1) return RunShare(arguments, 0) > 0 ? 1 : 0;
  std::fflush(stdout);
  std::vector<pid_t> children;
  for (int job = 0; job < arguments.jobs; ++job) {
    const pid_t child = fork();
    if (child == 0) {
      const int failed = RunShare(arguments, static_cast<uint64_t>(job));
      std::fflush(stdout);
      std::_Exit(failed > 0 ? 1 : 0);
    }
    children.push_back(child);
  }
  int shares = 0;
  for (const pid_t child : children) {
    int status = 0;
    waitpid(child, &status, 0);
    shares += !WIFEXITED(status) || WEXITSTATUS(status) != 0;
  }
  return shares;
}

int Main(int argc, char** argv) {
  Arguments arguments;
  arguments.program = argv[0];
  uint64_t seed = 0;
  std::vector<uint64_t> range;
  CLI::App app("Both agents in one process, in a simulated world.");
  app.add_option("--seed", seed, "run this seed");
  app.add_option("--seeds", range, "run seeds FIRST LAST; by default 1 to $NESTOR_SEEDS, or 20")
      ->expected(2);
  app.add_option("--jobs", arguments.jobs, "processes at once")->check(CLI::Range(1, 64));
  app.add_flag("--pairing", arguments.pairing,
               "relationships are created, edited and removed, in place of replication");
  app.add_flag("--verbose", arguments.verbose, "print the event log");
  app.add_option("--without", arguments.without,
                 "take a rule away: a seed must fail, and the search ends with it")
      ->check([](const std::string& name) {
        return RuleFromName(name) ? std::string() : "there is no rule " + name;
      });
  CLI11_PARSE(app, argc, argv);
  const char* wanted = std::getenv("NESTOR_SEEDS");
  arguments.last = wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : 20;
  if (range.size() == 2) arguments.first = range[0], arguments.last = range[1];
  if (seed != 0) arguments.first = arguments.last = seed;
  arguments.find = !arguments.without.empty() && seed == 0;

  const auto begin = std::chrono::steady_clock::now();
  const int failed = RunAll(arguments);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  const uint64_t seeds = arguments.last - arguments.first + 1;
  if (!arguments.find) {
    fmt::print("{} seeds in {:.1f} s, {:.1f} seeds/s{}\n", seeds, took.count(),
               static_cast<double>(seeds) / took.count(), failed == 0 ? "" : ", some FAILED");
    return failed == 0 ? 0 : 1;
  }
  if (failed > 0) return 0;
  fmt::print("without {}, none of {} seeds fails\n", arguments.without, seeds);
  return 1;
}

}  // namespace
}  // namespace nestor::simulation

int main(int argc, char** argv) {
  google::protobuf::SetLogHandler(nullptr);  // garbage is part of the network
  return nestor::simulation::Main(argc, argv);
}
