// From a configuration as Kea reports it to the objects it consists of.

#include <algorithm>
#include <tuple>

#include "common/base/status.h"
#include "common/config/dialect.h"
#include "common/config/kea_config.h"

namespace nestor::config {
namespace {

using json::Find;
using json::FindString;
using json::Shape;
using json::Text;
using json::Value;

constexpr std::string_view kServerSpecific[] = {
    "config-control",     "control-socket", "control-sockets", "data-directory",  "dhcp-ddns",
    "dhcp-queue-control", "hash",           "hooks-libraries", "hosts-database",  "hosts-databases",
    "interfaces-config",  "lease-database", "loggers",         "multi-threading", "server-id",
    "server-tag",
};

// Options of one list have no order among different codes. Those of the same code keep theirs,
// since that is the order in which Kea sends them.
std::tuple<std::string_view, uint64_t> OptionOrder(const Value* option) {
  const Value* code = Find(*option, "code");
  return {FindString(*option, "space"),
          code != nullptr && code->IsUint64() ? code->GetUint64() : 0};
}

// Kea itself sorts pools by address and whole lists of subnets, networks and reservations; those of
// classes, of client classes to require and of a reservation's addresses have an order that means
// something to it, and are left alone.
void SortOptions(std::string_view name, std::vector<const Value*>& elements) {
  if (name != "option-data" && name != "option-def") return;
  std::stable_sort(elements.begin(), elements.end(),
                   [](const Value* a, const Value* b) { return OptionOrder(a) < OptionOrder(b); });
}

// The same, and the relay's addresses, which a subnet or network has a set of.
void SortOptionsAndRelays(std::string_view name, std::vector<const Value*>& elements) {
  if (name != "ip-addresses") return SortOptions(name, elements);
  const auto text = [](const Value* one) {
    return one->IsString() ? Text(*one) : std::string_view();
  };
  std::stable_sort(elements.begin(), elements.end(),
                   [&](const Value* a, const Value* b) { return text(a) < text(b); });
}

// How Kea's form of an object becomes its canonical one.
const Shape& ShapeOf(Kind kind) {
  static const Shape as_it_is;
  static const Shape plain{.rearrange = SortOptions};
  static const Shape network{.without = {"subnet4", "subnet6"}, .rearrange = SortOptionsAndRelays};
  static const Shape subnet{.without = {"reservations"}, .rearrange = SortOptionsAndRelays};
  switch (kind) {
    case Kind::kGlobal:
      return as_it_is;
    case Kind::kOptionDef:
    case Kind::kOption:
    case Kind::kClientClass:
    case Kind::kReservation:
      return plain;
    case Kind::kSharedNetwork:
      return network;
    case Kind::kSubnet:
      return subnet;
  }
  return as_it_is;
}

// Takes one configuration apart.
class Extraction {
 public:
  explicit Extraction(DhcpService service)
      : subnets_name_(service == DhcpService::kDhcp4 ? "subnet4" : "subnet6") {}

  absl::StatusOr<ObjectSet> Run(const Value& root) {
    for (const auto& member : root.GetObject()) {
      RETURN_IF_ERROR(Take(Text(member.name), member.value));
    }
    return std::move(set_);
  }

 private:
  absl::Status Take(std::string_view name, const Value& value) {
    if (IsServerSpecific(name)) return absl::OkStatus();
    if (name == "client-classes") return TakeClasses(value);
    if (name == "option-data") return TakeOptions(Kind::kOption, value);
    if (name == "option-def") return TakeOptions(Kind::kOptionDef, value);
    if (name == "reservations") return TakeReservations("0", value);
    if (name == subnets_name_) return TakeSubnets(value, {});
    if (name == "shared-networks") return TakeNetworks(value);
    Put(Kind::kGlobal, std::string(name), value);
    return absl::OkStatus();
  }

  // False: there was one already.
  bool Put(Kind kind, std::string key, std::string canonical) {
    const size_t before = set_.size();
    set_.Put({kind, std::move(key)}, std::move(canonical));
    return set_.size() > before;
  }
  bool Put(Kind kind, std::string key, const Value& value) {
    return Put(kind, std::move(key), CanonicalObject(kind, value));
  }

