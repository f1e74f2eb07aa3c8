#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/status.h"
#include "common/watch/watcher.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_kea.h"

namespace nestor::watch {
namespace {

using config::Kind;
using testing::FakeClock;
using testing::FakeKea;
using ::testing::HasSubstr;

constexpr auto k4 = DhcpService::kDhcp4;

class ReadConfigurationTest : public ::testing::Test {
 protected:
  absl::StatusOr<Running> Read(FakeKea& kea) {
    return ReadConfiguration(k4, kea, absl::Seconds(1));
  }
  absl::StatusOr<Running> Read(std::string config, std::string version = "2.2.0") {
    FakeKea kea(k4, clock_, std::move(config), std::move(version));
    return Read(kea);
  }
  absl::StatusCode CodeOf(std::string config) { return Read(std::move(config)).status().code(); }

  FakeClock clock_;
};

TEST_F(ReadConfigurationTest, ReadsWhatRuns) {
  const auto running =
      Read(R"({"Dhcp4":{"interfaces-config":{"interfaces":["eth0"]},"valid-lifetime":7,)"
           R"("subnet4":[{"id":12,"subnet":"192.0.2.0/24"}]}})");
  ASSERT_TRUE(running.ok()) << Message(running.status());
  EXPECT_EQ(running->set->size(), 2u);
  EXPECT_NE(running->set->Find({Kind::kSubnet, "12"}), nullptr);
  EXPECT_EQ(running->ha_mode, "");
  EXPECT_EQ(running->config_backend, std::nullopt);
  const json::Value* root = json::Find(running->arguments.root(), "Dhcp4");
  ASSERT_NE(root, nullptr);
  EXPECT_NE(json::Find(*root, "interfaces-config"), nullptr);
}

TEST_F(ReadConfigurationTest, TakesTheHashOut) {
  const std::string config = R"({"Dhcp4":{"valid-lifetime":7}})";
  const auto running = Read(config, "3.0.4");
  ASSERT_TRUE(running.ok()) << Message(running.status());
  EXPECT_EQ(json::Write(running->arguments.root()), config);
}

TEST_F(ReadConfigurationTest, KnowsTheHaMode) {
  const auto running =
      Read(R"({"Dhcp4":{"hooks-libraries":[{"library":"/h/libdhcp_ha.so","parameters":)"
           R"({"high-availability":[{"mode":"load-balancing"}]}}]}})");
  ASSERT_TRUE(running.ok());
  EXPECT_EQ(running->ha_mode, "load-balancing");
}

TEST_F(ReadConfigurationTest, SaysWhyAConfigBackendCannotBeMirrored) {
  const auto running =
      Read(R"({"Dhcp4":{"config-control":{"config-databases":[{"type":"mysql"}]}}})");
  ASSERT_TRUE(running.ok());
  ASSERT_TRUE(running->config_backend.has_value());
  EXPECT_THAT(*running->config_backend, HasSubstr("mysql"));
}

TEST_F(ReadConfigurationTest, SaysWhyHaWithSeveralPartnersCannotBeMirrored) {
  const auto running =
      Read(R"({"Dhcp4":{"hooks-libraries":[{"library":"/h/libdhcp_ha.so","parameters":)"
           R"({"high-availability":[{"mode":"hot-standby"},{"mode":"hot-standby"}]}}]}})");
  ASSERT_TRUE(running.ok());
  EXPECT_EQ(running->config_backend, std::nullopt);
  ASSERT_TRUE(running->blocked().has_value());
  EXPECT_THAT(*running->blocked(), HasSubstr("2 relationships"));
}

TEST_F(ReadConfigurationTest, WhatIsNoConfigurationIsDataLossAndNeverAnEmptyOne) {
  EXPECT_EQ(CodeOf(R"({"Dhcp6":{}})"), absl::StatusCode::kDataLoss);
  EXPECT_EQ(CodeOf(R"({"Dhcp4":7})"), absl::StatusCode::kDataLoss);
  EXPECT_EQ(CodeOf("7"), absl::StatusCode::kDataLoss);
  EXPECT_EQ(CodeOf(R"({"Dhcp4":{"subnet4":[{"subnet":"192.0.2.0/24"}]}})"),
            absl::StatusCode::kDataLoss);
}

TEST_F(ReadConfigurationTest, TellsARefusalFromAnAbsence) {
  FakeKea kea(k4, clock_, R"({"Dhcp4":{}})");
  kea.Refuse("config-get", "not now");
  const auto refused = Read(kea);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(Message(refused.status())), HasSubstr("not now"));
  kea.Refuse("config-get", "");
  kea.Fail(FakeKea::Fault::kCutOff);
  EXPECT_EQ(Read(kea).status().code(), absl::StatusCode::kDataLoss);
  kea.Hang(1);
  EXPECT_EQ(Read(kea).status().code(), absl::StatusCode::kDeadlineExceeded);
  kea.Crash();
  EXPECT_EQ(Read(kea).status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace nestor::watch
