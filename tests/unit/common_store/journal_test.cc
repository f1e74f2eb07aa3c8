#include "common/store/journal.h"

#include "common/store/tables.h"
#include "tests/unit/common_store/journal_on_disk.h"

namespace nestor::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Code = absl::StatusCode;

class JournalTest : public JournalOnDisk {
 protected:
  // Begins the stream and appends changes 1 to `head`.
  void Fill(uint64_t head) {
    ASSERT_TRUE(journal_->Begin("east", "stream-one").ok());
    for (uint64_t sequence = 1; sequence <= head; ++sequence) {
      ASSERT_TRUE(journal_->Append("east", ChangeOf(sequence)).ok());
    }
  }

  std::vector<uint64_t> Sequences(uint64_t from, uint64_t max_bytes = 1 << 20) {
    auto changes = journal_->Read("east", from, max_bytes);
    EXPECT_TRUE(changes.ok()) << changes.status();
    std::vector<uint64_t> sequences;
    if (changes.ok()) {
      for (const JournaledChange& change : *changes) sequences.push_back(change.sequence);
    }
    return sequences;
  }

  uint64_t Lowest(const Retention& retention, uint64_t held = 0, absl::Time now = kNoon) {
    auto lowest = journal_->Compact("east", retention, held, now);
    EXPECT_TRUE(lowest.ok()) << lowest.status();
    return lowest.value_or(0);
  }
};

TEST_F(JournalTest, KeepsRelationshipsByName) {
  ASSERT_TRUE(journal_->SaveRelationship(SpecOf("west")).ok());
  ASSERT_TRUE(journal_->SaveRelationship(SpecOf("east")).ok());
  ASSERT_TRUE(journal_->SaveRelationship(SpecOf("east")).ok());  // again: no second one
  Reopen();
  auto all = journal_->Relationships();
  ASSERT_TRUE(all.ok());
  ASSERT_THAT(*all, SizeIs(2));
  EXPECT_EQ((*all)[0].SerializeAsString(), SpecOf("east").SerializeAsString());
  EXPECT_EQ((*all)[1].name(), "west");
}

TEST_F(JournalTest, KnowsWhoseFileIsNotWritten) {
  ASSERT_TRUE(journal_->SaveRelationship(SpecOf("east")).ok());
  EXPECT_THAT(journal_->SetUnwritten("east", true), HasCode(Code::kNotFound));
  Fill(1);
  ASSERT_TRUE(journal_->SetUnwritten("east", true).ok());
  ASSERT_TRUE(journal_->SetUnwritten("east", true).ok());
  Reopen();
  EXPECT_TRUE(journal_->Begin("east", "").value().unwritten);
  ASSERT_TRUE(journal_->SetUnwritten("east", false).ok());
  Reopen();
  EXPECT_FALSE(journal_->Begin("east", "").value().unwritten);
  ASSERT_TRUE(journal_->SetUnwritten("east", true).ok());
  ASSERT_TRUE(journal_->RemoveRelationship("east").ok());
  EXPECT_FALSE(journal_->Begin("east", "stream-two").value().unwritten);
}

TEST_F(JournalTest, KnowsWhichConfigurationsItMade) {
  Fill(3);
  EXPECT_TRUE(journal_->Had("east", ChangeOf(2).digest_after).value());
  EXPECT_FALSE(journal_->Had("east", ChangeOf(4).digest_after).value());
  ASSERT_TRUE(journal_->NewStream("east", "stream-two", 2).ok());
  EXPECT_FALSE(journal_->Had("east", ChangeOf(2).digest_after).value());
}

TEST_F(JournalTest, OpensAFileOfTheFirstSchema) {
  journal_.reset();
  {
    auto old = Database::Open({.path = "old.db", .vfs = disk_.vfs()},
                              {"journal", 0x4e53544a, {kSharedTables, kJournalTables}});
    ASSERT_TRUE(old.ok()) << old.status();
  }
  auto opened = Journal::Open({.path = "old.db", .vfs = disk_.vfs()});
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_FALSE(opened.value()->Begin("east", "stream-one").value().unwritten);
  EXPECT_TRUE(opened.value()->SetUnwritten("east", true).ok());
}

