#include "common/config/written.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <utility>

#include "common/base/status.h"
#include "common/config/kea_config.h"

namespace nestor::config {
namespace {

using json::Find;
using json::FindString;
using json::Text;
using json::Value;
using Allocator = rapidjson::Document::AllocatorType;

Value Name(std::string_view text, Allocator& memory) {
  return Value(text.data(), static_cast<rapidjson::SizeType>(text.size()), memory);
}

void Set(Value& map, std::string_view name, Value value, Allocator& memory) {
  map.RemoveMember(Value(rapidjson::StringRef(name.data(), name.size())));
  map.AddMember(Name(name, memory), value, memory);
}

// The list `name` of `object`, for a change of its elements; none where there is no such list.
template <typename Each>
absl::Status ForEach(Value& object, std::string_view name, const Each& each) {
  Value* const list = Find(object, name);
  if (list == nullptr || !list->IsArray()) return absl::OkStatus();
  for (Value& one : list->GetArray()) {
    if (one.IsObject()) RETURN_IF_ERROR(each(one));
  }
  return absl::OkStatus();
}

// A remark, "comment", becomes one in the user context, as Kea takes it.
void MoveComments(Value& value, Allocator& memory) {
  if (value.IsArray()) {
    for (Value& one : value.GetArray()) MoveComments(one, memory);
  }
  if (!value.IsObject()) return;
  // By number: clang 14 finds no one comparison of RapidJSON's iterators.
  for (std::ptrdiff_t i = 0; i < std::ptrdiff_t{value.MemberCount()}; ++i) {
    auto& member = *(value.MemberBegin() + i);
    if (Text(member.name) != "user-context") MoveComments(member.value, memory);
  }
  const Value* const comment = Find(value, "comment");
  if (comment == nullptr || !comment->IsString()) return;
  Value text = Name(Text(*comment), memory);
  value.RemoveMember("comment");
  Value* const context = Find(value, "user-context");
  if (context != nullptr && context->IsObject())
    return Set(*context, "comment", std::move(text), memory);
  Value made(rapidjson::kObjectType);
  Set(made, "comment", std::move(text), memory);
  Set(value, "user-context", std::move(made), memory);
}

// ---------------------------------------------------------------------- identifiers

using Bytes = std::string;

std::optional<int> HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

// The octets of "1:2b:3c", each of one digit or two.
std::optional<Bytes> SeparatedOctets(std::string_view text, char separator) {
  Bytes bytes;
  for (size_t i = 0; i <= text.size();) {
    const size_t end = std::min(text.find(separator, i), text.size());
    if (end == i || end - i > 2) return std::nullopt;
    int octet = 0;
    for (; i < end; ++i) {
      const auto digit = HexDigit(text[i]);
      if (!digit) return std::nullopt;
      octet = octet * 16 + *digit;
    }
    bytes += static_cast<char>(octet);
    i = end + 1;
  }
  return bytes;
}

std::optional<Bytes> PlainOctets(std::string_view text) {
  if (text.starts_with("0x")) text.remove_prefix(2);
  Bytes bytes;
  int octet = 0;
  bool half = text.size() % 2 != 0;  // the first octet has one digit then
  for (const char c : text) {
    const auto digit = HexDigit(c);
    if (!digit) return std::nullopt;
    octet = octet * 16 + *digit;
    if (std::exchange(half, !half)) bytes += static_cast<char>(std::exchange(octet, 0));
  }
  return bytes;
}

// An identifier in one of the ways that Kea reads it.
std::optional<Bytes> ReadIdentifier(std::string_view text) {
  if (text.size() >= 2 && text.front() == '\'' && text.back() == '\'') {
    return Bytes(text.substr(1, text.size() - 2));
  }
  if (text.find(':') != std::string_view::npos) return SeparatedOctets(text, ':');
  if (text.find(' ') != std::string_view::npos) return SeparatedOctets(text, ' ');
  return PlainOctets(text);
}

// As Kea writes it: "1a:2b" of hardware addresses and DUIDs, "1A2B" of the others.
std::string WriteIdentifier(std::string_view type, const Bytes& bytes) {
  const bool separated = type == "hw-address" || type == "duid";
  std::string text;
  for (const char c : bytes) {
    const auto octet = static_cast<unsigned char>(c);
    text += separated ? fmt::format("{}{:02x}", text.empty() ? "" : ":", octet)
                      : fmt::format("{:02X}", octet);
  }
  return text;
}

absl::Status NormaliseReservation(Value& reservation, Allocator& memory) {
  for (const std::string_view type : kIdentifiers) {
    const std::string_view text = FindString(reservation, type);
    if (text.empty()) continue;
    const auto bytes = ReadIdentifier(text);
    if (!bytes || bytes->empty()) {
      return absl::InvalidArgumentError(
          fmt::format("a reservation has the {} \"{}\", which is none", type, text));
    }
    const std::string written = WriteIdentifier(type, *bytes);
    if (written != text) Set(reservation, type, Name(written, memory), memory);
  }
  return absl::OkStatus();
}

// ---------------------------------------------------------------------- reservation-mode

struct Mode {
  std::string_view name;
  bool global, in_subnet, out_of_pool;
};
constexpr Mode kModes[] = {{"disabled", false, false, false},
                           {"off", false, false, false},
                           {"out-of-pool", false, true, true},
                           {"global", true, false, false},
                           {"all", false, true, false}};

// Kea makes three parameters of the one that is deprecated. In subnets and networks its parsers do.
absl::Status ReplaceMode(Value& scope, Allocator& memory) {
  const std::string name(FindString(scope, "reservation-mode"));
  if (name.empty()) return absl::OkStatus();
  for (const std::string_view other :
       {"reservations-global", "reservations-in-subnet", "reservations-out-of-pool"}) {
    if (Find(scope, other) != nullptr) {
      return absl::InvalidArgumentError(fmt::format("it has both reservation-mode and {}", other));
    }
  }
  const auto* const mode = std::find_if(std::begin(kModes), std::end(kModes),
                                        [&](const Mode& one) { return one.name == name; });
  if (mode == std::end(kModes))
    return absl::InvalidArgumentError(fmt::format("there is no reservation-mode {}", name));
  scope.RemoveMember("reservation-mode");
  Set(scope, "reservations-global", Value(mode->global), memory);
  Set(scope, "reservations-in-subnet", Value(mode->in_subnet), memory);
  if (mode->in_subnet) Set(scope, "reservations-out-of-pool", Value(mode->out_of_pool), memory);
  return absl::OkStatus();
}

// ---------------------------------------------------------------------- comparing

bool Holds(const Value& running, const Value& written) {
  if (written.IsObject()) {
    return running.IsObject() &&
           std::all_of(written.MemberBegin(), written.MemberEnd(), [&](const auto& member) {
             const Value* other = Find(running, Text(member.name));
             return other != nullptr && Holds(*other, member.value);
           });
  }
  if (written.IsArray()) {
    return running.IsArray() &&
           std::equal(written.Begin(), written.End(), running.Begin(), running.End(),
                      [](const Value& a, const Value& b) { return Holds(b, a); });
  }
  return running == written;
}

// True: the object says only which one it is.
bool OnlyNames(const ObjectId& id, const Object& object) {
  if (id.kind != Kind::kSubnet && id.kind != Kind::kSharedNetwork) return false;
  const auto document = json::Parse(object.json);
  if (!document.ok() || !document->root().IsObject()) return false;
  const auto members = document->root().GetObject();
  return std::all_of(members.begin(), members.end(), [&](const auto& member) {
    const std::string_view name = Text(member.name);
    return id.kind == Kind::kSharedNetwork
               ? name == "name"
               : name == "id" || name == "subnet" || name == "shared-network";
  });
}

// The names of the list `order`, and behind them those of `more` that are not among them.
std::string JoinOrders(const Object* order, const Object& more) {
  std::vector<std::string> names;
  for (const Object* one : {order, &more}) {
    const auto document = json::Parse(one == nullptr ? "[]" : one->json);
    if (!document.ok() || !document->root().IsArray()) continue;
    for (const Value& name : document->root().GetArray()) {
      if (std::find(names.begin(), names.end(), Text(name)) == names.end()) {
        names.emplace_back(Text(name));
      }
    }
  }
  std::string list = "[";
  for (const std::string& name : names) {
    if (list.size() > 1) list += ',';
    json::AppendString(name, list);
  }
  return list + ']';
}

}  // namespace

absl::StatusOr<Written> Written::Parse(DhcpService service, std::string text) {
  Written written(service);
  auto document = json::ParseKeaFile(std::move(text));
  if (!document.ok()) return document.status();
  written.document_ = *std::move(document);
  const Value* root = Find(written.document_.root(), ServiceRoot(service));
  if (root == nullptr || !root->IsObject()) {
    return absl::InvalidArgumentError(
        fmt::format("it is no configuration of {}: it must be {{\"{}\": {{...}}}}",
                    ServiceName(service), ServiceRoot(service)));
  }
  RETURN_IF_ERROR(written.Normalise());
  return written;
}

absl::Status Written::Normalise() {
  Allocator& memory = document_.allocator();
  const std::string_view subnets = service_ == DhcpService::kDhcp4 ? "subnet4" : "subnet6";
  MoveComments(root(), memory);
  const auto reservations = [&](Value& scope) {
    return ForEach(scope, "reservations",
                   [&](Value& one) { return NormaliseReservation(one, memory); });
  };
  const auto network = [&](Value& one) { return ForEach(one, subnets, reservations); };
  RETURN_IF_ERROR(ReplaceMode(root(), memory));
  RETURN_IF_ERROR(reservations(root()));
  RETURN_IF_ERROR(ForEach(root(), subnets, reservations));
  RETURN_IF_ERROR(ForEach(root(), "shared-networks", network));
  const auto space = [&](Value& option) {
    if (Find(option, "space") == nullptr) {
      Set(option, "space", Name(ServiceName(service_), memory), memory);
    }
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(ForEach(root(), "option-def", space));
  RETURN_IF_ERROR(ForEach(root(), "option-data", space));
  std::vector<OptionCode> defined;
  RETURN_IF_ERROR(ForEach(root(), "option-def", [&](Value& one) {
    const Value* code = Find(one, "code");
    if (code != nullptr && code->IsUint64()) {
      defined.push_back(
          {{std::string(FindString(one, "space")), std::string(FindString(one, "name"))},
           code->GetUint64()});
    }
    return absl::OkStatus();
  }));
  SetCodes(defined);
  return absl::OkStatus();
}

std::vector<OptionName> Written::OptionsWithoutCode() const {
  std::vector<OptionName> names;
  const Value* list = Find(root(), "option-data");
  if (list == nullptr || !list->IsArray()) return names;
  for (const Value& one : list->GetArray()) {
    if (!one.IsObject() || Find(one, "code") != nullptr) continue;
    names.push_back({std::string(FindString(one, "space")), std::string(FindString(one, "name"))});
  }
  return names;
}

void Written::SetCodes(const std::vector<OptionCode>& codes) {
  (void)ForEach(root(), "option-data", [&](Value& one) {
    if (Find(one, "code") != nullptr) return absl::OkStatus();
    const auto found = std::find_if(codes.begin(), codes.end(), [&](const OptionCode& known) {
      return known.space == FindString(one, "space") && known.name == FindString(one, "name");
    });
    if (found != codes.end()) {
      Set(one, "code", Value(uint64_t{found->code}), document_.allocator());
    }
    return absl::OkStatus();
  });
}

absl::StatusOr<ObjectSet> Written::Objects() const {
  const std::vector<OptionName> unknown = OptionsWithoutCode();
  if (!unknown.empty()) {
    return absl::InvalidArgumentError(fmt::format("there is no option \"{}\" in space {}",
                                                  unknown.front().name, unknown.front().space));
  }
  return Extract(service_, document_.root());
}

std::vector<std::string> Written::OwnPartsUnlike(const Value& local) const {
  std::vector<std::string> unlike;
  const Value* running = Find(local, ServiceRoot(service_));
  for (const auto& member : root().GetObject()) {
    const std::string_view name = Text(member.name);
    if (!IsServerSpecific(name) || name == "hash") continue;
    const Value* other = running == nullptr ? nullptr : Find(*running, name);
    if (other == nullptr || !Holds(*other, member.value)) unlike.emplace_back(name);
  }
  return unlike;
}

ObjectSet Merge(const ObjectSet& running, const ObjectSet& fragment) {
  ObjectSet merged = running;
  for (const ObjectSet::Entry* entry : fragment.InOrder()) {
    const auto& [id, object] = *entry;
    const Object* now = running.Find(id);
    if (now != nullptr && OnlyNames(id, object)) continue;
    if (id.kind == Kind::kGlobal && id.key == kClassOrder) {
      merged.Put(id, JoinOrders(now, object));
    } else {
      merged.Put(id, object.json);
    }
  }
  return merged;
}

bool SaysNoMore(std::string_view written, std::string_view running) {
  const auto one = json::Parse(std::string(written));
  const auto other = json::Parse(std::string(running));
  return one.ok() && other.ok() && Holds(other->root(), one->root());
}

}  // namespace nestor::config
