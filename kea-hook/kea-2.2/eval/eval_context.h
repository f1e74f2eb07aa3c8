#pragma once

// Debian's kea-dev 2.2 has this header and not the one with the locations in an expression that it
// includes. Parsers of classes only need a type from it.

#include <dhcp/classify.h>

#include <functional>

namespace isc::eval {

class EvalContext {
 public:
  using CheckDefined = std::function<bool(const isc::dhcp::ClientClass&)>;
  static bool acceptAll(const isc::dhcp::ClientClass& client_class);
};

}  // namespace isc::eval
