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
      [](const auto* entry, std::string_view k) { return entry->first.key < k; });
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

ObjectSet::ObjectSet(const ObjectSet& other)
    : objects_(other.objects_), counts_(other.counts_), root_(other.root_) {
  for (size_t kind = 0; kind < branches_.size(); ++kind) {
    const auto& theirs = other.branches_[kind];
    if (!theirs) continue;
    Branch& mine = *(branches_[kind] = std::make_unique<Branch>());
    if (!theirs->in_buckets) continue;
    Fill(static_cast<Kind>(kind), mine);
    mine.digest = theirs->digest;
    for (size_t i = 0; i < kBuckets; ++i) mine.buckets[i].digest = theirs->buckets[i].digest;
  }
}

ObjectSet& ObjectSet::operator=(const ObjectSet& other) {
  if (this != &other) *this = ObjectSet(other);
  return *this;
}

ObjectSet::ObjectSet(ObjectSet&& other) noexcept { *this = std::move(other); }

ObjectSet& ObjectSet::operator=(ObjectSet&& other) noexcept {
  if (this == &other) return *this;
  objects_ = std::move(other.objects_);
  last_put_.reset();
  counts_ = other.counts_;
  branches_ = std::move(other.branches_);
  root_ = other.root_;
  other.Clear();
  return *this;
}

void ObjectSet::Clear() {
  objects_.clear();
  last_put_.reset();
  counts_ = {};
  for (auto& branch : branches_) branch.reset();
  root_.reset();
}

ObjectSet::Leaves* ObjectSet::Touch(const ObjectId& id) {
  auto& branch = branches_[static_cast<size_t>(id.kind)];
  if (!branch) branch = std::make_unique<Branch>();
  root_.reset();
  branch->digest.reset();
  if (!branch->in_buckets) return nullptr;
  Leaves& bucket = branch->buckets[static_cast<size_t>(BucketOf(id.key))];
  bucket.digest.reset();
  return &bucket;
}

void ObjectSet::Fill(Kind kind, Branch& branch) const {
  const size_t expected = Count(kind) / kBuckets;
  for (Leaves& bucket : branch.buckets) bucket.entries.reserve(expected + expected / 4);
  for (auto it = objects_.lower_bound(ObjectId{kind, {}});
       it != objects_.end() && it->first.kind == kind; ++it) {
    branch.buckets[static_cast<size_t>(BucketOf(it->first.key))].entries.push_back(&*it);
  }
  branch.in_buckets = true;
}

ObjectSet::Branch* ObjectSet::Filled(Kind kind) const {
  Branch* const branch = branches_[static_cast<size_t>(kind)].get();
  if (branch != nullptr && !branch->in_buckets) Fill(kind, *branch);
  return branch;
}

void ObjectSet::Put(ObjectId id, std::string canonical_json) {
  Leaves* const bucket = Touch(id);
  const size_t before = objects_.size();
  const auto hint = last_put_ ? std::next(*last_put_) : objects_.end();
  const auto entry = objects_.try_emplace(hint, std::move(id));
  entry->second.json = std::move(canonical_json);
  entry->second.digest = HashOf(entry->second.json);
  last_put_ = entry;
  if (objects_.size() == before) return;
  ++counts_[static_cast<size_t>(entry->first.kind)];
  if (bucket == nullptr) return;
  bucket->entries.insert(PlaceIn(bucket->entries, entry->first.key), &*entry);
}

bool ObjectSet::Remove(const ObjectId& id) {
  const auto entry = objects_.find(id);
  if (entry == objects_.end()) return false;
  Leaves* const bucket = Touch(id);
  if (bucket != nullptr) bucket->entries.erase(PlaceIn(bucket->entries, id.key));
  --counts_[static_cast<size_t>(id.kind)];
  last_put_.reset();
  objects_.erase(entry);
  return true;
}

const Object* ObjectSet::Find(const ObjectId& id) const {
  const auto found = objects_.find(id);
  return found == objects_.end() ? nullptr : &found->second;
}

const Sha256& ObjectSet::DigestOf(Leaves& bucket) {
  if (bucket.digest) return *bucket.digest;
  if (bucket.entries.empty()) return DigestOfNothing();
  std::string text;
  for (size_t i = 0; i < bucket.entries.size(); ++i) {
    // A bucket's objects are all over the memory, and waiting for each in turn is most of the work.
    if (i + 8 < bucket.entries.size()) __builtin_prefetch(bucket.entries[i + 8]);
    if (i + 4 < bucket.entries.size()) {
      __builtin_prefetch(bucket.entries[i + 4]->first.key.data());
      __builtin_prefetch(&bucket.entries[i + 4]->second.digest);
    }
    const auto& [id, object] = *bucket.entries[i];
    AppendPart(id.key, text);
    AppendPart(Bytes(object.digest), text);
  }
  bucket.digest = HashOf(text);
  return *bucket.digest;
}

Sha256 ObjectSet::BucketDigest(Kind kind, int bucket) const {
  Branch* const branch = Filled(kind);
  return branch ? DigestOf(branch->buckets[static_cast<size_t>(bucket)]) : DigestOfNothing();
}

Sha256 ObjectSet::KindDigest(Kind kind) const {
  static const Sha256 nothing = [] {
    const Sha256 bucket = DigestOfNothing();
    Hasher hasher;
    for (int i = 0; i < kBuckets; ++i) hasher.Add(Bytes(bucket));
    return hasher.Finish();
  }();
  Branch* const branch = Filled(kind);
  if (branch == nullptr) return nothing;
  if (branch->digest) return *branch->digest;
  for (Leaves& bucket : branch->buckets) (void)DigestOf(bucket);
  Hasher hasher;
  for (Leaves& bucket : branch->buckets) hasher.Add(Bytes(DigestOf(bucket)));
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

const std::vector<const ObjectSet::Map::value_type*>& ObjectSet::Bucket(Kind kind,
                                                                        int bucket) const {
  static const std::vector<const Map::value_type*> none;
  Branch* const branch = Filled(kind);
  return branch ? branch->buckets[static_cast<size_t>(bucket)].entries : none;
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
