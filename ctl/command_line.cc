#include "ctl/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <sstream>
#include <utility>

#include "ctl/exit_code.h"
#include "ctl/verbs.h"

namespace nestor::ctl {
namespace {

constexpr char kFooter[] =
    "Exit codes: 0 done (status: OK; diff: same), 1 status: impaired; diff: differs, 2 status: "
    "down,\n64 usage, 65 refused, 69 agent not reachable, 70 internal error, 75 timed out: state "
    "unknown.";

std::string Complaint(const CLI::App* app, const CLI::Error& error) {
  std::string what = error.what();
  if (what == CLI::RequiredError::Subcommand(1).what()) {
    constexpr bool kOfVerbsToo = true;
    const std::vector<std::string> rest = app->remaining(kOfVerbsToo);
    what = rest.empty() ? "a verb is missing" : fmt::format("there is no verb {}", rest.front());
  }
  return fmt::format("nestorctl: {}\nSee nestorctl --help, or --help behind the verb.\n", what);
}

}  // namespace

std::variant<Invocation, Finished> ParseCommandLine(std::vector<std::string> arguments,
                                                    const std::string& version) {
  Invocation invocation;
  CLI::App app("What Nestor's agents know and do, from the command line.", "nestorctl");
  try {
    app.set_version_flag("--version", "nestorctl " + version);
    app.require_subcommand(1);
    app.fallthrough();
    app.failure_message(Complaint);
    app.footer(kFooter);
    Verbs verbs(app, invocation);
    std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them from the back
    app.parse(std::move(arguments));
    verbs.Finish();
    return invocation;
  } catch (const CLI::Error& error) {
    std::ostringstream out;
    std::ostringstream err;
    const bool asked_for = app.exit(error, out, err) == 0;
    return Finished{asked_for ? kDone : kUsage, out.str(), err.str()};
  }
}

}  // namespace nestor::ctl
