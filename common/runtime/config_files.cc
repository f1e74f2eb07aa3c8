#include "common/runtime/config_files.h"

#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <system_error>

#include "common/agent/keys.h"
#include "common/base/status.h"

namespace nestor::runtime {
namespace {

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr mode_t kTooOpen = S_IWGRP | S_IROTH | S_IWOTH;

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"),
                                                             std::fclose);
  std::string text;
  std::array<char, 4096> part;
  while (file != nullptr) {
    const size_t bytes = std::fread(part.data(), 1, part.size(), file.get());
    text.append(part.data(), bytes);
    if (bytes == part.size()) continue;
    if (std::ferror(file.get()) != 0) break;
    return text;
  }
  return Error(kInvalid, "{}: {}", path, std::strerror(errno));
}

absl::StatusOr<agent::KeyFile> ReadKey(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  auto key = agent::ParseKeyFile(text);
  if (!key.ok()) return Annotate(key.status(), path);
  return key;
}

absl::Status CheckSecrecy(const std::string& path) {
  struct stat file {};
  if (::stat(path.c_str(), &file) != 0)
    return Error(kInvalid, "{}: {}", path, std::strerror(errno));
  if ((file.st_mode & kTooOpen) == 0) return absl::OkStatus();
  return Error(kInvalid, "{}: mode {:04o} lets others at the secret key: chmod 0600 {}", path,
               file.st_mode & 07777, path);
}

}  // namespace

absl::StatusOr<agent::AgentConfig> ReadConfig(agent::Role role, const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  auto config = agent::ParseAgentConfig(role, text);
  if (!config.ok()) return Annotate(config.status(), path);
  return config;
}

absl::StatusOr<Keys> ReadKeys(const agent::AgentConfig& config) {
  Keys keys;
  if (!config.security) return keys;
  ASSIGN_OR_RETURN(agent::KeyFile secret, ReadKey(config.security->secret_key_file));
  RETURN_IF_ERROR(CheckSecrecy(config.security->secret_key_file));
  keys.secret = std::move(secret.z85);
  if (config.role == agent::Role::kSecondary) {
    ASSIGN_OR_RETURN(agent::KeyFile primary, ReadKey(config.primary_public_key_file));
    keys.primary = std::move(primary.z85);
  }
  return keys;
}

absl::Status CheckAuthorizedKeys(const agent::AgentConfig& config) {
  if (!config.security || config.security->authorized_keys.empty()) return absl::OkStatus();
  const std::string& directory = config.security->authorized_keys;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().extension() != ".public") continue;
    ASSIGN_OR_RETURN(const agent::KeyFile key, ReadKey(entry->path().string()));
    if (!key.subscribe && !key.replicate && !key.operate) {
      return Error(kInvalid, "{}: it gives no right: add \"rights: subscribe replicate operate\"",
                   entry->path().string());
    }
  }
  if (error) return Error(kInvalid, "{}: {}", directory, error.message());
  return absl::OkStatus();
}

}  // namespace nestor::runtime
