// From objects back to a configuration that Kea accepts.

#include <charconv>
#include <map>

#include "common/base/status.h"
#include "common/config/kea_config.h"

namespace nestor::config {
namespace {

using json::Find;
using json::Text;
using json::Value;

absl::Status Bad(const ObjectId& id, std::string_view json, std::string_view what) {
  return Error(absl::StatusCode::kInvalidArgument, "{} {}", Describe(id, json), what);
}

// Writes one configuration, object by object, by joining their texts.
class Composition {
 public:
  Composition(DhcpService service, const ObjectSet& wanted, std::vector<Place>* places)
      : subnets_name_(service == DhcpService::kDhcp4 ? "subnet4" : "subnet6"),
        wanted_(wanted),
        places_(places) {}

  absl::StatusOr<std::string> Run(std::string_view root_name, const Value& local_root) {
    RETURN_IF_ERROR(Sort());
    out_ = "{\"";
    out_.append(root_name).append("\":{");
    for (const auto& member : local_root.GetObject()) {
      if (!IsServerSpecific(Text(member.name)) || Text(member.name) == "hash") continue;
      Name(Text(member.name));
      out_ += json::Write(member.value);
    }
    for (const auto* global : globals_) {
      Name(global->first.key);
      Add(*global);
    }
    AddList("option-def", definitions_);
    AddList("client-classes", classes_);
    AddList("option-data", options_);
    if (const auto global = reservations_.find(0); global != reservations_.end()) {
      Name("reservations");
      AddReservations(global->second);
    }
    AddNetworks();
    if (const auto plain = subnets_.find({}); plain != subnets_.end()) {
      Name(subnets_name_);
      AddSubnets(plain->second);
    }
    out_ += "}}";
    return std::move(out_);
  }

 private:
  using Entry = ObjectSet::Map::value_type;
  struct Subnet {
    const Entry* entry;
    uint64_t id;
    std::string without_network;  // the text, where the subnet is in a network
  };

  absl::Status Sort() {
    std::map<std::string_view, const Entry*> classes;
    for (const Entry& entry : wanted_.objects()) {
      const auto& [id, object] = entry;
      switch (id.kind) {
        case Kind::kGlobal:
          if (IsServerSpecific(id.key)) return Bad(id, {}, "belongs to a server, not to a pair");
          if (id.key == "client-class-order") {
            order_ = &object;
          } else {
            globals_.push_back(&entry);
          }
          break;
        case Kind::kOptionDef: definitions_.push_back(&entry); break;
        case Kind::kOption: options_.push_back(&entry); break;
        case Kind::kClientClass: classes[id.key] = &entry; break;
        case Kind::kSharedNetwork: networks_.push_back(&entry); break;
        case Kind::kSubnet: RETURN_IF_ERROR(SortSubnet(entry)); break;
        case Kind::kReservation: RETURN_IF_ERROR(SortReservation(entry)); break;
      }
    }
    return SortClasses(std::move(classes));
  }

  static std::optional<uint64_t> Number(std::string_view text) {
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
  }

  absl::Status SortSubnet(const Entry& entry) {
    const auto id = Number(entry.first.key);
    if (!id) return Bad(entry.first, entry.second.json, "has no number for a key");
    Subnet subnet{&entry, *id, {}};
    std::string network;
    if (entry.second.json.find("\"shared-network\":") != std::string::npos) {
      ASSIGN_OR_RETURN(const json::Document document, json::Parse(entry.second.json));
      network = json::FindString(document.root(), "shared-network");
      if (!network.empty()) {
        json::Shape shape;
        shape.without = {"shared-network"};
        subnet.without_network = json::Canonical(document.root(), shape);
        if (wanted_.Find({Kind::kSharedNetwork, network}) == nullptr) {
          return Bad(entry.first, entry.second.json,
                     fmt::format("is in shared network {}, which is not there", network));
        }
      }
    }
    subnets_[network].push_back(std::move(subnet));
    return absl::OkStatus();
  }

  absl::Status SortReservation(const Entry& entry) {
    const std::string_view key = entry.first.key;
    const auto id = Number(key.substr(0, key.find('/')));
    if (!id) return Bad(entry.first, entry.second.json, "names no subnet");
    if (*id != 0 &&
        wanted_.Find({Kind::kSubnet, std::string(key.substr(0, key.find('/')))}) == nullptr) {
      return Bad(entry.first, entry.second.json, "is in a subnet which is not there");
    }
    reservations_[*id].push_back(&entry);
    return absl::OkStatus();
  }

