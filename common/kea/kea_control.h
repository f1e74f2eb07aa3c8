#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <string>
#include <string_view>

#include "common/json/json.h"

namespace nestor::kea {

// What Kea answered to one command.
struct Answer {
  int result = 0;        // Kea's: 0 success, 1 error, 2 unsupported command, 3 empty, 5 fatal
  std::string text;      // Kea's own words
  json::Document whole;  // the answer; arguments() is inside it

  // The "arguments" of the answer, or nullptr.
  const json::Value* arguments() const { return json::Find(whole.root(), "arguments"); }
  bool ok() const { return result == 0; }
};

// The control channel of one Kea daemon. One command at a time; worker threads only. Not
// thread-safe: the worker that owns the service's Kea owns this too.
class KeaControl {
 public:
  virtual ~KeaControl() = default;

  // Sends `command`; `arguments` is the JSON text of its arguments, or empty. Blocks for at most
  // `timeout`.
  //
  // OK                a whole answer came, whatever its result.
  // Unavailable       nothing listens, or the connection broke before the command was sent whole:
  //                   Kea did nothing.
  // DeadlineExceeded  sent, and no whole answer in time: Kea may or may not have done it.
  // DataLoss          sent, and the answer is cut off or not JSON: Kea may or may not have done it.
  virtual absl::StatusOr<Answer> Send(std::string_view command, std::string_view arguments,
                                      absl::Duration timeout) = 0;
};

}  // namespace nestor::kea
