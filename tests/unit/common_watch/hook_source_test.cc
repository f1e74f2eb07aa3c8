// A source at a Kea that has the hook library loaded.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/status.h"
#include "common/config/kea_config.h"
#include "common/watch/watcher.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_kea.h"

namespace nestor::watch {
namespace {

using ::testing::Contains;
using testing::FakeClock;
using testing::FakeKea;
using ::testing::Not;

std::string With(std::string_view rest) {
  return fmt::format(
      R"({{"Dhcp4":{{"hooks-libraries":[{{"library":"/h/libdhcp_nestor.so"}}],{}}}}})", rest);
}

config::ObjectId Lifetime() { return {config::Kind::kGlobal, "valid-lifetime"}; }

class HookSourceTest : public ::testing::Test {
 protected:
  HookSourceTest()
      : kea_(DhcpService::kDhcp4, clock_, With(R"("valid-lifetime":1)")),
        source_(MakeChangeSource(DhcpService::kDhcp4, kea_, clock_)) {
    clock_.Advance(absl::Seconds(2));
    EXPECT_EQ(Poll(), "start");
    Read();
    kea_.Forget();
  }

  std::string Poll() { return source_->Poll().origin; }
  std::optional<ChangeSource::Notice> PollTold() { return source_->PollTold(kea_.revision()); }
  std::shared_ptr<const config::ObjectSet> Read() {
    auto running = source_->Read(ChangeSource::By::kLeast, absl::Seconds(1));
    EXPECT_TRUE(running.ok()) << Message(running.status());
    return running.ok() ? running->set : nullptr;
  }
  std::string ReadLifetime() {
    const auto set = Read();
    const config::Object* object = set ? set->Find(Lifetime()) : nullptr;
    return object == nullptr ? "" : object->json;
  }
  // Polls four times a second, as an agent does; what it said first, or nothing.
  std::string PollFor(absl::Duration time) {
    for (const Instant end = clock_.Now() + time; clock_.Now() < end;) {
      clock_.Advance(absl::Milliseconds(250));
      if (std::string origin = Poll(); !origin.empty()) return origin;
    }
    return {};
  }

