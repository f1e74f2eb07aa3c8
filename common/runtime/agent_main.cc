#include "common/runtime/agent_main.h"

#include <absl/time/clock.h>
#include <fmt/format.h>
#include <google/protobuf/stubs/logging.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <string>
#include <utility>
#include <variant>

#include "common/base/status.h"
#include "common/log/log.h"
#include "common/runtime/config_files.h"
#include "common/runtime/descriptors.h"
#include "common/runtime/http_endpoint.h"
#include "common/runtime/logging.h"
#include "common/runtime/memory.h"
#include "common/runtime/signals.h"
#include "common/runtime/supervisor.h"

namespace nestor::runtime {
namespace {

constexpr absl::Duration kTellSupervisorEach = absl::Seconds(1);
constexpr absl::Duration kReleaseMemoryEach = absl::Minutes(1);
constexpr absl::Duration kGoodbye = absl::Milliseconds(100);
constexpr absl::Duration kPatienceAtEnd = absl::Seconds(5);

std::string_view RoleName(agent::Role role) {
  return role == agent::Role::kPrimary ? "primary" : "secondary";
}

// One run of an agent, from the state directory to the goodbye.
class Tenure {
 public:
  // All must outlive it.
  Tenure(const Program& program, const CommandLine& line, Host& host, Signals& signals)
      : program_(program), line_(line), host_(host), signals_(signals), supervisor_(host.clock) {}

  // Errors as Program::open.
  absl::Status Start();
  // Until a signal stops it.
  void Serve();
  // True: no thread uses the agent any more.
  bool End();

 private:
  void OnSignal();
  void Reload();
  void Turn();
  void TellSupervisor();

