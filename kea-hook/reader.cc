#include "kea-hook/reader.h"

#include <charconv>
#include <map>

#include "kea-hook/family.h"
#include "kea-hook/globals.h"

namespace nestor::hook {
namespace {

using isc::data::ConstElementPtr;
using isc::data::Element;
using isc::data::ElementPtr;
using isc::dhcp::SubnetID;
using Page = RunningConfiguration::Page;
using Clock = std::chrono::steady_clock;

constexpr size_t kHostsAtOnce = 32;
constexpr const char* kIdentifiers[] = {"hw-address", "duid", "circuit-id", "client-id", "flex-id"};

// Kea allows several options of one code: "dhcp4/3", "dhcp4/3#2".
std::vector<Object> Numbered(Kind kind, const ConstElementPtr& list) {
  std::vector<Object> objects;
  std::map<std::string, int> seen;
  for (const ElementPtr& one : list->listValue()) {
    std::string key =
        one->get("space")->stringValue() + "/" + std::to_string(one->get("code")->intValue());
    if (const int count = ++seen[key]; count > 1) key += "#" + std::to_string(count);
    objects.push_back({{kind, std::move(key)}, one});
  }
  return objects;
}

std::vector<Object> Classes(const isc::dhcp::SrvConfig& config) {
  std::vector<Object> objects;
  for (const auto& one : *config.getClientClassDictionary()->getClasses()) {
    objects.push_back({{Kind::kClientClass, one->getName()}, one->toElement()});
  }
  return objects;
}

std::vector<Object> Globals(isc::dhcp::SrvConfig& config, uint16_t family) {
  std::vector<Object> objects;
  const ElementPtr globals = GlobalsOf(config, family);
  for (const auto& [name, value] : globals->mapValue()) {
    objects.push_back({{Kind::kGlobal, name}, value});
  }
  const auto& classes = *config.getClientClassDictionary()->getClasses();
  if (classes.empty()) return objects;
  const ElementPtr order = Element::createList();
  for (const auto& one : classes) order->add(Element::create(one->getName()));
  objects.push_back({{Kind::kGlobal, std::string(kClassOrder)}, order});
  return objects;
}

uint64_t NumberIn(std::string_view text, const std::string& whole) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size()) return number;
  throw Refused(kMalformed, "'" + whole + "' has no number where one belongs");
}

// How far a page has come: the kind, and behind which of its objects to go on.
struct Cursor {
  Kind kind = Kind::kGlobal;
  std::string behind;
};

Cursor ParseCursor(const std::string& text) {
  if (text.empty()) return {};
  const size_t slash = text.find('/');
  const auto kind = KindFromName(text.substr(0, slash));
  if (!kind || slash == std::string::npos) {
    throw Refused(kMalformed, "'" + text + "' is no cursor of nestor-get");
  }
  return {*kind, text.substr(slash + 1)};
}

// Fills one page.
class Filling {
 public:
  Filling(Page& page, std::chrono::microseconds budget)
      : page_(page), until_(Clock::now() + budget) {}

  // False: the page is full, and the next goes on behind this object.
  bool Add(ObjectId id, ElementPtr value, const std::string& behind) {
    page_.next = std::string(KindName(id.kind)) + "/" + behind;
    page_.objects.push_back({std::move(id), std::move(value)});
    return Clock::now() < until_;
  }

 private:
  Page& page_;
  const Clock::time_point until_;
};

}  // namespace

std::string ReservationKey(SubnetID subnet, const Element& host) {
  for (const char* type : kIdentifiers) {
    if (const ConstElementPtr identifier = host.get(type)) {
      return std::to_string(subnet) + "/" + type + "/" + identifier->stringValue();
    }
  }
  return {};
}

SubnetID SubnetOfKey(const ObjectId& id) {
  std::string_view text = id.key;
  if (id.kind == Kind::kReservation) text = text.substr(0, text.find('/'));
  const uint64_t number = NumberIn(text, id.key);
  // Otherwise two keys would be of one subnet.
  if (number > isc::dhcp::SUBNET_ID_MAX || text != std::to_string(number)) {
    throw Refused(kMalformed, "'" + id.key + "' has no subnet's id where one belongs");
  }
  return static_cast<SubnetID>(number);
}

isc::dhcp::Host HostOfKey(const ObjectId& id) {
  const size_t first = id.key.find('/');
  const size_t second = first == std::string::npos ? first : id.key.find('/', first + 1);
  if (second == std::string::npos) {
    throw Refused(kMalformed, "'" + id.key + "' is no reservation's key");
  }
  try {
    return {id.key.substr(second + 1), id.key.substr(first + 1, second - first - 1),
            isc::dhcp::SUBNET_ID_UNUSED, isc::dhcp::SUBNET_ID_UNUSED,
            isc::asiolink::IOAddress::IPV4_ZERO_ADDRESS()};
  } catch (const isc::Exception& error) {
    throw Refused(kMalformed, "'" + id.key + "' is no reservation's key: " + error.what());
  }
}

