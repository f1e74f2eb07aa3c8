#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <vector>

#include "common/config/object_set.h"
#include "nestor/v1/operator.pb.h"

namespace nestor::config {

// An entry of a history, brought back to a server.
struct Restoration {
  // What the server has changed itself since; empty texts: it is not there.
  struct Conflict {
    ObjectId id;
    std::string before, now, after;
  };
  ObjectSet wanted;                 // the whole, with what is brought back
  std::vector<Conflict> conflicts;  // overwritten in `wanted`, in the order of ids
};

// Puts the objects of `entry` into `running`, those that it added or changed as it left them, and
// takes those away that it removed. What is so already is no conflict, nor is what is as it was
// before the entry. With a subnet the reservations in it go, which is a conflict where the entry
// does not know them. A class that is added comes behind the others.
// InvalidArgument: it has no objects, not all of them, or is damaged; the text says which.
absl::StatusOr<Restoration> Restore(const v1::HistoryEntry& entry, const ObjectSet& running);

}  // namespace nestor::config
