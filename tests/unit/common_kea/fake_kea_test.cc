#include "tests/support/fake_kea.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "common/base/status.h"
#include "tests/support/fake_clock.h"

namespace nestor::testing {
namespace {

using ::testing::ElementsAre;

constexpr absl::Duration kTimeout = absl::Seconds(5);
constexpr std::string_view kFirst =
    R"({"Dhcp4":{"hooks-libraries":[{"library":"/h/libdhcp_lease_cmds.so"},)"
    R"({"library":"/h/libdhcp_ha.so","parameters":{"high-availability":[)"
    R"({"mode":"hot-standby"}]}}],"valid-lifetime":1}})";
constexpr std::string_view kSecond = R"({"Dhcp4":{"valid-lifetime":2}})";

class FakeKeaTest : public ::testing::Test {
 protected:
  kea::Answer Ask(std::string_view command, std::string_view arguments = {}) {
    auto answer = kea_.Send(command, arguments, kTimeout);
    EXPECT_TRUE(answer.ok()) << Message(answer.status());
    return answer.ok() ? *std::move(answer) : kea::Answer();
  }
  absl::StatusCode CodeOf(std::string_view command, std::string_view arguments = {}) {
    return kea_.Send(command, arguments, kTimeout).status().code();
  }
  int64_t StatusNumber(std::string_view name) {
    const kea::Answer answer = Ask("status-get");
    return json::Find(*answer.arguments(), name)->GetInt64();
  }
  std::string Running() { return json::Write(*Ask("config-get").arguments()); }
  void RefuseWhenSet() {
    kea_.SetRules({}, [](std::string_view text) {
      return text.find("\"valid-lifetime\":2") == std::string_view::npos ? "" : "no";
    });
  }

