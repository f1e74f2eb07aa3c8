#pragma once

#include <hooks/hooks.h>

#include <string>

#include "kea-hook/notifier.h"

namespace nestor::hook {

// Tells of what happens to leases. Any of Kea's threads.
class Leases {
 public:
  explicit Leases(Notifier& notifier) : notifier_(notifier) {}

  // A lease that the client of this packet has is about to be committed again, "renewed" or
  // "rebound". It may come to nothing, so it is told of once it was committed.
  static void Note(isc::hooks::CalloutHandle& handle, const char* event);
  // Leases of the packet were committed; `list` and `deleted` are the arguments of the callout.
  // Releases and declines are among them, once they are done: at their own callouts another library
  // may still forbid them.
  void TellCommitted(isc::hooks::CalloutHandle& handle, const char* list, const char* deleted);
  // One lease, the argument `name`: "expired", "recovered".
  void Tell(isc::hooks::CalloutHandle& handle, const char* name, const char* event);

 private:
  Notifier& notifier_;
};

}  // namespace nestor::hook
