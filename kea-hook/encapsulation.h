#pragma once

#include <cc/data.h>

#include <map>
#include <string>

namespace nestor::hook {

// Which option spaces are inside which. An option whose space comes back to itself holds itself,
// and Kea recurses without end over it: as it parses one, or as it answers the next packet.
class Encapsulation {
 public:
  // `space` is the top one, "dhcp4" or "dhcp6".
  explicit Encapsulation(const std::string& space);

  // Of a list of option definitions in the form of config-get, or null. What is no text in them
  // counts as not there.
  void Add(const isc::data::ConstElementPtr& definitions);

  // Throws Refused where one of `definitions` leads back into its own space.
  void Check(const isc::data::ConstElementPtr& definitions) const;

 private:
  bool LeadsTo(const std::string& space, const std::string& wanted) const;

  std::multimap<std::string, std::string> inside_;
};

}  // namespace nestor::hook
