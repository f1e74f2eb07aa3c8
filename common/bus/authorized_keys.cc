#include "common/bus/authorized_keys.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>
#include <vector>

#include "common/agent/keys.h"
#include "common/base/status.h"
#include "common/log/log.h"

namespace nestor::bus {
namespace {

namespace fs = std::filesystem;

constexpr std::streamsize kMaxFile = 16 << 10;

absl::StatusOr<std::vector<fs::path>> PublicFiles(const std::string& directory) {
  std::vector<fs::path> files;
  std::error_code error;
  fs::directory_iterator entry(directory, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    if (entry->path().extension() == ".public") files.push_back(entry->path());
  }
  if (error) {
    return Error(absl::StatusCode::kUnavailable, "cannot read the authorised keys in {}: {}",
                 directory, error.message());
  }
  std::sort(files.begin(), files.end());
  return files;
}

absl::StatusOr<agent::KeyFile> ReadKey(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(static_cast<size_t>(kMaxFile), '\0');
  file.read(text.data(), kMaxFile);
  if (file.bad() || file.gcount() == 0) {
    return absl::UnavailableError("it is empty or cannot be read");
  }
  text.resize(static_cast<size_t>(file.gcount()));
  ASSIGN_OR_RETURN(agent::KeyFile key, agent::ParseKeyFile(text));
  if (!key.subscribe && !key.replicate && !key.operate) {
    return absl::InvalidArgumentError("it gives no right: add a line such as rights: subscribe");
  }
  return key;
}

}  // namespace

absl::StatusOr<std::unique_ptr<AuthorizedKeys>> AuthorizedKeys::Load(std::string directory) {
  std::unique_ptr<AuthorizedKeys> keys(new AuthorizedKeys(std::move(directory)));
  RETURN_IF_ERROR(keys->Reload());
  return keys;
}

absl::Status AuthorizedKeys::Reload() {
  ASSIGN_OR_RETURN(const std::vector<fs::path> files, PublicFiles(directory_));
  Table read;
  for (const fs::path& path : files) {
    absl::StatusOr<agent::KeyFile> file = ReadKey(path);
    if (file.ok()) {
      const std::string user = file->user.empty() ? path.stem().string() : file->user;
      const auto [known, added] = read.try_emplace(
          std::move(file->z85), Key{user, {file->subscribe, file->replicate, file->operate}});
      if (added) continue;
      file = Error(absl::StatusCode::kInvalidArgument, "another file has this key, for {}",
                   known->second.name);
    }
    NESTOR_LOG(warn, "KEY_FILE_SKIPPED", "file={} reason=\"{}\"", path.string(),
               Message(file.status()));
  }
  NESTOR_LOG(info, "KEYS_LOADED", "directory={} keys={}", directory_, read.size());
  const MutexLock lock(mutex_);
  keys_ = std::move(read);
  return absl::OkStatus();
}

std::optional<AuthorizedKeys::Key> AuthorizedKeys::Find(std::string_view z85) const {
  const MutexLock lock(mutex_);
  const auto key = keys_.find(absl::string_view(z85.data(), z85.size()));
  if (key == keys_.end()) return std::nullopt;
  return key->second;
}

}  // namespace nestor::bus
