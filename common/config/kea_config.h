#pragma once

#include <absl/status/statusor.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/service.h"
#include "common/config/dialect.h"
#include "common/config/object_set.h"
#include "common/json/json.h"

namespace nestor::config {

// The global that holds the names of the client classes in their order.
inline constexpr std::string_view kClassOrder = "client-class-order";

// What a reservation may be known by, in the order in which Kea looks at them.
inline constexpr std::string_view kIdentifiers[] = {"hw-address", "duid", "circuit-id", "client-id",
                                                    "flex-id"};

// True for a top-level name of a Kea configuration that belongs to one server and is never
// mirrored: interfaces-config, lease-database, hooks-libraries, server-id and the like.
bool IsServerSpecific(std::string_view name);

// The mirrored objects of a configuration as `config-get` reports it, in the common form of
// dialect.h: `arguments` is {"Dhcp4": {...}}, possibly beside other members such as "hash". Subnets
// carry the name of their network in a member "shared-network". The order of client classes is the
// global kClassOrder. InvalidArgument: not such a configuration (a subnet without id, say); the
// text names the object.
absl::StatusOr<ObjectSet> Extract(DhcpService service, const json::Value& arguments);

// The canonical text that Extract() gives an object of `kind`, from the form that config-get gives
// it; of a global, `object` is its value. Reservations and subnets inside are left out, and a
// "shared-network" in a subnet stays.
std::string CanonicalObject(Kind kind, const json::Value& object);

// An object's canonical text as Kea reads it: strings as bytes, reals as reals.
// InvalidArgument: it holds characters beyond U+00FF, which Kea cannot have written.
absl::StatusOr<std::string> TextForKea(const ObjectId& id, std::string_view json);

// The configuration (the text {"Dhcp4": {...}}) that has `wanted` for what is mirrored, and keeps
// what is server-specific in `local_arguments` exactly as it is there, as the Kea says it that
// reported these.
// InvalidArgument: an object of `wanted` is not what its kind says, or names a shared network that
// is not there.
// `places`, if given, receives where in the text each object stands.
struct Place {
  size_t begin = 0, end = 0;
  ObjectId id;
};
absl::StatusOr<std::string> Compose(DhcpService service, const json::Value& local_arguments,
                                    const ObjectSet& wanted, std::vector<Place>* places = nullptr);
// The same as a Kea of `dialect` says it, where `local_arguments` are not all of what one reported.
absl::StatusOr<std::string> Compose(DhcpService service, Dialect dialect,
                                    const json::Value& local_arguments, const ObjectSet& wanted,
                                    std::vector<Place>* places = nullptr);

// Why this configuration cannot be mirrored because a Config Backend is in use, or nothing.
std::optional<std::string> ConfigBackendInUse(DhcpService service, const json::Value& arguments);

// The same where all that is known of it is the type of its database.
std::string WhyNoConfigBackend(std::string_view database_type);

// Why this configuration cannot be mirrored because its HA has several relationships, which Kea can
// from 2.4 on, or nothing.
std::optional<std::string> HubAndSpoke(DhcpService service, const json::Value& arguments);

// The HA mode of the loaded HA hook ("hot-standby", "load-balancing", ...), or empty.
std::string HaMode(DhcpService service, const json::Value& arguments);

// A name for people: "subnet 192.0.2.0/24 (id 12)", "reservation hw-address 1a:... in subnet 12".
// `json` is the object's text where it is known, or empty.
std::string Describe(const ObjectId& id, std::string_view json);

}  // namespace nestor::config
