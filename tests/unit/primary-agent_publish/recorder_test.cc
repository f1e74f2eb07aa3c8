#include "primary-agent/publish/recorder.h"

#include "common/config/proto.h"
#include "tests/unit/primary-agent_publish/publish_fixture.h"

namespace nestor::primary {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

class RecorderTest : public PublishTest {
 protected:
  v1::Envelope Journaled(uint64_t sequence) {
    auto changes = journal->Read("east", sequence, 1);
    EXPECT_TRUE(changes.ok()) << changes.status();
    v1::Envelope envelope;
    if (changes.ok() && !changes->empty()) {
      EXPECT_TRUE(envelope.ParseFromString(changes->front().envelope));
    }
    return envelope;
  }
};

TEST_F(RecorderTest, TheFirstConfigurationIsTheFirstChange) {
  const Recorder::Opened opened = Open();
  EXPECT_EQ(opened.stream.head, 0u);
  EXPECT_EQ(opened.stream.term, 1u);
  EXPECT_EQ(opened.set, nullptr);
  const auto recorded = Record(Subnets({1, 2}), "start");
  ASSERT_THAT(recorded, SizeIs(1));
  EXPECT_EQ(recorded[0].sequence, 1u);
  EXPECT_EQ(recorded[0].upserted, 2u);
  EXPECT_EQ(recorded[0].digest, DigestOf(Subnets({1, 2})));
}

TEST_F(RecorderTest, AnEmptyConfigurationIsAChangeToo) {
  Open();
  EXPECT_THAT(Record(Subnets({})), SizeIs(1));
  EXPECT_THAT(Record(Subnets({})), IsEmpty());
}

TEST_F(RecorderTest, EqualDigestsAreNoChange) {
  Open();
  Record(Subnets({1}));
  EXPECT_THAT(Record(Subnets({1})), IsEmpty());
}

TEST_F(RecorderTest, AChangeTellsWhatItIsMadeForAndWhatItLeadsTo) {
  const auto opened = Open();
  Record(Subnets({1, 2}));
  const auto recorded = Record(Subnets({2, 3}));
  ASSERT_THAT(recorded, SizeIs(1));
  auto event = protocol::ParseEnvelope(recorded[0].payload, protocol::kMaxEvent);
  ASSERT_TRUE(event.ok()) << event.status();
  EXPECT_EQ(event->stream_id(), opened.stream.stream_id);
  EXPECT_EQ(event->previous_sequence(), 1u);
  EXPECT_EQ(event->digest_before(), DigestOf(Subnets({1, 2})));
  EXPECT_EQ(event->digest_after(), DigestOf(Subnets({2, 3})));
  EXPECT_EQ(event->change().upserted(0).key(), "3");
  EXPECT_EQ(event->change().removed(0).key(), "1");
  EXPECT_EQ(event->change().objects_changed(), 2u);
}

TEST_F(RecorderTest, WhatIsPublishedIsJournaled) {
  Open();
  const auto recorded = Record(Subnets({1}));
  EXPECT_EQ(Journaled(1).SerializeAsString(),
            protocol::ParseEnvelope(recorded[0].payload, protocol::kMaxEvent)->SerializeAsString());
}

TEST_F(RecorderTest, ALargeChangeIsPublishedAsAReferenceAndJournaledWhole) {
  Open();
  const auto recorded = Record(Reservations(300));
  const auto event = protocol::ParseEnvelope(recorded[0].payload, protocol::kMaxEvent);
  EXPECT_TRUE(event->change().snapshot_reference());
  EXPECT_EQ(event->change().upserted_size(), 0);
  EXPECT_EQ(event->change().objects_changed(), 300u);
  EXPECT_FALSE(Journaled(1).change().snapshot_reference());
  EXPECT_EQ(Journaled(1).change().upserted_size(), 300);
}

TEST_F(RecorderTest, AFewLargeObjectsAreAReferenceToo) {
  Open();
  Record(Reservations(100));
  const auto recorded = Record(Reservations(101, 50'000));
  const auto event = protocol::ParseEnvelope(recorded[0].payload, protocol::kMaxEvent);
  EXPECT_TRUE(event->change().snapshot_reference());
}

TEST_F(RecorderTest, EachRelationshipHasItsOwnNumbers) {
  Open("east");
  Record(Subnets({1}));
  Open("west");
  const auto recorded = Record(Subnets({1}));
  ASSERT_THAT(recorded, SizeIs(1));
  EXPECT_EQ(recorded[0].relationship, "west");
  EXPECT_EQ(recorded[0].sequence, 1u);
}

TEST_F(RecorderTest, AStartRaisesTheTermAndGoesOnWithTheNumbers) {
  const auto first = Open();
  Record(Subnets({1}));
  Record(Subnets({1, 2}));
  Reopen();
  const auto second = Open();
  EXPECT_EQ(second.stream.stream_id, first.stream.stream_id);
  EXPECT_EQ(second.stream.term, 2u);
  EXPECT_EQ(second.stream.head, 2u);
  EXPECT_EQ(DigestOf(second.set), DigestOf(Subnets({1, 2})));
  EXPECT_THAT(Record(Subnets({1, 2})), IsEmpty());
  EXPECT_EQ(Record(Subnets({1, 3}))[0].sequence, 3u);
}

TEST_F(RecorderTest, TheHeadIsRebuiltFromTheBaseAndManyChangesAfterIt) {
  Open();
  for (int i = 0; i < 1203; ++i) Record(Subnets({1, i + 2}));
  Reopen();
  const auto opened = Open();
  EXPECT_EQ(opened.stream.head, 1203u);
  EXPECT_FALSE(opened.began_anew);
  EXPECT_EQ(DigestOf(opened.set), DigestOf(Subnets({1, 1204})));
}

TEST_F(RecorderTest, AStartInTheMiddleOfARunLosesNothingThatWasRecorded) {
  Open();
  Record(Subnets({1}));
  Record(Subnets({1, 2}));
  recorder = nullptr;
  journal = nullptr;
  disk.Crash(random);
  Reopen();
  EXPECT_EQ(DigestOf(Open().set), DigestOf(Subnets({1, 2})));
}

TEST_F(RecorderTest, AJournalThatDoesNotGiveTheHeadsDigestIsLeftForANewStream) {
  const auto first = Open();
  Record(Subnets({1}));
  ASSERT_TRUE(journal->SaveBase("east", 1, "0:not a base").ok());
  Reopen();
  const auto second = Open();
  EXPECT_TRUE(second.began_anew);
  EXPECT_NE(second.stream.stream_id, first.stream.stream_id);
  EXPECT_GT(second.stream.term, first.stream.term + 1) << "above what any follower witnessed";
  EXPECT_EQ(second.stream.head, 0u);
  EXPECT_EQ(Record(Subnets({1}))[0].sequence, 1u);
  Reopen();
  EXPECT_EQ(DigestOf(Open().set), DigestOf(Subnets({1})));
}

TEST_F(RecorderTest, ADamagedBaseOfAnUnreadableJournalLeavesTheNewStreamWithABase) {
  Open();
  Record(Subnets({1}));
  ASSERT_TRUE(journal->SaveBase("east", 1, "0:not a base").ok());
  Reopen();
  ASSERT_TRUE(Open().began_anew);
  Record(Subnets({2}));
  EXPECT_TRUE(journal->LoadBase("east").ok());
}

TEST_F(RecorderTest, WhatCannotBeWrittenIsNotRecordedAndIsTriedAgain) {
  Open();
  Record(Subnets({1}));
  disk.FillUp(0);
  std::vector<Recorded> recorded;
  EXPECT_FALSE(recorder->Record(Reservations(5000, 100), "reload", recorded).ok());
  EXPECT_THAT(recorded, IsEmpty());
  disk.Empty();
  EXPECT_EQ(Record(Reservations(5000, 100))[0].sequence, 2u);
}

TEST_F(RecorderTest, ARaisedTermIsDurableAndNotRaisedTwice) {
  Open();
  Record(Subnets({1}));
  auto raised = recorder->RaiseTerm("east", 9);
  ASSERT_TRUE(raised.ok()) << raised.status();
  EXPECT_TRUE(recorder->RaiseTerm("east", 9).ok()) << "asked for once more";
  EXPECT_EQ(Record(Subnets({2}))[0].term, 9u);
  Reopen();
  EXPECT_EQ(Open().stream.term, 10u);
}

TEST_F(RecorderTest, ANewStreamBeginsWithTheWholeConfiguration) {
  const auto first = Open();
  Record(Subnets({1}));
  auto view = recorder->BeginAnew("east", 5);
  ASSERT_TRUE(view.ok()) << view.status();
  EXPECT_NE(view->stream_id, first.stream.stream_id);
  EXPECT_EQ(view->head, 0u);
  EXPECT_EQ(view->followed_since, 0u);
  const auto recorded = Record(Subnets({1}));
  ASSERT_THAT(recorded, SizeIs(1));
  EXPECT_EQ(recorded[0].sequence, 1u);
  EXPECT_EQ(recorded[0].term, 5u);
  EXPECT_EQ(recorded[0].upserted, 1u);
}

TEST_F(RecorderTest, OfAnUnknownRelationshipNothingIsRaised) {
  EXPECT_TRUE(absl::IsNotFound(recorder->RaiseTerm("north", 2).status()));
  EXPECT_TRUE(absl::IsNotFound(recorder->BeginAnew("north", 2).status()));
}

}  // namespace
}  // namespace nestor::primary
