#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <string_view>
#include <vector>

#include "common/base/service.h"
#include "common/config/object_set.h"

namespace nestor::ha {

// What follows is as config::Extract() has it and makes what that will have, so that digests agree:
// Kea writes pools that are one prefix as that, and one class of a subnet or pool is
// "client-class".

// The class of the clients that `server` serves in load-balancing, by Kea's rule.
std::string ClassOf(std::string_view server);

// The pools and prefix pools of `objects` that are for no class and so, in load-balancing, for both
// servers' clients: "10.0.0.10 - 10.0.0.99 in subnet 10.0.0.0/24 (id 1)". At most `limit`.
std::vector<std::string> UnsplitPools(DhcpService service, const config::ObjectSet& objects,
                                      size_t limit);

// Each pool and prefix pool without a class becomes two halves, the first for `primary`'s clients,
// the second for `secondary`'s; of an odd number the first has one more; what cannot be halved (a
// single address, a prefix pool of one prefix) is `primary`'s. What it was is kept in the halves'
// user-context ("nestor-split"), so that Join() finds it wherever the configuration went meanwhile.
// InvalidArgument: a pool is not one; the text names it.
absl::StatusOr<config::ObjectSet> Split(DhcpService service, const config::ObjectSet& objects,
                                        std::string_view primary, std::string_view secondary);

// Undoes Split(): the halves that are still there and still halves of one pool are one again. A
// half alone, or changed otherwise than in what both have, loses its mark and the class of a
// server, and stays. Other classes that were given to a half stay too. InvalidArgument: a subnet is
// not JSON.
absl::StatusOr<config::ObjectSet> Join(DhcpService service, const config::ObjectSet& objects);

// The class that nobody is in.
inline constexpr std::string_view kNobody = "nestor-disabled";

// No client gets an address of any subnet: each is for the class kNobody, which is added. The
// classes that it was for are kept in its user-context (under the same name).
// InvalidArgument: there is another class of that name; or an object is not what its kind says.
absl::StatusOr<config::ObjectSet> Disable(DhcpService service, const config::ObjectSet& objects);
// Undoes Disable(). A subnet that was given other classes since keeps these. The class stays where
// somebody has changed it.
// InvalidArgument: an object is not what its kind says.
absl::StatusOr<config::ObjectSet> Enable(DhcpService service, const config::ObjectSet& objects);
// Without its subnets, shared networks, and the reservations in subnets.
config::ObjectSet Delete(const config::ObjectSet& objects);

}  // namespace nestor::ha
