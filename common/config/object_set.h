#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nestor::config {

// The kinds of object a mirrored configuration consists of, in the order of the digest.
enum class Kind : uint8_t {
  kGlobal,
  kOptionDef,
  kOption,
  kClientClass,
  kSharedNetwork,
  kSubnet,
  kReservation,
};
inline constexpr int kKinds = 7;

// "global", "option-def", "option", "client-class", "shared-network", "subnet", "reservation".
std::string_view KindName(Kind kind);
std::optional<Kind> KindFromName(std::string_view name);

using Sha256 = std::array<uint8_t, 32>;

// SHA-256 of `bytes`, by OpenSSL.
Sha256 HashOf(std::string_view bytes);
std::string_view Bytes(const Sha256& digest);
std::optional<Sha256> Sha256FromBytes(std::string_view bytes);
std::string Hex(std::string_view bytes);

// What names an object; the shapes of keys are in proto/nestor/v1/envelope.proto.
struct ObjectId {
  Kind kind = Kind::kGlobal;
  std::string key;

  friend auto operator<=>(const ObjectId&, const ObjectId&) = default;
};

struct Object {
  std::string json;  // canonical (RFC 8785)
  Sha256 digest{};   // of json
};

// A configuration as the objects it consists of, with a digest tree over them: root, kind, 256
// buckets by key hash, object. A change of one object costs one object's hash, and one bucket's,
// one kind's and the root's when the digest is next asked for. Not thread-safe, const methods
// included (they fill in digests lazily), until Digest() was called after the last change.
class ObjectSet {
 public:
  static constexpr int kBuckets = 256;

  ObjectSet() = default;
  ObjectSet(const ObjectSet& other);
  ObjectSet& operator=(const ObjectSet& other);
  // What was moved from is empty.
  ObjectSet(ObjectSet&& other) noexcept;
  ObjectSet& operator=(ObjectSet&& other) noexcept;

  using Map = std::map<ObjectId, Object>;

  // Adds or replaces. `canonical_json` must be canonical. Quickest in the order of ids.
  void Put(ObjectId id, std::string canonical_json);
  // False: it was not there.
  bool Remove(const ObjectId& id);

  // nullptr: not there. Valid until the next change of the set.
  const Object* Find(const ObjectId& id) const;
  // In the order of kind, then key as bytes.
  const Map& objects() const { return objects_; }
  size_t size() const { return objects_.size(); }
  size_t Count(Kind kind) const { return counts_[static_cast<size_t>(kind)]; }

  // The roots of the tree and its branches. Equal digests are the definition of identical.
  Sha256 Digest() const;
  Sha256 KindDigest(Kind kind) const;
  Sha256 BucketDigest(Kind kind, int bucket) const;
  // In key order. Valid until the next change of the set, as are the pointers.
  const std::vector<const Map::value_type*>& Bucket(Kind kind, int bucket) const;
  static int BucketOf(std::string_view key);

 private:
  struct Leaves {
    std::vector<const Map::value_type*> entries;  // in key order
    std::optional<Sha256> digest;
  };
  struct Branch {
    std::optional<Sha256> digest;
    // False: nothing is in the buckets yet. While a set is first filled they would only cost.
    bool in_buckets = false;
    std::array<Leaves, kBuckets> buckets;
  };

  // The bucket of `id`, whose digests up to the root no longer hold; null where there is none yet.
  Leaves* Touch(const ObjectId& id);
  // The branch of a kind with its buckets filled, or null.
  Branch* Filled(Kind kind) const;
  void Fill(Kind kind, Branch& branch) const;
  static const Sha256& DigestOf(Leaves& bucket);
  void Clear();

  Map objects_;
  std::optional<Map::iterator> last_put_;  // what is put next most often belongs behind it
  std::array<size_t, kKinds> counts_{};
  // Null: no object of the kind was ever there.
  std::array<std::unique_ptr<Branch>, kKinds> branches_;
  mutable std::optional<Sha256> root_;
};

// What turns one configuration into another.
struct ChangeSet {
  struct Upsert {
    ObjectId id;
    std::string json;  // canonical
  };
  std::vector<Upsert> upserted;   // sorted by id
  std::vector<ObjectId> removed;  // sorted

  bool empty() const { return upserted.empty() && removed.empty(); }
  size_t size() const { return upserted.size() + removed.size(); }
};

// Compares object digests, not texts; one pass over both.
ChangeSet Diff(const ObjectSet& before, const ObjectSet& after);

// What undoes `change` where `before` is the configuration it was applied to.
ChangeSet Inverse(const ChangeSet& change, const ObjectSet& before);

// Applies `change`. Upserts overwrite; removing what is not there does nothing.
void Apply(const ChangeSet& change, ObjectSet& set);

}  // namespace nestor::config
