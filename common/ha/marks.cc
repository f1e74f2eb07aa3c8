#include "common/ha/marks.h"

#include "common/base/status.h"

namespace nestor::ha {
namespace {

using json::Find;
using json::Text;
using json::Value;

constexpr std::string_view kContext = "user-context";
// Stands beside a mark where the user-context was there and empty, which Kea tells from none.
constexpr std::string_view kWasEmpty = "nestor-was-empty";
constexpr std::string_view kClass = "client-class";
constexpr std::string_view kClasses = "client-classes";

}  // namespace

Value TextValue(std::string_view text, json::Document& document) {
  return Value(text.data(), static_cast<rapidjson::SizeType>(text.size()), document.allocator());
}

void SetMember(std::string_view name, Value value, json::Document& document, Value& object) {
  if (Value* const there = Find(object, name)) {
    *there = std::move(value);
  } else {
    object.AddMember(TextValue(name, document), std::move(value), document.allocator());
  }
}

void RemoveMember(std::string_view name, Value& object) {
  if (!object.IsObject()) return;
  // By number: clang 14 finds no one comparison of RapidJSON's iterators.
  for (std::ptrdiff_t i = 0; i < std::ptrdiff_t{object.MemberCount()}; ++i) {
    if (Text((object.MemberBegin() + i)->name) != name) continue;
    object.EraseMember(object.MemberBegin() + i);
    return;
  }
}

absl::Status AddMark(std::string_view name, Value value, json::Document& document, Value& object) {
  Value* const context = Find(object, kContext);
  if (context == nullptr) {
    Value fresh(rapidjson::kObjectType);
    SetMember(name, std::move(value), document, fresh);
    SetMember(kContext, std::move(fresh), document, object);
    return absl::OkStatus();
  }
  if (!context->IsObject()) {
    return Error(absl::StatusCode::kInvalidArgument, "its user-context is not a map");
  }
  if (context->ObjectEmpty()) SetMember(kWasEmpty, Value(true), document, *context);
  SetMember(name, std::move(value), document, *context);
  return absl::OkStatus();
}

const Value* FindMark(const Value& object, std::string_view name) {
  const Value* const context = Find(object, kContext);
  return context == nullptr ? nullptr : Find(*context, name);
}

void RemoveMark(std::string_view name, Value& object) {
  Value* const context = Find(object, kContext);
  if (context == nullptr || Find(*context, name) == nullptr) return;
  RemoveMember(name, *context);
  const bool was_empty = Find(*context, kWasEmpty) != nullptr;
  RemoveMember(kWasEmpty, *context);
  if (context->ObjectEmpty() && !was_empty) RemoveMember(kContext, object);
}

std::vector<std::string> ClassesOf(const Value& object) {
  std::vector<std::string> classes;
  const Value* const list = Find(object, kClasses);
  if (list != nullptr && list->IsArray()) {
    for (const Value& one : list->GetArray()) {
      if (one.IsString()) classes.emplace_back(Text(one));
    }
  }
  const std::string_view single = json::FindString(object, kClass);
  if (classes.empty() && !single.empty()) classes.emplace_back(single);
  return classes;
}

void SetClasses(const std::vector<std::string>& classes, json::Document& document, Value& object) {
  RemoveMember(kClass, object);
  RemoveMember(kClasses, object);
  if (classes.empty()) return;
  if (classes.size() == 1) {
    SetMember(kClass, TextValue(classes.front(), document), document, object);
    return;
  }
  Value list(rapidjson::kArrayType);
  for (const std::string& name : classes) {
    list.PushBack(TextValue(name, document), document.allocator());
  }
  SetMember(kClasses, std::move(list), document, object);
}

}  // namespace nestor::ha
