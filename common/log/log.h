#pragma once

#include <spdlog/spdlog.h>

// One log line: `ID key=value ...`. Each ID stands in docs/messages.md, which a script checks; so
// write it as a literal. `relationship=` and `change=` are given where they apply.
//
//   NESTOR_LOG(warn, "APPLY_WAITING", "relationship={} wait_ms={}", name, wait_ms);
#define NESTOR_LOG(level, id, format, ...) spdlog::level(id " " format __VA_OPT__(, ) __VA_ARGS__)
