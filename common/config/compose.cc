// From objects back to a configuration that Kea accepts.

#include <algorithm>
#include <charconv>
#include <map>
#include <tuple>

#include "common/base/status.h"
#include "common/config/dialect.h"
#include "common/config/kea_config.h"

namespace nestor::config {
namespace {

using json::Find;
using json::Text;
using json::Value;

absl::Status Bad(const ObjectId& id, std::string_view json, std::string_view what) {
  return Error(absl::StatusCode::kInvalidArgument, "{} {}", Describe(id, json), what);
}

// Members of a configuration that are made of objects, and so are no global parameter.
constexpr std::string_view kMadeOfObjects[] = {"client-classes", "option-data",     "option-def",
                                               "reservations",   "shared-networks", "subnet4",
                                               "subnet6"};

// Parameters of which Kea wants a real number, where the shortest form of 1.0 is 1.
constexpr std::string_view kReals[] = {"cache-threshold", "ddns-ttl-percent", "t1-percent",
                                       "t2-percent"};

bool IsIn(std::string_view name, const auto& names) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

// The length of the integer at the beginning of `text`; 0: it is none, or a real.
size_t IntegerLength(std::string_view text) {
  const size_t end = text.find_first_not_of("-0123456789");
  if (end == std::string_view::npos) return text.size();
  return text[end] == ',' || text[end] == '}' ? end : 0;
}

// Makes reals of what has to be one, from `begin` on.
void MendReals(std::string& text, size_t begin) {
  for (const std::string_view name : kReals) {
    const std::string member = fmt::format("\"{}\":", name);
    for (size_t at = text.find(member, begin); at != std::string::npos;
         at = text.find(member, at + member.size())) {
      const size_t value = at + member.size();
      if (const size_t length = IntegerLength(std::string_view(text).substr(value)); length > 0) {
        text.insert(value + length, ".0");
      }
    }
  }
}

// TextForKea() appended to `out`. False: a character is none of Kea's, and was appended as UTF-8.
bool AppendTextForKea(const ObjectId& id, std::string_view json, std::string& out) {
  const size_t begin = out.size();
  const bool sayable = json::AppendForKea(json, out);
  const bool is_global = id.kind == Kind::kGlobal;
  if (is_global && IsIn(id.key, kReals) && IntegerLength(std::string_view(out).substr(begin)) > 0) {
    out += ".0";
  }
  if (is_global || id.kind == Kind::kSubnet || id.kind == Kind::kSharedNetwork) {
    MendReals(out, begin);
  }
  return sayable;
}

absl::Status Unsayable(const ObjectId& id, std::string_view json) {
  return Bad(id, json, "holds characters that Kea cannot write");
}

// The options of a code in the order of their "#2", "#3".
bool OptionLess(const ObjectSet::Entry* a, const ObjectSet::Entry* b) {
  const auto split = [](const ObjectSet::Entry* entry) {
    const std::string_view key = entry->first.key;
    const size_t mark = key.find('#');
    const size_t digits = mark == std::string_view::npos ? 0 : key.size() - mark;
    return std::tuple(key.substr(0, mark), digits, key);
  };
  return split(a) < split(b);
}

// Writes one configuration, object by object, by joining their texts.
class Composition {
 public:
  Composition(DhcpService service, Dialect dialect, const ObjectSet& wanted,
              std::vector<Place>* places)
      : service_(service),
        dialect_(dialect),
        subnets_name_(service == DhcpService::kDhcp4 ? "subnet4" : "subnet6"),
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
    for (const Entry* global : globals_) AddGlobal(*global);
    for (const Global& global : GlobalsToSay(service_, dialect_, wanted_)) {
      Name(global.first);
      (void)AppendTextForKea({Kind::kGlobal, global.first}, global.second, out_);
    }
    AddList("option-def", definitions_);
    AddList("client-classes", classes_);
    AddList("option-data", options_);
    if (const auto global = reservations_.find(0); global != reservations_.end()) {
      AddList("reservations", global->second);
    }
    AddNetworks();
    if (const auto plain = subnets_.find({}); plain != subnets_.end()) {
      Name(subnets_name_);
      AddSubnets(plain->second);
    }
    out_ += "}}";
    if (unsayable_ != nullptr) return Unsayable(unsayable_->first, unsayable_->second.json);
    return std::move(out_);
  }

 private:
  using Entry = ObjectSet::Entry;
  struct Subnet {
    const Entry* entry;
    uint64_t id;
    std::string without_network;  // the text, where the subnet is in a network
  };

  absl::Status Sort() {
    std::map<std::string_view, const Entry*> classes;
    for (const Entry* const entry : wanted_.InOrder()) {
      const auto& [id, object] = *entry;
      if (id.kind != Kind::kGlobal && !object.json.starts_with('{')) {
        return Bad(id, {}, "is not an object");
      }
      switch (id.kind) {
        case Kind::kGlobal:
          if (IsServerSpecific(id.key)) return Bad(id, {}, "belongs to a server, not to a pair");
          if (IsIn(id.key, kMadeOfObjects)) return Bad(id, {}, "is not one parameter");
          if (id.key == kClassOrder) {
            order_ = &object;
          } else {
            globals_.push_back(entry);
          }
          break;
        case Kind::kOptionDef:
          definitions_.push_back(entry);
          break;
        case Kind::kOption:
          options_.push_back(entry);
          break;
        case Kind::kClientClass:
          classes[id.key] = entry;
          break;
        case Kind::kSharedNetwork:
          RETURN_IF_ERROR(SortNetwork(*entry));
          break;
        case Kind::kSubnet:
          RETURN_IF_ERROR(SortSubnet(*entry));
          break;
        case Kind::kReservation:
          RETURN_IF_ERROR(SortReservation(*entry));
          break;
      }
    }
    std::sort(options_.begin(), options_.end(), OptionLess);
    return SortClasses(std::move(classes));
  }

