#include "common/hook/status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/common_hook/hook_fixture.h"
#include "tests/unit/common_hook/scripted_kea.h"

namespace nestor::hook {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::string_view kWhole =
    R"({"version":"0.1.0","kea":"2.2.0","service":"dhcp4","revision":"a:7",)"
    R"("ha-mode":"hot-standby","config-backend":"mysql","config-set-failed":true,"socket":"/run/n.sock",)"
    R"("notices":{"sent":1,"dropped":2},"leases":{"sent":3,"dropped":4},"queued":5,"applied":6,)"
    R"("refused":7,"needs-config-set":["dhcp4o6-port"]})";

absl::StatusOr<Status> AskScripted(std::string answer) {
  ScriptedKea kea({std::move(answer)});
  return AskStatus(kea, kTimeout);
}

using StatusTest = HookFixture;

TEST_F(StatusTest, IsWhatTheLibrarySays) {
  const auto status = AskScripted(Well(kWhole));
  ASSERT_TRUE(status.ok()) << Message(status.status());
  EXPECT_EQ(status->version, "0.1.0");
  EXPECT_EQ(status->kea, "2.2.0");
  EXPECT_EQ(status->revision, "a:7");
  EXPECT_EQ(status->ha_mode, "hot-standby");
  EXPECT_EQ(status->config_backend, "mysql");
  EXPECT_TRUE(status->config_set_failed);
  EXPECT_EQ(status->socket, "/run/n.sock");
  EXPECT_EQ(status->notices.sent, 1u);
  EXPECT_EQ(status->notices.dropped, 2u);
  EXPECT_EQ(status->leases.sent, 3u);
  EXPECT_EQ(status->leases.dropped, 4u);
  EXPECT_EQ(status->queued_bytes, 5u);
  EXPECT_EQ(status->applied, 6u);
  EXPECT_EQ(status->refused, 7u);
  EXPECT_THAT(status->needs_config_set, ElementsAre("dhcp4o6-port"));
}

TEST_F(StatusTest, OfAKeaInMemoryIsRead) {
  const auto status = AskStatus(kea_, kTimeout);
  ASSERT_TRUE(status.ok()) << Message(status.status());
  EXPECT_EQ(status->kea, "2.2.0");
  EXPECT_FALSE(status->config_set_failed);
  EXPECT_THAT(status->needs_config_set, ElementsAre("dhcp4o6-port", "expired-leases-processing"));
}

TEST_F(StatusTest, OfAKeaWithoutTheLibraryIsNotFound) {
  EXPECT_TRUE(kea_.Set(R"({"Dhcp4":{}})"));
  EXPECT_EQ(AskStatus(kea_, kTimeout).status().code(), absl::StatusCode::kNotFound);
  kea_.Crash();
  EXPECT_EQ(AskStatus(kea_, kTimeout).status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(StatusTest, ARefusalIsOneWithKeasWords) {
  const auto status = AskScripted(R"({"result":1,"text":"no"})");
  EXPECT_EQ(status.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Message(status.status()), "Kea refused nestor-status: no");
}

TEST_F(StatusTest, WithAMemberMissingIsDataLossAndNamesIt) {
  for (const std::string name :
       {"version", "kea", "revision", "ha-mode", "config-backend", "config-set-failed", "notices",
        "leases", "queued", "applied", "refused", "needs-config-set"}) {
    std::string text(kWhole);
    text.replace(text.find(fmt::format("\"{}\":", name)) + 1, 1, "X");
    const auto status = AskScripted(Well(text));
    EXPECT_EQ(status.status().code(), absl::StatusCode::kDataLoss) << text;
    EXPECT_THAT(std::string(Message(status.status())), HasSubstr(name));
  }
}

TEST_F(StatusTest, WithAMemberOfAnotherShapeIsDataLoss) {
  for (const auto& [good, bad] :
       {std::pair(R"("sent":3)", R"("sent":-3)"), std::pair(R"("queued":5)", R"("queued":"5")"),
        std::pair(R"(["dhcp4o6-port"])", R"([4])"), std::pair(R"({"sent":1,"dropped":2})", "12")}) {
    std::string text(kWhole);
    text.replace(text.find(good), std::string_view(good).size(), bad);
    EXPECT_EQ(AskScripted(Well(text)).status().code(), absl::StatusCode::kDataLoss) << text;
  }
  EXPECT_EQ(AskScripted(R"({"result":0})").status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace nestor::hook
