// Objects' names for people.

#include "common/base/status.h"
#include "common/config/kea_config.h"

namespace nestor::config {
namespace {

// The string member `name` of the text of an object, or empty.
std::string MemberOf(std::string_view json, std::string_view name) {
  if (json.empty()) return {};
  const auto document = json::Parse(std::string(json));
  return document.ok() ? std::string(json::FindString(document->root(), name)) : std::string();
}

std::string DescribeOption(std::string_view what, const ObjectId& id, std::string_view json) {
  const std::string name = MemberOf(json, "name");
  return name.empty() ? fmt::format("{} {}", what, id.key)
                      : fmt::format("{} {} ({})", what, name, id.key);
}

std::string DescribeReservation(const std::string& key) {
  const size_t slash = key.find('/');
  const size_t second = slash == std::string::npos ? slash : key.find('/', slash + 1);
  if (second == std::string::npos) return fmt::format("reservation {}", key);
  const std::string subnet = key.substr(0, slash);
  return fmt::format("reservation {} {} {}", key.substr(slash + 1, second - slash - 1),
                     key.substr(second + 1),
                     subnet == "0" ? "(global)" : fmt::format("in subnet {}", subnet));
}

}  // namespace

std::string Describe(const ObjectId& id, std::string_view json) {
  switch (id.kind) {
    case Kind::kGlobal:
      return fmt::format("global parameter {}", id.key);
    case Kind::kOptionDef:
      return DescribeOption("option definition", id, json);
    case Kind::kOption:
      return DescribeOption("option", id, json);
    case Kind::kClientClass:
      return fmt::format("client class {}", id.key);
    case Kind::kSharedNetwork:
      return fmt::format("shared network {}", id.key);
    case Kind::kSubnet: {
      const std::string prefix = MemberOf(json, "subnet");
      return prefix.empty() ? fmt::format("subnet id {}", id.key)
                            : fmt::format("subnet {} (id {})", prefix, id.key);
    }
    case Kind::kReservation:
      return DescribeReservation(id.key);
  }
  return id.key;
}

}  // namespace nestor::config