  static std::optional<uint64_t> Number(std::string_view text) {
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
  }

  static bool MayHave(const Entry& entry, std::string_view member) {
    return entry.second.json.find(fmt::format("\"{}\":", member)) != std::string::npos;
  }

  absl::Status SortNetwork(const Entry& entry) {
    networks_.push_back(&entry);
    if (!MayHave(entry, subnets_name_)) return absl::OkStatus();
    ASSIGN_OR_RETURN(const json::Document document, json::Parse(entry.second.json));
    if (Find(document.root(), subnets_name_) == nullptr) return absl::OkStatus();
    return Bad(entry.first, {}, "has subnets inside");
  }

  absl::Status SortSubnet(const Entry& entry) {
    const auto id = Number(entry.first.key);
    if (!id || *id == 0) return Bad(entry.first, entry.second.json, "has no number for a key");
    Subnet subnet{&entry, *id, {}};
    std::string network;
    // Parsing each of ten thousand subnets would be felt.
    if (MayHave(entry, "shared-network") || MayHave(entry, "reservations")) {
      ASSIGN_OR_RETURN(const json::Document document, json::Parse(entry.second.json));
      if (Find(document.root(), "reservations") != nullptr) {
        return Bad(entry.first, entry.second.json, "has reservations inside");
      }
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
        return Bad({Kind::kGlobal, std::string(kClassOrder)}, {}, "is not a list");
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

  void AddText(const Entry& entry, std::string_view text) {
    const std::string said = dialect_ == Dialect::k22
                                 ? std::string()
                                 : SayObject(service_, dialect_, entry.first.kind, text);
    if (!AppendTextForKea(entry.first, said.empty() ? text : said, out_)) unsayable_ = &entry;
  }

  void AddGlobal(const Entry& entry) {
    if (out_.back() != '{') out_ += ',';
    const size_t begin = out_.size();
    const auto [name, text] = SayGlobal(dialect_, {entry.first.key, entry.second.json});
    json::AppendString(name, out_);
    out_ += ':';
    if (!AppendTextForKea(entry.first, text, out_)) unsayable_ = &entry;
    Mark(begin, entry.first);
  }

  void AddList(std::string_view name, const std::vector<const Entry*>& entries) {
    if (entries.empty()) return;
    Name(name);
    out_ += '[';
    for (const Entry* entry : entries) {
      if (entry != entries.front()) out_ += ',';
      const size_t begin = out_.size();
      AddText(*entry, entry->second.json);
      Mark(begin, entry->first);
    }
    out_ += ']';
  }

  // Opens the object just written again, to add to it.
  void Reopen() { out_.pop_back(); }

  void AddSubnets(const std::vector<Subnet>& subnets) {
    out_ += '[';
    for (const Subnet& subnet : subnets) {
      if (&subnet != &subnets.front()) out_ += ',';
      const size_t begin = out_.size();
      AddText(*subnet.entry,
              subnet.without_network.empty() ? subnet.entry->second.json : subnet.without_network);
      if (const auto found = reservations_.find(subnet.id); found != reservations_.end()) {
        Reopen();
        AddList("reservations", found->second);
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
      AddText(*network, network->second.json);
      if (const auto found = subnets_.find(network->first.key); found != subnets_.end()) {
        Reopen();
        Name(subnets_name_);
        AddSubnets(found->second);
        out_ += '}';
      }
      Mark(begin, network->first);
    }
    out_ += ']';
  }

  DhcpService service_;
  Dialect dialect_;
  std::string_view subnets_name_;
  const ObjectSet& wanted_;
  std::vector<Place>* places_;
  std::string out_;
  const Entry* unsayable_ = nullptr;
  const Object* order_ = nullptr;
  std::vector<const Entry*> globals_, definitions_, options_, classes_, networks_;
  std::map<std::string, std::vector<Subnet>, std::less<>> subnets_;  // by network
  std::map<uint64_t, std::vector<const Entry*>> reservations_;       // by subnet
};

}  // namespace

absl::StatusOr<std::string> TextForKea(const ObjectId& id, std::string_view json) {
  std::string text;
  text.reserve(json.size());
  if (!AppendTextForKea(id, json, text)) return Unsayable(id, json);
  return text;
}

absl::StatusOr<std::string> Compose(DhcpService service, const Value& local_arguments,
                                    const ObjectSet& wanted, std::vector<Place>* places) {
  return Compose(service, DialectOf(service, local_arguments), local_arguments, wanted, places);
}

absl::StatusOr<std::string> Compose(DhcpService service, Dialect dialect,
                                    const Value& local_arguments, const ObjectSet& wanted,
                                    std::vector<Place>* places) {
  const Value* root = Find(local_arguments, ServiceRoot(service));
  if (root == nullptr || !root->IsObject()) {
    return Error(absl::StatusCode::kInvalidArgument, "the local configuration has no {}",
                 ServiceRoot(service));
  }
  return Composition(service, dialect, wanted, places).Run(ServiceRoot(service), *root);
}

}  // namespace nestor::config
