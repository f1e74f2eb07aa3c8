#include "common/hook/wire.h"

#include <algorithm>

#include "common/base/status.h"
#include "common/config/kea_config.h"

namespace nestor::hook {
namespace {

using config::Kind;
using config::ObjectId;
using json::Find;
using json::FindString;
using json::Value;

constexpr int kUnsupportedCommand = 2;  // Kea's result

template <typename... Args>
absl::Status Bad(fmt::format_string<Args...> format, Args&&... args) {
  return Error(absl::StatusCode::kDataLoss, format, std::forward<Args>(args)...);
}

bool IsServersOwn(const ObjectId& id) {
  return id.kind == Kind::kGlobal && config::IsServerSpecific(id.key);
}

absl::Status TakePresent(const Value& list, std::vector<config::ChangeSet::Upsert>& present) {
  present.reserve(list.Size());
  for (const Value& one : list.GetArray()) {
    ASSIGN_OR_RETURN(ObjectId id, IdFrom(one));
    if (IsServersOwn(id)) continue;
    const Value* object = Find(one, "object");
    if (object == nullptr) return Bad("{} comes without its text", config::Describe(id, {}));
    if (id.kind != Kind::kGlobal && !object->IsObject()) {
      return Bad("{} is not an object", config::Describe(id, {}));
    }
    std::string canonical = config::CanonicalObject(id.kind, *object);
    present.push_back({std::move(id), std::move(canonical)});
  }
  std::sort(present.begin(), present.end(),
            [](const auto& a, const auto& b) { return a.id < b.id; });
  return absl::OkStatus();
}

absl::Status TakeAbsent(const Value& list, std::vector<ObjectId>& absent) {
  absent.reserve(list.Size());
  for (const Value& one : list.GetArray()) {
    ASSIGN_OR_RETURN(ObjectId id, IdFrom(one));
    if (!IsServersOwn(id)) absent.push_back(std::move(id));
  }
  std::sort(absent.begin(), absent.end());
  return absl::OkStatus();
}

absl::Status CheckOnce(const config::ChangeSet& changed) {
  std::vector<const ObjectId*> ids;
  ids.reserve(changed.size());
  for (const auto& one : changed.upserted) ids.push_back(&one.id);
  for (const ObjectId& id : changed.removed) ids.push_back(&id);
  std::sort(ids.begin(), ids.end(), [](const auto* a, const auto* b) { return *a < *b; });
  const auto twice = std::adjacent_find(ids.begin(), ids.end(),
                                        [](const auto* a, const auto* b) { return *a == *b; });
  if (twice == ids.end()) return absl::OkStatus();
  return Bad("{} comes twice", config::Describe(**twice, {}));
}

}  // namespace

absl::StatusOr<kea::Answer> Ask(kea::KeaControl& kea, std::string_view command,
                                std::string_view arguments, absl::Duration timeout) {
  ASSIGN_OR_RETURN(kea::Answer answer, kea.Send(command, arguments, timeout));
  if (answer.result == kUnsupportedCommand) {
    return Error(absl::StatusCode::kNotFound, "Kea does not know {}: {}", command, answer.text);
  }
  return answer;
}

absl::StatusOr<kea::Answer> AskWell(kea::KeaControl& kea, std::string_view command,
                                    std::string_view arguments, absl::Duration timeout) {
  ASSIGN_OR_RETURN(kea::Answer answer, Ask(kea, command, arguments, timeout));
  if (!answer.ok()) return Refused(command, answer);
  if (answer.arguments() == nullptr) return Unreadable(command, Bad("it has no arguments"));
  return answer;
}

absl::Status Refused(std::string_view command, const kea::Answer& answer) {
  return Error(absl::StatusCode::kFailedPrecondition, "Kea refused {}: {}", command, answer.text);
}

absl::Status Unreadable(std::string_view command, const absl::Status& status) {
  return Bad("Kea's answer to {} cannot be read: {}", command, Message(status));
}

absl::Status AppendStringForKea(std::string_view text, std::string& out) {
  std::string string;
  json::AppendString(text, string);
  if (json::AppendForKea(string, out)) return absl::OkStatus();
  return Error(absl::StatusCode::kInvalidArgument, "{} holds characters that Kea cannot write",
               string);
}

absl::Status AppendId(const ObjectId& id, std::string& out) {
  out.append(R"("kind":")").append(config::KindName(id.kind)).append(R"(","key":)");
  return Annotate(AppendStringForKea(id.key, out), config::Describe(id, {}));
}

absl::StatusOr<std::string> StringIn(const Value& arguments, std::string_view name) {
  const std::string_view text = FindString(arguments, name);
  if (text.empty()) return Bad("{} is no text", name);
  return std::string(text);
}

absl::StatusOr<uint64_t> CountIn(const Value& arguments, std::string_view name) {
  const Value* count = Find(arguments, name);
  if (count == nullptr || !count->IsUint64()) return Bad("{} is no number", name);
  return count->GetUint64();
}

absl::StatusOr<const Value*> ListIn(const Value& arguments, std::string_view name) {
  const Value* list = Find(arguments, name);
  if (list == nullptr || !list->IsArray()) return Bad("{} is no list", name);
  return list;
}

absl::StatusOr<ObjectId> IdFrom(const Value& object) {
  const std::string_view name = FindString(object, "kind"), key = FindString(object, "key");
  const auto kind = config::KindFromName(name);
  if (!kind) return Bad("\"{}\" is no kind of object", name);
  if (key.empty()) return Bad("an object of kind {} has no key", name);
  return ObjectId{*kind, std::string(key)};
}

absl::StatusOr<Objects> ObjectsFrom(const Value& arguments) {
  Objects objects;
  ASSIGN_OR_RETURN(objects.revision, StringIn(arguments, "revision"));
  ASSIGN_OR_RETURN(const Value* const present, ListIn(arguments, "objects"));
  ASSIGN_OR_RETURN(const Value* const absent, ListIn(arguments, "absent"));
  RETURN_IF_ERROR(TakePresent(*present, objects.changed.upserted));
  RETURN_IF_ERROR(TakeAbsent(*absent, objects.changed.removed));
  RETURN_IF_ERROR(CheckOnce(objects.changed));
  return objects;
}

}  // namespace nestor::hook
