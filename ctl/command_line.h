#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "nestor/v1/operator.pb.h"

namespace nestor::ctl {

// What was asked for on the command line.
struct Invocation {
  std::string agent;     // an endpoint or a path; empty: the agent of this host
  std::string key_file;  // both files or neither
  std::string server_key_file;
  bool json = false;
  v1::OperatorRequest request;  // no verb: keygen
  std::optional<std::string> keygen_name;
  std::string file;  // whose text the request is to carry
  bool yes = false;  // what changes both servers is not asked about
};

// There is nothing to do but print and exit.
struct Finished {
  int exit_code = 0;
  std::string out;
  std::string err;
};

// Reads `arguments`, the program's name left out, and the environment variable NESTOR_AGENT.
std::variant<Invocation, Finished> ParseCommandLine(std::vector<std::string> arguments,
                                                    const std::string& version);

}  // namespace nestor::ctl
