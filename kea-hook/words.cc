#include "kea-hook/words.h"

#include <cc/simple_parser.h>

#include "kea-hook/family.h"

namespace nestor::hook {
namespace {

using isc::data::ConstElementPtr;
using isc::data::Element;
using isc::data::ElementPtr;
using isc::data::SimpleKeywords;
using isc::data::SimpleParser;

// The elements of the list `name` of `object`; none where it has no such list.
const std::vector<ElementPtr>& In(const ConstElementPtr& object, const char* name) {
  static const std::vector<ElementPtr> none;
  const ConstElementPtr list = object->get(name);
  return list && list->getType() == Element::list ? list->listValue() : none;
}

void CheckEach(const ConstElementPtr& object, const char* name, const SimpleKeywords& words,
               const SimpleKeywords& option_words) {
  for (const ElementPtr& one : In(object, name)) {
    SimpleParser::checkKeywords(words, one);
    for (const ElementPtr& option : In(one, "option-data")) {
      SimpleParser::checkKeywords(option_words, option);
    }
  }
}

}  // namespace

template <typename F>
void CheckWords(Kind kind, const ConstElementPtr& object) {
  static const SimpleKeywords nothing_inside;
  switch (kind) {
    case Kind::kOption:
      return SimpleParser::checkKeywords(F::OptionWords(), object);
    case Kind::kOptionDef:
      return SimpleParser::checkKeywords(F::OptionDefWords(), object);
    case Kind::kSharedNetwork:
      SimpleParser::checkKeywords(F::SharedNetworkWords(), object);
      break;
    case Kind::kSubnet:
      SimpleParser::checkKeywords(F::SubnetWords(), object);
      break;
    case Kind::kGlobal:
    case Kind::kClientClass:  // whose parsers check their own
    case Kind::kReservation:
      break;
  }
  CheckEach(object, "option-data", F::OptionWords(), nothing_inside);
  CheckEach(object, "pools", F::PoolWords(), F::OptionWords());
  CheckEach(object, "pd-pools", F::PrefixPoolWords(), F::OptionWords());
}

template void CheckWords<V4>(Kind, const ConstElementPtr&);
template void CheckWords<V6>(Kind, const ConstElementPtr&);

}  // namespace nestor::hook
