#include "common/agent/keys.h"

#include <absl/strings/ascii.h>
#include <absl/strings/str_split.h>
#include <fmt/format.h>

#include <algorithm>

#include "common/base/status.h"

namespace nestor::agent {
namespace {

constexpr size_t kKeyCharacters = 40;
constexpr std::string_view kRights = "rights:";
constexpr std::string_view kUser = "user:";
// The alphabet of Z85; neither blank nor quote is in it.
constexpr std::string_view kZ85 =
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

std::string_view Stripped(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r";
  const size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

bool IsKey(std::string_view text) {
  return text.size() == kKeyCharacters && text.find_first_not_of(kZ85) == std::string_view::npos;
}

absl::Status AddRights(std::string_view words, KeyFile& file) {
  if (file.has_rights) {
    return Error(absl::StatusCode::kInvalidArgument, "a second line of rights");
  }
  file.has_rights = true;
  const absl::string_view list(words.data(), words.size());
  for (const absl::string_view word :
       absl::StrSplit(list, absl::ByAnyChar(" \t,"), absl::SkipEmpty())) {
    bool* const right = word == "subscribe"   ? &file.subscribe
                        : word == "replicate" ? &file.replicate
                        : word == "operate"   ? &file.operate
                                              : nullptr;
    if (right == nullptr) {
      return Error(absl::StatusCode::kInvalidArgument,
                   "\"{}\" is not a right: subscribe, replicate, operate",
                   std::string_view(word.data(), word.size()));
    }
    *right = true;
  }
  return absl::OkStatus();
}

absl::Status AddUser(std::string_view name, KeyFile& file) {
  if (!file.user.empty()) return Error(absl::StatusCode::kInvalidArgument, "a second user");
  if (name.empty()) return Error(absl::StatusCode::kInvalidArgument, "user: is without a name");
  file.user = std::string(name);
  return absl::OkStatus();
}

absl::Status AddLine(std::string_view line, KeyFile& file) {
  if (line.empty() || line.starts_with('#')) return absl::OkStatus();
  if (line.starts_with(kRights)) return AddRights(line.substr(kRights.size()), file);
  if (line.starts_with(kUser)) return AddUser(Stripped(line.substr(kUser.size())), file);
  if (!IsKey(line)) {
    return Error(absl::StatusCode::kInvalidArgument,
                 "this is neither a comment (#), nor \"rights: ...\", nor \"user: ...\", nor a "
                 "key of {} characters in Z85",
                 kKeyCharacters);
  }
  if (!file.z85.empty()) return Error(absl::StatusCode::kInvalidArgument, "a second key");
  file.z85 = std::string(line);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<KeyFile> ParseKeyFile(std::string_view text) {
  KeyFile file;
  size_t number = 0;
  for (const absl::string_view line :
       absl::StrSplit(absl::string_view(text.data(), text.size()), '\n')) {
    ++number;
    const absl::Status added = AddLine(Stripped({line.data(), line.size()}), file);
    if (!added.ok()) return Annotate(added, fmt::format("line {}", number));
  }
  if (file.z85.empty()) {
    return Error(absl::StatusCode::kInvalidArgument, "line {}: the file ends without a key",
                 number);
  }
  return file;
}

std::string FormatSecret(std::string_view name, std::string_view z85) {
  return fmt::format("# Nestor secret key of {}: keep it on its host, readable by one user\n{}\n",
                     name, z85);
}

std::string FormatPublic(std::string_view name, std::string_view z85) {
  return fmt::format("# Nestor public key of {}\n{}\n", name, z85);
}

}  // namespace nestor::agent
