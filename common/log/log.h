#pragma once

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <string>

namespace nestor {

// Texts of Kea and of peers may hold more lines; a log line is one.
inline std::string OneLine(std::string text) {
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20; };
  std::replace_if(text.begin(), text.end(), is_control, ' ');
  return text;
}

}  // namespace nestor

// One log line: `ID key=value ...`. Each ID stands in docs/messages.md, which a script checks; so
// write it as a literal. `relationship=` and `change=` are given where they apply.
//
//   NESTOR_LOG(warn, "APPLY_WAITING", "relationship={} wait_ms={}", name, wait_ms);
#define NESTOR_LOG(level, id, pattern, ...) \
  spdlog::level("{}", ::nestor::OneLine(::fmt::format(id " " pattern __VA_OPT__(, ) __VA_ARGS__)))
