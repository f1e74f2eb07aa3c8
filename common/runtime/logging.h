#pragma once

#include <spdlog/common.h>

#include <string_view>

namespace nestor::runtime {

// From now on NESTOR_LOG writes lines such as
//
//   2026-11-23T23:24:50.293Z warning APPLY_WAITING relationship=east wait_ms=200
//
// to `sink`, each at once. Not to be called while others log.
void StartLogging(spdlog::sink_ptr sink);
// The same to standard output.
void StartLogging();

// `level` as in the configuration: "trace", "debug", "info", "warning", "error". Thread-safe.
void SetLogLevel(std::string_view level);

}  // namespace nestor::runtime
