#include "common/operator/status_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace nestor::operators {
namespace {

constexpr size_t kMostNamed = 4;

std::string Part(std::string_view verb, const v1::RelationshipStatus& status, uint64_t sequence) {
  std::string part = fmt::format("{} {}/{} at {}/{}, lag {}", verb, status.name(), status.service(),
                                 status.mirror().term(), sequence,
                                 static_cast<int64_t>(status.mirror().lag_seconds()));
  if (status.state() != "OK") part += ", " + status.state();
  return part;
}

std::string Line(std::string_view verb, const std::vector<v1::RelationshipStatus>& statuses,
                 uint64_t (v1::MirrorStatus::*sequence)() const) {
  if (statuses.empty()) return "ready, without a relationship";
  std::vector<const v1::RelationshipStatus*> order;
  order.reserve(statuses.size());
  for (const v1::RelationshipStatus& status : statuses) order.push_back(&status);
  std::stable_partition(order.begin(), order.end(),
                        [](const auto* status) { return status->state() != "OK"; });
  std::string line;
  for (size_t i = 0; i < std::min(order.size(), kMostNamed); ++i) {
    if (i != 0) line += "; ";
    line += Part(verb, *order[i], (order[i]->mirror().*sequence)());
  }
  if (order.size() > kMostNamed) line += fmt::format("; and {} more", order.size() - kMostNamed);
  return line;
}

}  // namespace

std::string ServingLine(const std::vector<v1::RelationshipStatus>& statuses) {
  return Line("serving", statuses, &v1::MirrorStatus::head);
}

std::string FollowingLine(const std::vector<v1::RelationshipStatus>& statuses) {
  return Line("following", statuses, &v1::MirrorStatus::applied);
}

}  // namespace nestor::operators
