// The versions of Kea name some of what is mirrored differently, and report defaults that others
// have not. Objects are kept in one common form, so that equal is equal across versions.
//
// The common form is Kea 2.2's where that can say it: the class of a subnet is "client-class", a
// default that means what 2.2 does anyway is left out. What only a newer Kea can say (two classes,
// an allocator of its own) stays as that one says it. Each form is made of the other, object by
// object.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/service.h"
#include "common/config/object_set.h"
#include "common/json/json.h"

namespace nestor::config {

// How a Kea says it, as from that version on.
enum class Dialect { k22, k24, k26, k30 };

// That of the Kea that reported `arguments`, {"Dhcp4": {...}}, by config-get; k22 where nothing in
// them says otherwise.
Dialect DialectOf(DhcpService service, const json::Value& arguments);

// Whether such a Kea may be given config-test. Kea 3.0 answers it, but opens the listener for its
// HA partner with no configuration that it is given afterwards, until it is started anew (seen
// in 3.0.3).
bool MayTest(Dialect dialect);

// What a Kea of any of them reports as Dhcp4 or Dhcp6 in the common form. Strings of the result may
// point into `root`.
json::Document InCommonForm(const json::Value& root);

// An object's canonical text in the common form, as a Kea of `dialect` says it; not for globals.
// Returned as it is where it is no JSON.
std::string SayObject(DhcpService service, Dialect dialect, Kind kind, std::string_view json);

// A global parameter's name and canonical text.
using Global = std::pair<std::string, std::string>;
// The same for a global, of which the name may be another, too.
Global SayGlobal(Dialect dialect, const Global& global);
// Those that a Kea of `dialect` has to be given where `wanted` leaves them out, since it would take
// its own default.
std::vector<Global> GlobalsToSay(DhcpService service, Dialect dialect, const ObjectSet& wanted);

}  // namespace nestor::config
