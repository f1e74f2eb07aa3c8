#include "tests/support/fake_hook.h"

#include <absl/strings/escaping.h>
#include <zstd.h>

#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "common/config/kea_config.h"

namespace nestor::testing {
namespace {

using config::ObjectId;
using json::Find;
using json::FindString;

constexpr size_t kMostChanges = 50;  // that are remembered

template <typename... Args>
absl::Status Malformed(fmt::format_string<Args...> format, Args&&... args) {
  return Error(absl::StatusCode::kInvalidArgument, format, std::forward<Args>(args)...);
}

std::string KeaString(std::string_view text) {
  std::string string, for_kea;
  json::AppendString(text, string);
  json::AppendForKea(string, for_kea);
  return for_kea;
}

std::string KindAndKey(const ObjectId& id) {
  return fmt::format(R"("kind": "{}", "key": {})", config::KindName(id.kind), KeaString(id.key));
}

absl::StatusOr<ObjectId> IdFrom(const json::Value& value) {
  const auto kind = config::KindFromName(FindString(value, "kind"));
  const std::string_view key = FindString(value, "key");
  if (!kind || key.empty()) return Malformed("an object without kind or key");
  return ObjectId{*kind, std::string(key)};
}

// The elements of the list `name`, which may be missing.
absl::StatusOr<std::vector<const json::Value*>> ListIn(const json::Value& arguments,
                                                       std::string_view name) {
  std::vector<const json::Value*> elements;
  const json::Value* list = Find(arguments, name);
  if (list == nullptr) return elements;
  if (!list->IsArray()) return Malformed("{} is not a list", name);
  for (const json::Value& one : list->GetArray()) elements.push_back(&one);
  return elements;
}

absl::StatusOr<std::set<ObjectId>> IdsIn(const json::Value& arguments, std::string_view name) {
  std::set<ObjectId> ids;
  ASSIGN_OR_RETURN(const auto elements, ListIn(arguments, name));
  for (const json::Value* one : elements) {
    ASSIGN_OR_RETURN(ObjectId id, IdFrom(*one));
    ids.insert(std::move(id));
  }
  return ids;
}

}  // namespace

FakeHook::FakeHook(std::string instance, config::ObjectSet objects)
    : instance_(std::move(instance)), objects_(std::move(objects)) {}

std::string FakeHook::revision() const { return fmt::format("{}:{}", instance_, generation_); }

void FakeHook::Change(config::ObjectSet objects) {
  const config::ChangeSet change = config::Diff(objects_, objects);
  if (change.empty()) return;
  std::set<ObjectId> ids(change.removed.begin(), change.removed.end());
  for (const auto& one : change.upserted) ids.insert(one.id);
  changes_.push_back(std::move(ids));
  if (changes_.size() > kMostChanges) changes_.pop_front();
  ++generation_;
  objects_ = std::move(objects);
}

absl::StatusOr<std::string> FakeHook::Get(const json::Value& arguments, size_t slice) const {
  if (Find(arguments, "objects") != nullptr) {
    ASSIGN_OR_RETURN(const std::set<ObjectId> ids, IdsIn(arguments, "objects"));
    return Answer(ids, objects_);
  }
  if (Find(arguments, "since") != nullptr) return Since(FindString(arguments, "since"));
  if (Find(arguments, "after") != nullptr) return After(FindString(arguments, "after"), slice);
  if (Find(arguments, "default-globals") != nullptr) return Answer({}, objects_);
  if (Find(arguments, "option-codes") != nullptr) return OptionCodes(arguments);
  return Malformed("none of objects, since, after, default-globals and option-codes");
}

// It knows one option.
std::string FakeHook::OptionCodes(const json::Value& arguments) const {
  std::string codes;
  for (const json::Value& one : Find(arguments, "option-codes")->GetArray()) {
    if (FindString(one, "name") != "domain-name-servers") continue;
    codes = R"({ "code": 6, "name": "domain-name-servers", "space": "dhcp4" })";
  }
  return fmt::format(R"({{ "option-codes": [ {} ], "revision": {} }})", codes,
                     KeaString(revision()));
}

std::string FakeHook::Answer(const std::set<ObjectId>& ids,
                             const config::ObjectSet& objects) const {
  std::string present, absent;
  for (const ObjectId& id : ids) {
    const config::Object* object = objects.Find(id);
    std::string& list = object == nullptr ? absent : present;
    if (!list.empty()) list += ", ";
    list += "{ " + KindAndKey(id);
    if (object != nullptr) {
      list += ", \"object\": " + config::TextForKea(id, object->json).value_or(object->json);
    }
    list += " }";
  }
  return fmt::format(R"({{ "absent": [ {} ], "objects": [ {} ], "revision": {} }})", absent,
                     present, KeaString(revision()));
}

std::string FakeHook::Since(std::string_view revision) const {
  std::set<ObjectId> ids;
  uint64_t generation = generation_;
  auto change = changes_.rbegin();
  while (fmt::format("{}:{}", instance_, generation) != revision) {
    if (change == changes_.rend()) {
      return fmt::format(R"({{ "revision": {}, "whole": true }})", KeaString(this->revision()));
    }
    ids.insert(change->begin(), change->end());
    ++change;
    --generation;
  }
  return Answer(ids, objects_);
}

// A cursor is the last object given, as kind:key.
absl::StatusOr<std::string> FakeHook::After(std::string_view cursor, size_t slice) const {
  const auto all = objects_.InOrder();
  auto at = all.begin();
  if (!cursor.empty()) {
    const size_t colon = std::min(cursor.find(':'), cursor.size());
    const auto kind = config::KindFromName(cursor.substr(0, colon));
    if (!kind || colon == cursor.size()) return Malformed("no cursor: {}", cursor);
    const ObjectId last{*kind, std::string(cursor.substr(colon + 1))};
    at = std::upper_bound(all.begin(), all.end(), last,
                          [](const ObjectId& id, const auto* entry) { return id < entry->first; });
  }
  std::set<ObjectId> ids;
  for (; at != all.end() && ids.size() < slice; ++at) ids.insert((*at)->first);
  std::string answer = Answer(ids, objects_);
  if (at == all.end()) return answer;
  const ObjectId& last = *ids.rbegin();
  answer.resize(answer.rfind(" }"));
  return fmt::format(R"({}, "next": {} }})", answer,
                     KeaString(fmt::format("{}:{}", config::KindName(last.kind), last.key)));
}

std::string HookArguments(std::string_view arguments) {
  const auto document = json::ParseKea(std::string(arguments));
  const json::Value* packed = document.ok() ? json::Find(document->root(), "packed") : nullptr;
  std::string frame;
  if (packed == nullptr || !absl::Base64Unescape(std::string(json::Text(*packed)), &frame)) {
    return std::string(arguments);
  }
  std::string text(ZSTD_getFrameContentSize(frame.data(), frame.size()), '\0');
  text.resize(ZSTD_decompress(text.data(), text.size(), frame.data(), frame.size()));
  return text;
}

absl::StatusOr<config::ChangeSet> HookChange(const json::Value& arguments) {
  config::ChangeSet change;
  ASSIGN_OR_RETURN(const auto upserted, ListIn(arguments, "upserted"));
  ASSIGN_OR_RETURN(std::set<ObjectId> touched, IdsIn(arguments, "removed"));
  change.removed.assign(touched.begin(), touched.end());
  for (const json::Value* one : upserted) {
    ASSIGN_OR_RETURN(ObjectId id, IdFrom(*one));
    const json::Value* object = Find(*one, "object");
    if (object == nullptr) return Malformed("{} has no object", config::Describe(id, {}));
    if (!touched.insert(id).second) return Malformed("{} stands twice", config::Describe(id, {}));
    change.upserted.push_back({id, config::CanonicalObject(id.kind, *object)});
  }
  std::sort(change.upserted.begin(), change.upserted.end(),
            [](const auto& a, const auto& b) { return a.id < b.id; });
  return change;
}

std::string HookId(const ObjectId& id, std::string_view text) {
  if (text.empty()) return fmt::format("{{ {} }}", KindAndKey(id));
  return fmt::format(R"({{ {}, "text": {} }})", KindAndKey(id), KeaString(text));
}

}  // namespace nestor::testing