  FakeClock clock_;
  FakeKea kea_;
  std::unique_ptr<ChangeSource> source_;
};

TEST_F(HookSourceTest, NeverAsksForTheWholeAtOnce) {
  kea_.ChangeInProcess(With(R"("valid-lifetime":2)"));
  EXPECT_EQ(Poll(), "command");
  EXPECT_EQ(ReadLifetime(), "2");
  EXPECT_TRUE(kea_.Set(With(R"("valid-lifetime":3)")));
  EXPECT_EQ(Poll(), "reload");
  EXPECT_EQ(ReadLifetime(), "3");
  EXPECT_EQ(PollFor(absl::Minutes(20)), "");
  EXPECT_THAT(kea_.arrived(), Not(Contains("config-get")));
}

TEST_F(HookSourceTest, KnowsTheParametersOfHaAndAsksForThemOnceAReload) {
  const auto with_ha = [](int delay) {
    return fmt::format(
        R"({{"Dhcp4":{{"hooks-libraries":[{{"library":"/h/libdhcp_nestor.so"}},)"
        R"({{"library":"/h/libdhcp_ha.so","parameters":{{"high-availability":[)"
        R"({{"mode":"hot-standby","heartbeat-delay":{}}}]}}}}],"valid-lifetime":1}}}})",
        delay);
  };
  const auto parameters = [this] {
    const auto running = source_->Read(ChangeSource::By::kLeast, absl::Seconds(1));
    return running.ok() ? running->ha_parameters : "unread";
  };
  EXPECT_EQ(parameters(), "");
  EXPECT_TRUE(kea_.Set(with_ha(1000)));
  EXPECT_EQ(Poll(), "reload");
  EXPECT_EQ(parameters(),
            R"({"high-availability":[{"heartbeat-delay":1000,"mode":"hot-standby"}]})");
  const std::string known = source_->Known()->ha_parameters;
  EXPECT_EQ(known, parameters());
  EXPECT_TRUE(kea_.Set(with_ha(2000)));
  EXPECT_EQ(Poll(), "reload");
  EXPECT_THAT(parameters(), ::testing::HasSubstr("2000"));
  const auto by_text = source_->Read(ChangeSource::By::kConfigGet, absl::Seconds(1));
  ASSERT_TRUE(by_text.ok());
  EXPECT_EQ(by_text->ha_parameters, parameters());
}

TEST_F(HookSourceTest, NoticesAChangeWithinTheSecondOfTheRead) {
  EXPECT_TRUE(kea_.Set(With(R"("valid-lifetime":2)")));
  EXPECT_EQ(Poll(), "reload");
  EXPECT_EQ(ReadLifetime(), "2");
  EXPECT_TRUE(kea_.Set(With(R"("valid-lifetime":3)")));
  EXPECT_EQ(Poll(), "reload");
  EXPECT_EQ(ReadLifetime(), "3");
  EXPECT_EQ(Poll(), "");
}

TEST_F(HookSourceTest, ReadsOnceWhatChangedOnce) {
  kea_.ChangeInProcess(With(R"("valid-lifetime":2,"renew-timer":1)"));
  const size_t before = kea_.Accepted("nestor-get");
  EXPECT_EQ(Poll(), "command");
  EXPECT_EQ(ReadLifetime(), "2");
  EXPECT_EQ(kea_.Accepted("nestor-get"), before + 1);
  EXPECT_EQ(Poll(), "");
}

TEST_F(HookSourceTest, AsksForNothingButWhatChangedWhereItWasTold) {
  EXPECT_EQ(Poll(), "");
  kea_.Forget();
  kea_.ChangeInProcess(With(R"("valid-lifetime":2)"));
  const auto news = PollTold();
  ASSERT_TRUE(news.has_value());
  EXPECT_EQ(news->origin, "command");
  EXPECT_TRUE(news->health.reachable);
  EXPECT_EQ(source_->Known()->set->Find(Lifetime())->json, "2");
  EXPECT_THAT(kea_.arrived(), ::testing::ElementsAre("nestor-get"));
  EXPECT_EQ(Poll(), "");
  const auto none = PollTold();
  ASSERT_TRUE(none.has_value());
  EXPECT_FALSE(none->changed);
}

TEST_F(HookSourceTest, AToldChangeOfOnesOwnHasTheOriginThatWasExpected) {
  EXPECT_EQ(Poll(), "");
  source_->Expect("alice by nestorctl");
  kea_.ChangeInProcess(With(R"("valid-lifetime":2)"));
  EXPECT_EQ(PollTold()->origin, "alice by nestorctl");
  kea_.ChangeInProcess(With(R"("valid-lifetime":3)"));
  EXPECT_EQ(PollTold()->origin, "command");
}

TEST_F(HookSourceTest, WhatMayBeMoreThanIsToldIsLeftToAPoll) {
  EXPECT_EQ(Poll(), "");
  EXPECT_TRUE(kea_.Set(With(R"("valid-lifetime":2)")));
  EXPECT_EQ(PollTold(), std::nullopt) << "another instance of the library";
  EXPECT_EQ(Poll(), "reload");
  EXPECT_EQ(PollTold(), std::nullopt) << "it was not read";
  EXPECT_EQ(ReadLifetime(), "2");
  EXPECT_EQ(Poll(), "");
  EXPECT_TRUE(PollTold().has_value());
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(PollTold(), std::nullopt) << "who knows how Kea is by now";
  EXPECT_EQ(Poll(), "");
  source_->Forget();
  EXPECT_EQ(PollTold(), std::nullopt);
  kea_.Refuse("nestor-get", "out of order");
  EXPECT_EQ(Poll(), "command");
  EXPECT_EQ(PollTold(), std::nullopt);
}

TEST_F(HookSourceTest, WhatWasForgottenIsReadAgain) {
  source_->Forget();
  EXPECT_EQ(Poll(), "start");
  EXPECT_EQ(ReadLifetime(), "1");
  EXPECT_EQ(Poll(), "");
}

TEST_F(HookSourceTest, AChangeOfOnesOwnIsNoNews) {
  kea_.ChangeInProcess(With(R"("valid-lifetime":2)"));
  (void)source_->Poll();
  auto set = std::make_shared<const config::ObjectSet>(kea_.Objects());
  source_->Took(set, source_->hook()->revision);
  kea_.Forget();
  const auto told = PollTold();
  ASSERT_TRUE(told.has_value());
  EXPECT_FALSE(told->changed);
  EXPECT_THAT(kea_.arrived(), ::testing::IsEmpty());
  EXPECT_EQ(Poll(), "");
  EXPECT_EQ(Read(), set);
}

TEST_F(HookSourceTest, TheTextComesWithTheRevisionThatItIsOf) {
  const auto running = source_->Read(ChangeSource::By::kConfigGet, absl::Seconds(1));
  ASSERT_TRUE(running.ok());
  EXPECT_TRUE(running->arguments.root().IsObject());
  EXPECT_EQ(running->revision, source_->hook()->revision);
  EXPECT_EQ(Poll(), "");
}

TEST_F(HookSourceTest, ATextThatChangedMeanwhileIsOfNoRevision) {
  kea_.before_answer = [this](std::string_view command) {
    if (command == "config-get") kea_.ChangeInProcess(With(R"("valid-lifetime":9)"));
  };
  EXPECT_TRUE(source_->Read(ChangeSource::By::kConfigGet, absl::Seconds(1)).ok());
  kea_.before_answer = nullptr;
  EXPECT_NE(Poll(), "");
  EXPECT_EQ(ReadLifetime(), "9");
}

TEST_F(HookSourceTest, ARestartIsOne) {
  clock_.Advance(absl::Seconds(5));
  EXPECT_TRUE(kea_.Restart());
  EXPECT_EQ(PollFor(absl::Seconds(3)), "restart");
}

TEST_F(HookSourceTest, WithoutTheLibraryItGoesOnByConfigGet) {
  EXPECT_TRUE(kea_.Set(R"({"Dhcp4":{"valid-lifetime":4}})"));
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(Poll(), "reload");
  EXPECT_EQ(source_->hook(), nullptr);
  EXPECT_EQ(ReadLifetime(), "4");
  EXPECT_TRUE(kea_.Set(With(R"("valid-lifetime":5)")));
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(PollFor(absl::Seconds(2)), "reload");
  EXPECT_NE(source_->hook(), nullptr);
  EXPECT_EQ(ReadLifetime(), "5");
}

TEST_F(HookSourceTest, ALibraryThatAnswersNonsenseIsDoneWithout) {
  kea_.Refuse("nestor-status", "out of order");
  kea_.ChangeInProcess(With(R"("valid-lifetime":2)"));
  EXPECT_TRUE(source_->Poll().health.reachable);
  EXPECT_EQ(source_->hook(), nullptr);
  source_->Forget();
  EXPECT_EQ(ReadLifetime(), "2");
  kea_.Refuse("nestor-status", "");
  EXPECT_EQ(PollFor(absl::Seconds(29)), "");
  EXPECT_EQ(source_->hook(), nullptr);
  (void)PollFor(absl::Seconds(2));
  EXPECT_NE(source_->hook(), nullptr);
}

TEST_F(HookSourceTest, TheAuditFindsWhatNobodyTold) {
  // What Took() says is believed, until the whole is read again.
  auto other = std::make_shared<config::ObjectSet>(kea_.Objects());
  other->Put(Lifetime(), "77");
  source_->Took(other, source_->hook()->revision);
  EXPECT_EQ(PollFor(absl::Minutes(4)), "");
  EXPECT_EQ(PollFor(absl::Minutes(2)), "audit");
  EXPECT_EQ(ReadLifetime(), "1");
  EXPECT_EQ(PollFor(absl::Minutes(20)), "");
}

}  // namespace
}  // namespace nestor::watch
