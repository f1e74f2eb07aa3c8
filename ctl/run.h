#pragma once

#include "ctl/command_line.h"

namespace nestor::ctl {

// Does what was asked for, writes to standard output and standard error, and returns what to exit
// with.
int Run(const Invocation& invocation);

}  // namespace nestor::ctl
