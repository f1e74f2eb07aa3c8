// The commands of libdhcp_nestor.so in a Kea in memory.

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/base/status.h"
#include "common/config/kea_config.h"
#include "tests/support/fake_kea.h"

namespace nestor::testing {
namespace {

constexpr std::string_view kLibraryVersion = "0.1.0";
constexpr std::string_view kNeedConfigSet[] = {"dhcp4o6-port", "expired-leases-processing"};

bool NeedsConfigSet(const config::ObjectId& id) {
  return id.kind == config::Kind::kGlobal &&
         std::find(std::begin(kNeedConfigSet), std::end(kNeedConfigSet), id.key) !=
             std::end(kNeedConfigSet);
}

std::set<config::ObjectId> IdsOf(const config::ChangeSet& change) {
  std::set<config::ObjectId> ids(change.removed.begin(), change.removed.end());
  for (const auto& one : change.upserted) ids.insert(one.id);
  return ids;
}

// The arguments of an answer that says no.
std::string Reason(std::string_view reason, const std::vector<std::string>& refused = {}) {
  if (refused.empty()) return fmt::format(R"({{ "reason": "{}" }})", reason);
  return fmt::format(R"({{ "reason": "{}", "refused": [ {} ] }})", reason,
                     fmt::join(refused, ", "));
}

// The first `count` parts of a change, in an order in which nothing is without what it is in.
config::ChangeSet Part(const config::ChangeSet& change, size_t count) {
  config::ChangeSet part;
  const size_t upserted = std::min(count, change.upserted.size());
  const auto behind = change.upserted.begin() + static_cast<ptrdiff_t>(upserted);
  part.upserted.assign(change.upserted.begin(), behind);
  const auto last = change.removed.end() - static_cast<ptrdiff_t>(count - upserted);
  part.removed.assign(last, change.removed.end());
  return part;
}

}  // namespace

FakeKea::Reply FakeKea::AnswerOfHook(std::string_view command, std::string_view arguments) {
  if (command == "nestor-status") return HookStatus();
  const auto document = json::ParseKea(HookArguments(arguments));
  if (!document.ok()) return {1, std::string(Message(document.status())), Reason("malformed")};
  if (command == "nestor-apply") return ApplyByHook(document->root());
  if (json::Find(document->root(), "local") != nullptr) return LocalPart();
  const auto answer = hook_->Get(document->root(), hook_slice_);
  if (!answer.ok()) return {1, std::string(Message(answer.status())), Reason("malformed")};
  return {0, {}, *answer};
}

FakeKea::Reply FakeKea::HookStatus() const {
  return {0,
          {},
          fmt::format(R"({{ "applied": {}, "config-backend": "", "config-set-failed": {}, )"
                      R"("ha-mode": "{}", "kea": "{}", "leases": {{ "dropped": 0, "sent": 0 }}, )"
                      R"("needs-config-set": [ "{}" ], "notices": {{ "dropped": 0, "sent": 0 }}, )"
                      R"("queued": 0, "refused": {}, "revision": "{}", "service": "{}", )"
                      R"("socket": "", "takes-packed": {}, "version": "{}" }})",
                      hook_->applied, damage_ != Damage::kNone, ha_mode_, version_,
                      fmt::join(kNeedConfigSet, "\", \""), hook_->refused, hook_->revision(),
                      ServiceName(service_), hook_takes_packed_, kLibraryVersion)};
}

FakeKea::Reply FakeKea::LocalPart() const {
  const auto document = json::ParseKea(running_);
  const auto own = document.ok() ? config::Compose(service_, document->root(), config::ObjectSet())
                                 : absl::StatusOr<std::string>(document.status());
  if (!own.ok()) return {1, std::string(Message(own.status())), Reason("malformed")};
  return {0,
          {},
          fmt::format(R"({{ "file": {{ "device": {}, "inode": {} }}, "local": {}, )"
                      R"("revision": "{}" }})",
                      kFileDevice, kFileInode, *own, hook_->revision())};
}

FakeKea::Reply FakeKea::ApplyByHook(const json::Value& arguments) {
  const auto change = HookChange(arguments);
  if (!change.ok()) return {1, std::string(Message(change.status())), Reason("malformed")};
  const std::set<config::ObjectId> ids = IdsOf(*change);
  if (json::FindString(arguments, "before", hook_->revision()) != hook_->revision()) {
    return {1, "the configuration has changed meanwhile", Reason("changed-meanwhile")};
  }
  std::vector<std::string> refused;
  for (const config::ObjectId& id : ids) {
    if (NeedsConfigSet(id)) refused.push_back(HookId(id, "only a config-set changes it"));
  }
  if (!refused.empty()) {
    return {1, "only a config-set can do that", Reason("needs-config-set", refused)};
  }
  auto config = WithChange(*change);
  if (!config.ok()) {
    ++hook_->refused;
    const std::string objection(Message(config.status()));
    if (!change->empty()) refused.push_back(HookId(Blamed(*change), objection));
    return {1, objection, Reason("refused", refused)};
  }
  config::ObjectSet objects = Mirrored(*config);
  const json::Value* dry_run = json::Find(arguments, "dry-run");
  const json::Value* brief = json::Find(arguments, "brief");
  std::set<config::ObjectId> told = ids;
  if (brief != nullptr && brief->IsTrue()) {
    for (const auto& one : change->upserted) {
      const config::Object* has = objects.Find(one.id);
      if (has != nullptr && has->json == one.json) told.erase(one.id);
    }
  }
  if (dry_run != nullptr && dry_run->IsTrue()) return {0, {}, hook_->Answer(told, objects)};
  running_ = *std::move(config);
  ++hook_->applied;
  hook_->Change(objects);
  return {0, {}, hook_->Answer(told, objects)};
}

absl::StatusOr<std::string> FakeKea::WithChange(const config::ChangeSet& change) const {
  const auto document = json::ParseKea(running_);
  if (!document.ok()) return document.status();
  config::ObjectSet wanted = Mirrored(running_);
  config::Apply(change, wanted);
  ASSIGN_OR_RETURN(std::string config, config::Compose(service_, document->root(), wanted));
  const std::string objection = Objection(config, config, true);
  if (!objection.empty()) return Error(absl::StatusCode::kInvalidArgument, "{}", objection);
  return normalise_ ? normalise_(std::move(config)) : config;
}

config::ObjectId FakeKea::Blamed(const config::ChangeSet& change) const {
  size_t good = 0, bad = change.size();
  while (bad - good > 1) {
    const size_t middle = good + (bad - good) / 2;
    (WithChange(Part(change, middle)).ok() ? good : bad) = middle;
  }
  if (bad <= change.upserted.size()) return change.upserted[bad - 1].id;
  return change.removed[change.size() - bad];
}

}  // namespace nestor::testing
