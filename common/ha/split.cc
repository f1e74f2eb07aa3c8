// Pools for one server's clients each.

#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "common/config/kea_config.h"
#include "common/ha/each_subnet.h"
#include "common/ha/marks.h"
#include "common/ha/pools.h"
#include "common/ha/range.h"
#include "common/ha/scopes.h"

namespace nestor::ha {
namespace {

using config::Kind;
using config::ObjectSet;
using json::FindString;
using json::Value;

constexpr std::string_view kMark = "nestor-split";
constexpr std::string_view kClassPrefix = "HA_";

// The member of a subnet that a pool is in.
enum class PoolKind { kAddresses, kPrefixes };

constexpr std::string_view ListName(PoolKind kind) {
  return kind == PoolKind::kAddresses ? "pools" : "pd-pools";
}

// What a pool hands out.
struct Extent {
  std::string text;  // "10.0.0.1-10.0.0.9"; of prefixes "2001:db8::/48"
  Range range;
  bool divisible = false;
  std::optional<Address> excluded;  // the prefix that is left out of those handed out
};

absl::Status Bad(std::string_view what) {
  return Error(absl::StatusCode::kInvalidArgument, "{}", what);
}

std::optional<int> Length(const Value& pool, std::string_view name) {
  const Value* const length = json::Find(pool, name);
  if (length == nullptr || !length->IsInt()) return std::nullopt;
  return length->GetInt();
}

absl::StatusOr<Extent> PrefixExtent(DhcpService service, const Value& pool) {
  const auto length = Length(pool, "prefix-len"), delegated = Length(pool, "delegated-len");
  const std::string_view prefix = FindString(pool, "prefix");
  if (!length || !delegated) return Bad(fmt::format("prefix pool {} has no lengths", prefix));
  Extent extent;
  extent.text = fmt::format("{}/{}", prefix, *length);
  ASSIGN_OR_RETURN(extent.range, ParseRange(service, extent.text));
  if (*delegated < *length || *delegated > 128) {
    return Bad(fmt::format("prefix pool {} cannot delegate /{}", extent.text, *delegated));
  }
  extent.divisible = *delegated > *length;
  const std::string_view excluded = FindString(pool, "excluded-prefix");
  if (excluded.empty()) return extent;
  // Kea has it in the first of the prefixes and leaves it out of each.
  ASSIGN_OR_RETURN(extent.excluded, ParseAddress(service, excluded));
  const int rest = 128 - *delegated;
  if (rest < 128 && (*extent.excluded >> rest) != (extent.range.first >> rest)) {
    return Bad(fmt::format("prefix {} is not in the first /{} of prefix pool {}, which excludes it",
                           excluded, *delegated, extent.text));
  }
  return extent;
}

absl::StatusOr<Extent> ExtentOf(DhcpService service, PoolKind kind, const Value& pool) {
  if (!pool.IsObject()) return Bad(fmt::format("one of its {} is not an object", ListName(kind)));
  if (kind == PoolKind::kPrefixes) return PrefixExtent(service, pool);
  Extent extent;
  extent.text = FindString(pool, "pool");
  ASSIGN_OR_RETURN(extent.range, ParseRange(service, extent.text));
  extent.divisible = extent.range.first != extent.range.last;
  return extent;
}

// Makes `pool`, which is `whole`, the one of `part`, which is of the same prefix where both are.
void Narrow(DhcpService service, PoolKind kind, const Extent& whole, const Range& part,
            json::Document& document, Value& pool) {
  const auto set_text = [&](std::string_view name, std::string_view text) {
    SetMember(name, TextValue(text, document), document, pool);
  };
  if (kind == PoolKind::kAddresses) return set_text("pool", RangeText(service, part));
  set_text("prefix", AddressText(service, part.first));
  SetMember("prefix-len", Value(PrefixLength(service, part).value_or(0)), document, pool);
  if (!whole.excluded) return;
  const Address excluded = *whole.excluded ^ whole.range.first ^ part.first;
  if (excluded != *whole.excluded) set_text("excluded-prefix", AddressText(service, excluded));
}

// Does `change` to each list of pools of each subnet of `objects` that has one: a function of the
// list's PoolKind, the list and the document, that returns absl::StatusOr<bool>, whether it changed
// the list.
template <typename Change>
absl::StatusOr<ObjectSet> ChangePools(DhcpService service, const ObjectSet& objects,
                                      Change change) {
  return ChangeSubnets(objects, [&](json::Document& subnet) -> absl::StatusOr<bool> {
    bool changed = false;
    for (const PoolKind kind : {PoolKind::kAddresses, PoolKind::kPrefixes}) {
      if (kind == PoolKind::kPrefixes && service == DhcpService::kDhcp4) continue;
      Value* const list = json::Find(subnet.root(), ListName(kind));
      if (list == nullptr || !list->IsArray()) continue;
      ASSIGN_OR_RETURN(const bool done, change(kind, *list, subnet));
      changed |= done;
    }
    return changed;
  });
}

// The halves of one subnet's pools.
class Splitting {
 public:
  Splitting(DhcpService service, std::string_view primary, std::string_view secondary)
      : service_(service), classes_{ClassOf(primary), ClassOf(secondary)} {}

