#include "common/config/object_set.h"

#include <openssl/evp.h>

#include <algorithm>
#include <memory>

namespace nestor::config {
namespace {

constexpr std::array<std::string_view, kKinds> kNames = {
    "global", "option-def", "option", "client-class", "shared-network", "subnet", "reservation"};

const EVP_MD* Algorithm() {
  static const EVP_MD* const md = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return md;
}

using Context = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

// A digest over parts, each with its length before it, so that no two sequences read alike. One at
// a time on a thread: making OpenSSL's context costs more than a short digest.
class Hasher {
 public:
  Hasher() { EVP_DigestInit_ex2(context(), Algorithm(), nullptr); }
  Hasher(const Hasher&) = delete;
  Hasher& operator=(const Hasher&) = delete;

  void Add(std::string_view part) {
    std::array<uint8_t, 4> length;
    for (size_t i = 0; i < 4; ++i) length[i] = static_cast<uint8_t>(part.size() >> (24 - 8 * i));
    EVP_DigestUpdate(context(), length.data(), length.size());
    EVP_DigestUpdate(context(), part.data(), part.size());
  }

  // `bytes` alone, without their length.
  void AddBare(std::string_view bytes) { EVP_DigestUpdate(context(), bytes.data(), bytes.size()); }

  Sha256 Finish() {
    Sha256 digest;
    EVP_DigestFinal_ex(context(), digest.data(), nullptr);
    return digest;
  }

 private:
  static EVP_MD_CTX* context() {
    static thread_local const Context context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    return context.get();
  }
};

// As Hasher::Add().
void AppendPart(std::string_view part, std::string& out) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(part.size() >> shift);
  out += part;
}

const Sha256& DigestOfNothing() {
  static const Sha256 digest = Hasher().Finish();
  return digest;
}

// Where the entry with that key is or would be.
auto PlaceIn(auto& entries, std::string_view key) {
  return std::lower_bound(
      entries.begin(), entries.end(), key,
      [](const auto& entry, std::string_view k) { return entry->first.key < k; });
}

bool IdLess(const ObjectSet::Entry* a, const ObjectSet::Entry* b) { return a->first < b->first; }

// What of a bucket is new or changed, and what is gone; both in key order.
void Compare(const ObjectSet::Entries& before, const ObjectSet::Entries& after,
             std::vector<const ObjectSet::Entry*>& upserted,
             std::vector<const ObjectSet::Entry*>& removed) {
  auto a = before.begin();
  for (const auto& b : after) {
    while (a != before.end() && (*a)->first.key < b->first.key) removed.push_back((a++)->get());
    const bool both = a != before.end() && (*a)->first.key == b->first.key;
    if (!both || (*a)->second.digest != b->second.digest) upserted.push_back(b.get());
    if (both) ++a;
  }
  for (; a != before.end(); ++a) removed.push_back(a->get());
}

}  // namespace

std::string_view KindName(Kind kind) { return kNames[static_cast<size_t>(kind)]; }

std::optional<Kind> KindFromName(std::string_view name) {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<Kind>(i);
  }
  return std::nullopt;
}

Sha256 HashOf(std::string_view bytes) {
  Hasher hasher;
  hasher.AddBare(bytes);
  return hasher.Finish();
}

