// Every row of the table under "Joining" in docs/protocol.md.

#include "common/protocol/join.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/common_protocol/configurations.h"

namespace nestor::protocol {
namespace {

using ::testing::HasSubstr;
using Kind = JoinDecision::Kind;

const std::string kHere = StreamNamed('a');
const std::string kElsewhere = StreamNamed('b');
const std::string kHeadDigest(32, 'h');

// Term 5 began at change 1, term 7 at 11; the head is 20, the oldest that can be replayed 4.
StreamView Followed() {
  StreamView stream;
  stream.stream_id = kHere;
  stream.term = 7;
  stream.terms = {{5, 1}, {7, 11}};
  stream.head = 20;
  stream.head_digest = kHeadDigest;
  stream.lowest = 4;
  stream.followed_since = 5;
  stream.welcomed = 7;
  return stream;
}

StreamView New() {
  StreamView stream = Followed();
  stream.term = 1;
  stream.welcomed = 0;
  stream.terms = {{1, 1}};
  stream.followed_since = 0;
  return stream;
}

v1::Hello HelloAt(const std::string& stream_id, uint64_t term, uint64_t sequence,
                  uint64_t highest_term) {
  v1::Hello hello;
  hello.set_server("kea-b");
  hello.set_stream_id(stream_id);
  hello.set_position_term(term);
  hello.set_position_sequence(sequence);
  hello.set_highest_term(highest_term);
  if (highest_term > 0) hello.set_witnessed_stream(stream_id);
  return hello;
}

v1::Join WelcomeOf(const v1::Hello& hello, std::string_view digest = kHeadDigest) {
  const JoinDecision decision = DecideJoin(Followed(), hello, digest);
  EXPECT_EQ(decision.kind, Kind::kWelcome) << decision.text;
  return decision.join;
}

std::string FenceOf(const StreamView& stream, const v1::Hello& hello,
                    std::string_view digest = kHeadDigest) {
  const JoinDecision decision = DecideJoin(stream, hello, digest);
  EXPECT_EQ(decision.kind, Kind::kFence);
  return decision.text;
}

TEST(JoinTest, ANewFollowerTakesASnapshot) {
  EXPECT_EQ(WelcomeOf(HelloAt("", 0, 0, 0), ""), v1::SNAPSHOT);
}

TEST(JoinTest, AtTheHeadWithItsDigestTheFollowerContinues) {
  EXPECT_EQ(WelcomeOf(HelloAt(kHere, 7, 20, 7)), v1::CONTINUE);
}

TEST(JoinTest, BehindTheHeadTheFollowerIsReplayedTo) {
  EXPECT_EQ(WelcomeOf(HelloAt(kHere, 7, 19, 7)), v1::REPLAY);
  EXPECT_EQ(WelcomeOf(HelloAt(kHere, 5, 10, 5)), v1::REPLAY);
}

TEST(JoinTest, TheOldestChangeStillThereIsReplayedAndNothingBelow) {
  EXPECT_EQ(WelcomeOf(HelloAt(kHere, 5, 3, 5)), v1::REPLAY);
  EXPECT_EQ(WelcomeOf(HelloAt(kHere, 5, 2, 5)), v1::SNAPSHOT);
}

TEST(JoinTest, AnUnknownTermOfThisStreamIsGivenASnapshot) {
  EXPECT_EQ(WelcomeOf(HelloAt(kHere, 6, 10, 6)), v1::SNAPSHOT);
}

TEST(JoinTest, AHigherTermOfThisStreamFencesThePublisher) {
  EXPECT_THAT(FenceOf(Followed(), HelloAt(kHere, 7, 20, 8)), HasSubstr("seen term 8"));
}

// Each start has a term of its own, unless a journal was put back: the lost one's next start had the
// same number.
TEST(JoinTest, ItsOwnTermSeenWithoutAWelcomeFencesThePublisher) {
  StreamView stream = Followed();
  stream.welcomed = 5;
  EXPECT_THAT(FenceOf(stream, HelloAt(kHere, 5, 10, 7)), HasSubstr("only now at term 7"));
  v1::Hello elsewhere = HelloAt(kElsewhere, 6, 900, 7);
  elsewhere.set_witnessed_stream(kHere);
  EXPECT_THAT(FenceOf(stream, elsewhere), HasSubstr("only now at term 7"));
}

TEST(JoinTest, AChangeBeyondTheHeadFencesThePublisher) {
  EXPECT_THAT(FenceOf(Followed(), HelloAt(kHere, 7, 21, 7)), HasSubstr("holds change 7/21"));
}

TEST(JoinTest, AChangeBeyondTheEndOfAnOlderTermFencesThePublisher) {
  EXPECT_THAT(FenceOf(Followed(), HelloAt(kHere, 5, 11, 5)), HasSubstr("holds change 5/11"));
}

TEST(JoinTest, AnotherContentUnderTheHeadsNumberFencesThePublisher) {
  EXPECT_THAT(FenceOf(Followed(), HelloAt(kHere, 7, 20, 7), std::string(32, 'x')),
              HasSubstr("another content"));
}

TEST(JoinTest, AnotherStreamFromBeforeThisOneIsGivenASnapshot) {
  EXPECT_EQ(WelcomeOf(HelloAt(kElsewhere, 4, 900, 4)), v1::SNAPSHOT);
}

TEST(JoinTest, AnotherStreamOfAnEqualOrHigherTermRaisesTheTermOfANewOne) {
  for (const uint64_t highest : {1, 6}) {
    const JoinDecision decision =
        DecideJoin(New(), HelloAt(kElsewhere, 1, 900, highest), kHeadDigest);
    EXPECT_EQ(decision.kind, Kind::kRaiseTerm);
    EXPECT_EQ(decision.term, highest + 1);
  }
}

// Restarts alone raise the term of a journal that was put back above that of the stream after it.
TEST(JoinTest, AStreamTakenUpAfterThisOneFencesThePublisher) {
  for (const uint64_t highest : {5, 6, 7, 8}) {
    EXPECT_THAT(FenceOf(Followed(), HelloAt(kElsewhere, 7, 3, highest)),
                HasSubstr("two primaries publish"));
  }
}

// A first snapshot may be held, refused, or overtaken by a broken link: the follower comes back
// without a position, having witnessed this very term.
TEST(JoinTest, AFollowerThatWasWelcomedButAppliedNothingYetIsWelcomedAgain) {
  v1::Hello hello = HelloAt("", 0, 0, 7);
  hello.set_witnessed_stream(kHere);
  EXPECT_EQ(WelcomeOf(hello, ""), v1::SNAPSHOT);
}

TEST(JoinTest, AFollowerOnItsWayFromAnotherStreamIsWelcomedAgain) {
  v1::Hello hello = HelloAt(kElsewhere, 6, 900, 7);
  hello.set_witnessed_stream(kHere);
  EXPECT_EQ(WelcomeOf(hello), v1::SNAPSHOT);
}

TEST(JoinTest, APositionHereOfOneWelcomedToAnotherStreamSinceFencesThePublisher) {
  v1::Hello hello = HelloAt(kHere, 5, 10, 6);
  hello.set_witnessed_stream(kElsewhere);
  EXPECT_THAT(FenceOf(Followed(), hello), HasSubstr("two primaries publish"));
}

TEST(JoinTest, AHigherTermOfThisStreamFencesThePublisherAlsoWithoutAPositionInIt) {
  v1::Hello hello = HelloAt(kElsewhere, 6, 900, 8);
  hello.set_witnessed_stream(kHere);
  EXPECT_THAT(FenceOf(Followed(), hello), HasSubstr("seen term 8"));
}

TEST(JoinTest, WithoutAPositionAnotherStreamsTermCountsAllTheSame) {
  v1::Hello hello = HelloAt("", 0, 0, 7);
  hello.set_witnessed_stream(kElsewhere);
  EXPECT_THAT(FenceOf(Followed(), hello, ""), HasSubstr("two primaries publish"));
  EXPECT_EQ(DecideJoin(New(), hello, "").kind, Kind::kRaiseTerm);
}

// As told by a follower that does not say which stream it witnessed the term of.
TEST(JoinTest, WithoutAPositionNorAStreamAnEqualTermIsNoConflict) {
  EXPECT_EQ(WelcomeOf(HelloAt("", 0, 0, 7), ""), v1::SNAPSHOT);
}

}  // namespace
}  // namespace nestor::protocol