  FakeClock clock_;
  FakeKea kea_{DhcpService::kDhcp4, clock_, std::string(kFirst)};
};

TEST_F(FakeKeaTest, WhatWasSetComesBack) {
  EXPECT_EQ(Running(), kFirst);
  EXPECT_TRUE(Ask("config-set", kSecond).ok());
  EXPECT_EQ(Running(), kSecond);
  EXPECT_EQ(kea_.file(), kFirst);
  EXPECT_TRUE(Ask("config-write").ok());
  EXPECT_EQ(kea_.file(), kSecond);
}

TEST_F(FakeKeaTest, SpeaksAsKeaDoes) {
  EXPECT_EQ(Ask("version-get").text, "2.2.0");
  EXPECT_EQ(Ask("nonsense").result, 2);
  EXPECT_EQ(Ask("config-test").text, "Missing mandatory 'arguments' parameter.");
  EXPECT_EQ(Ask("config-test", "{}").text, "Missing mandatory 'Dhcp4' parameter.");
  EXPECT_EQ(Ask("config-test", R"({"Dhcp4":{},"hash":"x"})").text, "Unsupported 'hash' parameter.");
  EXPECT_EQ(Ask("lease4-get", R"({"ip-address":"192.0.2.1"})").result, 3);
}

TEST_F(FakeKeaTest, CountsWholeSecondsSinceItsStartAndItsReconfiguration) {
  clock_.Advance(absl::Milliseconds(2500));
  EXPECT_EQ(StatusNumber("uptime"), 2);
  EXPECT_TRUE(Ask("config-set", kFirst).ok());
  EXPECT_EQ(StatusNumber("reload"), 0);
  clock_.Advance(absl::Milliseconds(600));
  EXPECT_EQ(StatusNumber("reload"), 1);
  EXPECT_EQ(StatusNumber("uptime"), 3);
}

TEST_F(FakeKeaTest, AReconfigurationTakesAnHaServerOutOfServiceForOneHeartbeat) {
  EXPECT_EQ(kea_.HaState(), "waiting");
  clock_.Advance(absl::Seconds(10));
  EXPECT_EQ(kea_.HaState(), "hot-standby");
  EXPECT_TRUE(kea_.ServesDhcp());
  EXPECT_TRUE(kea_.Reload());
  EXPECT_FALSE(kea_.ServesDhcp());
}

TEST_F(FakeKeaTest, ARefusedSetKillsDhcpAndNothingShowsIt) {
  clock_.Advance(absl::Minutes(1));
  RefuseWhenSet();
  EXPECT_TRUE(Ask("config-test", kSecond).ok());
  EXPECT_EQ(Ask("config-set", kSecond).result, 1);
  EXPECT_EQ(Running(), kFirst);
  EXPECT_GE(StatusNumber("reload"), 60);
  EXPECT_EQ(kea_.HaState(), "hot-standby");
  EXPECT_FALSE(kea_.ServesDhcp());
  EXPECT_TRUE(Ask("config-set", kFirst).ok());
  clock_.Advance(absl::Minutes(1));
  EXPECT_TRUE(kea_.ServesDhcp());
}

TEST_F(FakeKeaTest, TakesTheDamageItIsTold) {
  RefuseWhenSet();
  kea_.SetDamage(FakeKea::Damage::kNoHooks);
  EXPECT_EQ(Ask("config-set", kSecond).result, 1);
  EXPECT_EQ(Ask("ha-heartbeat").result, 2);
  kea_.SetDamage(FakeKea::Damage::kNoLeases);
  EXPECT_TRUE(Ask("config-set", kFirst).ok());
  EXPECT_EQ(Ask("config-set", kSecond).result, 1);
  EXPECT_EQ(Ask("lease4-get").result, 1);
  kea_.SetDamage(FakeKea::Damage::kLockedOut);
  EXPECT_EQ(Ask("config-set", kSecond).result, 1);
  EXPECT_EQ(CodeOf("status-get"), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(kea_.Restart());
  EXPECT_TRUE(Ask("status-get").ok());
}

TEST_F(FakeKeaTest, ARestartReadsTheFileInANewProcess) {
  EXPECT_TRUE(kea_.Set(std::string(kSecond)));
  const int64_t pid = StatusNumber("pid");
  kea_.Crash();
  EXPECT_EQ(CodeOf("status-get"), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(kea_.Restart());
  EXPECT_EQ(Running(), kFirst);
  EXPECT_NE(StatusNumber("pid"), pid);
  kea_.EditFile("not JSON");
  EXPECT_FALSE(kea_.Restart());
  EXPECT_FALSE(kea_.up());
}

TEST_F(FakeKeaTest, GoesWrongAsOftenAsItIsTold) {
  kea_.Fail(FakeKea::Fault::kUnavailable, 2, "config-set");
  EXPECT_TRUE(Ask("status-get").ok());
  EXPECT_EQ(CodeOf("config-set", kSecond), absl::StatusCode::kUnavailable);
  EXPECT_EQ(CodeOf("config-set", kSecond), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(Ask("config-set", kSecond).ok());
  EXPECT_EQ(kea_.Accepted("config-set"), 1u);
}

TEST_F(FakeKeaTest, SilenceLastsUntilTheTimeoutAndMayHaveDoneIt) {
  const Instant began = clock_.Now();
  kea_.Hang(1);
  EXPECT_EQ(CodeOf("config-set", kSecond), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(clock_.Now() - began, kTimeout);
  EXPECT_EQ(kea_.running(), kFirst);
  for (const auto& [fault, code] :
       {std::pair(FakeKea::Fault::kLate, absl::StatusCode::kDeadlineExceeded),
        std::pair(FakeKea::Fault::kCutOff, absl::StatusCode::kDataLoss),
        std::pair(FakeKea::Fault::kClosed, absl::StatusCode::kDataLoss)}) {
    EXPECT_TRUE(kea_.Set(std::string(kFirst)));
    kea_.Fail(fault);
    EXPECT_EQ(CodeOf("config-set", kSecond), code);
    EXPECT_EQ(kea_.running(), kSecond);
  }
}

TEST_F(FakeKeaTest, TheOperatorMayActInTheMiddleOfACommand) {
  kea_.before_command = [&](std::string_view) {
    EXPECT_TRUE(kea_.EditAndReload(std::string(kSecond)));
    return FakeKea::Fault::kNone;
  };
  EXPECT_EQ(Running(), kSecond);
  kea_.before_answer = [&](std::string_view) { kea_.Crash(); };
  EXPECT_EQ(CodeOf("config-get"), absl::StatusCode::kDataLoss);
}

TEST_F(FakeKeaTest, TheOperatorMayActOnAnotherThread) {
  std::thread worker([&] {
    for (int i = 0; i < 200; ++i) (void)kea_.Send("config-get", {}, kTimeout);
  });
  for (int i = 0; i < 200; ++i) kea_.Set(std::string(i % 2 == 0 ? kSecond : kFirst));
  worker.join();
  EXPECT_EQ(kea_.Accepted("config-get"), 200u);
  kea_.Forget();
  (void)Ask("config-hash-get");
  EXPECT_THAT(kea_.arrived(), ElementsAre("config-hash-get"));
}

}  // namespace
}  // namespace nestor::testing
