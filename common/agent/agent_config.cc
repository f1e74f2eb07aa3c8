#include "common/agent/agent_config.h"

#include <absl/strings/ascii.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "common/agent/address.h"
#include "common/agent/section.h"
#include "common/base/status.h"

namespace nestor::agent {
namespace {

using Text = Section::Text;

constexpr std::array<std::string_view, 5> kLogLevels = {"trace", "debug", "info", "warning",
                                                        "error"};
constexpr size_t kMostNameBytes = 63;

bool IsServerName(std::string_view name) {
  return name.size() <= kMostNameBytes &&
         absl::ascii_isalnum(static_cast<unsigned char>(name[0])) &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' ||
                  c == '.';
         });
}

// The error of `check`, at `text`.
absl::Status At(const Section& section, const Text& text, const absl::Status& check) {
  return check.ok() ? check : section.ErrorAt(text.offset, Message(check));
}

absl::Status ReadServerName(const Section& root, AgentConfig& config) {
  ASSIGN_OR_RETURN(const Text name, root.RequiredText("server-name"));
  if (!IsServerName(name.value)) {
    return root.ErrorAt(name.offset,
                        fmt::format("\"{}\" is not a server's name: 1 to {} letters, digits, '-', "
                                    "'_' and '.', the first a letter or a digit",
                                    name.value, kMostNameBytes));
  }
  config.server_name = name.value;
  return absl::OkStatus();
}

absl::Status ReadSocket(const Section& section, std::string_view name, bool required,
                        std::string& path) {
  ASSIGN_OR_RETURN(const std::optional<Text> text, section.FindText(name));
  if (!text) return required ? section.Missing(name) : absl::OkStatus();
  path = text->value;
  return At(section, *text, CheckSocketPath(path));
}

absl::Status ReadPath(const Section& section, std::string_view name, std::string_view what,
                      std::string& path) {
  ASSIGN_OR_RETURN(const std::optional<Text> text, section.FindText(name));
  if (!text) return absl::OkStatus();
  path = text->value;
  if (path.starts_with('/')) return absl::OkStatus();
  return section.ErrorAt(text->offset,
                         fmt::format("\"{}\" is not a {}'s path: it begins with '/'", path, what));
}

absl::Status ReadHaUrl(const Section& section, std::string& url) {
  ASSIGN_OR_RETURN(const std::optional<Text> text, section.FindText("ha-url"));
  if (!text) return absl::OkStatus();
  url = text->value;
  return At(section, *text, ParseHaUrl(url).status());
}

absl::Status ReadServices(const Section& root, AgentConfig& config) {
  ASSIGN_OR_RETURN(const Section services, root.Required("services", {"dhcp4", "dhcp6"}));
  std::vector<std::string_view> known = {"control-socket", "hook-socket", "ha-url",
                                         "hooks-directory", "configuration-file"};
  // Nobody subscribes to a secondary's agent.
  if (config.role == Role::kPrimary) known.emplace_back("lease-events");
  for (const DhcpService service : {DhcpService::kDhcp4, DhcpService::kDhcp6}) {
    ASSIGN_OR_RETURN(const std::optional<Section> section,
                     services.Find(ServiceName(service), known));
    if (!section) continue;
    ServiceConfig& read = config.services[service];
    RETURN_IF_ERROR(ReadSocket(*section, "control-socket", true, read.control_socket));
    RETURN_IF_ERROR(ReadSocket(*section, "hook-socket", false, read.hook_socket));
    RETURN_IF_ERROR(ReadHaUrl(*section, read.ha_url));
    RETURN_IF_ERROR(ReadPath(*section, "hooks-directory", "folder", read.hooks_directory));
    RETURN_IF_ERROR(ReadPath(*section, "configuration-file", "file", read.configuration_file));
    ASSIGN_OR_RETURN(read.lease_events, section->Flag("lease-events"));
    if (read.lease_events && read.hook_socket.empty()) {
      return section->Missing("hook-socket", "\"lease-events\" are what Kea's hook library tells");
    }
  }
  if (config.services.empty()) {
    return services.ErrorHere("\"services\" is empty: name \"dhcp4\", \"dhcp6\" or both");
  }
  return absl::OkStatus();
}

absl::Status ReadSecurity(const Section& root, AgentConfig& config) {
  ASSIGN_OR_RETURN(const std::optional<Section> section,
                   root.Find("security", {"secret-key-file", "authorized-keys"}));
  if (!section) return absl::OkStatus();
  SecurityConfig security;
  ASSIGN_OR_RETURN(const Text secret, section->RequiredText("secret-key-file"));
  security.secret_key_file = secret.value;
  ASSIGN_OR_RETURN(const std::optional<Text> authorized, section->FindText("authorized-keys"));
  if (authorized) security.authorized_keys = authorized->value;
  // Nobody connects to a secondary, so it has nobody to authorise.
  if (security.authorized_keys.empty() && config.role == Role::kPrimary) {
    return section->Missing("authorized-keys", "the folder of the public keys that may connect");
  }
  config.security = std::move(security);
  return absl::OkStatus();
}

