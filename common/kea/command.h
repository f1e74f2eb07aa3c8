#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <string_view>

#include "common/kea/kea_control.h"

namespace nestor::kea {

// {"command": ..., "arguments": ...}; `arguments` is JSON text or empty. `prefix_bytes`, if given,
// receives where in the text the arguments begin.
std::string CommandText(std::string_view command, std::string_view arguments,
                        size_t* prefix_bytes = nullptr);

// An answer as Kea sends it: a map, or a list of one map as over HTTP. DataLoss: it is neither, it
// is cut off, or its result is no number.
absl::StatusOr<Answer> ParseAnswer(std::string text);

}  // namespace nestor::kea
