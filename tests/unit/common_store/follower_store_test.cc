#include "common/store/follower_store.h"

#include "tests/support/sim_disk.h"
#include "tests/unit/common_store/store_test_data.h"

namespace nestor::store {
namespace {

using ::testing::SizeIs;
using Code = absl::StatusCode;

class FollowerStoreTest : public ::testing::Test {
 protected:
  void SetUp() override { Reopen(); }

  void Reopen() {
    store_.reset();
    auto opened = FollowerStore::Open({.path = "store.db", .vfs = disk_.vfs()});
    ASSERT_TRUE(opened.ok()) << opened.status();
    store_ = *std::move(opened);
  }

  void Receive(uint64_t first, uint64_t last, std::string_view stream_id = "stream-one") {
    std::vector<std::string> changes;
    for (uint64_t sequence = first; sequence <= last; ++sequence) {
      changes.push_back(EnvelopeOf(sequence, stream_id));
    }
    ASSERT_TRUE(store_->Received("east", changes).ok());
  }

  testing::SimDisk disk_;
  std::unique_ptr<FollowerStore> store_;
};

FollowerMemory FullMemory() {
  FollowerMemory memory;
  memory.position = {"stream-one", 3, 41, Digest(41)};
  memory.persisted = true;
  memory.highest_term = ~uint64_t{0};
  memory.witnessed_stream = "stream-two";
  memory.intent = Position{"stream-one", 4, 42, Digest(42)};
  memory.approved_sequence = 42;
  memory.paused = true;
  memory.refused_digest = Digest(40);
  memory.refused_nack = std::string("nack\0nack", 9);
  return memory;
}

FollowerMemory At(uint64_t sequence) {
  FollowerMemory memory;
  memory.position = {"stream-one", 3, sequence, Digest(sequence)};
  return memory;
}

TEST_F(FollowerStoreTest, RemembersNothingAtFirst) {
  auto memory = store_->Load("east");
  ASSERT_TRUE(memory.ok());
  EXPECT_EQ(memory->position.stream_id, "");
  EXPECT_EQ(memory->position.sequence, 0u);
  EXPECT_EQ(memory->highest_term, 0u);
  EXPECT_FALSE(memory->intent.has_value());
}

TEST_F(FollowerStoreTest, RemembersAllThatWasSaved) {
  ASSERT_TRUE(store_->Save("east", FullMemory()).ok());
  Reopen();
  auto memory = store_->Load("east");
  ASSERT_TRUE(memory.ok());
  EXPECT_EQ(memory->position.stream_id, "stream-one");
  EXPECT_EQ(memory->position.term, 3u);
  EXPECT_EQ(memory->position.sequence, 41u);
  EXPECT_EQ(memory->position.digest, Digest(41));
  EXPECT_TRUE(memory->persisted);
  EXPECT_EQ(memory->highest_term, ~uint64_t{0});
  EXPECT_EQ(memory->witnessed_stream, "stream-two");
  ASSERT_TRUE(memory->intent.has_value());
  EXPECT_EQ(memory->intent->sequence, 42u);
  EXPECT_EQ(memory->intent->digest, Digest(42));
  EXPECT_EQ(memory->approved_sequence, 42u);
  EXPECT_TRUE(memory->paused);
  EXPECT_EQ(memory->refused_digest, Digest(40));
  EXPECT_EQ(memory->refused_nack, std::string("nack\0nack", 9));
}

TEST_F(FollowerStoreTest, SavingReplacesAll) {
  ASSERT_TRUE(store_->Save("east", FullMemory()).ok());
  ASSERT_TRUE(store_->Save("east", FollowerMemory{}).ok());
  auto memory = store_->Load("east");
  ASSERT_TRUE(memory.ok());
  EXPECT_FALSE(memory->intent.has_value());
  EXPECT_EQ(memory->refused_nack, "");
}

TEST_F(FollowerStoreTest, RemovingARelationshipForgetsItsMemoryAndKeepsItsHistory) {
  ASSERT_TRUE(store_->SaveRelationship(SpecOf("east")).ok());
  ASSERT_TRUE(store_->SaveRelationship(SpecOf("east")).ok());
  ASSERT_TRUE(store_->Save("east", FullMemory()).ok());
  Receive(1, 1);
  ASSERT_TRUE(store_->RemoveRelationship("east").ok());
  EXPECT_THAT(store_->RemoveRelationship("east"), HasCode(Code::kNotFound));
  Reopen();
  EXPECT_THAT(*store_->Relationships(), SizeIs(0));
  EXPECT_EQ(store_->Load("east")->highest_term, 0u);
  EXPECT_EQ(Line(store_->History("east", 0)), "1:pending");
}

TEST_F(FollowerStoreTest, KeepsAReceivedChangeOnce) {
  Receive(5, 7);
  ASSERT_TRUE(store_->SetOutcome("east", 6, "refused", "pool overlaps").ok());
  Receive(6, 8);
  Reopen();
  EXPECT_EQ(Line(store_->History("east", 0)), "8:pending 7:pending 6:refused 5:pending");
  auto entry = store_->HistoryOf("east", 6);
  ASSERT_TRUE(entry.ok()) << entry.status();
  EXPECT_EQ(entry->upserted(0).key(), "6");
  EXPECT_EQ(entry->detail(), "pool overlaps");
  EXPECT_EQ(entry->upserted_count(), 1u);
  EXPECT_EQ(entry->removed_count(), 1u);
}

TEST_F(FollowerStoreTest, RefusesWhatIsNoChangeAndKeepsNothingOfTheCall) {
  EXPECT_THAT(store_->Received("east", {EnvelopeOf(1), "garbage"}),
              HasCode(Code::kInvalidArgument));
  EXPECT_THAT(store_->Received("east", {v1::Envelope().SerializeAsString()}),
              HasCode(Code::kInvalidArgument));
  EXPECT_EQ(Line(store_->History("east", 0)), "");
  Receive(1, 1);
  EXPECT_EQ(Line(store_->History("east", 0)), "1:pending");
}

TEST_F(FollowerStoreTest, ANewStreamsChangesAreNewerThoughTheirSequencesAreLower) {
  Receive(7, 8);
  Receive(1, 2, "stream-two");
  EXPECT_EQ(Line(store_->History("east", 0)), "2:pending 1:pending 8:pending 7:pending");
  ASSERT_TRUE(store_->SaveApplied("east", At(2), {1}, "").ok());
  EXPECT_EQ(Line(store_->History("east", 0)), "2:applied 1:superseded 8:superseded 7:superseded");
}

TEST_F(FollowerStoreTest, WhatIsAppliedSkipsSequencesNeverReceived) {
  Receive(3, 3);
  Receive(9, 9);
  ASSERT_TRUE(store_->SaveApplied("east", At(12), {3}, "").ok());
  Reopen();
  EXPECT_EQ(store_->Load("east")->position.sequence, 12u);
  EXPECT_EQ(Line(store_->History("east", 0)), "9:applied 3:superseded");
}

TEST_F(FollowerStoreTest, CompactKeepsTheNewestRowsOfTheHistory) {
  Receive(1, 3);
  ASSERT_TRUE(store_->AddEntry("east", EntryOf("drift")).ok());
  Receive(1, 2, "stream-two");
  ASSERT_TRUE(store_->AddEntry("east", EntryOf("resync")).ok());
  ASSERT_TRUE(store_->AddEntry("west", EntryOf("elsewhere")).ok());
  ASSERT_TRUE(store_->Compact("east", 5).ok());
  EXPECT_EQ(Line(store_->History("east", 0)), "resync 2:pending 1:pending drift 3:pending");
  ASSERT_TRUE(store_->Compact("east", 2).ok());
  Reopen();
  EXPECT_EQ(Line(store_->History("east", 0)), "resync 2:pending");
  EXPECT_EQ(Line(store_->History("west", 0)), "elsewhere");
  Receive(3, 3, "stream-two");
  EXPECT_EQ(Line(store_->History("east", 0)), "3:pending resync 2:pending");
}

}  // namespace
}  // namespace nestor::store