  const Program& program_;
  const CommandLine& line_;
  Host& host_;
  Signals& signals_;
  Supervisor supervisor_;
  std::unique_ptr<Agent> agent_;
  std::unique_ptr<HttpEndpoint> http_;
  bool stopping_ = false;
  Instant tell_supervisor_{}, release_memory_{};
};

absl::Status Tenure::Start() {
  RETURN_IF_ERROR(host_.PrepareState());
  RETURN_IF_ERROR(host_.ListenToKeas());
  ASSIGN_OR_RETURN(agent_, program_.open(host_));
  if (!host_.config.http.empty()) {
    ASSIGN_OR_RETURN(http_, HttpEndpoint::Open(host_.config.http, host_.metrics));
  }
  host_.metrics.Set("nestor_agent_info", "What this agent is.",
                    {{"role", std::string(RoleName(program_.role))},
                     {"server", host_.config.server_name},
                     {"version", host_.version}},
                    1);
  return agent_->Start();
}

void Tenure::Serve() {
  host_.loop.Serve(agent_->Bus());
  host_.loop.Watch(signals_.fd(), [this] { OnSignal(); });
  NESTOR_LOG(info, "AGENT_STARTED", "role={} server={} version={}", RoleName(program_.role),
             host_.config.server_name, host_.version);
  host_.loop.Run([this] { Turn(); });
}

bool Tenure::End() {
  if (agent_ != nullptr && stopping_) {
    agent_->Drain();
    absl::SleepFor(kGoodbye);  // ZeroMQ's own thread sends it meanwhile
  }
  if (!host_.Stop(kPatienceAtEnd)) {
    NESTOR_LOG(warn, "WORK_ABANDONED", "waited_s={}", absl::ToInt64Seconds(kPatienceAtEnd));
    return false;
  }
  if (stopping_) NESTOR_LOG(info, "AGENT_STOPPED", "server={}", host_.config.server_name);
  return true;
}

void Tenure::OnSignal() {
  while (const std::optional<Signal> signal = signals_.Next()) {
    switch (*signal) {
      case Signal::kReload:
        Reload();
        break;
      case Signal::kStop:
        if (stopping_) break;
        stopping_ = true;
        NESTOR_LOG(info, "AGENT_STOPPING", "server={}", host_.config.server_name);
        supervisor_.Stopping();
        host_.loop.Stop();
        Signals::ExitOnNextStop();
        break;
    }
  }
}

void Tenure::Reload() {
  host_.disk.Post([this] {
    const auto config = ReadConfig(program_.role, line_.config_file);
    if (config.ok()) SetLogLevel(config->log_level);
    for (const absl::Status& status : {config.status(), agent_->ReloadKeys()}) {
      if (status.ok()) continue;
      NESTOR_LOG(warn, "RELOAD_FAILED", "error=\"{}\"", Message(status));
      return;
    }
    NESTOR_LOG(info, "RELOADED", "log_level={}", config->log_level);
  });
}

void Tenure::Turn() {
  agent_->Tick();
  host_.metrics.Alive();
  supervisor_.Tick();
  const Instant now = host_.clock.Now();
  if (now >= tell_supervisor_ || !supervisor_.ready()) {
    tell_supervisor_ = now + kTellSupervisorEach;
    TellSupervisor();
  }
  if (now >= release_memory_) {
    release_memory_ = now + kReleaseMemoryEach;
    host_.disk.Post(ReleaseFreeMemory);
  }
}

void Tenure::TellSupervisor() {
  const std::string waiting = host_.metrics.NotReady();
  supervisor_.Status(waiting.empty() ? agent_->StatusLine() : "waiting: " + waiting);
  if (waiting.empty()) supervisor_.Ready();
}

// What nobody caught ends the process, but not without a word.
[[noreturn]] void LogAndExit() {
  std::string what = "std::terminate";
  if (const std::exception_ptr thrown = std::current_exception()) {
    try {
      std::rethrow_exception(thrown);
    } catch (const std::exception& exception) {
      what = exception.what();
    } catch (...) {
      what = "an exception of unknown type";
    }
  }
  NESTOR_LOG(critical, "INTERNAL_ERROR", "error=\"{}\"", what);
  ::_exit(kExitInternal);
}

ExitCode Complain(const ProgramName& program, const absl::Status& status) {
  fmt::print(stderr, "{}: {}\n", program.name, Message(status));
  return ExitCodeFor(status);
}

ExitCode Check(const Program& program, const CommandLine& line, const agent::AgentConfig& config) {
  const absl::Status status = CheckAuthorizedKeys(config);
  if (!status.ok()) return Complain(program.name, status);
  fmt::print("{}: nothing is wrong\n", line.config_file);
  return kExitOk;
}

ExitCode Serve(const Program& program, const CommandLine& line, agent::AgentConfig config,
               Keys keys) {
  AllowManyDescriptors();
  BoundMemory();
  StartLogging();
  SetLogLevel(config.log_level);
  std::set_terminate(LogAndExit);
  Signals signals;
  Host host(std::move(config), std::move(keys), std::string(program.name.version));
  Tenure tenure(program, line, host, signals);
  const absl::Status started = tenure.Start();
  if (started.ok()) {
    tenure.Serve();
  } else {
    NESTOR_LOG(error, "START_FAILED", "exit={} error=\"{}\"",
               static_cast<int>(ExitCodeFor(started)), Message(started));
  }
  if (!tenure.End()) ::_exit(ExitCodeFor(started));
  return ExitCodeFor(started);
}

}  // namespace

int AgentMain(const Program& program, int argc, const char* const* argv) {
  const auto parsed = ParseCommandLine(program.name, argc, argv);
  if (const ExitCode* code = std::get_if<ExitCode>(&parsed)) return *code;
  const auto& line = std::get<CommandLine>(parsed);
  auto config = ReadConfig(program.role, line.config_file);
  if (!config.ok()) return Complain(program.name, config.status());
  auto keys = ReadKeys(*config);
  if (!keys.ok()) return Complain(program.name, keys.status());
  if (line.check_config) return Check(program, line, *config);
  // A message that cannot be parsed is told by who refuses it, not by the parser.
  google::protobuf::SetLogHandler(nullptr);
  return Serve(program, line, *std::move(config), *std::move(keys));
}

}  // namespace nestor::runtime
