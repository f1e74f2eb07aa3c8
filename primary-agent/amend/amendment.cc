#include "primary-agent/amend/amendment.h"

#include <algorithm>
#include <set>
#include <utility>

#include "common/base/status.h"
#include "common/config/kea_config.h"
#include "common/hook/local.h"
#include "common/hook/objects.h"

namespace nestor::primary {
namespace {

using config::ChangeSet;
using config::Kind;
using config::ObjectId;

constexpr absl::Duration kAskTimeout = absl::Seconds(10);
constexpr absl::Duration kTurn = absl::Milliseconds(100);
// How long Kea may be kept by one question: twice as many objects next time below, half above.
constexpr absl::Duration kQuick = absl::Milliseconds(2), kSlow = absl::Milliseconds(4);
constexpr int kMostRefused = 20;
constexpr size_t kMostAtOnce = 256;

absl::Duration TimeoutFor(const ChangeSet& change) {
  return absl::Seconds(20) + absl::Milliseconds(5) * static_cast<int64_t>(change.size());
}

bool IsFew(Kind kind) { return kind != Kind::kSubnet && kind != Kind::kReservation; }

// Subnets inherit from it.
bool IsInheritedFrom(const ObjectId& id) {
  return (id.kind == Kind::kGlobal && id.key != config::kClassOrder) ||
         id.kind == Kind::kSharedNetwork;
}

bool IsDefinition(const ObjectId& id) { return id.kind == Kind::kOptionDef; }

// The part of `change` that is about objects for which `wanted` says so.
template <typename Wanted>
ChangeSet PartOf(const ChangeSet& change, const Wanted& wanted) {
  ChangeSet part;
  for (const auto& upsert : change.upserted) {
    if (wanted(upsert.id)) part.upserted.push_back(upsert);
  }
  for (const ObjectId& id : change.removed) {
    if (wanted(id) && id.kind != Kind::kSharedNetwork) part.removed.push_back(id);
  }
  return part;
}

// `json`, with the members of `defaults` that it leaves out; both are JSON of any kind.
std::string WithMembersOf(const std::string& defaults, const std::string& json) {
  const auto one = json::Parse(defaults);
  auto other = json::Parse(json);
  if (!one.ok() || !other.ok() || !one->root().IsObject() || !other->root().IsObject()) return json;
  for (const auto& member : one->root().GetObject()) {
    if (json::Find(other->root(), json::Text(member.name)) != nullptr) continue;
    json::Value name(member.name, other->allocator()), value(member.value, other->allocator());
    other->root().AddMember(name, value, other->allocator());
  }
  return json::Canonical(other->root());
}

}  // namespace

Amendment::Amendment(DhcpService service, std::string server, kea::KeaControl& kea,
                     watch::ChangeSource& source, Clock& clock, AmendmentOrder order)
    : service_(service),
      server_(std::move(server)),
      kea_(kea),
      source_(source),
      clock_(clock),
      order_(std::move(order)) {}

absl::StatusOr<Amendment::Went> Amendment::Step() {
  if (!std::exchange(begun_, true)) {
    RETURN_IF_ERROR(Begin());
    return Went::kOn;
  }
  const Instant began = clock_.Now();
  while (!looked_at_few_ || next_ < unsure_.size()) {
    ASSIGN_OR_RETURN(const Went went, Look());
    if (went != Went::kOn || clock_.Now() - began >= kTurn) return went;
  }
  return Finish();
}

absl::Status Amendment::Begin() {
  const std::optional<watch::Running> known = source_.Known();
  if (!known) {
    return Error(absl::StatusCode::kFailedPrecondition,
                 "Kea on {} has not loaded libdhcp_nestor.so, so only a reload changes it: nothing "
                 "was done. {} the library and ask again",
                 server_,
                 order_.wanted
                     ? "Load"
                     : "Put the file in place and let Kea reload (HA begins anew), or load");
  }
  running_ = known->set;
  revision_ = known->revision;
  library_ = *source_.hook();  // Kea may be out of reach at a later step
  if (order_.wanted) {
    ASSIGN_OR_RETURN(wanted_, order_.wanted(*running_));
  } else {
    RETURN_IF_ERROR(ReadFile());
  }
  FindUnsure();
  return absl::OkStatus();
}

absl::Status Amendment::ReadFile() {
  ASSIGN_OR_RETURN(config::Written written,
                   config::Written::Parse(service_, std::exchange(order_.text, {})));
  if (const auto names = written.OptionsWithoutCode(); !names.empty()) {
    ASSIGN_OR_RETURN(const auto codes, hook::ReadOptionCodes(kea_, names, kAskTimeout));
    written.SetCodes(codes);
  }
  ASSIGN_OR_RETURN(const hook::LocalPart local,
                   hook::ReadLocalPart(kea_, service_, {}, kAskTimeout));
  left_alone_ = written.OwnPartsUnlike(*local.arguments);
  ASSIGN_OR_RETURN(wanted_, written.Objects());
  // Kea 2.2 tells nobody what it has there, so it is none of the objects.
  if (wanted_.Remove({Kind::kGlobal, "compatibility"})) left_alone_.emplace_back("compatibility");
  return Complete();
}

// Globals that are left out have Kea's defaults, or what runs. Of those that a config-set alone can
// change Kea would not say what it makes of them, so they are completed here.
absl::Status Amendment::Complete() {
  config::ObjectSet others = *running_;
  if (order_.merge) {
    wanted_ = config::Merge(*running_, wanted_);
  } else {
    ASSIGN_OR_RETURN(const hook::Objects defaults, hook::ReadDefaultGlobals(kea_, kAskTimeout));
    others = {};
    for (const auto& [id, json] : defaults.changed.upserted) {
      others.Put(id, json);
      if (wanted_.Find(id) == nullptr) wanted_.Put(id, json);
    }
  }
  for (const std::string& name : library_.needs_config_set) {
    const ObjectId id{Kind::kGlobal, name};
    const config::Object *written = wanted_.Find(id), *other = others.Find(id);
    if (written == nullptr || other == nullptr) continue;
    wanted_.Put(id, WithMembersOf(other->json, written->json));
  }
  return absl::OkStatus();
}

void Amendment::FindUnsure() {
  const auto& needing = library_.needs_config_set;
  for (const auto& [id, json] : config::Diff(*running_, wanted_).upserted) {
    const bool unaskable = id.kind == Kind::kGlobal &&
                           std::find(needing.begin(), needing.end(), id.key) != needing.end();
    // The order of classes is about all of them, and not all are asked about.
    const bool is_order = id.kind == Kind::kGlobal && id.key == config::kClassOrder;
    if (unaskable || is_order || running_->Find(id) == nullptr) continue;
    (IsFew(id.kind) ? few_ : unsure_).push_back(id);
  }
  context_ = PartOf(config::Diff(*running_, wanted_), IsDefinition);
  looked_at_few_ = few_.empty();
  if (looked_at_few_) FindContext();
}

absl::StatusOr<Amendment::Went> Amendment::Look() {
  bool changed_meanwhile = false;
  const auto upserts = [this](auto begin, auto end) {
    std::vector<ChangeSet::Upsert> list;
    for (; begin != end; ++begin) list.push_back({*begin, wanted_.Find(*begin)->json});
    return list;
  };
  if (!std::exchange(looked_at_few_, true)) {
    // What Kea refuses here stays as it is written; it is the change as a whole that counts.
    RETURN_IF_ERROR(Ask(upserts(few_.begin(), few_.end()), changed_meanwhile).status());
    if (changed_meanwhile) return Went::kReadAgain;
    FindContext();
    return Went::kOn;
  }
  const size_t count = std::min(at_once_, unsure_.size() - next_);
  const auto begin = unsure_.begin() + static_cast<ptrdiff_t>(next_);
  const Instant asked = clock_.Now();
  ASSIGN_OR_RETURN(const bool taken,
                   Ask(upserts(begin, begin + static_cast<ptrdiff_t>(count)), changed_meanwhile));
  const absl::Duration took = clock_.Now() - asked;
  if (changed_meanwhile) return Went::kReadAgain;
  if (!taken && count > 1) {
    at_once_ = count / 2;
    return Went::kOn;
  }
  if (!taken) unanswered_.insert(*begin);
  next_ += count;
  refused_in_a_row_ = taken ? 0 : refused_in_a_row_ + 1;
  if (refused_in_a_row_ == kMostRefused) {
    // It is the change as a whole that Kea would take, or not.
    unanswered_.insert(unsure_.begin() + static_cast<ptrdiff_t>(next_), unsure_.end());
    next_ = unsure_.size();
  }
  if (took < kQuick) at_once_ = std::min(at_once_ * 2, kMostAtOnce);
  if (took > kSlow) at_once_ = std::max<size_t>(at_once_ / 2, 1);
  return Went::kOn;
}

// Where what subnets inherit from changes, also those may become others that are written as they
// run.
void Amendment::FindContext() {
  const ChangeSet change = config::Diff(*running_, wanted_);
  context_ = PartOf(change, IsInheritedFrom);
  if (!context_.empty() && !order_.merge) {
    std::erase_if(unsure_, [](const ObjectId& id) { return id.kind == Kind::kSubnet; });
    for (const config::ObjectSet::Entry* entry : wanted_.InOrder()) {
      const bool both = entry->first.kind == Kind::kSubnet && running_->Find(entry->first);
      if (both) unsure_.push_back(entry->first);
    }
  }
  const ChangeSet definitions = PartOf(change, IsDefinition);
  context_.upserted.insert(context_.upserted.end(), definitions.upserted.begin(),
                           definitions.upserted.end());
  context_.removed.insert(context_.removed.end(), definitions.removed.begin(),
                          definitions.removed.end());
}

absl::StatusOr<bool> Amendment::Ask(std::vector<ChangeSet::Upsert> upserted,
                                    bool& changed_meanwhile) {
  std::set<ObjectId> asked;
  for (const ChangeSet::Upsert& upsert : upserted) asked.insert(upsert.id);
  ChangeSet change = context_;
  std::erase_if(change.upserted, [&](const auto& one) { return asked.contains(one.id); });
  std::move(upserted.begin(), upserted.end(), std::back_inserter(change.upserted));
  ASSIGN_OR_RETURN(const hook::Applied applied, hook::Apply(kea_, library_, revision_, change,
                                                            /*dry_run=*/true, TimeoutFor(change)));
  changed_meanwhile = applied.result == hook::Applied::Result::kChangedMeanwhile;
  if (applied.result != hook::Applied::Result::kDone) return false;
  for (const ChangeSet::Upsert& made : applied.after.changed.upserted) {
    if (asked.contains(made.id)) wanted_.Put(made.id, made.json);
  }
  return true;
}

// Also what is written as it runs, where Kea did not say that this is what it would make of it.
ChangeSet Amendment::WholeChange() const {
  ChangeSet change = config::Diff(*running_, wanted_);
  for (const ObjectId& id : unanswered_) {
    const config::Object &now = *running_->Find(id), &then = *wanted_.Find(id);
    if (now.digest == then.digest) change.upserted.push_back({id, then.json});
  }
  std::sort(change.upserted.begin(), change.upserted.end(),
            [](const auto& a, const auto& b) { return a.id < b.id; });
  return change;
}

absl::StatusOr<Amendment::Went> Amendment::Finish() {
  const ChangeSet change = WholeChange();
  if (change.empty()) return Went::kDone;
  if (!order_.dry_run) {
    RETURN_IF_ERROR(order_.before_change());
    source_.Expect(order_.origin);
    gave_ = true;
  }
  auto applied = hook::Apply(kea_, library_, revision_, change, order_.dry_run, TimeoutFor(change));
  if (!applied.ok()) return applied.status();
  if (applied->result != hook::Applied::Result::kDone && !order_.dry_run) source_.Expect({});
  if (applied->result == hook::Applied::Result::kChangedMeanwhile) return Went::kReadAgain;
  if (applied->result != hook::Applied::Result::kDone) return RefusedBy(*applied);
  Compare(change, applied->after.changed);
  return Went::kDone;
}

absl::Status Amendment::RefusedBy(const hook::Applied& applied) const {
  std::string text;
  for (const hook::Refusal& refusal : applied.refused) {
    const config::Object* object = wanted_.Find(refusal.id);
    text += fmt::format("{}{}: {}", text.empty() ? "" : "; ",
                        config::Describe(refusal.id, object == nullptr ? "" : object->json),
                        refusal.text);
  }
  if (applied.result == hook::Applied::Result::kNeedsConfigSet) {
    return Error(absl::StatusCode::kFailedPrecondition,
                 "only a reload changes what {} says otherwise than Kea on {} runs it: {}. "
                 "Nothing was changed",
                 order_.wanted ? "the entry" : "the file", server_, text);
  }
  return Error(absl::StatusCode::kFailedPrecondition,
               "Kea on {} refuses it: {}. Nothing was changed", server_,
               text.empty() ? applied.text : text);
}

void Amendment::Compare(const ChangeSet& asked, const ChangeSet& after) {
  config::ObjectSet now = *running_;
  config::Apply(asked, now);
  config::Apply(after, now);
  const auto text = [](const config::ObjectSet& set, const ObjectId& id) {
    const config::Object* object = set.Find(id);
    return object == nullptr ? std::string() : object->json;
  };
  const ChangeSet change = config::Diff(*running_, now);
  for (const auto& upsert : change.upserted) {
    amended_.push_back({upsert.id, text(*running_, upsert.id), upsert.json});
  }
  for (const ObjectId& id : change.removed) amended_.push_back({id, text(*running_, id), {}});
}

}  // namespace nestor::primary
