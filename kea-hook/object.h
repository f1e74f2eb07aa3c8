#pragma once

#include <cc/data.h>

#include <compare>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace nestor::hook {

// The kinds of object a mirrored configuration consists of, in the order in which they are paged.
enum class Kind {
  kGlobal,
  kOptionDef,
  kOption,
  kClientClass,
  kSharedNetwork,
  kSubnet,
  kReservation,
};

// "global", "option-def", "option", "client-class", "shared-network", "subnet", "reservation".
const char* KindName(Kind kind);
std::optional<Kind> KindFromName(std::string_view name);

// The global that holds the names of the client classes in their order.
inline constexpr std::string_view kClassOrder = "client-class-order";

// What names an object; the shapes of keys are in proto/nestor/v1/envelope.proto.
struct ObjectId {
  Kind kind = Kind::kGlobal;
  std::string key;

  friend auto operator<=>(const ObjectId&, const ObjectId&) = default;
};

// Where an option of the key `key` belongs: by space and code, those of one code in their order.
std::tuple<std::string, int64_t, int64_t> OptionPlace(const std::string& key);

// An object in the form of config-get; null: there is none.
struct Object {
  ObjectId id;
  isc::data::ConstElementPtr value;
};

struct Change {
  std::vector<Object> upserted;
  std::vector<ObjectId> removed;
};

struct Refusal {
  ObjectId id;
  std::string text;
};

// Thrown where a command is not carried out; the configuration is as before.
class Refused : public std::runtime_error {
 public:
  // `reason`: as in docs/kea-hook.md.
  Refused(const char* reason, const std::string& text, std::vector<Refusal> objects = {})
      : std::runtime_error(text), reason_(reason), objects_(std::move(objects)) {}

  const char* reason() const { return reason_; }
  const std::vector<Refusal>& objects() const { return objects_; }

 private:
  const char* reason_;
  std::vector<Refusal> objects_;
};

inline constexpr char kMalformed[] = "malformed";
inline constexpr char kChangedMeanwhile[] = "changed-meanwhile";
inline constexpr char kNeedsConfigSet[] = "needs-config-set";
inline constexpr char kRefused[] = "refused";

}  // namespace nestor::hook
