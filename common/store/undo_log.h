#pragma once

#include <absl/status/statusor.h>

#include <optional>

#include "common/base/service.h"
#include "nestor/v1/relationship.pb.h"

namespace nestor::store {

// What a server had before a change of a relationship, until that is decided; at most one for each
// service. As Journal in threads, durability and errors.
class UndoLog {
 public:
  virtual ~UndoLog() = default;

  // DataLoss also where the other service's is damaged: a damaged service is not to look like none.
  virtual absl::StatusOr<std::optional<v1::UndoRecord>> Load(DhcpService service) = 0;
  // Adds or replaces.
  virtual absl::Status Save(DhcpService service, const v1::UndoRecord& record) = 0;
  // Nothing happens where there is none.
  virtual absl::Status Remove(DhcpService service) = 0;
};

}  // namespace nestor::store
