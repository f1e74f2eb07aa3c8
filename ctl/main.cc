// nestorctl: what an operator asks of Nestor's agents.

#include <cstdio>
#include <exception>

#include "ctl/command_line.h"
#include "ctl/exit_code.h"
#include "ctl/run.h"

int main(int argc, char** argv) {
  using namespace nestor::ctl;
  try {
    const auto parsed = ParseCommandLine({argv + 1, argv + argc}, NESTOR_VERSION);
    if (const auto* finished = std::get_if<Finished>(&parsed)) {
      std::fputs(finished->out.c_str(), stdout);
      std::fputs(finished->err.c_str(), stderr);
      return finished->exit_code;
    }
    return Run(std::get<Invocation>(parsed));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "nestorctl: internal error: %s\n", error.what());
    return kInternal;
  }
}
