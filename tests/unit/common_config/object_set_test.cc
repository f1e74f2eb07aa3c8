#include "common/config/object_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "common/base/status.h"

namespace nestor::config {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

ObjectId Subnet(int id) { return {Kind::kSubnet, std::to_string(id)}; }

// A random set whose objects often have the same ids as another random set's, and often the same
// text.
ObjectSet RandomSet(std::mt19937& random, int most) {
  ObjectSet set;
  const int count = static_cast<int>(random() % static_cast<unsigned>(most));
  for (int i = 0; i < count; ++i) {
    const auto kind = static_cast<Kind>(random() % kKinds);
    set.Put({kind, fmt::format("k{}", random() % 300)}, fmt::format("{{\"v\":{}}}", random() % 4));
  }
  return set;
}

// The set put together anew, in the order of the objects, with nothing kept from before.
ObjectSet Rebuilt(const ObjectSet& set) {
  ObjectSet fresh;
  for (const auto* entry : set.InOrder()) fresh.Put(entry->first, entry->second.json);
  return fresh;
}

void ExpectSame(const ObjectSet& a, const ObjectSet& b) {
  EXPECT_EQ(a.Digest(), b.Digest());
  ASSERT_EQ(a.size(), b.size());
  const auto in_a = a.InOrder(), in_b = b.InOrder();
  for (size_t i = 0; i < in_a.size(); ++i) {
    ASSERT_EQ(in_a[i]->first, in_b[i]->first);
    ASSERT_EQ(in_a[i]->second.json, in_b[i]->second.json);
  }
}

TEST(KindTest, NamesGoBothWays) {
  for (int i = 0; i < kKinds; ++i) {
    EXPECT_EQ(KindFromName(KindName(static_cast<Kind>(i))), static_cast<Kind>(i));
  }
  EXPECT_EQ(KindFromName("subnets"), std::nullopt);
  EXPECT_EQ(KindName(Kind::kOptionDef), "option-def");
}

TEST(Sha256Test, IsTheStandardsHash) {
  EXPECT_EQ(Hex(Bytes(HashOf("abc"))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256FromBytes(Bytes(HashOf("x"))), HashOf("x"));
  EXPECT_EQ(Sha256FromBytes("too short"), std::nullopt);
}

TEST(ObjectSetTest, CountsAndFindsItsObjects) {
  ObjectSet set;
  set.Put(Subnet(1), "{}");
  set.Put(Subnet(1), "{\"a\":1}");
  set.Put({Kind::kGlobal, "1"}, "2");
  EXPECT_EQ(set.size(), 2u);
  EXPECT_EQ(set.Count(Kind::kSubnet), 1u);
  ASSERT_NE(set.Find(Subnet(1)), nullptr);
  EXPECT_EQ(set.Find(Subnet(1))->json, "{\"a\":1}");
  EXPECT_EQ(set.Find(Subnet(1))->digest, HashOf("{\"a\":1}"));
  EXPECT_EQ(set.Find(Subnet(2)), nullptr);
  EXPECT_FALSE(set.Remove(Subnet(2)));
  EXPECT_TRUE(set.Remove(Subnet(1)));
  EXPECT_EQ(set.Count(Kind::kSubnet), 0u);
}

TEST(ObjectSetTest, TheDigestDependsOnContentAlone) {
  ObjectSet set, other;
  set.Put(Subnet(1), "{}");
  set.Put(Subnet(2), "{}");
  other.Put(Subnet(2), "{\"old\":1}");
  (void)other.Digest();
  other.Put(Subnet(3), "{}");
  other.Put(Subnet(1), "{}");
  (void)other.Digest();
  other.Remove(Subnet(3));
  other.Put(Subnet(2), "{}");
  EXPECT_EQ(set.Digest(), other.Digest());
  other.Remove(Subnet(1));
  other.Remove(Subnet(2));
  EXPECT_EQ(other.Digest(), ObjectSet().Digest());
}

TEST(ObjectSetTest, KindKeyAndTextAreAllPartOfTheDigest) {
  const auto digest = [](Kind kind, std::string key, std::string text) {
    ObjectSet set;
    set.Put({kind, std::move(key)}, std::move(text));
    return set.Digest();
  };
  const Sha256 one = digest(Kind::kSubnet, "1", "{}");
  EXPECT_NE(one, digest(Kind::kSharedNetwork, "1", "{}"));
  EXPECT_NE(one, digest(Kind::kSubnet, "2", "{}"));
  EXPECT_NE(one, digest(Kind::kSubnet, "1", "{ }"));
  EXPECT_NE(one, ObjectSet().Digest());
}

TEST(ObjectSetTest, TheDigestStaysWhatItIs) {
  // Two servers of different versions must agree on it: this value is part of the protocol.
  ObjectSet set;
  set.Put({Kind::kGlobal, "valid-lifetime"}, "3600");
  set.Put(Subnet(1), R"({"id":1,"subnet":"192.0.2.0/24"})");
  EXPECT_EQ(Hex(Bytes(set.Digest())),
            "1ea0478a7872b2a854d9db8642d1094ec01a9447737b93baa6f41d3c13001eb0");
}

TEST(ObjectSetTest, OneChangeTouchesOneBranchOfTheTree) {
  ObjectSet set;
  for (int i = 0; i < 1000; ++i) set.Put(Subnet(i), "{}");
  set.Put({Kind::kGlobal, "g"}, "1");
  const ObjectSet before = set;
  set.Put(Subnet(500), "{\"a\":1}");
  EXPECT_NE(set.Digest(), before.Digest());
  EXPECT_EQ(set.KindDigest(Kind::kGlobal), before.KindDigest(Kind::kGlobal));
  EXPECT_NE(set.KindDigest(Kind::kSubnet), before.KindDigest(Kind::kSubnet));
  int different = 0;
  for (int bucket = 0; bucket < ObjectSet::kBuckets; ++bucket) {
    if (set.BucketDigest(Kind::kSubnet, bucket) != before.BucketDigest(Kind::kSubnet, bucket)) {
      ++different;
      EXPECT_EQ(bucket, ObjectSet::BucketOf("500"));
    }
  }
  EXPECT_EQ(different, 1);
}

TEST(ObjectSetTest, BucketsHoldEachObjectOnceAndAreEvenlyFilled) {
  ObjectSet set;
  for (int i = 0; i < 5120; ++i) {
    set.Put({Kind::kReservation,
             fmt::format("1/hw-address/00:00:00:00:{:02x}:{:02x}", i / 256, i % 256)},
            "{}");
  }
  size_t sum = 0, most = 0;
  for (int bucket = 0; bucket < ObjectSet::kBuckets; ++bucket) {
    const auto entries = set.Bucket(Kind::kReservation, bucket);
    EXPECT_TRUE(std::is_sorted(entries.begin(), entries.end(),
                               [](const auto& a, const auto& b) { return a->first < b->first; }));
    sum += entries.size();
    most = std::max(most, entries.size());
  }
  EXPECT_EQ(sum, 5120u);
  EXPECT_LT(most, 60u);  // 20 each on average
  EXPECT_THAT(set.Bucket(Kind::kSubnet, 0), IsEmpty());
}

TEST(ObjectSetTest, ACopyIsItsOwn) {
  ObjectSet set;
  set.Put(Subnet(1), "{}");
  const Sha256 digest = set.Digest();
  ObjectSet copy = set;
  copy.Put(Subnet(2), "{}");
  EXPECT_EQ(set.Digest(), digest);
  EXPECT_NE(copy.Digest(), digest);
  copy = set;
  EXPECT_EQ(copy.Digest(), digest);
}

TEST(ObjectSetTest, ACopySharesTheObjectsThatDidNotChange) {
  ObjectSet set;
  for (int i = 0; i < 2000; ++i) set.Put(Subnet(i), "{}");
  ObjectSet copy = set;
  copy.Put(Subnet(7), "{\"a\":1}");
  for (int i = 0; i < 2000; ++i) {
    EXPECT_EQ(set.Find(Subnet(i)) == copy.Find(Subnet(i)), i != 7) << i;
  }
}

TEST(ObjectSetTest, WhatWasMovedFromIsEmpty) {
  ObjectSet set;
  set.Put(Subnet(1), "{}");
  (void)set.Digest();
  const ObjectSet taken = std::move(set);
  EXPECT_EQ(taken.size(), 1u);
  EXPECT_EQ(set.size(), 0u);  // NOLINT(bugprone-use-after-move)
  EXPECT_EQ(set.Digest(), ObjectSet().Digest());
}

TEST(ObjectSetTest, DigestsKeptAreThoseComputedAnew) {
  std::mt19937 random(1);
  ObjectSet set;
  for (int round = 0; round < 400; ++round) {
    const ObjectSet more = RandomSet(random, 6);
    for (const auto* entry : more.InOrder()) {
      if (random() % 2 == 0) {
        set.Put(entry->first, entry->second.json);
      } else {
        set.Remove(entry->first);
      }
    }
    if (random() % 3 == 0) (void)set.Digest();
    if (random() % 7 == 0) (void)set.BucketDigest(Kind::kSubnet, static_cast<int>(random() % 256));
    if (round % 10 == 0) {
      ASSERT_EQ(set.Digest(), Rebuilt(set).Digest()) << round;
    }
  }
}

TEST(DiffTest, NamesWhatIsNewChangedAndGone) {
  ObjectSet before, after;
  before.Put(Subnet(1), "{}");
  before.Put(Subnet(2), "{}");
  before.Put(Subnet(3), "{}");
  after.Put(Subnet(1), "{}");
  after.Put(Subnet(2), "{\"a\":1}");
  after.Put(Subnet(4), "{}");
  const ChangeSet change = Diff(before, after);
  ASSERT_EQ(change.upserted.size(), 2u);
  EXPECT_EQ(change.upserted[0].id, Subnet(2));
  EXPECT_EQ(change.upserted[0].json, "{\"a\":1}");
  EXPECT_EQ(change.upserted[1].id, Subnet(4));
  EXPECT_THAT(change.removed, ElementsAre(Subnet(3)));
  EXPECT_EQ(change.size(), 3u);
  EXPECT_TRUE(Diff(after, after).empty());
}

class RandomSetsTest : public ::testing::TestWithParam<unsigned> {};

TEST_P(RandomSetsTest, ApplyingADiffGivesTheOtherAndItsInverseGoesBack) {
  std::mt19937 random(GetParam());
  for (int round = 0; round < 20; ++round) {
    const ObjectSet a = RandomSet(random, 200), b = RandomSet(random, 200);
    const ChangeSet change = Diff(a, b);
    ObjectSet set = a;
    Apply(change, set);
    ExpectSame(set, b);
    Apply(Inverse(change, a), set);
    ExpectSame(set, a);
    EXPECT_TRUE(Diff(set, a).empty());
  }
}

TEST_P(RandomSetsTest, ADiffIsSortedAndMinimal) {
  std::mt19937 random(GetParam());
  const ObjectSet a = RandomSet(random, 300), b = RandomSet(random, 300);
  const ChangeSet change = Diff(a, b);
  EXPECT_TRUE(std::is_sorted(change.removed.begin(), change.removed.end()));
  EXPECT_TRUE(std::is_sorted(change.upserted.begin(), change.upserted.end(),
                             [](const auto& x, const auto& y) { return x.id < y.id; }));
  for (const auto& upsert : change.upserted) {
    const Object* old = a.Find(upsert.id);
    EXPECT_TRUE(old == nullptr || old->json != upsert.json);
  }
  for (const ObjectId& id : change.removed) {
    EXPECT_NE(a.Find(id), nullptr);
    EXPECT_EQ(b.Find(id), nullptr);
  }
}

// The difference by looking at every object of both.
ChangeSet NaiveDiff(const ObjectSet& before, const ObjectSet& after) {
  ChangeSet change;
  for (const auto* entry : after.InOrder()) {
    const Object* const old = before.Find(entry->first);
    if (old != nullptr && old->json == entry->second.json) continue;
    change.upserted.push_back({entry->first, entry->second.json});
  }
  for (const auto* entry : before.InOrder()) {
    if (after.Find(entry->first) == nullptr) change.removed.push_back(entry->first);
  }
  return change;
}

void ExpectSame(const ChangeSet& a, const ChangeSet& b) {
  EXPECT_EQ(a.removed, b.removed);
  ASSERT_EQ(a.upserted.size(), b.upserted.size());
  for (size_t i = 0; i < a.upserted.size(); ++i) {
    EXPECT_EQ(a.upserted[i].id, b.upserted[i].id);
    EXPECT_EQ(a.upserted[i].json, b.upserted[i].json);
  }
}

TEST_P(RandomSetsTest, CopiesOfCopiesChangeAloneAndDifferByWhatWasChanged) {
  std::mt19937 random(GetParam());
  std::vector<ObjectSet> sets(1, RandomSet(random, 2000));
  std::vector<ObjectSet> fresh(1, Rebuilt(sets[0]));
  for (int round = 0; round < 40; ++round) {
    const size_t from = random() % sets.size();
    ObjectSet copy = sets[from], kept = fresh[from];
    const ObjectSet news = RandomSet(random, 20);
    for (const auto* entry : news.InOrder()) {
      if (random() % 3 == 0) {
        EXPECT_EQ(copy.Remove(entry->first), kept.Find(entry->first) != nullptr);
        kept.Remove(entry->first);
      } else {
        copy.Put(entry->first, entry->second.json);
        kept.Put(entry->first, entry->second.json);
      }
      if (random() % 8 == 0) (void)copy.KindDigest(Kind::kSubnet);
    }
    if (random() % 4 == 0) {
      sets[from] = copy;  // what others were copied from is changed as well
      fresh[from] = Rebuilt(kept);
    }
    sets.push_back(std::move(copy));
    fresh.push_back(Rebuilt(kept));
  }
  for (size_t i = 0; i < sets.size(); ++i) {
    ExpectSame(sets[i], fresh[i]);
    EXPECT_EQ(sets[i].Digest(), Rebuilt(sets[i]).Digest());
    const size_t other = random() % sets.size();
    ExpectSame(Diff(sets[i], sets[other]), NaiveDiff(fresh[i], fresh[other]));
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomSetsTest, ::testing::Range(0u, 15u));

TEST(InverseTest, OfAChangeThatDidNothingUndoesNothing) {
  ObjectSet before;
  before.Put(Subnet(1), "{}");
  ChangeSet change;
  change.removed = {Subnet(9)};
  EXPECT_TRUE(Inverse(change, before).empty());
}

}  // namespace
}  // namespace nestor::config
