#include "primary-agent/publish/file_debt.h"

#include "primary-agent/publish/service_watch.h"
#include "tests/support/fake_kea.h"
#include "tests/support/step_executor.h"
#include "tests/unit/primary-agent_publish/publish_fixture.h"

namespace nestor::primary {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string Config(int lifetime) {
  return fmt::format(
      R"({{"Dhcp4":{{"hooks-libraries":[{{"library":"/h/libdhcp_nestor.so"}}],"valid-lifetime":{}}}}})",
      lifetime);
}

// A Kea whose file holds the lifetime 1, and which an operator had this agent make run 2.
class FileDebtTest : public PublishTest {
 protected:
  void SetUp() override {
    PublishTest::SetUp();
    Start();
    ASSERT_TRUE(debt_->Begin(1).ok());
    kea_.ChangeInProcess(Config(2));
    Look();
    ASSERT_EQ(Head(), 2u);
  }

  // The agent's start.
  void Start() {
    Reopen();
    shared_ = std::make_shared<Recorder>(DhcpService::kDhcp4, "kea-a", *journal, clock, random);
    source_ = watch::MakeChangeSource(DhcpService::kDhcp4, kea_, clock);
    debt_ =
        std::make_shared<FileDebt>(DhcpService::kDhcp4, "kea-a", kea_, *source_, clock, shared_);
    auto opened = shared_->Open("east");
    ASSERT_TRUE(opened.ok()) << opened.status();
    if (opened->unwritten) debt_->Found();
    watch_ = std::make_shared<ServiceWatch>(
        DhcpService::kDhcp4, *source_, nullptr, worker_, loop_, clock, shared_, debt_,
        [this](ServiceWatch::Look look) { look_ = std::move(look); });
    Look();
  }
  // One turn of the watch, and what it was told; read or not.
  void Look() {
    clock.Advance(absl::Seconds(31));
    look_ = {};
    watch_->Tick();
    Work();
  }
  void Work() {
    while (worker_.Run() || loop_.Run()) {
    }
  }
  bool Settle(uint64_t order) {
    std::optional<bool> settled;
    watch_->Settle(order, [&](bool done) { settled = done; });
    Work();
    EXPECT_TRUE(settled.has_value());
    return settled.value_or(false);
  }
  uint64_t Head() {
    const auto start = journal->Read("east", 1, 1 << 20);
    EXPECT_TRUE(start.ok());
    return start.ok() ? start->size() : 0;
  }
  std::string Lifetime() const {
    const auto set = kea_.Objects();
    const config::Object* object = set.Find({config::Kind::kGlobal, "valid-lifetime"});
    return object == nullptr ? "" : object->json;
  }

  testing::FakeKea kea_{DhcpService::kDhcp4, clock, Config(1)};
  testing::StepExecutor worker_, loop_;
  std::unique_ptr<watch::ChangeSource> source_;
  std::shared_ptr<Recorder> shared_;
  std::shared_ptr<FileDebt> debt_;
  std::shared_ptr<ServiceWatch> watch_;
  ServiceWatch::Look look_;
};

TEST_F(FileDebtTest, AKeaThatStartsFromTheOlderFileIsBroughtForward) {
  ASSERT_TRUE(kea_.Restart());
  ASSERT_EQ(Lifetime(), "1");
  Look();
  EXPECT_THAT(look_.behind, HasSubstr("older"));
  EXPECT_THAT(look_.recorded, IsEmpty());
  EXPECT_EQ(Lifetime(), "2");
  Look();
  EXPECT_THAT(look_.behind, IsEmpty());
  EXPECT_EQ(Head(), 2u);
}

TEST_F(FileDebtTest, AlsoWhereTheAgentWasAwayToo) {
  ASSERT_TRUE(kea_.Restart());
  Start();
  EXPECT_EQ(Lifetime(), "2");
  Look();
  EXPECT_EQ(Head(), 2u);
}

TEST_F(FileDebtTest, OnceItIsSettledARestartIsAChange) {
  EXPECT_TRUE(Settle(1));
  ASSERT_TRUE(kea_.Restart());
  Look();
  EXPECT_THAT(look_.behind, IsEmpty());
  EXPECT_THAT(look_.recorded, SizeIs(1));
  EXPECT_EQ(Lifetime(), "1");
}

TEST_F(FileDebtTest, ALaterOrderIsStillOwed) {
  ASSERT_TRUE(debt_->Begin(2).ok());
  EXPECT_TRUE(Settle(1));
  ASSERT_TRUE(kea_.Restart());
  Start();
  EXPECT_EQ(Lifetime(), "2");
}

TEST_F(FileDebtTest, WhatWasNotDoneIsNotOwed) {
  EXPECT_TRUE(Settle(1));
  ASSERT_TRUE(debt_->Begin(2).ok());
  debt_->Drop(2);
  ASSERT_TRUE(kea_.Restart());
  Start();
  EXPECT_EQ(Lifetime(), "1");
  EXPECT_EQ(Head(), 3u);
}

TEST_F(FileDebtTest, NothingIsSettledWhileKeaIsBehind) {
  ASSERT_TRUE(kea_.Restart());
  kea_.Fail(testing::FakeKea::Fault::kUnavailable, 2, "nestor-apply");
  // It was written meanwhile, but after Kea had read it.
  EXPECT_FALSE(Settle(1));
  Start();
  EXPECT_EQ(Lifetime(), "1");
  Look();
  EXPECT_EQ(Lifetime(), "2");
}

TEST_F(FileDebtTest, AReloadIsAnOperatorsWord) {
  ASSERT_TRUE(kea_.Reload());
  Look();
  EXPECT_THAT(look_.behind, IsEmpty());
  EXPECT_EQ(Lifetime(), "1");
  EXPECT_EQ(Head(), 3u);
}

TEST_F(FileDebtTest, AFileThatSomebodyEditedIsAnOperatorsWord) {
  kea_.EditFile(Config(3));
  ASSERT_TRUE(kea_.Restart());
  Look();
  EXPECT_THAT(look_.behind, IsEmpty());
  EXPECT_EQ(Lifetime(), "3");
  EXPECT_EQ(Head(), 3u);
}

TEST_F(FileDebtTest, WhatKeaRefusesAtLastIsLetGo) {
  kea_.SetRules([](std::string_view text) {
    return text.find("\"valid-lifetime\":2") == std::string_view::npos ? std::string() : "no two";
  });
  ASSERT_TRUE(kea_.Restart());
  Look();
  EXPECT_THAT(look_.behind, IsEmpty());
  EXPECT_THAT(look_.recorded, SizeIs(1));
  EXPECT_EQ(Lifetime(), "1");
}

TEST_F(FileDebtTest, WithoutTheLibraryItIsWaitedForAWhile) {
  kea_.EditFile(R"({"Dhcp4":{"valid-lifetime":1}})");
  ASSERT_TRUE(kea_.Restart());
  Look();
  EXPECT_THAT(look_.behind, HasSubstr("libdhcp_nestor.so is not loaded"));
  EXPECT_EQ(Head(), 2u);
  for (int i = 0; i < 5; ++i) Look();
  EXPECT_THAT(look_.behind, IsEmpty());
  EXPECT_EQ(Head(), 3u);
  EXPECT_EQ(Lifetime(), "1");
}

}  // namespace
}  // namespace nestor::primary
