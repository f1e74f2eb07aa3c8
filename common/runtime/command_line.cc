#include "common/runtime/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>

namespace nestor::runtime {

std::variant<CommandLine, ExitCode> ParseCommandLine(const ProgramName& program, int argc,
                                                     const char* const* argv) {
  CommandLine line{.config_file = std::string(program.default_config)};
  CLI::App app{std::string(program.purpose), std::string(program.name)};
  app.add_option("--config", line.config_file,
                 fmt::format("The agent's configuration, otherwise {}", program.default_config))
      ->option_text("FILE");
  app.add_flag("--check-config", line.check_config,
               "Say what is wrong with the configuration; exit 0 if nothing is, else 78");
  app.set_version_flag("--version", fmt::format("{} {}", program.name, program.version));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& stop) {
    return app.exit(stop) == 0 ? kExitOk : kExitUsage;
  }
  return line;
}

}  // namespace nestor::runtime