  absl::StatusOr<bool> operator()(PoolKind kind, Value& pools, json::Document& document) const {
    Value halves(rapidjson::kArrayType);
    bool changed = false;
    for (Value& pool : pools.GetArray()) {
      if (!ClassesOf(pool).empty()) {
        halves.PushBack(pool, document.allocator());
        continue;
      }
      RETURN_IF_ERROR(Add(kind, pool, document, halves));
      changed = true;
    }
    pools = std::move(halves);
    return changed;
  }

 private:
  absl::Status Add(PoolKind kind, const Value& pool, json::Document& document,
                   Value& halves) const {
    ASSIGN_OR_RETURN(const Extent whole, ExtentOf(service_, kind, pool));
    for (size_t i = 0; i < (whole.divisible ? 2 : 1); ++i) {
      Value half(pool, document.allocator());
      if (whole.divisible) {
        const Range part = i == 0 ? FirstHalf(whole.range) : *SecondHalf(whole.range);
        Narrow(service_, kind, whole, part, document, half);
      }
      SetClasses({classes_[i]}, document, half);
      const absl::Status marked = AddMark(kMark, TextValue(whole.text, document), document, half);
      if (!marked.ok()) return Annotate(marked, fmt::format("pool {}", whole.text));
      halves.PushBack(half, document.allocator());
    }
    return absl::OkStatus();
  }

  DhcpService service_;
  std::string classes_[2];
};

// What the halves of one subnet's pools were.
class Joining {
 public:
  explicit Joining(DhcpService service) : service_(service) {}

  absl::StatusOr<bool> operator()(PoolKind kind, Value& pools, json::Document& document) const {
    bool changed = false;
    for (Value* one = pools.Begin(); one != pools.End(); ++one) {
      const std::string mark(MarkOf(*one));
      if (mark.empty()) continue;
      changed = true;
      Clear(document, *one);
      Value* const other = std::find_if(one + 1, pools.End(),
                                        [&](const Value& next) { return MarkOf(next) == mark; });
      if (other == pools.End()) continue;
      Value second(*other, document.allocator());
      Clear(document, second);
      if (Rejoin(kind, mark, second, document, *one)) pools.Erase(other);
    }
    return changed;
  }

 private:
  static std::string_view MarkOf(const Value& pool) {
    const Value* const mark = FindMark(pool, kMark);
    return mark != nullptr && mark->IsString() ? json::Text(*mark) : std::string_view();
  }

  // Takes out what Split() put in.
  static void Clear(json::Document& document, Value& pool) {
    RemoveMark(kMark, pool);
    std::vector<std::string> classes = ClassesOf(pool);
    const auto ours = std::remove_if(classes.begin(), classes.end(), [](std::string_view name) {
      return name.starts_with(kClassPrefix);
    });
    if (ours == classes.end()) return;
    classes.erase(ours, classes.end());
    SetClasses(classes, document, pool);
  }