TEST_F(JournalTest, RemovingARelationshipEndsItsStreamAndKeepsItsHistory) {
  ASSERT_TRUE(journal_->SaveRelationship(SpecOf("east")).ok());
  Fill(2);
  ASSERT_TRUE(journal_->SaveBase("east", 2, "base").ok());
  ASSERT_TRUE(journal_->RemoveRelationship("east").ok());
  EXPECT_THAT(journal_->RemoveRelationship("east"), HasCode(Code::kNotFound));
  EXPECT_THAT(journal_->Read("east", 1, 1000).status(), HasCode(Code::kNotFound));
  Reopen();
  EXPECT_EQ(Line(journal_->History("east", 0)), "2:pending 1:pending");
  auto again = journal_->Begin("east", "stream-two");
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->stream_id, "stream-two");
  EXPECT_EQ(again->head, 0u);
  EXPECT_THAT(journal_->LoadBase("east").status(), HasCode(Code::kNotFound));
}

TEST_F(JournalTest, BeginMakesAStreamOnceAndThenRaisesItsTerm) {
  auto first = journal_->Begin("east", "stream-one");
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->stream_id, "stream-one");
  EXPECT_EQ(first->term, 1u);
  EXPECT_EQ(first->head, 0u);
  EXPECT_EQ(first->lowest, 1u);
  EXPECT_EQ(first->followed_since, 0u);
  ASSERT_TRUE(journal_->Append("east", ChangeOf(1)).ok());
  ASSERT_TRUE(journal_->MarkFollowed("east").ok());
  Reopen();
  auto second = journal_->Begin("east", "another");
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->stream_id, "stream-one");
  EXPECT_EQ(second->term, 2u);
  EXPECT_EQ(second->head, 1u);
  EXPECT_EQ(second->head_digest, Digest(1));
  EXPECT_EQ(second->followed_since, 1u);
  ASSERT_THAT(second->terms, SizeIs(2));
  EXPECT_EQ(second->terms[0].first_sequence, 1u);
  EXPECT_EQ(second->terms[1].first_sequence, 2u);
}

TEST_F(JournalTest, ATermOnlyRises) {
  Fill(1);
  ASSERT_TRUE(journal_->RaiseTerm("east", 9).ok());
  EXPECT_THAT(journal_->RaiseTerm("east", 9), HasCode(Code::kFailedPrecondition));
  EXPECT_THAT(journal_->RaiseTerm("east", ~uint64_t{0}), HasCode(Code::kFailedPrecondition));
  EXPECT_THAT(journal_->RaiseTerm("west", 9), HasCode(Code::kNotFound));
  EXPECT_EQ(journal_->Begin("east", "x")->term, 10u);
}

TEST_F(JournalTest, ANewStreamCountsFromOneAndLeavesTheOldChangesToTheHistory) {
  Fill(2);
  ASSERT_TRUE(journal_->SaveBase("east", 1, "base").ok());
  ASSERT_TRUE(journal_->MarkFollowed("east").ok());
  auto start = journal_->NewStream("east", "stream-two", 7);
  ASSERT_TRUE(start.ok()) << start.status();
  EXPECT_EQ(start->stream_id, "stream-two");
  EXPECT_EQ(start->term, 7u);
  EXPECT_THAT(start->terms, SizeIs(1));
  EXPECT_EQ(start->head, 0u);
  EXPECT_EQ(start->followed_since, 0u);
  EXPECT_THAT(journal_->LoadBase("east").status(), HasCode(Code::kNotFound));
  EXPECT_THAT(Sequences(1), IsEmpty());
  ASSERT_TRUE(journal_->Append("east", ChangeOf(1)).ok());
  ASSERT_TRUE(journal_->SetApplied("east", 1, {}, "").ok());
  Reopen();
  EXPECT_EQ(Line(journal_->History("east", 0)), "1:applied 2:superseded 1:superseded");
}

TEST_F(JournalTest, AppendsOnlyWhatFollowsTheHead) {
  EXPECT_THAT(journal_->Append("east", ChangeOf(1)), HasCode(Code::kNotFound));
  Fill(1);
  EXPECT_THAT(journal_->Append("east", ChangeOf(1)), HasCode(Code::kFailedPrecondition));
  EXPECT_THAT(journal_->Append("east", ChangeOf(3)), HasCode(Code::kFailedPrecondition));
  EXPECT_TRUE(journal_->Append("east", ChangeOf(2)).ok());
}

