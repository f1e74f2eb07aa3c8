#include "primary-agent/publish/lease_feed.h"

#include "tests/unit/primary-agent_publish/publish_fixture.h"

namespace nestor::primary {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

std::string Notice(int number) {
  return fmt::format(
      R"({{"notice":"lease","event":"committed","address":"10.0.0.{}","subnet-id":1}})", number);
}

class LeaseFeedTest : public ::testing::Test {
 protected:
  testing::FakeClock clock_;
  watch::LeaseNotices notices_;
  runtime::Metrics metrics_{clock_};
  LeaseFeed feed_{DhcpService::kDhcp4, notices_, metrics_, clock_};
};

TEST_F(LeaseFeedTest, GivesSoManyATurnInOrder) {
  for (int i = 0; i < LeaseFeed::kMostATurn + 2; ++i) notices_.Add(Notice(i));
  const auto first = feed_.Take();
  ASSERT_THAT(first, SizeIs(LeaseFeed::kMostATurn));
  EXPECT_EQ(first.front().address(), "10.0.0.0");
  EXPECT_TRUE(feed_.has_more());
  const auto second = feed_.Take();
  ASSERT_THAT(second, SizeIs(2));
  EXPECT_EQ(second.back().address(), fmt::format("10.0.0.{}", LeaseFeed::kMostATurn + 1));
  EXPECT_FALSE(feed_.has_more());
  EXPECT_EQ(feed_.Loss(), "");
}

TEST_F(LeaseFeedTest, WhatIsNotUnderstoodTakesATurnsPlaceToo) {
  for (int i = 0; i < LeaseFeed::kMostATurn; ++i) notices_.Add("{");
  notices_.Add(Notice(1));
  EXPECT_THAT(feed_.Take(), SizeIs(0));
  EXPECT_THAT(feed_.Take(), SizeIs(1));
}

TEST_F(LeaseFeedTest, CountsWhatWasLostByReason) {
  EXPECT_THAT(metrics_.Text(), HasSubstr(R"({reason="full",service="dhcp4"} 0)"));
  for (size_t i = 0; i < watch::LeaseNotices::kMost + 5; ++i) notices_.Add("{");
  notices_.Refuse();
  while (feed_.has_more()) (void)feed_.Take();
  feed_.OnHookDropped(7);
  feed_.OnHookDropped(9);
  feed_.OnHookDropped(2);  // Kea has loaded it anew
  feed_.OnWatchersDropped(3);
  const std::string text = metrics_.Text();
  EXPECT_THAT(text,
              HasSubstr(R"(nestor_lease_events_dropped_total{reason="full",service="dhcp4"} 5)"));
  EXPECT_THAT(text, HasSubstr(R"({reason="refused",service="dhcp4"} 1025)"));
  EXPECT_THAT(text, HasSubstr(R"({reason="hook",service="dhcp4"} 11)"));
  EXPECT_THAT(text, HasSubstr(R"({reason="watcher",service="dhcp4"} 3)"));
  EXPECT_THAT(feed_.Loss(), HasSubstr("5 for want of room in it, 11 in the hook library's, 1025"));
}

class StreamLeasesTest : public PublishTest {
 protected:
  void SetUp() override {
    PublishTest::SetUp();
    spec_.set_name("east");
    spec_.set_secondary("kea-b");
    stream_ = std::make_shared<Stream>(
        spec_, DhcpService::kDhcp4, "kea-a", Open(),
        StreamWorld{clock, queue_, queue_, queue_, *recorder, bus_, *journal, metrics_,
                    [this](const std::string&, const v1::Envelope&) { ++told_; },
                    [](const std::function<void(absl::Status)>&) {},
                    [](std::string_view) { return std::string(); }});
    lease_.set_address("10.0.0.7");
    lease_.set_happened("committed");
  }

  v1::RelationshipSpec spec_;
  v1::Lease lease_;
  QueuedExecutor queue_;
  RecordingBus bus_;
  runtime::Metrics metrics_{clock};
  int told_ = 0;
  std::shared_ptr<Stream> stream_;
};

TEST_F(StreamLeasesTest, ALeaseIsAnEventWithoutANumber) {
  stream_->PublishLeases({lease_, lease_});
  ASSERT_THAT(bus_.published, SizeIs(2));
  const auto& [topic, event] = bus_.published[0];
  EXPECT_EQ(topic, "nestor.v1.east.dhcp4.lease");
  EXPECT_EQ(event.lease().address(), "10.0.0.7");
  EXPECT_EQ(event.sequence(), 0u);
  EXPECT_EQ(event.previous_sequence(), 0u);
  EXPECT_EQ(event.digest_after(), "");
  EXPECT_EQ(event.relationship(), "east");
  EXPECT_EQ(told_, 2) << "who watches over a control socket";
  EXPECT_THAT(metrics_.Text(),
              HasSubstr(R"(nestor_lease_events_total{relationship="east",service="dhcp4"} 2)"));
  EXPECT_TRUE(journal->Read("east", 1, 1000)->empty()) << "nothing of it is kept";
}

TEST_F(StreamLeasesTest, AFencedPublisherIsSilentOfLeasesToo) {
  v1::Envelope envelope;
  envelope.mutable_hello()->set_stream_id(stream_->stream_id());
  envelope.mutable_hello()->set_highest_term(1'000);
  stream_->OnFollower("route", envelope);
  bus_.published.clear();  // that it is fenced
  stream_->PublishLeases({lease_});
  EXPECT_THAT(bus_.published, SizeIs(0));
}

TEST_F(StreamLeasesTest, WhatWasLostIsInTheStatus) {
  EXPECT_EQ(stream_->Status().notices_size(), 0);
  stream_->OnLeasesLost("3 were lost");
  ASSERT_EQ(stream_->Status().notices_size(), 1);
  EXPECT_EQ(stream_->Status().notices(0), "3 were lost");
}

}  // namespace
}  // namespace nestor::primary
