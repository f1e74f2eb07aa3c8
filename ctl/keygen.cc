#include "ctl/keygen.h"

#include <absl/cleanup/cleanup.h>
#include <absl/strings/ascii.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>
#include <zmq.hpp>

#include "common/agent/keys.h"
#include "common/base/status.h"

namespace nestor::ctl {
namespace {

constexpr mode_t kSecretMode = 0600;
constexpr mode_t kPublicMode = 0644;

using Key = std::array<char, 41>;

bool IsKeyName(const std::string& name) {
  return !name.empty() && absl::ascii_isalnum(static_cast<unsigned char>(name.front())) &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' ||
                  c == '.';
         });
}

absl::Status CannotWrite(const std::string& path) {
  if (errno == EEXIST) {
    return Error(absl::StatusCode::kFailedPrecondition,
                 "{} is there already, and a key is never overwritten: move it away, or choose "
                 "another name",
                 path);
  }
  return Error(absl::StatusCode::kFailedPrecondition, "cannot write {}: {}", path,
               std::strerror(errno));
}

// Writes a file that is not there yet; after an error it is not there either, unless it was before.
absl::Status WriteNew(const std::string& path, const std::string& text, mode_t mode) {
  const int fd = open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, mode);
  if (fd < 0) return CannotWrite(path);
  const bool written =
      write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && fsync(fd) == 0;
  absl::Status status = written ? absl::OkStatus() : CannotWrite(path);
  close(fd);
  if (!written) unlink(path.c_str());
  return status;
}

}  // namespace

absl::StatusOr<std::string> MakeKeyPair(const std::string& folder, const std::string& name) {
  if (!IsKeyName(name)) {
    return Error(absl::StatusCode::kInvalidArgument,
                 "\"{}\" cannot name a key: letters, digits, '-', '_' and '.', the first a letter "
                 "or a digit",
                 name);
  }
  Key public_key{};
  Key secret_key{};
  do {  // '#' begins a comment in a key file
    if (zmq_curve_keypair(public_key.data(), secret_key.data()) != 0) {
      return Error(absl::StatusCode::kInternal, "cannot make keys: {}", zmq_strerror(zmq_errno()));
    }
  } while (public_key.front() == '#' || secret_key.front() == '#');
  const std::string secret_file = fmt::format("{}/{}.secret", folder, name);
  const std::string public_file = fmt::format("{}/{}.public", folder, name);
  RETURN_IF_ERROR(WriteNew(public_file, agent::FormatPublic(name, public_key.data()), kPublicMode));
  absl::Cleanup undo = [&] { unlink(public_file.c_str()); };
  RETURN_IF_ERROR(WriteNew(secret_file, agent::FormatSecret(name, secret_key.data()), kSecretMode));
  std::move(undo).Cancel();
  return fmt::format(
      "{0}.secret stays on the host that uses it; copy {0}.public to the other side's "
      "authorized.d and add a line there: rights: subscribe replicate operate (those it needs)",
      name);
}

}  // namespace nestor::ctl
