#include "kea-hook/encapsulation.h"

#include <set>
#include <vector>

#include "kea-hook/object.h"

namespace nestor::hook {
namespace {

using isc::data::ConstElementPtr;
using isc::data::Element;
using isc::data::ElementPtr;

std::string TextIn(const Element& map, const char* name) {
  const ConstElementPtr value = map.getType() == Element::map ? map.get(name) : ConstElementPtr();
  return value && value->getType() == Element::string ? value->stringValue() : std::string();
}

const std::vector<ElementPtr>& ListIn(const ConstElementPtr& list) {
  static const std::vector<ElementPtr> none;
  return list && list->getType() == Element::list ? list->listValue() : none;
}

}  // namespace

Encapsulation::Encapsulation(const std::string& space) {
  // The one of Kea's own definitions whose space others may add to.
  if (space == "dhcp4") inside_.emplace(space, "vendor-encapsulated-options-space");
}

void Encapsulation::Add(const ConstElementPtr& definitions) {
  for (const ElementPtr& one : ListIn(definitions)) {
    const std::string inner = TextIn(*one, "encapsulate");
    if (!inner.empty()) inside_.emplace(TextIn(*one, "space"), inner);
  }
}

void Encapsulation::Check(const ConstElementPtr& definitions) const {
  for (const ElementPtr& one : ListIn(definitions)) {
    const std::string inner = TextIn(*one, "encapsulate"), space = TextIn(*one, "space");
    if (inner.empty() || !LeadsTo(inner, space)) continue;
    std::string why = "the option space ";
    why.append(inner).append(" leads back to ").append(space);
    throw Refused(kRefused, why + ": an option would hold itself");
  }
}

bool Encapsulation::LeadsTo(const std::string& space, const std::string& wanted) const {
  std::set<std::string> seen = {space};
  for (std::vector<std::string> open = {space}; !open.empty();) {
    const std::string here = std::move(open.back());
    open.pop_back();
    if (here == wanted) return true;
    const auto [first, last] = inside_.equal_range(here);
    for (auto one = first; one != last; ++one) {
      if (seen.insert(one->second).second) open.push_back(one->second);
    }
  }
  return false;
}

}  // namespace nestor::hook