TEST_F(JournalTest, ReadsBackWhatWasAppendedSmallAndLarge) {
  Fill(0);
  const JournaledChange small = ChangeOf(1), large = ChangeOf(2, 100'000);
  ASSERT_TRUE(journal_->Append("east", small).ok());
  ASSERT_TRUE(journal_->Append("east", large).ok());
  Reopen();
  auto changes = journal_->Read("east", 1, 1 << 20);
  ASSERT_TRUE(changes.ok()) << changes.status();
  ASSERT_THAT(*changes, SizeIs(2));
  EXPECT_EQ((*changes)[0].envelope, small.envelope);
  EXPECT_EQ((*changes)[0].replaced, small.replaced);
  EXPECT_EQ((*changes)[0].noticed, small.noticed);
  EXPECT_EQ((*changes)[1].envelope, large.envelope);
  EXPECT_EQ((*changes)[1].digest_after, Digest(2));
  EXPECT_EQ((*changes)[1].origin, "reload");
}

TEST_F(JournalTest, ReadsWhatFitsAndAtLeastOne) {
  Fill(4);
  const uint64_t one = ChangeOf(1).envelope.size() + ChangeOf(1).replaced.size();
  EXPECT_THAT(Sequences(2, 1), ElementsAre(2));
  EXPECT_THAT(Sequences(1, 3 * one), ElementsAre(1, 2, 3));
  EXPECT_THAT(Sequences(5), IsEmpty());
  EXPECT_THAT(journal_->Read("east", 0, 1).status(), HasCode(Code::kNotFound));
}

TEST_F(JournalTest, StreamsOfTwoRelationshipsDoNotMeet) {
  Fill(2);
  ASSERT_TRUE(journal_->Begin("west", "west-stream").ok());
  ASSERT_TRUE(journal_->Append("west", ChangeOf(1)).ok());
  ASSERT_TRUE(journal_->Append("east", ChangeOf(3)).ok());
  ASSERT_TRUE(journal_->Append("west", ChangeOf(2)).ok());
  EXPECT_THAT(Sequences(1), ElementsAre(1, 2, 3));
  EXPECT_EQ(Line(journal_->History("west", 0)), "2:pending 1:pending");
}

TEST_F(JournalTest, KeepsOneBase) {
  Fill(2);
  EXPECT_THAT(journal_->LoadBase("east").status(), HasCode(Code::kNotFound));
  std::string large(3'500'000, '\0');
  for (size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * 7919 >> 5);
  ASSERT_TRUE(journal_->SaveBase("east", 1, large).ok());
  EXPECT_EQ(journal_->LoadBase("east")->packed, large);
  ASSERT_TRUE(journal_->SaveBase("east", 2, "small").ok());
  EXPECT_THAT(journal_->SaveBase("east", 3, "beyond"), HasCode(Code::kFailedPrecondition));
  Reopen();
  auto base = journal_->LoadBase("east");
  ASSERT_TRUE(base.ok()) << base.status();
  EXPECT_EQ(base->sequence, 2u);
  EXPECT_EQ(base->packed, "small");
}

TEST_F(JournalTest, CompactsByCount) {
  Fill(9);
  ASSERT_TRUE(journal_->SaveBase("east", 9, "base").ok());
  EXPECT_EQ(Lowest({.changes = 4}), 6u);
  EXPECT_THAT(Sequences(6), ElementsAre(6, 7, 8, 9));
  EXPECT_THAT(journal_->Read("east", 5, 1).status(), Fails(Code::kNotFound, "oldest is 6"));
  Reopen();
  EXPECT_EQ(journal_->Begin("east", "x")->lowest, 6u);
  EXPECT_EQ(Line(journal_->History("east", 0)), "9:pending 8:pending 7:pending 6:pending");
}

TEST_F(JournalTest, CompactsByBytesAndByAge) {
  Fill(9);
  ASSERT_TRUE(journal_->SaveBase("east", 9, "base").ok());
  const uint64_t one = ChangeOf(1).envelope.size() + ChangeOf(1).replaced.size();
  EXPECT_EQ(Lowest({.bytes = 7 * one}), 3u);
  const absl::Time later = ChangeOf(5).noticed + absl::Hours(1);
  EXPECT_EQ(Lowest({.age = absl::Hours(1)}, 0, later), 5u);
}

TEST_F(JournalTest, NeverCompactsTheNewestNorWhatIsAboveTheBase) {
  Fill(5);
  EXPECT_EQ(Lowest({.changes = 0}), 1u) << "there is no base";
  ASSERT_TRUE(journal_->SaveBase("east", 3, "base").ok());
  EXPECT_EQ(Lowest({.changes = 0}), 4u);
  ASSERT_TRUE(journal_->SaveBase("east", 5, "base").ok());
  EXPECT_EQ(Lowest({.changes = 0}), 5u);
  EXPECT_EQ(Lowest({.changes = 0}), 5u);
}

TEST_F(JournalTest, HoldsForAConnectedSecondaryUpToTheHardCap) {
  Fill(20);
  ASSERT_TRUE(journal_->SaveBase("east", 20, "base").ok());
  EXPECT_EQ(Lowest({.changes = 5, .hard_cap_factor = 3}, /*held=*/8), 9u);
  EXPECT_EQ(Lowest({.changes = 5, .hard_cap_factor = 2}, /*held=*/8), 11u);
  EXPECT_EQ(Lowest({.changes = 5}, /*held=*/0), 16u);
}

TEST_F(JournalTest, CompactsEndedStreamsAndTermsToo) {
  Fill(4);
  ASSERT_TRUE(journal_->NewStream("east", "stream-two", 2).ok());
  for (uint64_t sequence = 1; sequence <= 3; ++sequence) {
    ASSERT_TRUE(journal_->Append("east", ChangeOf(sequence)).ok());
    ASSERT_TRUE(journal_->Begin("east", "x").ok());
  }
  EXPECT_EQ(Lowest({.changes = 5}), 1u);
  EXPECT_EQ(Line(journal_->History("east", 0)),
            "3:pending 2:pending 1:pending 4:pending 3:pending");
  ASSERT_TRUE(journal_->SaveBase("east", 3, "base").ok());
  EXPECT_EQ(Lowest({.changes = 1}), 3u);
  Reopen();
  EXPECT_EQ(Line(journal_->History("east", 0)), "3:pending");
  auto start = journal_->Begin("east", "x");
  ASSERT_TRUE(start.ok());
  EXPECT_EQ(start->terms.front().term, 3u) << "the term of change 2, where a follower may be";
  EXPECT_EQ(start->term, 6u);
}

TEST_F(JournalTest, SetAppliedDecidesWhatIsOpen) {
  Fill(6);
  ASSERT_TRUE(journal_->SetOutcome("east", 2, "refused", "pool overlaps").ok());
  ASSERT_TRUE(journal_->SetOutcome("east", 3, "held", "removes 40 %").ok());
  ASSERT_TRUE(journal_->SetApplied("east", 5, {3, 4}, "").ok());
  EXPECT_EQ(Line(journal_->History("east", 0)),
            "6:pending 5:applied 4:superseded 3:superseded 2:refused 1:applied");
  Reopen();
  ASSERT_TRUE(journal_->SetOutcome("east", 6, "refused", "").ok());
  ASSERT_TRUE(journal_->SetApplied("east", 7, {}, "").ok());
  EXPECT_EQ(Line(journal_->History("east", 1)), "6:refused");
  ASSERT_TRUE(journal_->SetApplied("east", 6, {}, "").ok());
  EXPECT_EQ(Line(journal_->History("east", 1)), "6:applied");
}

TEST_F(JournalTest, ARepeatedAckCostsNoSync) {
  Fill(3);
  ASSERT_TRUE(journal_->SetApplied("east", 3, {}, "").ok());
  const uint64_t before = disk_.syncs();
  ASSERT_TRUE(journal_->SetApplied("east", 3, {}, "").ok());
  ASSERT_TRUE(journal_->SetApplied("east", 2, {}, "").ok());
  EXPECT_EQ(disk_.syncs(), before);
}

TEST_F(JournalTest, AnOutcomeNeedsItsChange) {
  Fill(1);
  EXPECT_THAT(journal_->SetOutcome("east", 2, "applied", ""), Fails(Code::kNotFound, "change 2"));
  EXPECT_THAT(journal_->SetOutcome("east", 0, "applied", ""), HasCode(Code::kNotFound));
}

TEST_F(JournalTest, HistoryMergesChangesAndEntriesNewestFirst) {
  ASSERT_TRUE(journal_->AddEntry("east", EntryOf("relationship")).ok());
  Fill(2);
  ASSERT_TRUE(journal_->AddEntry("east", EntryOf("drift")).ok());
  ASSERT_TRUE(journal_->AddEntry("east", EntryOf("resync")).ok());
  ASSERT_TRUE(journal_->AddEntry("west", EntryOf("elsewhere")).ok());
  ASSERT_TRUE(journal_->Append("east", ChangeOf(3)).ok());
  Reopen();
  EXPECT_EQ(Line(journal_->History("east", 0)),
            "3:pending resync drift 2:pending 1:pending relationship");
  EXPECT_EQ(Line(journal_->History("east", 3)), "3:pending resync drift");
  auto history = journal_->History("east", 1);
  ASSERT_TRUE(history.ok());
  EXPECT_EQ(history->front().upserted_size(), 0);
  EXPECT_EQ(history->front().upserted_count(), 1u);
  EXPECT_EQ(history->front().time().seconds(), absl::ToUnixSeconds(kNoon) + 3);
}

TEST_F(JournalTest, AnEntryKeepsItsObjects) {
  v1::HistoryEntry drift = EntryOf("drift");
  drift.add_upserted()->set_object("{\"added by hand\":true}");
  ASSERT_TRUE(journal_->AddEntry("east", drift).ok());
  auto history = journal_->History("east", 0);
  ASSERT_TRUE(history.ok());
  ASSERT_THAT(*history, SizeIs(1));
  const uint64_t number = history->front().entry();
  drift.set_entry(number);
  EXPECT_EQ(history->front().SerializeAsString(), drift.SerializeAsString());
  EXPECT_EQ(journal_->EntryOf("east", number)->SerializeAsString(), drift.SerializeAsString());
  EXPECT_THAT(journal_->EntryOf("east", number + 1).status(), Fails(Code::kNotFound, "no entry e"));
  EXPECT_THAT(journal_->EntryOf("west", number).status(), HasCode(Code::kNotFound));
}

TEST_F(JournalTest, AnEntryWithAnIdIsAddedOnce) {
  v1::HistoryEntry kept = EntryOf("kept");
  kept.set_id("kea-b-1");
  const auto first = journal_->AddEntryOnce("east", kept);
  ASSERT_TRUE(first.ok()) << first.status();
  Reopen();
  EXPECT_EQ(*journal_->AddEntryOnce("east", kept), *first);
  kept.set_id("kea-b-2");
  EXPECT_EQ(*journal_->AddEntryOnce("east", kept), *first + 1);
  EXPECT_EQ(Line(journal_->History("east", 0)), "kept kept");
  EXPECT_EQ(journal_->EntryOf("east", *first)->id(), "kea-b-1");
}

TEST_F(JournalTest, OneChangeOfTheHistoryComesWhole) {
  Fill(2);
  ASSERT_TRUE(journal_->SetOutcome("east", 2, "refused", "pool overlaps").ok());
  auto entry = journal_->HistoryOf("east", 2);
  ASSERT_TRUE(entry.ok()) << entry.status();
  EXPECT_EQ(entry->outcome(), "refused");
  EXPECT_EQ(entry->detail(), "pool overlaps");
  EXPECT_EQ(entry->origin(), "reload");
  ASSERT_EQ(entry->upserted_size(), 1);
  EXPECT_EQ(entry->upserted(0).key(), "2");
  EXPECT_EQ(entry->removed(0).key(), "gone 2");
  EXPECT_EQ(entry->replaced(0).object(), "before 2");
  EXPECT_THAT(journal_->HistoryOf("east", 3).status(), HasCode(Code::kNotFound));
}

TEST_F(JournalTest, CompactBoundsTheEntries) {
  Fill(1);
  for (int i = 0; i < 6; ++i) {
    ASSERT_TRUE(journal_->AddEntry("east", EntryOf(fmt::format("e{}", i))).ok());
  }
  Lowest({.changes = 3});
  EXPECT_EQ(Line(journal_->History("east", 0)), "e5 e4 e3 1:pending");
  Lowest({.age = absl::Hours(1)}, 0, kNoon + absl::Hours(2));
  EXPECT_EQ(Line(journal_->History("east", 0)), "1:pending");
}

}  // namespace
}  // namespace nestor::store
