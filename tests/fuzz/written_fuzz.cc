// What an operator gives nestorctl apply. What is accepted becomes objects whose texts are
// canonical, and merging them into themselves changes nothing.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "common/config/kea_config.h"
#include "common/config/written.h"

namespace {

using namespace nestor;

void Require(bool holds) {
  if (!holds) std::abort();
}

void Try(DhcpService service, const std::string& text) {
  auto written = config::Written::Parse(service, text);
  if (!written.ok()) return Require(absl::IsInvalidArgument(written.status()));
  std::vector<config::OptionCode> codes;
  for (const config::OptionName& name : written->OptionsWithoutCode()) codes.push_back({name, 6});
  written->SetCodes(codes);
  Require(written->OptionsWithoutCode().empty());
  const auto objects = written->Objects();
  if (!objects.ok()) return Require(absl::IsInvalidArgument(objects.status()));
  for (const config::ObjectSet::Entry* entry : objects->InOrder()) {
    const auto value = json::Parse(entry->second.json);
    Require(value.ok() && json::Canonical(value->root()) == entry->second.json);
  }
  const auto local = json::Parse(R"({"Dhcp4":{"loggers":[]},"Dhcp6":{"loggers":[]}})");
  (void)written->OwnPartsUnlike(local->root());
  // Each is in it already, and has the value it has.
  Require(config::Diff(*objects, config::Merge(*objects, *objects)).empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  Try(DhcpService::kDhcp4, text);
  Try(DhcpService::kDhcp6, text);
  return 0;
}
