#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
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
// one kind's and the root's when the digest is next asked for. Copies share what is the same in
// them, so that a copy and its first change cost one bucket.
//
// Not thread-safe, const methods and copying included (they fill in digests lazily), until Digest()
// was called after the last change. Copies may be used by different threads.
class ObjectSet {
 public:
  static constexpr int kBuckets = 256;
  using Entry = std::pair<const ObjectId, Object>;
  using Entries = std::vector<std::shared_ptr<const Entry>>;

  ObjectSet() = default;
  ObjectSet(const ObjectSet& other);
  ObjectSet& operator=(const ObjectSet& other);
  // What was moved from is empty.
  ObjectSet(ObjectSet&& other) noexcept;
  ObjectSet& operator=(ObjectSet&& other) noexcept;

  // Adds or replaces. `canonical_json` must be canonical. Quickest in the order of ids.
  void Put(ObjectId id, std::string canonical_json);
  // False: it was not there.
  bool Remove(const ObjectId& id);

  // nullptr: not there. Valid until the next change of the set.
  const Object* Find(const ObjectId& id) const;
  // All of them in the order of kind, then key as bytes, which are sorted for it. The pointers are
  // valid until the next change of the set.
  std::vector<const Entry*> InOrder() const&;
  std::vector<const Entry*> InOrder() && = delete;
  size_t size() const;
  size_t Count(Kind kind) const;

  // The roots of the tree and its branches. Equal digests are the definition of identical.
  Sha256 Digest() const;
  Sha256 KindDigest(Kind kind) const;
  Sha256 BucketDigest(Kind kind, int bucket) const;
  // In key order. Valid until the next change of the set.
  const Entries& Bucket(Kind kind, int bucket) const;
  static int BucketOf(std::string_view key);

 private:
  // A node whose digest is known is never written again, so sets may share it. One without is this
  // set's alone, and so are those above it.
  struct Leaves {
    Entries entries;  // in key order
    std::optional<Sha256> digest;
  };
  struct Branch {
    std::array<std::shared_ptr<Leaves>, kBuckets> buckets;  // null: empty
    size_t count = 0;
    std::optional<Sha256> digest;
  };

  // `node` as one that may be written.
  template <typename Node>
  static Node& Own(std::shared_ptr<Node>& node);
  const Branch* Of(Kind kind) const { return branches_[static_cast<size_t>(kind)].get(); }
  static const Sha256& DigestOf(const std::shared_ptr<Leaves>& bucket);

  std::array<std::shared_ptr<Branch>, kKinds> branches_;  // null: none of that kind
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

// Looks only into buckets whose digests differ, and compares object digests there, not texts.
ChangeSet Diff(const ObjectSet& before, const ObjectSet& after);

// What undoes `change` where `before` is the configuration it was applied to.
ChangeSet Inverse(const ChangeSet& change, const ObjectSet& before);

// Applies `change`. Upserts overwrite; removing what is not there does nothing.
void Apply(const ChangeSet& change, ObjectSet& set);

}  // namespace nestor::config
