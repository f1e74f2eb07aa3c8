// Status and relationships for people, and what all texts share.

#include "ctl/people_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "ctl/table.h"

namespace nestor::ctl {
namespace {

constexpr std::string_view kHowToBegin =
    "No relationships. On the primary, to make two Keas a failover pair:\n"
    "  nestorctl relationship create NAME --service dhcp4 --mode hot-standby --secondary SERVER\n"
    "or to mirror an existing pair:\n"
    "  nestorctl relationship adopt NAME\n";

// How long ago a piece of news is from; `time` unset: there never was any.
std::string Ago(bool known, const google::protobuf::Timestamp& time, absl::Time now) {
  return known ? AgeText(now - absl::FromUnixSeconds(time.seconds())) : "";
}

std::vector<std::string> MirrorRow(const v1::RelationshipStatus& status, absl::Time now) {
  const v1::MirrorStatus& mirror = status.mirror();
  return {status.name(),
          status.service(),
          status.mode(),
          status.state(),
          mirror.follower_state() + (status.observe() ? " (observes)" : ""),
          fmt::to_string(mirror.head()),
          fmt::to_string(mirror.applied()),
          fmt::to_string(mirror.persisted()),
          AgeText(absl::Seconds(mirror.lag_seconds())),
          mirror.digest_equal() ? "equal" : "differs",
          mirror.apply_by(),
          Ago(mirror.has_as_of(), mirror.as_of(), now)};
}

std::vector<std::string> ServerRow(const std::string& relationship, const char* role,
                                   const v1::ServerStatus& server, absl::Time now) {
  return {relationship,
          role,
          server.server(),
          server.kea_version(),
          server.reachable() ? "yes" : "no",
          server.ha_state(),
          Ago(server.has_as_of(), server.as_of(), now)};
}

// Lines that say what is wrong, or should be known; empty: nothing.
std::string ReasonsText(const v1::RelationshipStatus& status) {
  std::string text;
  bool has_last_error = status.mirror().last_error().empty();
  for (const std::string& reason : status.reasons()) {
    text += fmt::format("{}: {}\n", status.name(), reason);
    has_last_error = has_last_error || reason.find(status.mirror().last_error()) != reason.npos;
  }
  if (!has_last_error) {
    text += fmt::format("{}: last error: {}\n", status.name(), status.mirror().last_error());
  }
  for (const std::string& warning : status.warnings()) {
    text += fmt::format("{}: WARNING: {}\n", status.name(), warning);
  }
  for (const std::string& notice : status.notices()) {
    text += fmt::format("{}: {}\n", status.name(), notice);
  }
  return text;
}

}  // namespace

std::string AgeText(absl::Duration age) {
  if (age == absl::InfiniteDuration()) return "";
  const int64_t seconds = std::max<int64_t>(absl::ToInt64Seconds(age), 0);
  if (seconds < 120) return fmt::format("{} s", seconds);
  if (seconds < 120 * 60) return fmt::format("{} min", seconds / 60);
  if (seconds < 48 * 3600) return fmt::format("{} h", seconds / 3600);
  return fmt::format("{} d", seconds / 86400);
}

std::string TimeText(const google::protobuf::Timestamp& time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixSeconds(time.seconds()),
                          absl::UTCTimeZone());
}

std::string StatusText(const v1::StatusReport& report, absl::Time now) {
  if (report.relationships().empty()) return std::string(kHowToBegin);
  Table mirrors({"RELATIONSHIP", "SERVICE", "MODE", "STATE", "MIRROR", "HEAD", "APPLIED",
                 "PERSISTED", "LAG", "DIGEST", "APPLY BY", "NEWS"});
  Table servers({"RELATIONSHIP", "ROLE", "SERVER", "KEA", "ANSWERS", "HA STATE", "NEWS"});
  std::string reasons;
  for (const v1::RelationshipStatus& status : report.relationships()) {
    mirrors.Add(MirrorRow(status, now));
    servers.Add(ServerRow(status.name(), "primary", status.primary(), now));
    servers.Add(ServerRow(status.name(), "secondary", status.secondary(), now));
    reasons += ReasonsText(status);
  }
  return fmt::format("{}\n{}{}{}", mirrors.Text(), servers.Text(), reasons.empty() ? "" : "\n",
                     reasons);
}

std::string RelationshipsText(const v1::RelationshipList& list) {
  if (list.relationships().empty()) return std::string(kHowToBegin);
  Table table({"RELATIONSHIP", "SERVICE", "PRIMARY", "HA STATE", "SECONDARY", "HA STATE", "MODE",
               "STATE", "STATE SINCE", "DOES", "HOLDS ABOVE", "SINCE"});
  for (const v1::RelationshipView& view : list.relationships()) {
    table.Add({view.name(), view.service(), view.primary(), view.primary_ha_state(),
               view.secondary(), view.secondary_ha_state(), view.mode(), view.state(),
               view.has_state_since() ? TimeText(view.state_since()) : "",
               view.observe() ? "observe" : "mirror",
               fmt::format("{} % and {}", view.hold_percent(), view.hold_minimum()),
               view.has_since() ? TimeText(view.since()) : ""});
  }
  return table.Text();
}

}  // namespace nestor::ctl