template <typename F>
ElementPtr Reader<F>::ElementOf(const typename F::Subnet& subnet) const {
  ElementPtr element = subnet.toElement();
  typename F::SharedNetworkPtr network;
  subnet.getSharedNetwork(network);
  if (network) element->set("shared-network", Element::create(network->getName()));
  return element;
}

template <typename F>
ElementPtr Reader<F>::ElementOf(const typename F::SharedNetwork& network) const {
  ElementPtr element = F::OwnElement(network);
  element->set("name", Element::create(network.getName()));
  return element;
}

template <typename F>
std::vector<Object> Reader<F>::ReadAll(Kind kind) const {
  switch (kind) {
    case Kind::kGlobal:
      return Globals(*config_, F::kAddresses);
    case Kind::kOptionDef:
      return Numbered(kind, config_->getCfgOptionDef()->toElement());
    case Kind::kOption:
      return Numbered(kind, config_->getCfgOption()->toElement());
    case Kind::kClientClass:
      return Classes(*config_);
    case Kind::kSharedNetwork:
    case Kind::kSubnet:
    case Kind::kReservation:
      break;
  }
  return {};
}

template <typename F>
ConstElementPtr Reader<F>::Read(const ObjectId& id) const {
  switch (id.kind) {
    case Kind::kGlobal:
    case Kind::kOptionDef:
    case Kind::kOption:
      for (const Object& object : ReadAll(id.kind)) {
        if (object.id == id) return object.value;
      }
      return {};
    case Kind::kClientClass: {
      const auto found = config_->getClientClassDictionary()->findClass(id.key);
      return found ? found->toElement() : ElementPtr();
    }
    case Kind::kSharedNetwork: {
      const auto network = F::SharedNetworks(*config_)->getByName(id.key);
      return network ? ElementOf(*network) : ElementPtr();
    }
    case Kind::kSubnet: {
      const auto subnet = F::Subnets(*config_)->getBySubnetId(SubnetOfKey(id));
      return subnet ? ElementOf(*subnet) : ElementPtr();
    }
    case Kind::kReservation: {
      const auto& hosts = *config_->getCfgHosts();
      const auto host = F::FindHost(hosts, SubnetOfKey(id), HostOfKey(id));
      return host ? F::ElementOf(*host) : ElementPtr();
    }
  }
  return {};
}

template <typename F>
Page Reader<F>::ReadOn(const std::string& cursor, std::chrono::microseconds budget) const {
  const Cursor from = ParseCursor(cursor);
  Page page;
  Filling filling(page, budget);
  const auto behind = [&](Kind kind) { return kind == from.kind ? from.behind : std::string(); };
  for (const Kind kind : {Kind::kGlobal, Kind::kOptionDef, Kind::kOption, Kind::kClientClass}) {
    if (kind < from.kind) continue;
    const std::vector<Object> all = ReadAll(kind);
    for (size_t i = behind(kind).empty() ? 0 : NumberIn(behind(kind), cursor); i < all.size();
         ++i) {
      if (!filling.Add(all[i].id, boost::const_pointer_cast<Element>(all[i].value),
                       std::to_string(i + 1))) {
        return page;
      }
    }
  }
  if (from.kind <= Kind::kSharedNetwork) {
    const auto& by_name =
        F::SharedNetworks(*config_)->getAll()->template get<isc::dhcp::SharedNetworkNameIndexTag>();
    for (auto one = by_name.upper_bound(behind(Kind::kSharedNetwork)); one != by_name.end();
         ++one) {
      const std::string name = (*one)->getName();
      if (!filling.Add({Kind::kSharedNetwork, name}, ElementOf(**one), name)) return page;
    }
  }
  if (from.kind <= Kind::kSubnet) {
    const std::string last = behind(Kind::kSubnet);
    const auto& by_id =
        F::Subnets(*config_)->getAll()->template get<isc::dhcp::SubnetSubnetIdIndexTag>();
    for (auto one = by_id.upper_bound(last.empty() ? 0 : NumberIn(last, cursor));
         one != by_id.end(); ++one) {
      const std::string id = std::to_string((*one)->getID());
      if (!filling.Add({Kind::kSubnet, id}, ElementOf(**one), id)) return page;
    }
  }
  const std::string last = behind(Kind::kReservation);
  uint64_t number = last.empty() ? 0 : NumberIn(last, cursor);
  while (true) {
    const auto hosts = F::HostsBehind(*config_->getCfgHosts(), number, kHostsAtOnce);
    for (const auto& host : hosts) {
      number = host->getHostId();
      const ElementPtr element = F::ElementOf(*host);
      const std::string key = ReservationKey(F::SubnetOf(*host), *element);
      if (!filling.Add({Kind::kReservation, key}, element, std::to_string(number))) return page;
    }
    if (hosts.size() < kHostsAtOnce) break;
  }
  page.next.clear();
  return page;
}

template class Reader<V4>;
template class Reader<V6>;

}  // namespace nestor::hook
