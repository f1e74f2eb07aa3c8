#include "common/ha/subnet_edit.h"

#include <optional>

#include "common/base/status.h"
#include "common/ha/pool_range.h"

namespace nestor::ha {
namespace {

using json::Value;
using Allocator = rapidjson::Document::AllocatorType;

constexpr std::string_view kPools = "pools", kPrefixPools = "pd-pools";
constexpr std::string_view kSplitMark = "nestor-split";

Value TextValue(std::string_view text, Allocator& allocator) {
  return {text.data(), static_cast<rapidjson::SizeType>(text.size()), allocator};
}

void Put(Value& object, std::string_view name, Value value, Allocator& allocator) {
  if (Value* old = json::Find(object, name)) {
    *old = value;
  } else {
    object.AddMember(TextValue(name, allocator), value, allocator);
  }
}

void Erase(Value& object, std::string_view name) { object.RemoveMember(std::string(name).c_str()); }

// The class that something is for: Kea before 2.7 has one, later a list of any of them.
std::string ClassOf(const Value& object) {
  const std::string_view one = json::FindString(object, "client-class");
  if (!one.empty()) return std::string(one);
  const Value* several = json::Find(object, "client-classes");
  return several != nullptr && several->IsArray() && !several->Empty() ? json::Canonical(*several)
                                                                       : std::string();
}

// Empty: for every client, the member being as Kea of that version has it then.
void SetClass(Value& object, std::string_view name, Allocator& allocator) {
  Value* several = json::Find(object, "client-classes");
  if (several == nullptr) {
    if (name.empty()) return Erase(object, "client-class");
    return Put(object, "client-class", TextValue(name, allocator), allocator);
  }
  several->SetArray();
  if (name.starts_with('[')) {
    if (auto list = json::Parse(std::string(name)); list.ok()) {
      for (const Value& one : list->root().GetArray()) {
        if (one.IsString()) several->PushBack(TextValue(json::Text(one), allocator), allocator);
      }
    }
  } else if (!name.empty()) {
    several->PushBack(TextValue(name, allocator), allocator);
  }
}

void SetMark(Value& object, std::string_view mark, std::string_view text, Allocator& allocator) {
  Value* context = json::Find(object, "user-context");
  if (context == nullptr || !context->IsObject()) {
    Put(object, "user-context", Value(rapidjson::kObjectType), allocator);
    context = json::Find(object, "user-context");
  }
  Put(*context, mark, TextValue(text, allocator), allocator);
}

std::optional<std::string> FindMark(const Value& object, std::string_view mark) {
  const Value* context = json::Find(object, "user-context");
  const Value* text =
      context == nullptr || !context->IsObject() ? nullptr : json::Find(*context, mark);
  if (text == nullptr || !text->IsString()) return std::nullopt;
  return std::string(json::Text(*text));
}

void RemoveMark(Value& object, std::string_view mark) {
  Value* context = json::Find(object, "user-context");
  if (context == nullptr || !context->IsObject()) return;
  Erase(*context, mark);
  if (context->ObjectEmpty()) Erase(object, "user-context");
}

uint64_t Number(const Value& object, std::string_view name) {
  const Value* value = json::Find(object, name);
  return value != nullptr && value->IsUint64() ? value->GetUint64() : 0;
}

// "2001:db8::/48" of a prefix pool, or the text of a pool.
std::string TextOf(const Value& pool, bool prefixes) {
  if (!prefixes) return std::string(json::FindString(pool, "pool"));
  return fmt::format("{}/{}", json::FindString(pool, "prefix"), Number(pool, "prefix-len"));
}

// The excluded prefix of a half: where the whole pool's lies, within the half.
void MoveExcluded(Value& pool, const PoolRange& half, uint64_t length, Allocator& allocator) {
  const auto excluded = ParseAddress(json::FindString(pool, "excluded-prefix"), true);
  if (!excluded || Number(pool, "excluded-prefix-len") == 0) return;
  const absl::uint128 below = (absl::uint128(1) << (128 - static_cast<int>(length))) - 1;
  Put(pool, "excluded-prefix",
      TextValue(AddressText(half.first | (*excluded & below), true), allocator), allocator);
}

void SetRange(Value& pool, const PoolRange& range, bool prefixes, Allocator& allocator) {
  if (!prefixes) return Put(pool, "pool", TextValue(PoolText(range), allocator), allocator);
  const uint64_t length = Number(pool, "prefix-len") + 1;
  Put(pool, "prefix", TextValue(AddressText(range.first, true), allocator), allocator);
  Put(pool, "prefix-len", Value(length), allocator);
  MoveExcluded(pool, range, length, allocator);
}

// A prefix pool of one prefix cannot be halved, nor a pool of one address.
bool CanHalve(const Value& pool, const PoolRange& range, bool prefixes) {
  return range.first != range.last &&
         (!prefixes || Number(pool, "prefix-len") < Number(pool, "delegated-len"));
}

// What the whole pool was, in a half of it.
void Restore(Value& pool, const std::string& text, bool prefixes, Allocator& allocator) {
  if (!prefixes) return Put(pool, "pool", TextValue(text, allocator), allocator);
  const auto range = ParsePool(text);
  const auto excluded = ParseAddress(json::FindString(pool, "excluded-prefix"), true);
  const uint64_t length = Number(pool, "prefix-len") - 1;
  Put(pool, "prefix", TextValue(text.substr(0, text.find('/')), allocator), allocator);
  Put(pool, "prefix-len", Value(length), allocator);
  if (range && excluded && Number(pool, "excluded-prefix-len") != 0) {
    MoveExcluded(pool, *range, length, allocator);
  }
}

// Whether `second` is what `first` is, but for which addresses and whose clients.
bool Alike(const Value& first, const Value& second) {
  json::Shape shape;
  shape.without = {"pool", "prefix", "excluded-prefix", "client-class", "client-classes"};
  return json::Canonical(first, shape) == json::Canonical(second, shape);
}

}  // namespace

absl::StatusOr<SubnetEdit> SubnetEdit::Of(const std::string& json) {
  ASSIGN_OR_RETURN(json::Document document, json::Parse(json));
  if (!document.root().IsObject()) {
    return Error(absl::StatusCode::kInvalidArgument, "a subnet is no object");
  }
  return SubnetEdit(std::move(document));
}

Value* SubnetEdit::List(std::string_view name) {
  Value* list = json::Find(document_.root(), name);
  return list != nullptr && list->IsArray() ? list : nullptr;
}

std::vector<std::string> SubnetEdit::PoolsOfEveryClass(DhcpService service) const {
  std::vector<std::string> found;
  for (const std::string_view name : {kPools, kPrefixPools}) {
    const bool prefixes = name == kPrefixPools;
    if (prefixes && service == DhcpService::kDhcp4) continue;
    const Value* list = json::Find(document_.root(), name);
    if (list == nullptr || !list->IsArray()) continue;
    for (const Value& pool : list->GetArray()) {
      if (pool.IsObject() && ClassOf(pool).empty()) found.push_back(TextOf(pool, prefixes));
    }
  }
  return found;
}

absl::Status SubnetEdit::Split(DhcpService service, std::string_view first_class,
                               std::string_view second_class) {
  RETURN_IF_ERROR(SplitList(kPools, first_class, second_class));
  if (service == DhcpService::kDhcp4) return absl::OkStatus();
  return SplitList(kPrefixPools, first_class, second_class);
}

absl::Status SubnetEdit::SplitList(std::string_view name, std::string_view first_class,
                                   std::string_view second_class) {
  Value* list = List(name);
  if (list == nullptr) return absl::OkStatus();
  const bool prefixes = name == kPrefixPools;
  Allocator& allocator = document_.allocator();
  Value halves(rapidjson::kArrayType);
  for (Value& pool : list->GetArray()) {
    if (!pool.IsObject() || !ClassOf(pool).empty()) {
      halves.PushBack(pool, allocator);
      continue;
    }
    const std::string text = TextOf(pool, prefixes);
    const auto range = ParsePool(text);
    if (!range) return Error(absl::StatusCode::kInvalidArgument, "\"{}\" is no pool", text);
    changed_ = true;
    SetMark(pool, kSplitMark, text, allocator);
    if (!CanHalve(pool, *range, prefixes)) {
      SetClass(pool, first_class, allocator);
      halves.PushBack(pool, allocator);
      continue;
    }
    const auto [first, second] = Halves(*range);
    Value other(pool, allocator);
    SetRange(pool, first, prefixes, allocator);
    SetClass(pool, first_class, allocator);
    SetRange(other, *second, prefixes, allocator);
    SetClass(other, second_class, allocator);
    halves.PushBack(pool, allocator);
    halves.PushBack(other, allocator);
  }
  *List(name) = halves;
  return absl::OkStatus();
}

void SubnetEdit::Join(DhcpService service) {
  JoinList(kPools);
  if (service == DhcpService::kDhcp6) JoinList(kPrefixPools);
}

void SubnetEdit::JoinList(std::string_view name) {
  Value* list = List(name);
  if (list == nullptr) return;
  const bool prefixes = name == kPrefixPools;
  Allocator& allocator = document_.allocator();
  Value joined(rapidjson::kArrayType);
  for (rapidjson::SizeType i = 0; i < list->Size(); ++i) {
    Value& pool = (*list)[i];
    const auto mark = pool.IsObject() ? FindMark(pool, kSplitMark) : std::nullopt;
    if (!mark) {
      joined.PushBack(pool, allocator);
      continue;
    }
    changed_ = true;
    const auto whole = ParsePool(*mark);
    const auto range = ParsePool(TextOf(pool, prefixes));
    Value* next = i + 1 < list->Size() ? &(*list)[i + 1] : nullptr;
    const bool has_half = next != nullptr && next->IsObject() &&
                          FindMark(*next, kSplitMark) == mark && Alike(pool, *next);
    const auto other = has_half ? ParsePool(TextOf(*next, prefixes)) : std::nullopt;
    if (whole && range && other && range->first == whole->first && other->last == whole->last &&
        range->last + 1 == other->first) {
      Restore(pool, *mark, prefixes, allocator);
      ++i;
    }
    RemoveMark(pool, kSplitMark);
    SetClass(pool, {}, allocator);
    joined.PushBack(pool, allocator);
  }
  *List(name) = joined;
}

void SubnetEdit::Guard(std::string_view name, std::string_view mark) {
  Value& subnet = document_.root();
  if (FindMark(subnet, mark)) return;  // it is already
  Allocator& allocator = document_.allocator();
  SetMark(subnet, mark, ClassOf(subnet), allocator);
  SetClass(subnet, name, allocator);
  changed_ = true;
}

void SubnetEdit::Unguard(std::string_view mark) {
  Value& subnet = document_.root();
  const auto before = FindMark(subnet, mark);
  if (!before) return;
  RemoveMark(subnet, mark);
  SetClass(subnet, *before, document_.allocator());
  changed_ = true;
}

}  // namespace nestor::ha
