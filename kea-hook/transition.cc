// What is asked for. Parsing is in transition_parse.cc, replacing in transition_replace.cc.
#include "kea-hook/transition.h"

#include <dhcp/libdhcp++.h>
#include <dhcpsrv/cfgmgr.h>

#include <algorithm>

#include "kea-hook/kea_versions.h"

namespace nestor::hook {
namespace {

using isc::data::ConstElementPtr;
using isc::data::Element;
using isc::data::ElementPtr;
using isc::dhcp::CfgMgr;
using isc::dhcp::LibDHCP;

bool IsListed(Kind kind) {
  return kind == Kind::kOptionDef || kind == Kind::kOption || kind == Kind::kClientClass;
}

std::string TextOf(const ElementPtr& map, const char* name) {
  const ConstElementPtr value = map->get(name);
  return value && value->getType() == Element::string ? value->stringValue() : std::string();
}

// An option's or definition's key is what it says it is.
bool IsKeyOf(const std::string& key, const ElementPtr& text) {
  const ConstElementPtr code = text->get("code");
  if (!code || code->getType() != Element::integer) return false;
  const std::string own = TextOf(text, "space") + "/" + std::to_string(code->intValue());
  if (key == own) return true;
  const auto [space, number, place] = OptionPlace(key);
  return place > 1 && key == own + "#" + std::to_string(place);
}

// Kea's words, less the line and column: what is parsed here has none.
std::string WithoutPosition(std::string text) {
  for (const std::string_view none : {" at (:0:0)", " (:0:0)", "(:0:0)"}) {
    for (size_t at = text.find(none); at != std::string::npos; at = text.find(none)) {
      text.erase(at, none.size());
    }
  }
  return text;
}

}  // namespace

template <typename F>
Transition<F>::Transition(const Change& change)
    : config_(CfgMgr::instance().getCurrentCfg()), reader_(config_) {
  for (const ObjectId& id : change.removed) Take(id, nullptr);
  for (const Object& object : change.upserted) Take(object.id, object.value);
  if (listed_.contains(Kind::kClientClass))
    touched_.insert({Kind::kGlobal, std::string(kClassOrder)});
}

template <typename F>
Transition<F>::~Transition() {
  Undo();
  // Parsers may have begun a staging configuration, which the next config-set begins anew.
  try {
    ForgetStaging();
    if (!listed_[Kind::kOptionDef].empty()) LibDHCP::revertRuntimeOptionDefs();
  } catch (...) {
    // Neither throws for another reason than memory.
  }
}

template <typename F>
void Transition<F>::Take(const ObjectId& id, const ConstElementPtr& value) {
  if (!touched_.insert(id).second) {
    throw Refused(kMalformed, std::string(KindName(id.kind)) + " " + id.key + " stands twice");
  }
  if (value && id.kind != Kind::kGlobal && value->getType() != Element::map) {
    throw Refused(kMalformed, std::string(KindName(id.kind)) + " " + id.key + " is not a map");
  }
  if (id.kind == Kind::kGlobal) {
    globals_[id.key] = value;
    return;
  }
  // The parsers write defaults into what they are given.
  const ElementPtr text = value ? isc::data::copy(value) : ElementPtr();
  if (IsListed(id.kind)) return TakeListed(id, text);
  if (id.kind == Kind::kSubnet) return TakeSubnet(id, text);
  if (id.kind == Kind::kReservation) return TakeHost(id, text);
  if (text && TextOf(text, "name") != id.key) {
    throw Refused(kMalformed, "shared network " + id.key + " has another name in it");
  }
  if (text && text->contains(F::kSubnets)) {
    throw Refused(kMalformed, "shared network " + id.key + " has subnets inside");
  }
  networks_[id.key].text = text;
}

template <typename F>
void Transition<F>::TakeListed(const ObjectId& id, const ConstElementPtr& value) {
  const ElementPtr text = boost::const_pointer_cast<Element>(value);
  const bool is_class = id.kind == Kind::kClientClass;
  if (text && (is_class ? TextOf(text, "name") != id.key : !IsKeyOf(id.key, text))) {
    throw Refused(kMalformed,
                  std::string(KindName(id.kind)) + " " + id.key + " is called otherwise inside");
  }
  listed_[id.kind][id.key] = text;
}

template <typename F>
void Transition<F>::TakeSubnet(const ObjectId& id, const ElementPtr& text) {
  const SubnetID number = SubnetOfKey(id);
  SubnetEntry& entry = subnets_[number];
  entry.id = id;
  entry.text = text;
  if (!text) return;
  const ConstElementPtr own = text->get("id");
  if (number == 0 || !own || own->getType() != Element::integer || own->intValue() != number) {
    throw Refused(kMalformed, "subnet " + id.key + " has another id in it");
  }
  if (text->contains("reservations")) {
    throw Refused(kMalformed, "subnet " + id.key + " has reservations inside");
  }
  const ConstElementPtr network = text->get("shared-network");
  if (network && network->getType() != Element::string) {
    throw Refused(kMalformed, "the shared-network of subnet " + id.key + " is no name");
  }
  entry.network = TextOf(text, "shared-network");
  text->remove("shared-network");
}

template <typename F>
void Transition<F>::TakeHost(const ObjectId& id, const ElementPtr& text) {
  HostEntry& entry = hosts_[id];
  entry.subnet = SubnetOfKey(id);
  entry.text = text;
  const isc::dhcp::Host named = HostOfKey(id);
  // The same identifier may be written in other ways.
  if (!named_.insert({entry.subnet, named.getIdentifierAsText()}).second) {
    throw Refused(kMalformed, "reservation " + id.key + " stands twice");
  }
  entry.before = F::FindHost(*config_->getCfgHosts(), entry.subnet, named);
}

template <typename F>
typename Transition<F>::List Transition<F>::ListWith(Kind kind) const {
  const auto changed = listed_.find(kind);
  const bool classes_move =
      kind == Kind::kClientClass && globals_.contains(std::string(kClassOrder));
  if (changed == listed_.end() && !classes_move) return nullptr;
  auto list = std::make_unique<std::vector<Object>>(reader_.ReadAll(kind));
  if (changed == listed_.end()) return list;
  for (const auto& [key, text] : changed->second) {
    const auto found = std::find_if(list->begin(), list->end(),
                                    [&key = key](const Object& one) { return one.id.key == key; });
    if (found != list->end() && text) {
      found->value = text;
    } else if (found != list->end()) {
      list->erase(found);
    } else if (text) {
      list->push_back({{kind, key}, text});
    }
  }
  if (kind != Kind::kClientClass) {
    std::stable_sort(list->begin(), list->end(), [](const Object& a, const Object& b) {
      return OptionPlace(a.id.key) < OptionPlace(b.id.key);
    });
  }
  return list;
}

template <typename F>
void Transition<F>::Guard(const ObjectId& id, const std::function<void()>& parse) {
  try {
    parse();
  } catch (const std::exception& error) {
    refused_.push_back({id, WithoutPosition(error.what())});
  }
}

template <typename F>
void Transition<F>::ThrowIfRefused() const {
  if (refused_.empty()) return;
  const Refusal& first = refused_.front();
  std::string text = std::string(KindName(first.id.kind)) + " " + first.id.key + ": " + first.text;
  if (refused_.size() > 1) text += ", and " + std::to_string(refused_.size() - 1) + " more";
  throw Refused(kRefused, text, refused_);
}

template class Transition<V4>;
template class Transition<V6>;

}  // namespace nestor::hook
