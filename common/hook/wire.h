#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/config/object_set.h"
#include "common/hook/objects.h"
#include "common/kea/kea_control.h"

// What the library's commands have in common: docs/kea-hook.md.
namespace nestor::hook {

inline constexpr std::string_view kGet = "nestor-get";

// Sends one of the library's commands. Errors as KeaControl::Send, and NotFound where Kea does not
// know the command.
absl::StatusOr<kea::Answer> Ask(kea::KeaControl& kea, std::string_view command,
                                std::string_view arguments, absl::Duration timeout);

// The same, for a command that has nothing to tell when it fails. FailedPrecondition: it failed.
absl::StatusOr<kea::Answer> AskWell(kea::KeaControl& kea, std::string_view command,
                                    std::string_view arguments, absl::Duration timeout);

// FailedPrecondition, with Kea's words.
absl::Status Refused(std::string_view command, const kea::Answer& answer);

// DataLoss: the answer to `command` cannot be read; `status` says what is wrong with it.
absl::Status Unreadable(std::string_view command, const absl::Status& status);

// Appends `text` as a JSON string that Kea reads as the bytes it once wrote.
// InvalidArgument: it holds characters beyond U+00FF.
absl::Status AppendStringForKea(std::string_view text, std::string& out);

// Appends `"kind":...,"key":...`. InvalidArgument as above.
absl::Status AppendId(const config::ObjectId& id, std::string& out);

// ---- From answers. DataLoss: it is not there or not of this shape; the text begins with what.

absl::StatusOr<std::string> StringIn(const json::Value& arguments, std::string_view name);
absl::StatusOr<uint64_t> CountIn(const json::Value& arguments, std::string_view name);
absl::StatusOr<const json::Value*> ListIn(const json::Value& arguments, std::string_view name);
absl::StatusOr<config::ObjectId> IdFrom(const json::Value& object);

// {"revision", "objects", "absent"}; `whole` and `next` stay as they are by default. DataLoss also
// where an object comes twice.
absl::StatusOr<Objects> ObjectsFrom(const json::Value& arguments);

}  // namespace nestor::hook