  absl::Status TakeClasses(const Value& value) {
    if (!value.IsArray()) return absl::InvalidArgumentError("client-classes is not a list");
    std::string order = "[";
    for (const Value& one : value.GetArray()) {
      const std::string_view name = FindString(one, "name");
      if (name.empty()) return absl::InvalidArgumentError("a client class without name");
      if (order.size() > 1) order += ',';
      json::AppendString(name, order);
      if (!Put(Kind::kClientClass, std::string(name), one)) {
        return absl::InvalidArgumentError(fmt::format("two client classes have the name {}", name));
      }
    }
    if (order.size() > 1) set_.Put({Kind::kGlobal, std::string(kClassOrder)}, order + "]");
    return absl::OkStatus();
  }

  absl::Status TakeOptions(Kind kind, const Value& value) {
    if (!value.IsArray()) return absl::InvalidArgumentError("a list of options is not a list");
    for (const Value& one : value.GetArray()) {
      const Value* code = Find(one, "code");
      if (code == nullptr || !code->IsUint64())
        return absl::InvalidArgumentError("an option without code");
      // Kea allows two options of one code.
      const std::string key = fmt::format("{}/{}", FindString(one, "space"), code->GetUint64());
      ObjectId id{kind, key};
      for (int n = 2; set_.Find(id) != nullptr; ++n) id.key = fmt::format("{}#{}", key, n);
      Put(kind, std::move(id.key), one);
    }
    return absl::OkStatus();
  }

  // Empty: it has no identifier.
  static std::string ReservationKey(std::string_view subnet, const Value& reservation) {
    for (const std::string_view type : kIdentifiers) {
      const std::string_view identifier = FindString(reservation, type);
      if (identifier.empty()) continue;
      std::string key;
      key.reserve(subnet.size() + type.size() + identifier.size() + 2);
      return key.append(subnet).append(1, '/').append(type).append(1, '/').append(identifier);
    }
    return {};
  }

  absl::Status TakeReservations(std::string_view subnet, const Value& value) {
    if (!value.IsArray()) return absl::InvalidArgumentError("reservations is not a list");
    for (const Value& one : value.GetArray()) {
      std::string key = ReservationKey(subnet, one);
      if (key.empty())
        return absl::InvalidArgumentError(
            fmt::format("a reservation in subnet {} without identifier", subnet));
      if (!Put(Kind::kReservation, key, one)) {
        return absl::InvalidArgumentError(fmt::format("two reservations are {}", key));
      }
    }
    return absl::OkStatus();
  }

  // A subnet's canonical text, with the name of its network unless that is empty.
  static std::string SubnetIn(std::string_view network, const Value& subnet) {
    if (network.empty()) return CanonicalObject(Kind::kSubnet, subnet);
    Shape shape = ShapeOf(Kind::kSubnet);
    shape.with_name = "shared-network";
    json::AppendString(network, shape.with_value);
    return json::Canonical(subnet, shape);
  }

  absl::Status TakeSubnets(const Value& value, std::string_view network) {
    if (!value.IsArray())
      return absl::InvalidArgumentError(fmt::format("{} is not a list", subnets_name_));
    for (const Value& subnet : value.GetArray()) {
      const Value* id = Find(subnet, "id");
      // 0 is how Kea calls what is in no subnet.
      if (id == nullptr || !id->IsUint64() || id->GetUint64() == 0) {
        return absl::InvalidArgumentError(
            fmt::format("subnet {} has no id", FindString(subnet, "subnet", "?")));
      }
      const std::string key = fmt::format("{}", id->GetUint64());
      if (!Put(Kind::kSubnet, key, SubnetIn(network, subnet))) {
        return absl::InvalidArgumentError(fmt::format("two subnets have the id {}", key));
      }
      if (const Value* reservations = Find(subnet, "reservations")) {
        RETURN_IF_ERROR(TakeReservations(key, *reservations));
      }
    }
    return absl::OkStatus();
  }

