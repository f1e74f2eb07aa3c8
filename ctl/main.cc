// nestorctl: what an operator asks of Nestor's agents.

#include <cstdio>
#include <exception>
#include <variant>

#include "ctl/command_line.h"
#include "ctl/exit_code.h"
#include "ctl/run.h"

int main(int argc, char** argv) {
  namespace ctl = nestor::ctl;
  try {
    const auto parsed = ctl::ParseCommandLine({argv + 1, argv + argc}, NESTOR_VERSION);
    if (const auto* finished = std::get_if<ctl::Finished>(&parsed)) {
      std::fputs(finished->out.c_str(), stdout);
      std::fputs(finished->err.c_str(), stderr);
      return finished->exit_code;
    }
    return ctl::Run(std::get<ctl::Invocation>(parsed));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "nestorctl: internal error: %s\n", error.what());
    return ctl::kInternal;
  }
}