std::string_view Bytes(const Sha256& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

std::optional<Sha256> Sha256FromBytes(std::string_view bytes) {
  Sha256 digest;
  if (bytes.size() != digest.size()) return std::nullopt;
  std::copy(bytes.begin(), bytes.end(), digest.begin());
  return digest;
}

std::string Hex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  hex.reserve(2 * bytes.size());
  for (const char c : bytes) {
    hex += kDigits[static_cast<unsigned char>(c) >> 4];
    hex += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return hex;
}

int ObjectSet::BucketOf(std::string_view key) {
  // FNV-1a: spreads keys that differ in their last digit, and is the same on every machine.
  uint32_t hash = 2166136261u;
  for (const char c : key) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return static_cast<int>((hash ^ (hash >> 16)) & 0xff);
}

// What the two share from now on must be complete.
ObjectSet::ObjectSet(const ObjectSet& other) {
  (void)other.Digest();
  branches_ = other.branches_;
  root_ = other.root_;
}

ObjectSet& ObjectSet::operator=(const ObjectSet& other) {
  if (this != &other) *this = ObjectSet(other);
  return *this;
}

ObjectSet::ObjectSet(ObjectSet&& other) noexcept { *this = std::move(other); }

ObjectSet& ObjectSet::operator=(ObjectSet&& other) noexcept {
  if (this == &other) return *this;
  branches_ = std::exchange(other.branches_, {});
  root_ = std::exchange(other.root_, std::nullopt);
  return *this;
}

template <typename Node>
Node& ObjectSet::Own(std::shared_ptr<Node>& node) {
  if (node == nullptr) {
    node = std::make_shared<Node>();
  } else if (node->digest) {
    node = std::make_shared<Node>(*node);
    node->digest.reset();
  }
  return *node;
}

void ObjectSet::Put(ObjectId id, std::string canonical_json) {
  root_.reset();
  Branch& branch = Own(branches_[static_cast<size_t>(id.kind)]);
  Entries& entries = Own(branch.buckets[static_cast<size_t>(BucketOf(id.key))]).entries;
  const bool last = entries.empty() || entries.back()->first.key < id.key;
  const auto place = last ? entries.end() : PlaceIn(entries, id.key);
  const bool there = place != entries.end() && (*place)->first.key == id.key;
  const Sha256 digest = HashOf(canonical_json);
  auto entry =
      std::make_shared<const Entry>(std::move(id), Object{std::move(canonical_json), digest});
  if (there) {
    *place = std::move(entry);
  } else {
    entries.insert(place, std::move(entry));
    ++branch.count;
  }
}

bool ObjectSet::Remove(const ObjectId& id) {
  if (Find(id) == nullptr) return false;
  root_.reset();
  Branch& branch = Own(branches_[static_cast<size_t>(id.kind)]);
  Entries& entries = Own(branch.buckets[static_cast<size_t>(BucketOf(id.key))]).entries;
  entries.erase(PlaceIn(entries, id.key));
  --branch.count;
  return true;
}

const Object* ObjectSet::Find(const ObjectId& id) const {
  const Entries& entries = Bucket(id.kind, BucketOf(id.key));
  const auto place = PlaceIn(entries, id.key);
  const bool there = place != entries.end() && (*place)->first.key == id.key;
  return there ? &(*place)->second : nullptr;
}

std::vector<const ObjectSet::Entry*> ObjectSet::InOrder() const& {
  std::vector<const Entry*> all;
  all.reserve(size());
  for (const auto& branch : branches_) {
    if (branch == nullptr) continue;
    const auto first = static_cast<ptrdiff_t>(all.size());
    for (const auto& bucket : branch->buckets) {
      if (bucket == nullptr) continue;
      for (const auto& entry : bucket->entries) all.push_back(entry.get());
    }
    std::sort(all.begin() + first, all.end(), IdLess);
  }
  return all;
}

size_t ObjectSet::Count(Kind kind) const { return Of(kind) == nullptr ? 0 : Of(kind)->count; }

size_t ObjectSet::size() const {
  size_t size = 0;
  for (int kind = 0; kind < kKinds; ++kind) size += Count(static_cast<Kind>(kind));
  return size;
}

const Sha256& ObjectSet::DigestOf(const std::shared_ptr<Leaves>& bucket) {
  if (bucket == nullptr) return DigestOfNothing();
  if (bucket->digest) return *bucket->digest;
  const Entries& entries = bucket->entries;
  std::string text;
  for (size_t i = 0; i < entries.size(); ++i) {
    // A bucket's objects are all over the memory, and waiting for each in turn is most of the work.
    if (i + 8 < entries.size()) __builtin_prefetch(entries[i + 8].get());
    if (i + 4 < entries.size()) {
      __builtin_prefetch(entries[i + 4]->first.key.data());
      __builtin_prefetch(&entries[i + 4]->second.digest);
    }
    const auto& [id, object] = *entries[i];
    AppendPart(id.key, text);
    AppendPart(Bytes(object.digest), text);
  }
  bucket->digest = HashOf(text);
  return *bucket->digest;
}

Sha256 ObjectSet::BucketDigest(Kind kind, int bucket) const {
  const Branch* const branch = Of(kind);
  return branch ? DigestOf(branch->buckets[static_cast<size_t>(bucket)]) : DigestOfNothing();
}

Sha256 ObjectSet::KindDigest(Kind kind) const {
  static const Sha256 nothing = [] {
    const Sha256 bucket = DigestOfNothing();
    Hasher hasher;
    for (int i = 0; i < kBuckets; ++i) hasher.Add(Bytes(bucket));
    return hasher.Finish();
  }();
  Branch* const branch = branches_[static_cast<size_t>(kind)].get();
  if (branch == nullptr) return nothing;
  if (branch->digest) return *branch->digest;
  for (const auto& bucket : branch->buckets) (void)DigestOf(bucket);
  Hasher hasher;
  for (const auto& bucket : branch->buckets) hasher.Add(Bytes(DigestOf(bucket)));
  branch->digest = hasher.Finish();
  return *branch->digest;
}

Sha256 ObjectSet::Digest() const {
  if (root_) return *root_;
  std::array<Sha256, kKinds> kinds;
  for (size_t kind = 0; kind < kKinds; ++kind) kinds[kind] = KindDigest(static_cast<Kind>(kind));
  Hasher hasher;
  for (size_t kind = 0; kind < kKinds; ++kind) {
    hasher.Add(kNames[kind]);
    hasher.Add(Bytes(kinds[kind]));
  }
  root_ = hasher.Finish();
  return *root_;
}

const ObjectSet::Entries& ObjectSet::Bucket(Kind kind, int bucket) const {
  static const Entries none;
  const Branch* const branch = Of(kind);
  if (branch == nullptr) return none;
  const auto& leaves = branch->buckets[static_cast<size_t>(bucket)];
  return leaves == nullptr ? none : leaves->entries;
}

ChangeSet Diff(const ObjectSet& before, const ObjectSet& after) {
  std::vector<const ObjectSet::Entry*> upserted, removed;
  if (before.Digest() == after.Digest()) return {};
  for (int i = 0; i < kKinds; ++i) {
    const auto kind = static_cast<Kind>(i);
    if (before.KindDigest(kind) == after.KindDigest(kind)) continue;
    for (int bucket = 0; bucket < ObjectSet::kBuckets; ++bucket) {
      if (before.BucketDigest(kind, bucket) == after.BucketDigest(kind, bucket)) continue;
      Compare(before.Bucket(kind, bucket), after.Bucket(kind, bucket), upserted, removed);
    }
  }
  std::sort(upserted.begin(), upserted.end(), IdLess);
  std::sort(removed.begin(), removed.end(), IdLess);
  ChangeSet change;
  change.upserted.reserve(upserted.size());
  for (const auto* entry : upserted) change.upserted.push_back({entry->first, entry->second.json});
  change.removed.reserve(removed.size());
  for (const auto* entry : removed) change.removed.push_back(entry->first);
  return change;
}

ChangeSet Inverse(const ChangeSet& change, const ObjectSet& before) {
  ChangeSet inverse;
  for (const auto& upsert : change.upserted) {
    if (const Object* old = before.Find(upsert.id)) {
      inverse.upserted.push_back({upsert.id, old->json});
    } else {
      inverse.removed.push_back(upsert.id);
    }
  }
  for (const ObjectId& id : change.removed) {
    if (const Object* old = before.Find(id)) inverse.upserted.push_back({id, old->json});
  }
  std::sort(inverse.upserted.begin(), inverse.upserted.end(),
            [](const auto& a, const auto& b) { return a.id < b.id; });
  return inverse;
}

void Apply(const ChangeSet& change, ObjectSet& set) {
  for (const ObjectId& id : change.removed) set.Remove(id);
  for (const auto& upsert : change.upserted) set.Put(upsert.id, upsert.json);
}

}  // namespace nestor::config
