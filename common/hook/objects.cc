#include "common/hook/objects.h"

#include "common/base/status.h"
#include "common/hook/wire.h"

namespace nestor::hook {
namespace {

// {"since": revision} and {"after": cursor}.
absl::StatusOr<std::string> OneMember(std::string_view name, std::string_view value) {
  std::string arguments = fmt::format("{{\"{}\":", name);
  RETURN_IF_ERROR(AppendStringForKea(value, arguments));
  return arguments + '}';
}

// An answer's objects, and what `more` finds in it besides.
absl::StatusOr<Objects> Get(kea::KeaControl& kea, std::string_view arguments,
                            absl::Duration timeout, const auto& more) {
  ASSIGN_OR_RETURN(const kea::Answer answer, AskWell(kea, kGet, arguments, timeout));
  auto objects = more(*answer.arguments());
  if (!objects.ok()) return Unreadable(kGet, objects.status());
  return objects;
}

absl::StatusOr<Objects> ChangedFrom(const json::Value& arguments) {
  const json::Value* whole = json::Find(arguments, "whole");
  if (whole == nullptr || !whole->IsTrue()) return ObjectsFrom(arguments);
  Objects objects;
  objects.whole = true;
  ASSIGN_OR_RETURN(objects.revision, StringIn(arguments, "revision"));
  return objects;
}

absl::StatusOr<Objects> SliceFrom(const json::Value& arguments, std::string_view cursor) {
  ASSIGN_OR_RETURN(Objects objects, ObjectsFrom(arguments));
  if (json::Find(arguments, "next") == nullptr) return objects;
  ASSIGN_OR_RETURN(objects.next, StringIn(arguments, "next"));
  if (objects.next == cursor) {
    return Error(absl::StatusCode::kDataLoss, "next is where this slice began: {}", cursor);
  }
  return objects;
}

absl::StatusOr<std::string> QuestionFor(const std::vector<config::OptionName>& names) {
  std::string arguments = R"({"option-codes":[)";
  for (const config::OptionName& one : names) {
    arguments += &one == &names.front() ? R"({"space":)" : R"(,{"space":)";
    RETURN_IF_ERROR(AppendStringForKea(one.space, arguments));
    arguments += R"(,"name":)";
    RETURN_IF_ERROR(AppendStringForKea(one.name, arguments));
    arguments += '}';
  }
  return arguments + "]}";
}

absl::StatusOr<std::vector<config::OptionCode>> CodesFrom(const json::Value& arguments) {
  ASSIGN_OR_RETURN(const json::Value* const list, ListIn(arguments, "option-codes"));
  std::vector<config::OptionCode> codes;
  for (const json::Value& one : list->GetArray()) {
    config::OptionCode code;
    ASSIGN_OR_RETURN(code.space, StringIn(one, "space"));
    ASSIGN_OR_RETURN(code.name, StringIn(one, "name"));
    ASSIGN_OR_RETURN(code.code, CountIn(one, "code"));
    codes.push_back(std::move(code));
  }
  return codes;
}

}  // namespace

absl::StatusOr<Objects> ReadDefaultGlobals(kea::KeaControl& kea, absl::Duration timeout) {
  return Get(kea, R"({"default-globals":true})", timeout, ObjectsFrom);
}

absl::StatusOr<std::vector<config::OptionCode>> ReadOptionCodes(
    kea::KeaControl& kea, const std::vector<config::OptionName>& names, absl::Duration timeout) {
  ASSIGN_OR_RETURN(const std::string arguments, QuestionFor(names));
  ASSIGN_OR_RETURN(const kea::Answer answer, AskWell(kea, kGet, arguments, timeout));
  auto codes = CodesFrom(*answer.arguments());
  if (!codes.ok()) return Unreadable(kGet, codes.status());
  return codes;
}

absl::StatusOr<Objects> ReadObjects(kea::KeaControl& kea, const std::vector<config::ObjectId>& ids,
                                    absl::Duration timeout) {
  std::string arguments = R"({"objects":[)";
  for (const config::ObjectId& id : ids) {
    arguments += &id == &ids.front() ? "{" : ",{";
    RETURN_IF_ERROR(AppendId(id, arguments));
    arguments += '}';
  }
  arguments += "]}";
  return Get(kea, arguments, timeout, ObjectsFrom);
}

absl::StatusOr<Objects> ReadSince(kea::KeaControl& kea, std::string_view revision,
                                  absl::Duration timeout) {
  ASSIGN_OR_RETURN(const std::string arguments, OneMember("since", revision));
  return Get(kea, arguments, timeout, ChangedFrom);
}

absl::StatusOr<Objects> ReadAfter(kea::KeaControl& kea, std::string_view cursor,
                                  absl::Duration timeout) {
  ASSIGN_OR_RETURN(const std::string arguments, OneMember("after", cursor));
  return Get(kea, arguments, timeout,
             [&](const json::Value& answer) { return SliceFrom(answer, cursor); });
}

}  // namespace nestor::hook