  // Makes `first` the pool `text` if it and `second` are its halves and else the same.
  bool Rejoin(PoolKind kind, const std::string& text, const Value& second, json::Document& document,
              Value& first) const {
    const auto whole = ParseRange(service_, text);
    const auto one = ExtentOf(service_, kind, first), other = ExtentOf(service_, kind, second);
    if (!whole.ok() || !one.ok() || !other.ok()) return false;
    if (one->range != FirstHalf(*whole) || SecondHalf(*whole) != other->range) return false;
    Value joined(first, document.allocator());
    SetText(kind, text, document, joined);
    Value moved(second, document.allocator());
    Narrow(service_, kind, *other, one->range, document, moved);
    SetText(kind, text, document, moved);
    if (json::Canonical(joined) != json::Canonical(moved)) return false;
    first = std::move(joined);
    return true;
  }

  static void SetText(PoolKind kind, const std::string& text, json::Document& document,
                      Value& pool) {
    if (kind == PoolKind::kAddresses) {
      return SetMember("pool", TextValue(text, document), document, pool);
    }
    // One shorter than that of the half, which was found to be half of `text`.
    const int length = Length(pool, "prefix-len").value_or(1) - 1;
    SetMember("prefix", TextValue(text.substr(0, text.find('/')), document), document, pool);
    SetMember("prefix-len", Value(length), document, pool);
  }

  DhcpService service_;
};

// A pool as people write it.
std::string PoolText(DhcpService service, PoolKind kind, const Value& pool) {
  const auto extent = ExtentOf(service, kind, pool);
  if (kind == PoolKind::kPrefixes) {
    return extent.ok() ? fmt::format("prefixes of {}", extent->text) : "a prefix pool";
  }
  if (!extent.ok() || PrefixLength(service, extent->range)) {
    return std::string(FindString(pool, "pool"));
  }
  return fmt::format("{} - {}", AddressText(service, extent->range.first),
                     AddressText(service, extent->range.last));
}

}  // namespace

std::string ClassOf(std::string_view server) { return fmt::format("{}{}", kClassPrefix, server); }

SubnetPools PoolsOf(DhcpService service, const config::ObjectId& id, const std::string& subnet) {
  SubnetPools pools;
  const auto document = json::Parse(subnet);
  if (!document.ok()) return pools;
  for (const PoolKind kind : {PoolKind::kAddresses, PoolKind::kPrefixes}) {
    const Value* const list = json::Find(document->root(), ListName(kind));
    if (list == nullptr || !list->IsArray()) continue;
    for (const Value& pool : list->GetArray()) {
      if (!pool.IsObject()) continue;
      const std::vector<std::string> classes = ClassesOf(pool);
      pools.split |= std::any_of(classes.begin(), classes.end(), [](std::string_view name) {
        return name.starts_with(kClassPrefix);
      });
      if (!classes.empty()) continue;
      pools.unsplit.push_back(
          fmt::format("{} in {}", PoolText(service, kind, pool), config::Describe(id, subnet)));
    }
  }
  return pools;
}

std::vector<std::string> UnsplitPools(DhcpService service, const ObjectSet& objects, size_t limit) {
  std::vector<std::string> unsplit;
  for (const auto* entry : objects.InOrder()) {
    const auto& [id, object] = *entry;
    if (id.kind != Kind::kSubnet || unsplit.size() >= limit) continue;
    for (std::string& pool : PoolsOf(service, id, object.json).unsplit) {
      if (unsplit.size() < limit) unsplit.push_back(std::move(pool));
    }
  }
  return unsplit;
}

absl::StatusOr<ObjectSet> Split(DhcpService service, const ObjectSet& objects,
                                std::string_view primary, std::string_view secondary) {
  return ChangePools(service, objects, Splitting(service, primary, secondary));
}

absl::StatusOr<ObjectSet> Join(DhcpService service, const ObjectSet& objects) {
  return ChangePools(service, objects, Joining(service));
}

}  // namespace nestor::ha
