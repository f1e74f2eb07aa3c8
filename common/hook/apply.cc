#include "common/hook/apply.h"

#include <algorithm>
#include <optional>
#include <set>

#include "common/base/status.h"
#include "common/config/kea_config.h"
#include "common/hook/packed.h"
#include "common/hook/wire.h"

namespace nestor::hook {
namespace {

constexpr std::string_view kApply = "nestor-apply";
// Kea takes 0.15 us for each byte of a command before it reads the JSON in them.
constexpr size_t kPackAbove = size_t{8} << 10;

absl::Status AppendUpserted(const std::vector<config::ChangeSet::Upsert>& upserted,
                            std::string& out) {
  out += R"("upserted":[)";
  for (const config::ChangeSet::Upsert& one : upserted) {
    out += &one == &upserted.front() ? "{" : ",{";
    RETURN_IF_ERROR(AppendId(one.id, out));
    ASSIGN_OR_RETURN(const std::string object, config::TextForKea(one.id, one.json));
    out.append(R"(,"object":)").append(object).append(1, '}');
  }
  out += ']';
  return absl::OkStatus();
}

absl::Status AppendRemoved(const std::vector<config::ObjectId>& removed, std::string& out) {
  out += R"("removed":[)";
  for (const config::ObjectId& id : removed) {
    out += &id == &removed.front() ? "{" : ",{";
    RETURN_IF_ERROR(AppendId(id, out));
    out += '}';
  }
  out += ']';
  return absl::OkStatus();
}

absl::StatusOr<std::string> ArgumentsFor(const Status& library, std::string_view before,
                                         const config::ChangeSet& change, bool dry_run) {
  std::string arguments = "{";
  if (!before.empty()) {
    arguments += R"("before":)";
    RETURN_IF_ERROR(AppendStringForKea(before, arguments));
    arguments += ',';
  }
  RETURN_IF_ERROR(AppendUpserted(change.upserted, arguments));
  arguments += ',';
  RETURN_IF_ERROR(AppendRemoved(change.removed, arguments));
  if (dry_run) arguments += R"(,"dry-run":true)";
  if (library.takes_packed) arguments += R"(,"brief":true)";
  arguments += '}';
  return library.takes_packed && arguments.size() > kPackAbove ? Pack(arguments) : arguments;
}

// Adds what a brief answer leaves out: what Kea has as it was given.
void AddAsGiven(const config::ChangeSet& given, config::ChangeSet& after) {
  std::set<config::ObjectId> told(after.removed.begin(), after.removed.end());
  for (const auto& one : after.upserted) told.insert(one.id);
  for (const auto& one : given.upserted) {
    if (!told.contains(one.id)) after.upserted.push_back(one);
  }
  std::sort(after.upserted.begin(), after.upserted.end(),
            [](const auto& a, const auto& b) { return a.id < b.id; });
}

std::optional<Applied::Result> ResultOf(std::string_view reason) {
  if (reason == "changed-meanwhile") return Applied::Result::kChangedMeanwhile;
  if (reason == "needs-config-set") return Applied::Result::kNeedsConfigSet;
  if (reason == "refused") return Applied::Result::kRefused;
  return std::nullopt;
}

absl::StatusOr<std::vector<Refusal>> RefusalsIn(const json::Value& arguments) {
  std::vector<Refusal> refusals;
  if (json::Find(arguments, "refused") == nullptr) return refusals;
  ASSIGN_OR_RETURN(const json::Value* const list, ListIn(arguments, "refused"));
  for (const json::Value& one : list->GetArray()) {
    ASSIGN_OR_RETURN(config::ObjectId id, IdFrom(one));
    refusals.push_back({std::move(id), std::string(json::FindString(one, "text"))});
  }
  return refusals;
}

}  // namespace

absl::StatusOr<Applied> Apply(kea::KeaControl& kea, const Status& library, std::string_view before,
                              const config::ChangeSet& change, bool dry_run,
                              absl::Duration timeout) {
  ASSIGN_OR_RETURN(const std::string text, ArgumentsFor(library, before, change, dry_run));
  ASSIGN_OR_RETURN(const kea::Answer answer, Ask(kea, kApply, text, timeout));
  // An answer without arguments has neither objects nor a reason.
  const json::Value none;
  const json::Value& arguments = answer.arguments() == nullptr ? none : *answer.arguments();
  Applied applied;
  if (answer.ok()) {
    auto after = ObjectsFrom(arguments);
    if (!after.ok()) return Unreadable(kApply, after.status());
    applied.after = *std::move(after);
    if (library.takes_packed) AddAsGiven(change, applied.after.changed);
    return applied;
  }
  const auto result = ResultOf(json::FindString(arguments, "reason"));
  if (!result) return Refused(kApply, answer);
  auto refused = RefusalsIn(arguments);
  if (!refused.ok()) return Unreadable(kApply, refused.status());
  applied.result = *result;
  applied.text = answer.text;
  applied.refused = *std::move(refused);
  return applied;
}

}  // namespace nestor::hook
