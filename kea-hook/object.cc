#include "kea-hook/object.h"

#include <cstdlib>
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

std::tuple<std::string, int64_t, int64_t> OptionPlace(const std::string& key) {
  const size_t slash = key.find('/'), mark = key.find('#');
  const auto number = [](const std::string& text) {
    return text.empty() ? 0 : std::strtoll(text.c_str(), nullptr, 10);
  };
  return {key.substr(0, slash),
          slash == std::string::npos ? 0 : number(key.substr(slash + 1, mark - slash - 1)),
          mark == std::string::npos ? 0 : number(key.substr(mark + 1))};
}

}  // namespace nestor::hook