  absl::Status TakeNetworks(const Value& value) {
    if (!value.IsArray()) return absl::InvalidArgumentError("shared-networks is not a list");
    for (const Value& network : value.GetArray()) {
      const std::string_view name = FindString(network, "name");
      if (name.empty()) return absl::InvalidArgumentError("a shared network without name");
      if (!Put(Kind::kSharedNetwork, std::string(name), network)) {
        return absl::InvalidArgumentError(
            fmt::format("two shared networks have the name {}", name));
      }
      if (const Value* subnets = Find(network, subnets_name_)) {
        RETURN_IF_ERROR(TakeSubnets(*subnets, name));
      }
    }
    return absl::OkStatus();
  }

  std::string_view subnets_name_;
  ObjectSet set_;
};

// The relationships of the loaded HA hook, at least one; nullptr: there is none.
const Value* HaRelationships(DhcpService service, const Value& arguments) {
  const Value* root = Find(arguments, ServiceRoot(service));
  const Value* hooks = root == nullptr ? nullptr : Find(*root, "hooks-libraries");
  if (hooks == nullptr || !hooks->IsArray()) return nullptr;
  for (const Value& hook : hooks->GetArray()) {
    if (FindString(hook, "library").find("libdhcp_ha.so") == std::string_view::npos) continue;
    const Value* parameters = Find(hook, "parameters");
    const Value* ha = parameters == nullptr ? nullptr : Find(*parameters, "high-availability");
    if (ha != nullptr && ha->IsArray() && !ha->Empty()) return ha;
  }
  return nullptr;
}

}  // namespace

bool IsServerSpecific(std::string_view name) {
  return std::find(std::begin(kServerSpecific), std::end(kServerSpecific), name) !=
         std::end(kServerSpecific);
}

std::string CanonicalObject(Kind kind, const Value& object) {
  return json::Canonical(object, ShapeOf(kind));
}

absl::StatusOr<ObjectSet> Extract(DhcpService service, const Value& arguments) {
  const Value* root = Find(arguments, ServiceRoot(service));
  if (root == nullptr || !root->IsObject()) {
    return absl::InvalidArgumentError(fmt::format("it has no {}", ServiceRoot(service)));
  }
  if (DialectOf(service, arguments) == Dialect::k22) return Extraction(service).Run(*root);
  const json::Document common = InCommonForm(*root);
  return Extraction(service).Run(common.root());
}

std::optional<std::string> ConfigBackendInUse(DhcpService service, const Value& arguments) {
  const Value* root = Find(arguments, ServiceRoot(service));
  const Value* control = root == nullptr ? nullptr : Find(*root, "config-control");
  const Value* databases = control == nullptr ? nullptr : Find(*control, "config-databases");
  if (databases == nullptr || !databases->IsArray() || databases->Empty()) return std::nullopt;
  return WhyNoConfigBackend(FindString(databases->GetArray()[0], "type", "unknown"));
}

std::string WhyNoConfigBackend(std::string_view database_type) {
  return fmt::format(
      "its configuration comes from a Config Backend ({} database, config-control), which "
      "distributes it by itself; remove config-control to mirror it",
      database_type);
}

std::optional<std::string> HubAndSpoke(DhcpService service, const Value& arguments) {
  const Value* const relationships = HaRelationships(service, arguments);
  if (relationships == nullptr || relationships->Size() < 2) return std::nullopt;
  return fmt::format(
      "its HA has {} relationships (hub and spoke), each partner having some of its subnets, and "
      "Nestor mirrors the whole of a server to one partner; leave it to Kea, or give it one "
      "relationship",
      relationships->Size());
}

std::string HaMode(DhcpService service, const Value& arguments) {
  const Value* const relationships = HaRelationships(service, arguments);
  return relationships == nullptr ? std::string()
                                  : std::string(FindString(relationships->GetArray()[0], "mode"));
}

}  // namespace nestor::config
