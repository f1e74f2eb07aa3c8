#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <fmt/format.h>

#include <string_view>
#include <utility>

// Returns from the enclosing function if `expr` is not OK.
#define RETURN_IF_ERROR(expr)                                  \
  do {                                                         \
    if (absl::Status status_macro_value = (expr); !status_macro_value.ok()) { \
      return status_macro_value;                               \
    }                                                          \
  } while (false)

#define NESTOR_STATUS_CONCAT_INNER(a, b) a##b
#define NESTOR_STATUS_CONCAT(a, b) NESTOR_STATUS_CONCAT_INNER(a, b)

// `ASSIGN_OR_RETURN(auto x, Expr())`: declares x, or returns Expr()'s error.
#define ASSIGN_OR_RETURN(lhs, expr) \
  ASSIGN_OR_RETURN_INNER(NESTOR_STATUS_CONCAT(status_or_, __LINE__), lhs, expr)
#define ASSIGN_OR_RETURN_INNER(holder, lhs, expr)  \
  auto holder = (expr);                            \
  if (!holder.ok()) return std::move(holder).status(); \
  lhs = *std::move(holder)

namespace nestor {

// An error of `code` with a formatted text.
template <typename... Args>
absl::Status Error(absl::StatusCode code, fmt::format_string<Args...> format, Args&&... args) {
  const std::string text = fmt::format(format, std::forward<Args>(args)...);
  return absl::Status(code, absl::string_view(text.data(), text.size()));
}

// The message of `status` as std's string_view, which Abseil's packaged one does not convert to.
inline std::string_view Message(const absl::Status& status) {
  return {status.message().data(), status.message().size()};
}

// `status` with "`context`: " before its text.
inline absl::Status Annotate(const absl::Status& status, std::string_view context) {
  if (status.ok()) return status;
  return Error(status.code(), "{}: {}", context, Message(status));
}

}  // namespace nestor
