#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/common_bus/bus_pair.h"

namespace nestor::bus {
namespace {

using testing::Each;
using testing::IsEmpty;
using testing::Pair;
using testing::SizeIs;

TEST_F(BusTest, AnEventReachesWhoSubscribed) {
  Authorize("kea-b", follower_key_, "subscribe replicate");
  Publisher publisher(Serving());
  Follower follower(Joining(publisher, follower_key_));
  follower.bus->Subscribe("nestor.v1.east4.");
  ASSERT_TRUE(Hears(publisher, follower));
  EXPECT_THAT(follower.events, Each(Pair("nestor.v1.east4.dhcp4.heartbeat", "beat")));
}

TEST_F(BusTest, AnotherTopicDoesNot) {
  Authorize("kea-b", follower_key_, "subscribe");
  Publisher publisher(Serving());
  Follower follower(Joining(publisher, follower_key_));
  follower.bus->Subscribe("nestor.v1.east4.");
  ASSERT_TRUE(Hears(publisher, follower));
  publisher.bus->Publish("nestor.v1.west4.dhcp4.heartbeat", "not for you");
  ASSERT_TRUE(Hears(publisher, follower));
  EXPECT_THAT(follower.events, Each(Pair("nestor.v1.east4.dhcp4.heartbeat", "beat")));
}

TEST_F(BusTest, AnAnswerGoesBackByItsRoute) {
  Authorize("kea-b", follower_key_, "subscribe replicate");
  const KeyPair other_key;
  Authorize("other", other_key, "subscribe");
  Publisher publisher(Serving());
  Follower follower(Joining(publisher, follower_key_)), other(Joining(publisher, other_key));
  ASSERT_TRUE(Tell(publisher, other, "I am here too"));
  ASSERT_TRUE(Tell(publisher, follower, "hello"));
  ASSERT_TRUE(publisher.bus->Send(publisher.told.back().from.route, "welcome").ok());
  ASSERT_TRUE(
      RunUntil({follower.bus.get(), other.bus.get()}, [&] { return !follower.answers.empty(); }));
  EXPECT_THAT(follower.answers, testing::ElementsAre("welcome"));
  EXPECT_THAT(other.answers, IsEmpty());
}

TEST_F(BusTest, AMessageComesWithNameAndRightsOfItsKey) {
  Authorize("monitor", follower_key_, "subscribe");
  const KeyPair operator_key;
  Authorize("ann", operator_key, "operate");
  Publisher publisher(Serving());
  Follower monitor(Joining(publisher, follower_key_)), ann(Joining(publisher, operator_key));
  ASSERT_TRUE(Tell(publisher, monitor, "status?"));
  Peer from = publisher.told.back().from;
  EXPECT_EQ(from.user, "monitor");
  EXPECT_FALSE(from.local);
  EXPECT_TRUE(from.rights.subscribe);
  EXPECT_FALSE(from.rights.replicate);
  EXPECT_FALSE(from.rights.operate);
  ASSERT_TRUE(Tell(publisher, ann, "resync"));
  from = publisher.told.back().from;
  EXPECT_EQ(from.user, "ann");
  EXPECT_TRUE(from.rights.operate);
  EXPECT_FALSE(from.rights.replicate);
}

TEST_F(BusTest, AnUnknownKeyIsRefusedAndGetsInByItselfOnceAuthorised) {
  Publisher publisher(Serving());
  Follower follower(Joining(publisher, follower_key_));
  follower.bus->Subscribe("");
  EXPECT_FALSE(Tell(publisher, follower, "let me in", absl::Seconds(1)));
  EXPECT_EQ(follower.bus->SendToPrimary("let me in").code(), absl::StatusCode::kUnavailable);
  EXPECT_FALSE(Hears(publisher, follower, absl::Milliseconds(200)));
  Authorize("kea-b", follower_key_, "subscribe replicate");
  ASSERT_TRUE(publisher.bus->ReloadKeys().ok());
  EXPECT_TRUE(Tell(publisher, follower, "at last", absl::Seconds(30)));
  EXPECT_TRUE(Hears(publisher, follower, absl::Seconds(30)));
}

TEST_F(BusTest, AKeyWithoutRightsIsRefused) {
  WriteFile(folder_ / "authorized.d/kea-b.public",
            agent::FormatPublic("kea-b", follower_key_.public_key));
  Publisher publisher(Serving());
  Follower follower(Joining(publisher, follower_key_));
  follower.bus->Subscribe("");
  EXPECT_FALSE(Tell(publisher, follower, "let me in", absl::Seconds(1)));
}

TEST_F(BusTest, AUserMayHaveTwoKeysWhileOneReplacesTheOther) {
  Authorize("kea-b", follower_key_, "subscribe replicate");
  const KeyPair next;
  WriteFile(folder_ / "authorized.d/next.public", agent::FormatPublic("kea-b", next.public_key) +
                                                      "user: kea-b\nrights: subscribe replicate\n");
  Publisher publisher(Serving());
  for (const KeyPair& key : {follower_key_, next}) {
    Follower follower(Joining(publisher, key));
    ASSERT_TRUE(Tell(publisher, follower, "mine"));
    EXPECT_EQ(publisher.told.back().from.user, "kea-b");
    EXPECT_TRUE(publisher.told.back().from.rights.replicate);
    publisher.told.clear();
  }
}

TEST_F(BusTest, AKeyTakenAwayLosesItsRightsOnALivingConnection) {
  Authorize("kea-b", follower_key_, "subscribe replicate");
  Publisher publisher(Serving());
  Follower follower(Joining(publisher, follower_key_));
  ASSERT_TRUE(Tell(publisher, follower, "before"));
  EXPECT_TRUE(publisher.told.back().from.rights.replicate);
  Forget("kea-b");
  ASSERT_TRUE(publisher.bus->ReloadKeys().ok());
  ASSERT_TRUE(Tell(publisher, follower, "after"));
  const Peer& from = publisher.told.back().from;
  EXPECT_EQ(from.user, "kea-b");
  EXPECT_FALSE(from.rights.subscribe || from.rights.replicate || from.rights.operate);
}

TEST_F(BusTest, AnotherKeyUnderTheSameNameTakesTheOldOnesRights) {
  Authorize("kea-b", follower_key_, "subscribe replicate");
  Publisher publisher(Serving());
  Follower follower(Joining(publisher, follower_key_));
  ASSERT_TRUE(Tell(publisher, follower, "before"));
  Authorize("kea-b", KeyPair(), "subscribe replicate");
  ASSERT_TRUE(publisher.bus->ReloadKeys().ok());
  ASSERT_TRUE(Tell(publisher, follower, "after"));
  EXPECT_FALSE(publisher.told.back().from.rights.replicate);
}

TEST_F(BusTest, AWrongServerKeyReachesNobody) {
  Authorize("kea-b", follower_key_, "replicate");
  Publisher publisher(Serving());
  FollowerBusOptions options = Joining(publisher, follower_key_);
  options.security->primary_key = KeyPair().public_key;
  Follower follower(options);
  EXPECT_FALSE(Tell(publisher, follower, "hello", absl::Seconds(1)));
}

TEST_F(BusTest, AMessageTooLargeClosesTheConnectionThatThenComesBack) {
  Authorize("kea-b", follower_key_, "replicate");
  const KeyPair other_key;
  Authorize("other", other_key, "subscribe");
  Publisher publisher(Serving());
  Follower follower(Joining(publisher, follower_key_)), other(Joining(publisher, other_key));
  ASSERT_TRUE(Tell(publisher, follower, std::string(64 << 10, 'x')));
  const std::string route = publisher.told.back().from.route;
  ASSERT_TRUE(follower.bus->SendToPrimary(std::string(65 << 10, 'x')).ok());
  ASSERT_TRUE(RunUntil({publisher.bus.get()},
                       [&] { return !publisher.bus->Send(route, "still there?").ok(); }));
  EXPECT_THAT(publisher.told, SizeIs(1));
  EXPECT_TRUE(Tell(publisher, other, "undisturbed"));
  // What it sends before it notices is lost.
  EXPECT_TRUE(RunUntil({publisher.bus.get(), follower.bus.get()}, [&] {
    (void)follower.bus->SendToPrimary("back");
    return publisher.told.back().payload == "back";
  }));
  EXPECT_NE(publisher.told.back().from.route, route);
}

TEST_F(BusTest, EventsAreForThoseWithTheRightToSubscribe) {
  Authorize("kea-b", follower_key_, "replicate operate");
  Publisher publisher(Serving());
  Follower follower(Joining(publisher, follower_key_));
  follower.bus->Subscribe("");
  EXPECT_TRUE(Tell(publisher, follower, "the control socket serves it"));
  EXPECT_FALSE(Hears(publisher, follower, absl::Seconds(1)));
  Authorize("kea-b", follower_key_, "subscribe");
  ASSERT_TRUE(publisher.bus->ReloadKeys().ok());
  EXPECT_TRUE(Hears(publisher, follower, absl::Seconds(20))) << "it comes back by itself";
}

TEST_F(BusTest, AFloodIsTakenInTurns) {
  Authorize("kea-b", follower_key_, "subscribe replicate");
  Publisher publisher(Serving());
  Follower follower(Joining(publisher, follower_key_));
  follower.bus->Subscribe("");
  ASSERT_TRUE(Hears(publisher, follower));
  constexpr size_t kFlood = 500;
  for (size_t i = 0; i < kFlood; ++i) publisher.bus->Publish("t", "flood");
  const size_t before = follower.events.size();
  bool bounded = true;
  size_t last = before;
  EXPECT_TRUE(RunUntil({follower.bus.get()}, [&] {
    bounded = bounded && follower.events.size() - last <= 128;
    last = follower.events.size();
    return last - before >= kFlood;
  }));
  EXPECT_TRUE(bounded);
}

}  // namespace
}  // namespace nestor::bus
