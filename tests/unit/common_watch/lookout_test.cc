#include "common/watch/lookout.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"
#include "tests/support/fake_kea.h"
#include "tests/support/step_executor.h"

namespace nestor::watch {
namespace {

using testing::FakeClock;
using testing::FakeKea;

class FakeHint final : public Hint {
 public:
  void Follow(int64_t pid) override { followed = pid; }
  Sign Seen() override { return std::exchange(sign, Sign::kNone); }
  std::string Told() override { return revision; }

  Sign sign = Sign::kNone;
  std::string revision;
  int64_t followed = 0;
};

class LookoutTest : public ::testing::Test {
 protected:
  LookoutTest()
      : kea_(DhcpService::kDhcp4, clock_, R"({"Dhcp4":{"valid-lifetime":1}})"),
        source_(MakeChangeSource(DhcpService::kDhcp4, kea_, clock_)),
        lookout_(std::make_shared<Lookout>(
            DhcpService::kDhcp4, *source_, &hint_, worker_, loop_, clock_,
            [this](const Look&) { return use_status_; },
            [this](const Look& look) { OnLook(look); })) {
    Pass(absl::Seconds(3));  // the first read, and the one after the second of Kea's start
    looks_ = reads_ = 0;
  }

  void OnLook(const Look& look) {
    ++looks_;
    if (look.read) ++reads_;
  }
  // The loop turns each 10 ms; the workers are faster than that, but for their sleep.
  void Pass(absl::Duration time) {
    const Instant end = clock_.Now() + time;
    while (clock_.Now() < end) {
      lookout_->Tick();
      while (worker_.RunOne() || loop_.RunOne()) {
      }
      clock_.Advance(absl::Milliseconds(10));
    }
  }

  FakeClock clock_;
  FakeKea kea_;
  FakeHint hint_;
  testing::StepExecutor worker_, loop_;
  std::unique_ptr<ChangeSource> source_;
  absl::Status use_status_;
  int looks_ = 0, reads_ = 0;
  std::shared_ptr<Lookout> lookout_;
};

TEST_F(LookoutTest, LooksFourTimesASecond) {
  Pass(absl::Seconds(10));
  EXPECT_GE(looks_, 36);
  EXPECT_LE(looks_, 41);
  EXPECT_EQ(reads_, 0);
}

TEST_F(LookoutTest, LooksOftenForAWhileAfterAHint) {
  hint_.sign = Hint::Sign::kExpected;
  Pass(absl::Seconds(1));
  EXPECT_GE(looks_, 30);
  EXPECT_LE(looks_, 51);
  Pass(absl::Seconds(3));
  looks_ = 0;
  Pass(absl::Seconds(10));
  EXPECT_LE(looks_, 41) << "nothing came of it";
}

TEST_F(LookoutTest, IsCalmAgainWhenTheChangeWasRead) {
  hint_.sign = Hint::Sign::kExpected;
  Pass(absl::Milliseconds(100));
  kea_.Set(R"({"Dhcp4":{"valid-lifetime":2}})");
  Pass(absl::Milliseconds(100));
  EXPECT_EQ(reads_, 1);
  looks_ = 0;
  Pass(absl::Seconds(2));
  EXPECT_LE(looks_, 9);
}

TEST_F(LookoutTest, LooksAtOnceAndOnceWhereAChangeIsToldOf) {
  kea_.Set(R"({"Dhcp4":{"valid-lifetime":2}})");
  hint_.sign = Hint::Sign::kHappened;
  const Instant told = clock_.Now();
  lookout_->Tick();
  while (worker_.RunOne() || loop_.RunOne()) {
  }
  EXPECT_EQ(clock_.Now(), told);
  EXPECT_EQ(reads_, 1);
  looks_ = 0;
  hint_.sign = Hint::Sign::kHappened;  // of what was read already
  Pass(absl::Seconds(2));
  EXPECT_LE(looks_, 10);
}

TEST_F(LookoutTest, LooksAgainWhereAChangeIsToldOfDuringALook) {
  hint_.sign = Hint::Sign::kHappened;
  lookout_->Tick();
  EXPECT_TRUE(worker_.RunOne());
  kea_.Set(R"({"Dhcp4":{"valid-lifetime":2}})");
  hint_.sign = Hint::Sign::kHappened;
  const Instant told = clock_.Now();
  lookout_->Tick();
  EXPECT_TRUE(loop_.RunOne());
  lookout_->Tick();
  EXPECT_TRUE(worker_.RunOne() && loop_.RunOne());
  EXPECT_EQ(clock_.Now(), told);
  EXPECT_EQ(reads_, 1);
}

TEST_F(LookoutTest, AsksForNothingButWhatTheLibraryToldOf) {
  const auto with_library = [](int lifetime) {
    return fmt::format(R"({{"Dhcp4":{{"hooks-libraries":[{{"library":"/h/libdhcp_nestor.so"}}],)"
                       R"("valid-lifetime":{}}}}})",
                       lifetime);
  };
  kea_.Set(with_library(1));
  Pass(absl::Seconds(3));
  kea_.Forget();
  reads_ = 0;
  kea_.ChangeInProcess(with_library(2));
  hint_.sign = Hint::Sign::kHappened;
  hint_.revision = kea_.revision();
  lookout_->Tick();
  while (worker_.RunOne() || loop_.RunOne()) {
  }
  EXPECT_EQ(reads_, 1);
  EXPECT_THAT(kea_.arrived(), ::testing::ElementsAre("nestor-get"));
}

// A read blocks Kea for as long as it takes.
TEST_F(LookoutTest, ALargeConfigurationThatCannotBeUsedIsNotReadAgainSoon) {
  use_status_ = absl::ResourceExhaustedError("the disk is full");
  kea_.before_answer = [this](std::string_view command) {
    if (command == "config-get") clock_.Advance(absl::Milliseconds(400));
  };
  kea_.Set(R"({"Dhcp4":{"valid-lifetime":2}})");
  Pass(absl::Seconds(19));
  EXPECT_EQ(reads_, 1);
  Pass(absl::Seconds(5));
  EXPECT_EQ(reads_, 2);
}

TEST_F(LookoutTest, TellsTheHintWhichProcessKeaIs) {
  const int64_t first = hint_.followed;
  EXPECT_NE(first, 0);
  kea_.Restart();
  Pass(absl::Seconds(1));
  EXPECT_NE(hint_.followed, first);
}

}  // namespace
}  // namespace nestor::watch
