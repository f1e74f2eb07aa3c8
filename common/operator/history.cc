#include "common/operator/history.h"

#include <string>

#include "common/protocol/wire_time.h"

namespace nestor::operators {

v1::HistoryEntry RelationshipEntry(const Clock& clock, std::string_view outcome,
                                   std::string_view by) {
  v1::HistoryEntry entry;
  *entry.mutable_time() = ToWire(clock.Wall());
  entry.set_what("relationship");
  entry.set_outcome(std::string(outcome));
  entry.set_operator_name(std::string(by));
  return entry;
}

}  // namespace nestor::operators
