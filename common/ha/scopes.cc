#include "common/ha/scopes.h"

#include <functional>

#include "common/base/status.h"
#include "common/config/kea_config.h"
#include "common/ha/subnet_edit.h"

namespace nestor::ha {
namespace {

using config::Kind;

// Of the classes that only hook libraries put clients into; none puts any into this.
constexpr std::string_view kNobody = "EXTERNAL_nestor-disabled";
constexpr std::string_view kMark = "nestor-disabled";

// `objects` with each subnet's text as `edit` leaves it.
absl::StatusOr<config::ObjectSet> EditSubnets(
    const config::ObjectSet& objects, const std::function<absl::Status(SubnetEdit&)>& edit) {
  config::ObjectSet edited = objects;
  for (const auto* entry : objects.InOrder()) {
    if (entry->first.kind != Kind::kSubnet) continue;
    ASSIGN_OR_RETURN(SubnetEdit subnet, SubnetEdit::Of(entry->second.json));
    if (const absl::Status status = edit(subnet); !status.ok()) {
      return Annotate(status, config::Describe(entry->first, entry->second.json));
    }
    if (subnet.changed()) edited.Put(entry->first, subnet.Text());
  }
  (void)edited.Digest();
  return edited;
}

}  // namespace

std::string ClassOf(std::string_view server) { return fmt::format("HA_{}", server); }

std::vector<std::string> UnsplitPools(DhcpService service, const config::ObjectSet& objects,
                                      size_t limit) {
  std::vector<std::string> found;
  for (const auto* entry : objects.InOrder()) {
    if (entry->first.kind != Kind::kSubnet) continue;
    auto subnet = SubnetEdit::Of(entry->second.json);
    if (!subnet.ok()) continue;
    for (const std::string& pool : subnet->PoolsOfEveryClass(service)) {
      if (found.size() == limit) return found;
      found.push_back(
          fmt::format("{} in {}", pool, config::Describe(entry->first, entry->second.json)));
    }
  }
  return found;
}

absl::StatusOr<config::ObjectSet> Split(DhcpService service, const config::ObjectSet& objects,
                                        std::string_view primary, std::string_view secondary) {
  return EditSubnets(objects, [&](SubnetEdit& subnet) {
    return subnet.Split(service, ClassOf(primary), ClassOf(secondary));
  });
}

absl::StatusOr<config::ObjectSet> Join(DhcpService service, const config::ObjectSet& objects) {
  return EditSubnets(objects, [&](SubnetEdit& subnet) {
    subnet.Join(service);
    return absl::OkStatus();
  });
}

absl::StatusOr<config::ObjectSet> Disable(DhcpService /*service*/,
                                          const config::ObjectSet& objects) {
  return EditSubnets(objects, [&](SubnetEdit& subnet) {
    subnet.Guard(kNobody, kMark);
    return absl::OkStatus();
  });
}

absl::StatusOr<config::ObjectSet> Enable(DhcpService /*service*/,
                                         const config::ObjectSet& objects) {
  return EditSubnets(objects, [&](SubnetEdit& subnet) {
    subnet.Unguard(kMark);
    return absl::OkStatus();
  });
}

config::ObjectSet Delete(const config::ObjectSet& objects) {
  config::ObjectSet left = objects;
  for (const auto* entry : objects.InOrder()) {
    const config::ObjectId& id = entry->first;
    const bool goes = id.kind == Kind::kSubnet || id.kind == Kind::kSharedNetwork ||
                      (id.kind == Kind::kReservation && !id.key.starts_with("0/"));
    if (goes) left.Remove(id);
  }
  (void)left.Digest();
  return left;
}

}  // namespace nestor::ha
