#include "common/ha/scopes.h"

#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "common/config/kea_config.h"
#include "common/ha/each_subnet.h"
#include "common/ha/marks.h"

namespace nestor::ha {
namespace {

using config::Kind;
using config::ObjectId;
using config::ObjectSet;
using json::Text;
using json::Value;

// As config-get reports it, so that what Kea then has is what was asked for. Every packet is in the
// class ALL.
constexpr std::string_view kNobody4 =
    R"-({"boot-file-name":"","name":"nestor-disabled","next-server":"0.0.0.0","option-data":[],)-"
    R"-("option-def":[],"server-hostname":"","test":"not member('ALL')"})-";
constexpr std::string_view kNobody6 =
    R"-({"name":"nestor-disabled","option-data":[],"test":"not member('ALL')"})-";

constexpr std::string_view NobodyClass(DhcpService service) {
  return service == DhcpService::kDhcp4 ? kNobody4 : kNobody6;
}

ObjectId NobodyId() { return {Kind::kClientClass, std::string(kNobody)}; }
ObjectId OrderId() { return {Kind::kGlobal, std::string(config::kClassOrder)}; }

bool IsDisabled(const Value& subnet) {
  return ClassesOf(subnet) == std::vector<std::string>{std::string(kNobody)};
}

// The order of the classes without kNobody, and with it at the end if it is to be there.
absl::Status PlaceNobody(bool there, ObjectSet& objects) {
  const config::Object* const order = objects.Find(OrderId());
  ASSIGN_OR_RETURN(json::Document document, json::Parse(order == nullptr ? "[]" : order->json));
  if (!document.root().IsArray()) {
    return Error(absl::StatusCode::kInvalidArgument, "{} is not a list",
                 config::Describe(OrderId(), {}));
  }
  Value names(rapidjson::kArrayType);
  for (Value& name : document.root().GetArray()) {
    if (name.IsString() && Text(name) == kNobody) continue;
    names.PushBack(name, document.allocator());
  }
  if (there) names.PushBack(TextValue(kNobody, document), document.allocator());
  if (names.Empty()) {
    objects.Remove(OrderId());
  } else {
    objects.Put(OrderId(), json::Canonical(names));
  }
  return absl::OkStatus();
}

// The classes as they are kept in a subnet: "" for none, "phones", or a list of several.
Value Kept(const std::vector<std::string>& classes, json::Document& document) {
  if (classes.size() < 2) return TextValue(classes.empty() ? "" : classes.front(), document);
  Value list(rapidjson::kArrayType);
  for (const std::string& name : classes) {
    list.PushBack(TextValue(name, document), document.allocator());
  }
  return list;
}

std::vector<std::string> WereKept(const Value& kept) {
  std::vector<std::string> classes;
  if (kept.IsArray()) {
    for (const Value& name : kept.GetArray()) {
      if (name.IsString()) classes.emplace_back(Text(name));
    }
  } else if (kept.IsString() && kept.GetStringLength() > 0) {
    classes.emplace_back(Text(kept));
  }
  return classes;
}

}  // namespace

absl::StatusOr<ObjectSet> Disable(DhcpService service, const ObjectSet& objects) {
  const config::Object* const there = objects.Find(NobodyId());
  if (there != nullptr && there->json != NobodyClass(service)) {
    return Error(absl::StatusCode::kInvalidArgument,
                 "{} is there and not as Nestor makes it: give it another name",
                 config::Describe(NobodyId(), {}));
  }
  if (objects.Count(Kind::kSubnet) == 0) return objects;
  ASSIGN_OR_RETURN(ObjectSet disabled,
                   ChangeSubnets(objects, [&](json::Document& subnet) -> absl::StatusOr<bool> {
                     Value& root = subnet.root();
                     if (IsDisabled(root)) return false;
                     RETURN_IF_ERROR(AddMark(kNobody, Kept(ClassesOf(root), subnet), subnet, root));
                     SetClasses({std::string(kNobody)}, subnet, root);
                     return true;
                   }));
  disabled.Put(NobodyId(), std::string(NobodyClass(service)));
  RETURN_IF_ERROR(PlaceNobody(true, disabled));
  return disabled;
}

absl::StatusOr<ObjectSet> Enable(DhcpService service, const ObjectSet& objects) {
  ASSIGN_OR_RETURN(ObjectSet enabled,
                   ChangeSubnets(objects, [](json::Document& subnet) -> absl::StatusOr<bool> {
                     Value& root = subnet.root();
                     const Value* const mark = FindMark(root, kNobody);
                     if (mark == nullptr) return false;
                     const std::vector<std::string> classes = WereKept(*mark);
                     RemoveMark(kNobody, root);
                     if (IsDisabled(root)) SetClasses(classes, subnet, root);
                     return true;
                   }));
  const config::Object* const there = enabled.Find(NobodyId());
  if (there == nullptr || there->json != NobodyClass(service)) return enabled;
  enabled.Remove(NobodyId());
  RETURN_IF_ERROR(PlaceNobody(false, enabled));
  return enabled;
}

ObjectSet Delete(const ObjectSet& objects) {
  ObjectSet left = objects;
  for (const auto* entry : objects.InOrder()) {
    const ObjectId& id = entry->first;
    const bool in_subnet = id.kind == Kind::kReservation && !id.key.starts_with("0/");
    if (in_subnet || id.kind == Kind::kSubnet || id.kind == Kind::kSharedNetwork) left.Remove(id);
  }
  return left;
}

}  // namespace nestor::ha