  absl::Status SortClasses(std::map<std::string_view, const Entry*> classes) {
    if (order_ != nullptr) {
      ASSIGN_OR_RETURN(const json::Document document, json::Parse(order_->json));
      if (!document.root().IsArray()) {
        return Bad({Kind::kGlobal, "client-class-order"}, {}, "is not a list");
      }
      for (const Value& name : document.root().GetArray()) {
        const auto found = name.IsString() ? classes.find(Text(name)) : classes.end();
        if (found == classes.end()) continue;
        classes_.push_back(found->second);
        classes.erase(found);
      }
    }
    for (const auto& [name, entry] : classes) classes_.push_back(entry);
    return absl::OkStatus();
  }

  void Name(std::string_view name) {
    if (out_.back() != '{') out_ += ',';
    json::AppendString(name, out_);
    out_ += ':';
  }

  void Mark(size_t begin, const ObjectId& id) {
    if (places_ != nullptr) places_->push_back({begin, out_.size(), id});
  }

  void Add(const Entry& entry) {
    const size_t begin = out_.size();
    out_ += entry.second.json;
    Mark(begin, entry.first);
  }

  void AddList(std::string_view name, const std::vector<const Entry*>& entries) {
    if (entries.empty()) return;
    Name(name);
    AddReservations(entries);
  }

  void AddReservations(const std::vector<const Entry*>& entries) {
    out_ += '[';
    for (const Entry* entry : entries) {
      if (entry != entries.front()) out_ += ',';
      Add(*entry);
    }
    out_ += ']';
  }

  void AddSubnets(const std::vector<Subnet>& subnets) {
    out_ += '[';
    for (const Subnet& subnet : subnets) {
      if (&subnet != &subnets.front()) out_ += ',';
      const size_t begin = out_.size();
      out_ += subnet.without_network.empty() ? subnet.entry->second.json : subnet.without_network;
      if (const auto found = reservations_.find(subnet.id); found != reservations_.end()) {
        out_.pop_back();
        Name("reservations");
        AddReservations(found->second);
        out_ += '}';
      }
      Mark(begin, subnet.entry->first);
    }
    out_ += ']';
  }

  void AddNetworks() {
    if (networks_.empty()) return;
    Name("shared-networks");
    out_ += '[';
    for (const Entry* network : networks_) {
      if (network != networks_.front()) out_ += ',';
      const size_t begin = out_.size();
      out_ += network->second.json;
      if (const auto found = subnets_.find(network->first.key); found != subnets_.end()) {
        out_.pop_back();
        Name(subnets_name_);
        AddSubnets(found->second);
        out_ += '}';
      }
      Mark(begin, network->first);
    }
    out_ += ']';
  }

  std::string_view subnets_name_;
  const ObjectSet& wanted_;
  std::vector<Place>* places_;
  std::string out_;
  const Object* order_ = nullptr;
  std::vector<const Entry*> globals_, definitions_, options_, classes_, networks_;
  std::map<std::string, std::vector<Subnet>, std::less<>> subnets_;  // by network
  std::map<uint64_t, std::vector<const Entry*>> reservations_;       // by subnet
};

}  // namespace

absl::StatusOr<std::string> Compose(DhcpService service, const Value& local_arguments,
                                    const ObjectSet& wanted, std::vector<Place>* places) {
  const Value* root = Find(local_arguments, ServiceRoot(service));
  if (root == nullptr || !root->IsObject()) {
    return Error(absl::StatusCode::kInvalidArgument, "the local configuration has no {}",
                 ServiceRoot(service));
  }
  return Composition(service, wanted, places).Run(ServiceRoot(service), *root);
}

std::string Describe(const ObjectId& id, std::string_view json) {
  switch (id.kind) {
    case Kind::kSubnet: {
      if (!json.empty()) {
        if (const auto document = json::Parse(std::string(json)); document.ok()) {
          return fmt::format("subnet {} (id {})",
                             json::FindString(document->root(), "subnet", "?"), id.key);
        }
      }
      return fmt::format("subnet id {}", id.key);
    }
    case Kind::kReservation: {
      const size_t slash = id.key.find('/');
      const size_t second = id.key.find('/', slash + 1);
      if (slash == std::string::npos || second == std::string::npos) break;
      const std::string subnet = id.key.substr(0, slash);
      return fmt::format("reservation {} {} {}", id.key.substr(slash + 1, second - slash - 1),
                         id.key.substr(second + 1),
                         subnet == "0" ? "(global)" : fmt::format("in subnet id {}", subnet));
    }
    case Kind::kGlobal: return fmt::format("global parameter {}", id.key);
    case Kind::kOptionDef: return fmt::format("option definition {}", id.key);
    case Kind::kOption: return fmt::format("option {}", id.key);
    case Kind::kClientClass: return fmt::format("client class {}", id.key);
    case Kind::kSharedNetwork: return fmt::format("shared network {}", id.key);
  }
  return fmt::format("{} {}", KindName(id.kind), id.key);
}

}  // namespace nestor::config
