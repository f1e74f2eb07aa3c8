#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/status.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_kea.h"

namespace nestor::testing {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kConfig =
    R"({"Dhcp4":{"hooks-libraries":[{"library":"/h/libdhcp_nestor.so"},)"
    R"({"library":"/h/libdhcp_ha.so","parameters":{"high-availability":[)"
    R"({"mode":"hot-standby"}]}}],"subnet4":[{"id":1}],"valid-lifetime":1}})";

class FakeKeaHookTest : public ::testing::Test {
 protected:
  kea::Answer Ask(std::string_view command, std::string_view arguments = {}) {
    auto answer = kea_.Send(command, arguments, absl::Seconds(5));
    EXPECT_TRUE(answer.ok()) << Message(answer.status());
    return answer.ok() ? *std::move(answer) : kea::Answer();
  }
  std::string Revision() {
    return std::string(json::FindString(*Ask("nestor-status").arguments(), "revision"));
  }
  static std::string Reason(const kea::Answer& answer) {
    return answer.arguments() == nullptr
               ? std::string()
               : std::string(json::FindString(*answer.arguments(), "reason"));
  }
  kea::Answer SetLifetime(int lifetime) {
    return Ask("nestor-apply",
               fmt::format(R"({{"upserted":[{{"kind":"global","key":"valid-lifetime",)"
                           R"("object":{}}}]}})",
                           lifetime));
  }
  bool IsWholeSince(std::string_view revision) {
    const kea::Answer answer = Ask("nestor-get", fmt::format(R"({{"since":"{}"}})", revision));
    return json::Find(*answer.arguments(), "whole") != nullptr;
  }

