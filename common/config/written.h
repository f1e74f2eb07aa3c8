#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/service.h"
#include "common/config/object_set.h"
#include "common/json/json.h"

namespace nestor::config {

// An option by its name, "domain-name-servers" in space "dhcp4".
struct OptionName {
  std::string space, name;
  friend bool operator==(const OptionName&, const OptionName&) = default;
};
struct OptionCode : OptionName {
  uint64_t code = 0;
};

// A configuration as a person writes it into a file of Kea's, on its way to objects. What it leaves
// out it leaves out there too: Kea's defaults are Kea's to give.
class Written {
 public:
  // `text` is {"Dhcp4": {...}}, with Kea's comments. Comments for people ("comment"), identifiers
  // of reservations, the spaces of options and the deprecated "reservation-mode" are put into the
  // form that Kea reports them in. InvalidArgument: it is not; the text says where or of which
  // object.
  static absl::StatusOr<Written> Parse(DhcpService service, std::string text);

  // The global options that have a name and no code, and are not defined in here either.
  std::vector<OptionName> OptionsWithoutCode() const;
  // Gives these options their codes.
  void SetCodes(const std::vector<OptionCode>& codes);

  // InvalidArgument: an option still has no code, a subnet has no id, or as Extract().
  absl::StatusOr<ObjectSet> Objects() const;

  // The members that belong to one server and say otherwise than `local`, {"Dhcp4": {...}}, does.
  // What they leave out says nothing.
  std::vector<std::string> OwnPartsUnlike(const json::Value& local) const;

 private:
  explicit Written(DhcpService service) : service_(service) {}

  const json::Value& root() const { return *json::Find(document_.root(), ServiceRoot(service_)); }
  json::Value& root() { return *json::Find(document_.root(), ServiceRoot(service_)); }
  absl::Status Normalise();

  DhcpService service_;
  json::Document document_;
};

// `running` with what `fragment` holds added or put in place of what has its key. A subnet or
// network in `fragment` that says no more than which one it is only says where others belong. New
// client classes come behind those there are.
ObjectSet Merge(const ObjectSet& running, const ObjectSet& fragment);

// Whether `written` says nothing that `running` does not: of an object the members that it has, of
// all else the same value. Both are JSON; false where one is none.
bool SaysNoMore(std::string_view written, std::string_view running);

}  // namespace nestor::config
