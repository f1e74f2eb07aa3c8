// What the secondary keeps of changes that were made there while the primary was away.

#include "tests/support/sim_disk.h"
#include "tests/unit/common_store/store_test_data.h"
#include "tests/unit/common_store/tamper.h"

namespace nestor::store {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;
using Code = absl::StatusCode;

class KeptTest : public ::testing::Test {
 protected:
  void SetUp() override { Reopen(); }

  void Reopen() {
    store_.reset();
    auto opened = FollowerStore::Open({.path = "store.db", .vfs = disk_.vfs()});
    ASSERT_TRUE(opened.ok()) << opened.status();
    store_ = *std::move(opened);
  }
  static KeptChange KeptOf(std::string_view id, bool open, size_t padding = 0) {
    KeptChange kept;
    kept.open = open;
    kept.digest = Digest(7);
    kept.entry.set_id(std::string(id));
    kept.entry.set_what("kept");
    kept.entry.set_detail(std::string(padding, 'x'));
    return kept;
  }
  // "one open, two"
  std::vector<std::string> Kept() {
    std::vector<std::string> ids;
    const auto all = store_->Kept("east");
    EXPECT_TRUE(all.ok()) << all.status();
    for (const KeptChange& kept : *all) ids.push_back(kept.entry.id() + (kept.open ? " open" : ""));
    return ids;
  }

  testing::SimDisk disk_;
  std::unique_ptr<FollowerStore> store_;
};

TEST_F(KeptTest, SurvivesInTheOrderInWhichItWasKept) {
  ASSERT_TRUE(store_->Keep("east", KeptOf("b", true)).ok());
  ASSERT_TRUE(store_->Keep("east", KeptOf("a", true, 100'000)).ok());
  ASSERT_TRUE(store_->Keep("west", KeptOf("c", true)).ok());
  ASSERT_TRUE(store_->Keep("east", KeptOf("b", false)).ok());
  Reopen();
  EXPECT_THAT(Kept(), ElementsAre("b", "a open"));
  EXPECT_THAT(store_->Kept("east")->back().entry.detail(), SizeIs(100'000));
  EXPECT_EQ(store_->Kept("east")->back().digest, Digest(7));
}

TEST_F(KeptTest, ComesIntoTheHistoryWhenItIsClosedAndOnlyThen) {
  ASSERT_TRUE(store_->Keep("east", KeptOf("a", true)).ok());
  EXPECT_EQ(Line(store_->History("east", 0)), "");
  ASSERT_TRUE(store_->CloseKept("east", "a").ok());
  ASSERT_TRUE(store_->CloseKept("east", "a").ok());
  ASSERT_TRUE(store_->Keep("east", KeptOf("a", false)).ok());
  ASSERT_TRUE(store_->CloseKept("east", "b").ok()) << "there is none";
  Reopen();
  EXPECT_EQ(Line(store_->History("east", 0)), "kept");
  EXPECT_THAT(Kept(), ElementsAre("a"));
}

TEST_F(KeptTest, WhatIsForThePrimaryIsNotReplaced) {
  ASSERT_TRUE(store_->Keep("east", KeptOf("a", false, 5)).ok());
  ASSERT_TRUE(store_->Keep("east", KeptOf("a", true, 9)).ok());
  EXPECT_THAT(Kept(), ElementsAre("a"));
  EXPECT_THAT(store_->Kept("east")->front().entry.detail(), SizeIs(5));
}

TEST_F(KeptTest, IsForgottenByItsIdAndItsHistoryStays) {
  ASSERT_TRUE(store_->Keep("east", KeptOf("a", false)).ok());
  ASSERT_TRUE(store_->ForgetKept("east", "b").ok());
  EXPECT_THAT(Kept(), ElementsAre("a"));
  ASSERT_TRUE(store_->ForgetKept("east", "a").ok());
  EXPECT_THAT(Kept(), ElementsAre());
  const auto history = store_->History("east", 0);
  ASSERT_THAT(*history, SizeIs(1));
  EXPECT_EQ(store_->EntryOf("east", history->front().entry())->id(), "a");
}

TEST_F(KeptTest, GoesWithItsRelationship) {
  ASSERT_TRUE(store_->SaveRelationship(SpecOf("east")).ok());
  ASSERT_TRUE(store_->Keep("east", KeptOf("a", true)).ok());
  ASSERT_TRUE(store_->SaveBase("east", Digest(1), "snapshot").ok());
  ASSERT_TRUE(store_->RemoveRelationship("east").ok());
  EXPECT_THAT(Kept(), ElementsAre());
  EXPECT_FALSE(store_->LoadBase("east", Digest(1))->has_value());
}

TEST_F(KeptTest, TheBaseIsFoundByItsDigestAlone) {
  ASSERT_TRUE(store_->SaveBase("east", Digest(1), "the first").ok());
  ASSERT_TRUE(store_->SaveBase("east", Digest(2), std::string(100'000, 'x')).ok());
  Reopen();
  EXPECT_FALSE(store_->LoadBase("east", Digest(1))->has_value());
  EXPECT_EQ(**store_->LoadBase("east", Digest(2)), std::string(100'000, 'x'));
  EXPECT_FALSE(store_->LoadBase("west", Digest(2))->has_value());
}

TEST_F(KeptTest, ADamagedOneIsNoticedAtTheStart) {
  ASSERT_TRUE(store_->Keep("east", KeptOf("a", true)).ok());
  store_.reset();
  Tamper(disk_, "store.db", "UPDATE kept SET open = 0");
  EXPECT_THAT(FollowerStore::Open({.path = "store.db", .vfs = disk_.vfs()}).status(),
              HasCode(Code::kDataLoss));
}

}  // namespace
}  // namespace nestor::store
