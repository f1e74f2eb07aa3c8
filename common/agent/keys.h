#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <string_view>

namespace nestor::agent {

// A key file: lines beginning with # are comments, one line is the key in Z85 (40 characters), and
// in authorized.d a line "rights: subscribe replicate operate" may say what it may do, and a line
// "user: NAME" whose key it is, where that is not the file's name. A key that begins with # cannot
// be in a file: whoever makes keys draws another.
struct KeyFile {
  std::string z85;
  std::string user;  // empty: the file's name says it
  bool has_rights = false;
  bool subscribe = false, replicate = false, operate = false;
};

// InvalidArgument names the line and what is wrong with it.
absl::StatusOr<KeyFile> ParseKeyFile(std::string_view text);

// The texts of NAME.secret and NAME.public.
std::string FormatSecret(std::string_view name, std::string_view z85);
std::string FormatPublic(std::string_view name, std::string_view z85);

}  // namespace nestor::agent
