// The fake keeps the contract of the real one.

#include "tests/support/fake_reach.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"

namespace nestor::testing {
namespace {

using Code = absl::StatusCode;
constexpr absl::Duration kTen = absl::Seconds(10);

class FakeReachTest : public ::testing::Test {
 protected:
  absl::Status Listen(const std::string& token, const std::string& host = "192.0.2.1") {
    return a_.Listen(host, 8000, token, kTen);
  }
  Code Probe(const std::string& token) { return b_.Probe("192.0.2.1", 8000, token, kTen).code(); }

  FakeClock clock_;
  FakeNetwork network_{&clock_};
  FakeReach a_{network_, {"192.0.2.1", "2001:db8::1"}};
  FakeReach b_{network_, {"192.0.2.2"}};
};

TEST_F(FakeReachTest, OneHostHearsTheOther) {
  EXPECT_EQ(Probe("token"), Code::kUnavailable);
  ASSERT_TRUE(Listen("token").ok());
  EXPECT_EQ(Probe("token"), Code::kOk);
  EXPECT_EQ(Probe(""), Code::kOk);
  EXPECT_EQ(Probe("other"), Code::kFailedPrecondition);
  ASSERT_TRUE(Listen("other").ok());
  EXPECT_EQ(Probe("other"), Code::kOk);
  clock_.Advance(kTen);
  EXPECT_EQ(Probe("other"), Code::kUnavailable);
  EXPECT_EQ(network_.listens(), 2);
  EXPECT_EQ(network_.probes(), 6);
}

TEST_F(FakeReachTest, CutHostsReachOnlyThemselves) {
  ASSERT_TRUE(Listen("token").ok());
  network_.Cut();
  EXPECT_EQ(Probe("token"), Code::kUnavailable);
  EXPECT_TRUE(a_.Probe("192.0.2.1", 8000, "token", kTen).ok());
  network_.Cut(false);
  EXPECT_EQ(Probe("token"), Code::kOk);
}

TEST_F(FakeReachTest, RefusesWhatIsNotItsOwnOrInUse) {
  EXPECT_EQ(Listen("token", "192.0.2.2").code(), Code::kFailedPrecondition);
  EXPECT_EQ(Listen("token", "kea-a").code(), Code::kInvalidArgument);
  EXPECT_EQ(a_.Listen("192.0.2.1", 0, "token", kTen).code(), Code::kInvalidArgument);
  network_.Occupy("192.0.2.1", 8000);
  EXPECT_EQ(Listen("token").code(), Code::kFailedPrecondition);
  EXPECT_EQ(Probe("token"), Code::kFailedPrecondition);
  EXPECT_EQ(Probe(""), Code::kOk);
  network_.Free("192.0.2.1", 8000);
  EXPECT_TRUE(Listen("token").ok());
}

TEST_F(FakeReachTest, AHostsEndEndsWhatListensThere) {
  {
    FakeReach c(network_, {"192.0.2.3"});
    ASSERT_TRUE(c.Listen("192.0.2.3", 1, "token", kTen).ok());
    EXPECT_TRUE(b_.Probe("192.0.2.3", 1, "token", kTen).ok());
  }
  EXPECT_EQ(b_.Probe("192.0.2.3", 1, "token", kTen).code(), Code::kUnavailable);
}

}  // namespace
}  // namespace nestor::testing
