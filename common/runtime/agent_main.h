#pragma once

#include <absl/status/statusor.h>

#include <functional>
#include <memory>
#include <string>

#include "common/agent/agent_config.h"
#include "common/bus/zmq_bus.h"
#include "common/runtime/command_line.h"
#include "common/runtime/host.h"

namespace nestor::runtime {

// An agent, wired: its store, its sockets, its app. Protocol thread only, but for ReloadKeys().
class Agent {
 public:
  virtual ~Agent() = default;

  virtual bus::PolledBus& Bus() = 0;
  virtual absl::Status Start() = 0;
  virtual void Tick() = 0;
  virtual void Drain() = 0;
  // What it does for its relationships, for `systemctl status`.
  virtual std::string StatusLine() const = 0;

  // Reads the authorised keys anew. Any thread. Unavailable: the directory cannot be read, and they
  // are what they were.
  virtual absl::Status ReloadKeys() = 0;
};

// What makes one of the two programs.
struct Program {
  ProgramName name;
  agent::Role role;
  // Opens the store, then the sockets. InvalidArgument: the configuration is wrong; any other
  // error: what the agent needs is not to be had.
  std::function<absl::StatusOr<std::unique_ptr<Agent>>(Host&)> open;
};

// The main() of an agent, from the command line to the exit code: checks what it was given, runs
// the agent until SIGTERM or SIGINT, drains. SIGHUP has log level and authorised keys read anew.
//
// It ends the process by itself where returning would mean waiting: with 0 on a second SIGTERM or
// SIGINT; with the code it would have returned, when a worker still waits for Kea or the disk 5 s
// after the end (what that was doing is recovered at the next start, as after a crash); with 70 on
// an exception, on whatever thread. Once per process, before there are other threads.
int AgentMain(const Program& program, int argc, const char* const* argv);

}  // namespace nestor::runtime
