#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "common/runtime/exit_code.h"

namespace nestor::runtime {

// What an agent was called with.
struct CommandLine {
  std::string config_file;
  bool check_config = false;
};

// What an agent is called, for people.
struct ProgramName {
  std::string_view name;            // "nestor-primary-agent"
  std::string_view purpose;         // one sentence
  std::string_view version;         // "0.1.0"
  std::string_view default_config;  // "/etc/nestor/primary-agent.json"
};

// Reads the options that both agents have. --help and --version write to standard output, a mistake
// to standard error; each comes back as the code to exit with.
std::variant<CommandLine, ExitCode> ParseCommandLine(const ProgramName& program, int argc,
                                                     const char* const* argv);

}  // namespace nestor::runtime
