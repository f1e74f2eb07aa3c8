// The table of publisher's states (docs/protocol.md, "Publishing") and when heartbeats are due.

#include "common/protocol/publisher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace nestor::protocol {
namespace {

using enum PublisherEvent;

constexpr std::array kStates = {v1::RECOVER,  v1::BASELINE, v1::SERVE,
                                v1::DEGRADED, v1::READONLY, v1::PUBLISHER_FENCED};
const Instant kStart{absl::Seconds(10)};

StreamView ViewAt(uint64_t head) {
  StreamView view;
  view.stream_id = std::string(16, 'a');
  view.term = 3;
  view.head = head;
  view.head_digest = head > 0 ? std::string(32, 'h') : std::string();
  view.lowest = head > 0 ? 1 : 0;
  return view;
}

// Where each state goes at each event; what is not named stays.
TEST(PublisherStatesTest, EveryTransitionIsAsDocumented) {
  const std::map<std::pair<v1::PublisherState, PublisherEvent>, v1::PublisherState> leaves = {
      {{v1::RECOVER, kRecovered}, v1::BASELINE}, {{v1::BASELINE, kBaseline}, v1::SERVE},
      {{v1::BASELINE, kKeaGone}, v1::DEGRADED},  {{v1::SERVE, kKeaGone}, v1::DEGRADED},
      {{v1::DEGRADED, kKeaBack}, v1::SERVE},     {{v1::DEGRADED, kBaseline}, v1::SERVE},
      {{v1::READONLY, kBaseline}, v1::SERVE},
  };
  for (const auto state : kStates) {
    for (const auto event : {kRecovered, kBaseline, kKeaGone, kKeaBack}) {
      const auto found = leaves.find({state, event});
      EXPECT_EQ(NextState(state, event), found == leaves.end() ? state : found->second)
          << v1::PublisherState_Name(state) << " at event " << static_cast<int>(event);
    }
    EXPECT_EQ(NextState(state, kFenced), v1::PUBLISHER_FENCED);
    EXPECT_EQ(NextState(state, kNewStream), v1::SERVE);
    EXPECT_EQ(NextState(state, kJournalBroken),
              state == v1::PUBLISHER_FENCED ? state : v1::READONLY);
  }
}

TEST(PublisherTest, ServesWhatIsJournaledWhileKeaOrTheDiskIsAway) {
  for (const uint64_t head : {0, 5}) {
    Publisher publisher(ViewAt(head), kStart);
    EXPECT_FALSE(publisher.Serves());
    publisher.On(kRecovered);
    EXPECT_FALSE(publisher.Serves()) << "nobody joins before the baseline";
    publisher.On(kKeaGone);
    EXPECT_EQ(publisher.Serves(), head > 0);
    publisher.On(kJournalBroken);
    EXPECT_EQ(publisher.Serves(), head > 0);
    EXPECT_FALSE(publisher.Publishes());
    publisher.On(kBaseline);
    EXPECT_TRUE(publisher.Serves());
    EXPECT_TRUE(publisher.Publishes());
  }
}

TEST(PublisherTest, FencedItNeitherServesNorPublishes) {
  Publisher publisher(ViewAt(5), kStart);
  publisher.Fence("two primaries");
  EXPECT_FALSE(publisher.Serves());
  EXPECT_FALSE(publisher.Publishes());
  EXPECT_EQ(publisher.fenced_text(), "two primaries");
  publisher.Restart(ViewAt(0), kStart);
  publisher.On(kNewStream);
  EXPECT_EQ(publisher.fenced_text(), "");
  EXPECT_TRUE(publisher.Publishes());
}

TEST(PublisherTest, AHeartbeatTellsWhatWasPublishedLast) {
  Publisher publisher(ViewAt(5), kStart);
  publisher.Published(6, std::string(32, 'x'), kStart);
  const v1::Envelope heartbeat = publisher.Heartbeat(kStart);
  EXPECT_EQ(heartbeat.sequence(), 6u);
  EXPECT_EQ(heartbeat.digest_after(), std::string(32, 'x'));
  EXPECT_EQ(heartbeat.heartbeat().lowest_sequence(), 1u);
}

TEST(PublisherTest, HeartbeatsAreDueEachSecond) {
  Publisher publisher(ViewAt(5), kStart);
  EXPECT_TRUE(publisher.HeartbeatDue(kStart));
  (void)publisher.Heartbeat(kStart);
  EXPECT_FALSE(publisher.HeartbeatDue(kStart + absl::Milliseconds(999)));
  EXPECT_TRUE(publisher.HeartbeatDue(kStart + absl::Seconds(1)));
}

TEST(PublisherTest, AHeartbeatFollowsABurst) {
  Publisher publisher(ViewAt(5), kStart);
  (void)publisher.Heartbeat(kStart);
  publisher.Published(6, std::string(32, 'x'), kStart + absl::Milliseconds(100));
  publisher.Published(7, std::string(32, 'x'), kStart + absl::Milliseconds(200));
  EXPECT_FALSE(publisher.HeartbeatDue(kStart + absl::Milliseconds(399)));
  EXPECT_TRUE(publisher.HeartbeatDue(kStart + absl::Milliseconds(400)));
}

// Who follows takes three seconds of silence for the primary's end.
TEST(PublisherTest, ABurstThatDoesNotEndPutsNoHeartbeatOff) {
  Publisher publisher(ViewAt(5), kStart);
  Instant last = kStart;
  (void)publisher.Heartbeat(kStart);
  for (int i = 1; i < 100; ++i) {
    const Instant now = kStart + absl::Milliseconds(100) * i;
    publisher.Published(static_cast<uint64_t>(5 + i), std::string(32, 'x'), now);
    if (!publisher.HeartbeatDue(now)) continue;
    (void)publisher.Heartbeat(now);
    EXPECT_LE(now - last, absl::Seconds(1));
    last = now;
  }
  EXPECT_GT(last, kStart + absl::Seconds(8));
}

}  // namespace
}  // namespace nestor::protocol
