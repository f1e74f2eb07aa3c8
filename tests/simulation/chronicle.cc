#include "tests/simulation/chronicle.h"

#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>

#include <cstdio>
#include <memory>

#include "tests/simulation/process.h"

namespace nestor::simulation {
namespace {

Chronicle* current = nullptr;

// Only one thread of a simulation runs at a time, so no lock is needed.
class Sink final : public spdlog::sinks::base_sink<spdlog::details::null_mutex> {
 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    if (current == nullptr) return;
    current->Log(message.level >= spdlog::level::err,
                 {message.payload.data(), message.payload.size()});
  }
  void flush_() override {}
};

}  // namespace

Chronicle::Chronicle(Scheduler& scheduler, bool tell) : scheduler_(scheduler), tell_(tell) {
  current = this;
  spdlog::set_default_logger(
      std::make_shared<spdlog::logger>("simulation", std::make_shared<Sink>()));
  spdlog::set_level(tell ? spdlog::level::info : spdlog::level::err);
}

Chronicle::~Chronicle() { current = nullptr; }

void Chronicle::Tell(std::string_view text) const {
  fmt::print("{:>11.6f} {}\n", absl::ToDoubleSeconds(scheduler_.Now()), text);
}

void Chronicle::Violate(std::string_view oracle, std::string text) {
  Note("VIOLATION {}: {}", oracle, text);
  if (!violation_) violation_ = fmt::format("{}: {}", oracle, text);
  scheduler_.Stop();
}

void Chronicle::Log(bool error, std::string_view line) {
  const auto* process = static_cast<const Process*>(scheduler_.Context());
  if (process != nullptr && !process->alive()) return;  // the dead say nothing
  Note("{} {}", process == nullptr ? "-" : process->name(), line);
  if (error && !expected_.contains(line.substr(0, line.find(' ')))) {
    Violate("no unexpected error", std::string(line));
  }
}

}  // namespace nestor::simulation
