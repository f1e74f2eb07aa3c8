#include "kea-hook/object.h"

#include <iterator>

namespace nestor::hook {
namespace {

constexpr const char* kNames[] = {"global",         "option-def", "option",     "client-class",
                                  "shared-network", "subnet",     "reservation"};

}  // namespace

const char* KindName(Kind kind) { return kNames[static_cast<int>(kind)]; }

std::optional<Kind> KindFromName(std::string_view name) {
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (name == kNames[i]) return static_cast<Kind>(i);
  }
  return std::nullopt;
}

}  // namespace nestor::hook
