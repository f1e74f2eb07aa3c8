#include "common/config/dialect.h"

#include <span>

#include "common/base/status.h"

namespace nestor::config {
namespace {

using json::Find;
using json::FindString;
using json::Text;
using json::Value;
using Allocator = rapidjson::Document::AllocatorType;

constexpr std::string_view kClass = "client-class", kClasses = "client-classes";
constexpr std::string_view kConflicts = "ddns-use-conflict-resolution";
constexpr std::string_view kConflictMode = "ddns-conflict-resolution-mode";
constexpr std::string_view kChecks = "check-with-dhcid", kChecksNot = "no-check-with-dhcid";
constexpr std::string_view kThreshold = "cache-threshold";
constexpr std::string_view kIterative = "iterative";

// Where an object stands in a configuration.
enum class Where { kRoot, kScope, kPool, kClientClass, kOption, kReservation, kElsewhere };

// Of addresses, and of prefixes.
constexpr std::string_view kAllocators[] = {"allocator", "pd-allocator"};
std::span<const std::string_view> AllocatorsOf(DhcpService service) {
  return std::span(kAllocators).first(service == DhcpService::kDhcp4 ? 1 : 2);
}

struct Renamed {
  Where where;
  std::string_view common, from_30;
};
constexpr Renamed kRenamed[] = {
    {Where::kScope, "require-client-classes", "evaluate-additional-classes"},
    {Where::kPool, "require-client-classes", "evaluate-additional-classes"},
    {Where::kClientClass, "only-if-required", "only-in-additional-list"},
};

// Where the elements of the list `name` of an object at `where` stand.
Where Inside(Where where, std::string_view name) {
  if (name == "option-data") return Where::kOption;
  if (name == "reservations") return Where::kReservation;
  if (name == "pools" || name == "pd-pools") return Where::kPool;
  if (name == "subnet4" || name == "subnet6" || name == "shared-networks") return Where::kScope;
  if (name == kClasses && where == Where::kRoot) return Where::kClientClass;
  return Where::kElsewhere;
}

bool HasClass(Where where) { return where == Where::kScope || where == Where::kPool; }
bool Inherits(Where where) { return where == Where::kRoot || where == Where::kScope; }

void Erase(std::string_view name, Value& object) {
  object.RemoveMember(Value(rapidjson::StringRef(name.data(), name.size())));
}

void Set(std::string_view name, Value value, Allocator& memory, Value& object) {
  Erase(name, object);
  object.AddMember(Value(name.data(), static_cast<rapidjson::SizeType>(name.size()), memory), value,
                   memory);
}

void Rename(std::string_view from, std::string_view to, Allocator& memory, Value& object) {
  Value* const value = Find(object, from);
  if (value == nullptr) return;
  Value moved = std::move(*value);
  Erase(from, object);
  Set(to, std::move(moved), memory, object);
}

bool IsFalse(const Value& object, std::string_view name) {
  const Value* const value = Find(object, name);
  return value != nullptr && value->IsFalse();
}

Value TextOf(std::string_view text) {
  return Value(rapidjson::StringRef(text.data(), text.size()));
}

// Does `step` to `object` and to each object in its lists, with where it stands.
template <typename Step>
void Walk(Where where, Value& object, const Step& step) {
  if (where == Where::kElsewhere || !object.IsObject()) return;
  step(where, object);
  // By number: clang 14 finds no one comparison of RapidJSON's iterators.
  for (std::ptrdiff_t i = 0; i < std::ptrdiff_t{object.MemberCount()}; ++i) {
    auto& member = *(object.MemberBegin() + i);
    const Where inside = Inside(where, Text(member.name));
    if (!member.value.IsArray()) continue;
    for (Value& element : member.value.GetArray()) Walk(inside, element, step);
  }
}

// ---------------------------------------------------------------------- to the common form

void ClassToCommon(Allocator& memory, Value& object) {
  Value* const classes = Find(object, kClasses);
  if (classes == nullptr || !classes->IsArray() || classes->Size() > 1) return;
  if (classes->Size() == 1 && Find(object, kClass) == nullptr) {
    Value only = std::move(*classes->Begin());
    Set(kClass, std::move(only), memory, object);
  }
  Erase(kClasses, object);
}

void InheritedToCommon(Allocator& memory, Value& object) {
  for (const std::string_view name : kAllocators) {
    if (FindString(object, name) == kIterative) Erase(name, object);
  }
  // Older ones have no other way to say that nothing is cached than not to say it.
  const Value* const threshold = Find(object, kThreshold);
  if (threshold != nullptr && threshold->IsNumber() && threshold->GetDouble() == 0) {
    Erase(kThreshold, object);
  }
  if (Find(object, kConflictMode) == nullptr) return;
  Erase(kConflicts, object);  // no Kea has both
  const std::string_view mode = FindString(object, kConflictMode);
  if (mode != kChecks && mode != kChecksNot) return;
  const bool checks = mode == kChecks;
  Erase(kConflictMode, object);
  Set(kConflicts, Value(checks), memory, object);
}

void ToCommon(Where where, Allocator& memory, Value& object) {
  if (HasClass(where)) ClassToCommon(memory, object);
  if (Inherits(where)) InheritedToCommon(memory, object);
  for (const Renamed& one : kRenamed) {
    if (one.where == where) Rename(one.from_30, one.common, memory, object);
  }
  if (where == Where::kOption && IsFalse(object, "never-send")) Erase("never-send", object);
  if (where != Where::kRoot) return;
  if (IsFalse(object, "stash-agent-options")) Erase("stash-agent-options", object);
  Value* const checks = Find(object, "sanity-checks");
  if (checks != nullptr && FindString(*checks, "extended-info-checks") == "fix") {
    Erase("extended-info-checks", *checks);
  }
}

// ---------------------------------------------------------------------- and from it

void SayClass(Allocator& memory, Value& object) {
  Value* const only = Find(object, kClass);
  if (only == nullptr || Find(object, kClasses) != nullptr) return;
  Value list(rapidjson::kArrayType);
  list.PushBack(std::move(*only), memory);
  Erase(kClass, object);
  Set(kClasses, std::move(list), memory, object);
}

void SayConflicts(Allocator& memory, Value& object) {
  const Value* const checks = Find(object, kConflicts);
  if (checks == nullptr || !checks->IsBool()) return;
  const std::string_view mode = checks->GetBool() ? kChecks : kChecksNot;
  Erase(kConflicts, object);
  Set(kConflictMode, TextOf(mode), memory, object);
}

// What is left out is said, since otherwise it would be inherited.
void SayInherited(DhcpService service, Dialect dialect, Allocator& memory, Value& object) {
  for (const std::string_view name : AllocatorsOf(service)) {
    if (Find(object, name) == nullptr) Set(name, TextOf(kIterative), memory, object);
  }
  if (dialect >= Dialect::k26) SayConflicts(memory, object);
  if (dialect >= Dialect::k30 && Find(object, kThreshold) == nullptr) {
    Set(kThreshold, Value(0.0), memory, object);
  }
}

Where WhereOf(Kind kind) {
  switch (kind) {
    case Kind::kSharedNetwork:
    case Kind::kSubnet:
      return Where::kScope;
    case Kind::kClientClass:
      return Where::kClientClass;
    case Kind::kOption:
      return Where::kOption;
    case Kind::kReservation:
      return Where::kReservation;
    case Kind::kGlobal:
    case Kind::kOptionDef:
      return Where::kElsewhere;
  }
  return Where::kElsewhere;
}

}  // namespace

Dialect DialectOf(DhcpService service, const Value& arguments) {
  const Value* const root = Find(arguments, ServiceRoot(service));
  if (root == nullptr) return Dialect::k22;
  if (Find(*root, "control-sockets") != nullptr) return Dialect::k30;
  if (Find(*root, kConflictMode) != nullptr) return Dialect::k26;
  return Find(*root, kAllocators[0]) != nullptr ? Dialect::k24 : Dialect::k22;
}

bool MayTest(Dialect dialect) { return dialect < Dialect::k30; }

json::Document InCommonForm(const Value& root) {
  json::Document common;
  common.root().CopyFrom(root, common.allocator());
  Walk(Where::kRoot, common.root(),
       [&](Where where, Value& object) { ToCommon(where, common.allocator(), object); });
  return common;
}

std::string SayObject(DhcpService service, Dialect dialect, Kind kind, std::string_view json) {
  if (dialect == Dialect::k22) return std::string(json);
  auto document = json::Parse(std::string(json));
  if (!document.ok()) return std::string(json);
  Allocator& memory = document->allocator();
  Walk(WhereOf(kind), document->root(), [&](Where where, Value& object) {
    if (where == Where::kScope) SayInherited(service, dialect, memory, object);
    if (dialect < Dialect::k30) return;
    if (HasClass(where)) SayClass(memory, object);
    for (const Renamed& one : kRenamed) {
      if (one.where == where) Rename(one.common, one.from_30, memory, object);
    }
  });
  return json::Canonical(document->root());
}

Global SayGlobal(Dialect dialect, const Global& global) {
  const auto& [name, text] = global;
  const bool checks = text == "true";
  if (dialect < Dialect::k26 || name != kConflicts || (!checks && text != "false")) return global;
  return {std::string(kConflictMode), fmt::format("\"{}\"", checks ? kChecks : kChecksNot)};
}

std::vector<Global> GlobalsToSay(DhcpService service, Dialect dialect, const ObjectSet& wanted) {
  std::vector<Global> unsaid;
  const auto say = [&](std::string_view name, std::string_view text) {
    if (wanted.Find({Kind::kGlobal, std::string(name)}) != nullptr) return;
    unsaid.emplace_back(name, text);
  };
  if (dialect >= Dialect::k24) {
    for (const std::string_view name : AllocatorsOf(service)) say(name, R"("iterative")");
  }
  if (dialect >= Dialect::k30) say(kThreshold, "0");
  return unsaid;
}

}  // namespace nestor::config
