#include "tests/simulation/network.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace nestor::simulation {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class NetworkTest : public ::testing::Test {
 protected:
  NetworkTest() {
    StartPrimary();
    secondary_ = network_.Join("kea-b", nullptr, {"", "kea-b", {false, true, false}, false});
    secondary_->Subscribe("nestor.v1.east.");
    secondary_->OnEvent(
        [this](std::string_view, std::string_view payload) { events_.emplace_back(payload); });
    secondary_->OnControl([this](std::string_view payload) { answers_.emplace_back(payload); });
    Pass(absl::Seconds(1));
  }

  void StartPrimary() {
    process_ = std::make_shared<Process>(scheduler_, "kea-a", 1, absl::UnixEpoch());
    bus_ = network_.Bind(process_, nullptr);
    bus_->OnControl([this](const bus::Peer& from, std::string_view payload) {
      requests_.emplace_back(payload);
      peer_ = from;
    });
  }
  void Pass(absl::Duration d) { scheduler_.RunUntil(scheduler_.Now() + d); }
  void Publish(int count) {
    for (int i = 0; i < count; ++i) bus_->Publish("nestor.v1.east.dhcp4.change", std::to_string(i));
    Pass(absl::Seconds(5));
  }

  Scheduler scheduler_;
  Network network_{scheduler_, 1};
  std::shared_ptr<Process> process_;
  std::unique_ptr<bus::PublisherBus> bus_;
  Endpoint* secondary_;
  bus::Peer peer_;
  std::vector<std::string> events_, requests_, answers_;
};

TEST_F(NetworkTest, CarriesEventsOfTheSubscribedTopicsInOrder) {
  network_.weather.jitter = absl::Milliseconds(50);
  bus_->Publish("nestor.v1.west.dhcp4.change", "not mine");
  Publish(3);
  EXPECT_THAT(events_, ElementsAre("0", "1", "2"));
}

TEST_F(NetworkTest, LosesEventsWithoutATrace) {
  network_.weather.drop_event = 0.5;
  Publish(100);
  EXPECT_GT(events_.size(), 20u);
  EXPECT_LT(events_.size(), 80u);
}

TEST_F(NetworkTest, ControlIsWholeAndInOrderAndSaysWhoProvedWhat) {
  network_.weather.drop_event = 1;
  network_.weather.jitter = absl::Milliseconds(50);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(secondary_->Send(std::to_string(i)).ok());
  Pass(absl::Seconds(1));
  EXPECT_THAT(requests_, ElementsAre("0", "1", "2", "3", "4"));
  EXPECT_EQ(peer_.user, "kea-b");
  EXPECT_TRUE(peer_.rights.replicate);
  ASSERT_TRUE(bus_->Send(peer_.route, "answer").ok());
  Pass(absl::Seconds(1));
  EXPECT_THAT(answers_, ElementsAre("answer"));
}

TEST_F(NetworkTest, RefusesWhatItsQueueCannotHold) {
  int sent = 0;
  while (secondary_->Send("x").ok()) ++sent;
  EXPECT_EQ(sent, 64);
}

TEST_F(NetworkTest, ACutLosesWhatIsUnderWayAndIsNoticedLater) {
  ASSERT_TRUE(secondary_->Send("lost").ok());
  network_.Cut(secondary_);
  EXPECT_TRUE(secondary_->Send("lost too").ok());
  Pass(absl::Seconds(20));
  EXPECT_EQ(secondary_->Send("refused").code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(requests_, IsEmpty());
  network_.Heal(secondary_);
  Pass(absl::Seconds(2));
  EXPECT_TRUE(secondary_->Send("arrives").ok());
  Publish(1);
  EXPECT_THAT(requests_, ElementsAre("arrives"));
  EXPECT_THAT(events_, ElementsAre("0"));
}

TEST_F(NetworkTest, AnotherStartOfThePrimaryHasOtherRoutes) {
  ASSERT_TRUE(secondary_->Send("hello").ok());
  Pass(absl::Seconds(1));
  const std::string old_route = peer_.route;
  process_->Kill(nullptr);
  bus_.reset();
  StartPrimary();
  Pass(absl::Seconds(20));
  ASSERT_TRUE(secondary_->Send("hello again").ok());
  Pass(absl::Seconds(1));
  EXPECT_THAT(requests_, ElementsAre("hello", "hello again"));
  EXPECT_NE(peer_.route, old_route);
  EXPECT_EQ(bus_->Send(old_route, "x").code(), absl::StatusCode::kUnavailable);
}

TEST_F(NetworkTest, ADeadPrimarySendsNothing) {
  process_->Kill(nullptr);
  Publish(3);
  EXPECT_THAT(events_, IsEmpty());
}

}  // namespace
}  // namespace nestor::simulation
