#include "primary-agent/amend/file_keeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/fake_clock.h"
#include "tests/support/fake_kea_files.h"
#include "tests/support/step_executor.h"

namespace nestor::primary {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class FileKeeperTest : public ::testing::Test {
 protected:
  // Kea was made to run `lifetime`, and that is to be kept.
  void Keep(int lifetime) {
    kea_.ChangeInProcess(Config(lifetime));
    keeper_->Owe(++orders_);
    See();
  }
  // A look at what Kea runs.
  void See() {
    auto set = std::make_shared<config::ObjectSet>(kea_.Objects());
    (void)set->Digest();
    keeper_->OnRunning(std::move(set));
    Work();
  }
  void Pass(absl::Duration time) {
    clock_.Advance(time);
    keeper_->Tick();
    Work();
  }
  void Work() {
    while (worker_.Run() || disk_.Run() || loop_.Run()) {
    }
  }
  static std::string Config(int lifetime) {
    return fmt::format(
        R"({{"Dhcp4":{{"hooks-libraries":[{{"library":"/h/libdhcp_nestor.so"}}],"valid-lifetime":{}}}}})",
        lifetime);
  }
  bool FileHas(int lifetime) const {
    return kea_.file().find(fmt::format("\"valid-lifetime\": {}\n", lifetime)) != std::string::npos;
  }

  testing::FakeClock clock_;
  testing::FakeKea kea_{DhcpService::kDhcp4, clock_, Config(1)};
  testing::FakeKeaFiles files_{kea_};
  testing::StepExecutor worker_, disk_, loop_;
  std::string notice_ = "not told";
  uint64_t orders_ = 0, settled_ = 0;
  bool settles_ = true;  // whether Kea is seen to run what was written
  std::shared_ptr<FileKeeper> keeper_ = std::make_shared<FileKeeper>(
      std::make_shared<keafile::ConfigWriter>(DhcpService::kDhcp4, "kea-a", kea_, files_, worker_,
                                              disk_, clock_),
      worker_, loop_, clock_, [this](const std::string& notice) { notice_ = notice; },
      [this](uint64_t order, const std::function<void(bool)>& done) {
        if (settles_) settled_ = order;
        done(settles_);
      });
};

TEST_F(FileKeeperTest, TheFirstIsWrittenAtOnceAndOfABurstTheNewest) {
  Keep(2);
  EXPECT_TRUE(FileHas(2));
  EXPECT_THAT(notice_, IsEmpty());
  Keep(3);
  Keep(4);
  EXPECT_EQ(files_.written, 1);
  Pass(absl::Seconds(2));
  EXPECT_EQ(files_.written, 2);
  EXPECT_TRUE(FileHas(4));
  Pass(absl::Minutes(1));
  EXPECT_EQ(files_.written, 2);
}

TEST_F(FileKeeperTest, WhatIsWrittenAndRunsIsSettled) {
  Keep(2);
  EXPECT_EQ(settled_, 1u);
  Keep(3);
  Keep(4);
  EXPECT_EQ(settled_, 1u);
  Pass(absl::Seconds(2));
  EXPECT_EQ(settled_, 3u);
}

TEST_F(FileKeeperTest, WhatIsNotSettledIsWrittenAgain) {
  settles_ = false;
  Keep(2);
  EXPECT_EQ(files_.written, 1);
  Pass(absl::Seconds(2));
  EXPECT_EQ(files_.written, 2);
  settles_ = true;
  Pass(absl::Seconds(2));
  EXPECT_EQ(files_.written, 3);
  EXPECT_EQ(settled_, 1u);
}

TEST_F(FileKeeperTest, NothingIsWrittenThatNobodyIsOwed) {
  See();
  Pass(absl::Seconds(2));
  EXPECT_EQ(files_.written, 0);
}

TEST_F(FileKeeperTest, WhatElseComesWhileItIsOwedIsWrittenToo) {
  files_.fails = absl::UnavailableError("no");
  Keep(2);
  files_.fails = absl::OkStatus();
  kea_.ChangeInProcess(Config(7));
  See();
  Pass(absl::Seconds(2));
  EXPECT_TRUE(FileHas(7));
  EXPECT_EQ(settled_, 1u);
}

TEST_F(FileKeeperTest, WhatFailsIsTriedAgainAndTold) {
  files_.fails = absl::UnavailableError("/etc/kea/kea.conf: No space left on device");
  Keep(2);
  EXPECT_THAT(notice_, HasSubstr("No space left"));
  EXPECT_FALSE(FileHas(2));
  files_.fails = absl::OkStatus();
  Pass(absl::Seconds(2));
  EXPECT_TRUE(FileHas(2));
  EXPECT_THAT(notice_, IsEmpty());
}

TEST_F(FileKeeperTest, NothingOlderIsWrittenWhereANewerCameWhileItFailed) {
  files_.fails = absl::UnavailableError("no");
  Keep(2);
  files_.fails = absl::OkStatus();
  Keep(3);
  Pass(absl::Seconds(2));
  EXPECT_EQ(files_.written, 1);
  EXPECT_TRUE(FileHas(3));
}

TEST_F(FileKeeperTest, WhoEndsWritesWhatWaits) {
  Keep(2);
  Keep(3);
  keeper_->Stop();
  Work();
  EXPECT_TRUE(FileHas(3));
}

}  // namespace
}  // namespace nestor::primary