absl::Status CheckReach(const Section& section, const Text& text, std::string_view endpoint,
                        bool secured) {
  if (secured || StaysOnThisHost(endpoint)) return absl::OkStatus();
  return section.ErrorAt(
      text.offset,
      fmt::format("\"{}\" can be reached from other hosts, and there is no \"security\": add it "
                  "(nestorctl keygen makes keys), or use a loopback or ipc address",
                  text.value));
}

absl::Status ReadEndpoint(const Section& section, std::string_view name, bool listens, bool secured,
                          std::string& endpoint) {
  ASSIGN_OR_RETURN(const Text text, section.RequiredText(name));
  endpoint = text.value;
  RETURN_IF_ERROR(At(section, text, CheckEndpoint(endpoint)));
  RETURN_IF_ERROR(At(section, text, listens ? CheckListens(endpoint) : CheckConnects(endpoint)));
  return CheckReach(section, text, endpoint, secured);
}

absl::Status ReadBus(const Section& root, AgentConfig& config) {
  const bool primary = config.role == Role::kPrimary;
  const bool secured = config.security.has_value();
  std::vector<std::string_view> known = {"events", "control"};
  if (!primary) known.emplace_back("public-key-file");
  ASSIGN_OR_RETURN(const Section section, root.Required(primary ? "bus" : "primary", known));
  RETURN_IF_ERROR(ReadEndpoint(section, "events", primary, secured, config.events));
  RETURN_IF_ERROR(ReadEndpoint(section, "control", primary, secured, config.control));
  if (primary && config.events == config.control) {
    return section.ErrorHere("\"events\" and \"control\" are the same address");
  }
  if (primary) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::optional<Text> key, section.FindText("public-key-file"));
  if (key) config.primary_public_key_file = key->value;
  if (secured && config.primary_public_key_file.empty()) {
    return section.Missing("public-key-file",
                           "with \"security\" the secondary must know its primary's public key");
  }
  return absl::OkStatus();
}

absl::Status ReadHttp(const Section& root, AgentConfig& config) {
  config.http = config.role == Role::kPrimary ? "127.0.0.1:5580" : "127.0.0.1:5581";
  ASSIGN_OR_RETURN(const std::optional<Text> http, root.FindText("http"));
  if (!http) return absl::OkStatus();
  config.http = http->value;
  if (config.http.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(At(root, *http, CheckHostPort(config.http)));
  if (config.http.starts_with("*")) {
    return root.ErrorAt(http->offset,
                        "\"*\" is no address of an HTTP server: write 0.0.0.0 or [::]");
  }
  return CheckReach(root, *http, "tcp://" + config.http, config.security.has_value());
}

absl::Status ReadStateDirectory(const Section& root, AgentConfig& config) {
  config.state_directory = "/var/lib/nestor";
  return ReadPath(root, "state-directory", "folder", config.state_directory);
}

absl::Status ReadLogLevel(const Section& root, AgentConfig& config) {
  ASSIGN_OR_RETURN(const std::optional<Text> level, root.FindText("log-level"));
  if (!level) return absl::OkStatus();
  config.log_level = level->value;
  if (std::find(kLogLevels.begin(), kLogLevels.end(), config.log_level) != kLogLevels.end()) {
    return absl::OkStatus();
  }
  return root.ErrorAt(level->offset, fmt::format("\"{}\" is not a log level: {}", config.log_level,
                                                 fmt::join(kLogLevels, ", ")));
}

}  // namespace

absl::StatusOr<AgentConfig> ParseAgentConfig(Role role, std::string_view text) {
  ASSIGN_OR_RETURN(const json::Document document, json::ParseCommented(std::string(text)));
  const bool primary = role == Role::kPrimary;
  ASSIGN_OR_RETURN(
      const Section root,
      Section::Outermost(document, text,
                         {"server-name", "services", primary ? "bus" : "primary", "security",
                          "operator-socket", "state-directory", "http", "log-level"}));
  AgentConfig config;
  config.role = role;
  config.operator_socket =
      primary ? "/run/nestor/primary-agent.sock" : "/run/nestor/secondary-agent.sock";
  RETURN_IF_ERROR(ReadServerName(root, config));
  RETURN_IF_ERROR(ReadServices(root, config));
  RETURN_IF_ERROR(ReadSecurity(root, config));
  RETURN_IF_ERROR(ReadBus(root, config));
  RETURN_IF_ERROR(ReadSocket(root, "operator-socket", false, config.operator_socket));
  RETURN_IF_ERROR(ReadStateDirectory(root, config));
  RETURN_IF_ERROR(ReadHttp(root, config));
  RETURN_IF_ERROR(ReadLogLevel(root, config));
  return config;
}

}  // namespace nestor::agent
