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
  void AddBare(std::string_view bytes) {
    EVP_DigestUpdate(context(), bytes.data(), bytes.size());
  }

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

const Sha256& DigestOfNothing() {
  static const Sha256 digest = Hasher().Finish();
  return digest;
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

ObjectSet::ObjectSet(const ObjectSet& other) : objects_(other.objects_), counts_(other.counts_) {
  for (size_t kind = 0; kind < branches_.size(); ++kind) {
    if (other.branches_[kind]) branches_[kind] = std::make_unique<Branch>(*other.branches_[kind]);
  }
}

ObjectSet& ObjectSet::operator=(const ObjectSet& other) {
  if (this != &other) *this = ObjectSet(other);
  return *this;
}

void ObjectSet::Touch(const ObjectId& id) {
  auto& branch = branches_[static_cast<size_t>(id.kind)];
  if (!branch) branch = std::make_unique<Branch>();
  root_.reset();
  branch->digest.reset();
  branch->buckets[static_cast<size_t>(BucketOf(id.key))].reset();
}

void ObjectSet::Put(ObjectId id, std::string canonical_json) {
  Object object{std::move(canonical_json), {}};
  object.digest = HashOf(object.json);
  Touch(id);
  const auto [entry, added] = objects_.insert_or_assign(std::move(id), std::move(object));
  if (added) ++counts_[static_cast<size_t>(entry->first.kind)];
}

bool ObjectSet::Remove(const ObjectId& id) {
  if (objects_.erase(id) == 0) return false;
  Touch(id);
  --counts_[static_cast<size_t>(id.kind)];
  return true;
}

const Object* ObjectSet::Find(const ObjectId& id) const {
  const auto found = objects_.find(id);
  return found == objects_.end() ? nullptr : &found->second;
}

// Digests of all buckets of a kind that are not known, in one pass over the kind's objects.
void ObjectSet::FillBuckets(Kind kind) const {
  const auto& branch = branches_[static_cast<size_t>(kind)];
  std::array<std::vector<const Map::value_type*>, kBuckets> stale;
  bool any = false;
  for (const auto& digest : branch->buckets) any |= !digest.has_value();
  if (!any) return;
  for (auto it = objects_.lower_bound(ObjectId{kind, {}});
       it != objects_.end() && it->first.kind == kind; ++it) {
    const auto b = static_cast<size_t>(BucketOf(it->first.key));
    if (!branch->buckets[b]) stale[b].push_back(&*it);
  }
  for (size_t b = 0; b < branch->buckets.size(); ++b) {
    if (branch->buckets[b]) continue;
    if (stale[b].empty()) {
      branch->buckets[b] = DigestOfNothing();
      continue;
    }
    Hasher hasher;
    for (const auto* entry : stale[b]) {
      hasher.Add(entry->first.key);
      hasher.Add(Bytes(entry->second.digest));
    }
    branch->buckets[b] = hasher.Finish();
  }
}

Sha256 ObjectSet::BucketDigest(Kind kind, int bucket) const {
  const auto& branch = branches_[static_cast<size_t>(kind)];
  if (!branch) return DigestOfNothing();
  FillBuckets(kind);
  return *branch->buckets[static_cast<size_t>(bucket)];
}

Sha256 ObjectSet::KindDigest(Kind kind) const {
  static const Sha256 kNothing = [] {
    const Sha256 bucket = DigestOfNothing();
    Hasher hasher;
    for (int i = 0; i < kBuckets; ++i) hasher.Add(Bytes(bucket));
    return hasher.Finish();
  }();
  const auto& branch = branches_[static_cast<size_t>(kind)];
  if (!branch) return kNothing;
  if (branch->digest) return *branch->digest;
  FillBuckets(kind);
  Hasher hasher;
  for (const auto& bucket : branch->buckets) hasher.Add(Bytes(*bucket));
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

std::vector<const ObjectSet::Map::value_type*> ObjectSet::Bucket(Kind kind, int bucket) const {
  std::vector<const Map::value_type*> entries;
  for (auto it = objects_.lower_bound(ObjectId{kind, {}});
       it != objects_.end() && it->first.kind == kind; ++it) {
    if (BucketOf(it->first.key) == bucket) entries.push_back(&*it);
  }
  return entries;
}

ChangeSet Diff(const ObjectSet& before, const ObjectSet& after) {
  ChangeSet change;
  auto a = before.objects().begin();
  auto b = after.objects().begin();
  const auto a_end = before.objects().end();
  const auto b_end = after.objects().end();
  while (a != a_end || b != b_end) {
    const auto order = a == a_end   ? std::strong_ordering::greater
                       : b == b_end ? std::strong_ordering::less
                                    : a->first <=> b->first;
    if (order < 0) {
      change.removed.push_back((a++)->first);
    } else if (order > 0) {
      change.upserted.push_back({b->first, b->second.json});
      ++b;
    } else {
      if (a->second.digest != b->second.digest) {
        change.upserted.push_back({b->first, b->second.json});
      }
      ++a;
      ++b;
    }
  }
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
