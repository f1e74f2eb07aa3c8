#pragma once

#include <string_view>

#include "common/base/clock.h"
#include "nestor/v1/operator.pb.h"

namespace nestor::operators {

// The history's entry of a relationship that now `outcome` ("adopted", "removed"), by whose word.
v1::HistoryEntry RelationshipEntry(const Clock& clock, std::string_view outcome,
                                   std::string_view by);

}  // namespace nestor::operators