  FakeClock clock_;
  FakeKea kea_{DhcpService::kDhcp4, clock_, std::string(kConfig)};
};

TEST_F(FakeKeaHookTest, TheCommandsAreThereWhileTheLibraryIsLoaded) {
  EXPECT_TRUE(Ask("nestor-status").ok());
  kea_.Harm(FakeKea::Damage::kNoHooks);
  EXPECT_EQ(Ask("nestor-status").result, 2);
  EXPECT_TRUE(kea_.Set(R"({"Dhcp4":{}})"));
  for (const std::string_view command : {"nestor-status", "nestor-get", "nestor-apply"}) {
    EXPECT_EQ(Ask(command).result, 2) << command;
  }
}

TEST_F(FakeKeaHookTest, EveryReconfigurationIsAnotherInstance) {
  std::set<std::string> revisions{Revision()};
  EXPECT_TRUE(Ask("config-set", kConfig).ok());
  revisions.insert(Revision());
  EXPECT_TRUE(Ask("config-reload").ok());
  revisions.insert(Revision());
  EXPECT_TRUE(kea_.Restart());
  revisions.insert(Revision());
  EXPECT_EQ(revisions.size(), 4u);
  for (const std::string& revision : revisions) EXPECT_THAT(revision, HasSubstr(":1"));
}

TEST_F(FakeKeaHookTest, ARefusedSetIsNoOtherInstance) {
  kea_.SetRules({}, [](std::string_view) { return std::string("no"); });
  const std::string revision = Revision();
  EXPECT_EQ(Ask("config-set", kConfig).result, 1);
  EXPECT_EQ(Revision(), revision);
}

TEST_F(FakeKeaHookTest, EveryChangeInProcessIsAnotherGeneration) {
  const std::string first = Revision();
  EXPECT_TRUE(SetLifetime(2).ok());
  EXPECT_EQ(Revision(), first.substr(0, first.find(':')) + ":2");
  kea_.ChangeInProcess(std::string(kConfig));
  EXPECT_EQ(Revision(), first.substr(0, first.find(':')) + ":3");
  EXPECT_TRUE(SetLifetime(1).ok());
  EXPECT_EQ(Revision(), first.substr(0, first.find(':')) + ":3");
}

TEST_F(FakeKeaHookTest, WhatChangedLongAgoIsForgotten) {
  const std::string first = Revision();
  for (int lifetime = 2; lifetime < 10; ++lifetime) EXPECT_TRUE(SetLifetime(lifetime).ok());
  EXPECT_FALSE(IsWholeSince(first));
  for (int lifetime = 10; lifetime < 100; ++lifetime) EXPECT_TRUE(SetLifetime(lifetime).ok());
  EXPECT_TRUE(IsWholeSince(first));
  EXPECT_FALSE(IsWholeSince(Revision()));
  EXPECT_TRUE(IsWholeSince("nonsense"));
  EXPECT_TRUE(IsWholeSince(Revision() + "0"));
}

TEST_F(FakeKeaHookTest, AChangeIsNoReloadAndDoesNotInterruptHa) {
  clock_.Advance(absl::Minutes(1));
  const size_t reconfigured = kea_.reconfigured();
  EXPECT_TRUE(SetLifetime(2).ok());
  EXPECT_TRUE(kea_.ServesDhcp());
  EXPECT_EQ(kea_.HaState(), "hot-standby");
  EXPECT_EQ(kea_.reconfigured(), reconfigured);
  EXPECT_EQ(json::Find(*Ask("status-get").arguments(), "reload")->GetInt(), 60);
  EXPECT_EQ(kea_.file(), kConfig);
  EXPECT_EQ(kea_.Objects().Find({config::Kind::kGlobal, "valid-lifetime"})->json, "2");
}

TEST_F(FakeKeaHookTest, ARefusalDoesNoDamage) {
  clock_.Advance(absl::Minutes(1));
  kea_.SetRules([](std::string_view) { return std::string("no"); });
  const kea::Answer answer = SetLifetime(2);
  EXPECT_EQ(answer.result, 1);
  EXPECT_EQ(answer.text, "no");
  EXPECT_EQ(Reason(answer), "refused");
  EXPECT_EQ(Reason(Ask("nestor-apply", "{}")), "refused");
  EXPECT_TRUE(kea_.ServesDhcp());
  EXPECT_EQ(kea_.running(), kConfig);
  const kea::Answer status = Ask("nestor-status");
  EXPECT_EQ(json::Find(*status.arguments(), "refused")->GetInt(), 2);
  EXPECT_EQ(json::Find(*status.arguments(), "applied")->GetInt(), 0);
}

TEST_F(FakeKeaHookTest, ARefusedRemovalIsNamed) {
  kea_.SetRules([](std::string_view text) {
    return text.find("\"id\":1") == std::string_view::npos ? "one subnet there must be" : "";
  });
  const kea::Answer answer = Ask(
      "nestor-apply", R"({"upserted":[{"kind":"global","key":"valid-lifetime","object":2}],)"
                      R"("removed":[{"kind":"subnet","key":"1"},{"kind":"subnet","key":"7"}]})");
  const json::Value* refused = json::Find(*answer.arguments(), "refused");
  ASSERT_NE(refused, nullptr);
  ASSERT_EQ(refused->Size(), 1u);
  EXPECT_EQ(json::FindString((*refused)[0], "kind"), "subnet");
  EXPECT_EQ(json::FindString((*refused)[0], "key"), "1");
}

TEST_F(FakeKeaHookTest, WhatIsMalformedIsSaidToBe) {
  for (const std::string_view arguments :
       {"", "{}", "[", R"({"objects":7})", R"({"objects":[7]})", R"({"after":"nonsense"})"}) {
    EXPECT_EQ(Reason(Ask("nestor-get", arguments)), "malformed") << arguments;
  }
  for (const std::string_view arguments :
       {"", R"({"removed":7})", R"({"removed":[{"kind":"x","key":"y"}]})",
        R"({"upserted":[{"kind":"subnet","key":"1"}]})",
        R"({"upserted":[{"kind":"subnet","key":"1","object":{}}],)"
        R"("removed":[{"kind":"subnet","key":"1"}]})"}) {
    EXPECT_EQ(Reason(Ask("nestor-apply", arguments)), "malformed") << arguments;
  }
}

}  // namespace
}  // namespace nestor::testing
