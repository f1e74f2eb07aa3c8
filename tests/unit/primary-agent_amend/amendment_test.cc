#include "primary-agent/amend/amendment.h"

#include <absl/strings/str_replace.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/status.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_kea.h"

namespace nestor::primary {
namespace {

using config::Kind;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using Went = Amendment::Went;

constexpr std::string_view kHook = R"("hooks-libraries":[{"library":"/h/libdhcp_nestor.so"}],)";

// As a Kea that gives each subnet a renew-timer.
std::string WithDefaults(std::string config) {
  return absl::StrReplaceAll(config, {{R"("renew-timer":900,"subnet":")", R"("subnet":")"},
                                      {R"("subnet":")", R"("renew-timer":900,"subnet":")"}});
}

std::string Subnet(int id, std::string_view more = "") {
  return fmt::format(R"({{"id":{},{}"subnet":"10.{}.0.0/16"}})", id, more, id);
}

std::string Dhcp4(std::string_view members) {
  return fmt::format(R"({{"Dhcp4":{{{}}}}})", members);
}

// A Kea with the subnets 1 and 2, which was read.
class AmendmentTest : public ::testing::Test {
 protected:
  explicit AmendmentTest(std::string_view hook = kHook)
      : kea_(DhcpService::kDhcp4, clock_, Dhcp4(fmt::format(R"({}"valid-lifetime":1)", hook))) {
    kea_.SetNormalisation(WithDefaults);
    EXPECT_TRUE(kea_.Set(Dhcp4(
        fmt::format(R"({}"subnet4":[{},{}],"valid-lifetime":600)", hook, Subnet(1), Subnet(2)))));
    Read();
    kea_.Forget();
  }

  void Read() {
    (void)source_->Poll();
    EXPECT_TRUE(source_->Read(watch::ChangeSource::By::kLeast, absl::Seconds(1)).ok());
  }
  absl::StatusOr<Went> Amend(std::string text, bool dry_run = false, bool merge = false) {
    amendment_.emplace(
        DhcpService::kDhcp4, "kea-a", kea_, *source_, clock_,
        AmendmentOrder{std::move(text), merge, dry_run, "nestorctl apply by me", [this] {
                         ++asked_;
                         return hinders_;
                       }});
    auto went = amendment_->Step();
    while (went.ok() && *went == Went::kOn) went = amendment_->Step();
    return went;
  }
  void ExpectDone(const absl::StatusOr<Went>& went) {
    ASSERT_TRUE(went.ok()) << Message(went.status());
    EXPECT_EQ(*went, Went::kDone);
  }
  std::vector<std::string> AmendedKeys() const {
    std::vector<std::string> keys;
    for (const Amended& one : amendment_->amended()) keys.push_back(one.id.key);
    return keys;
  }

  testing::FakeClock clock_;
  testing::FakeKea kea_;
  std::unique_ptr<watch::ChangeSource> source_ =
      watch::MakeChangeSource(DhcpService::kDhcp4, kea_, clock_);
  std::optional<Amendment> amendment_;
  absl::Status hinders_;  // what stands in the way of a change
  int asked_ = 0;         // whether anything does
};

TEST_F(AmendmentTest, WhatKeaWouldMakeOfTheFileIsWhatItRuns) {
  ExpectDone(
      Amend(Dhcp4(fmt::format(R"("subnet4":[{},{}],"valid-lifetime":600)", Subnet(1), Subnet(2)))));
  EXPECT_THAT(amendment_->amended(), IsEmpty());
  EXPECT_THAT(kea_.arrived(), Not(Contains("config-get")));
}

TEST_F(AmendmentTest, MakesOneChangeOfAllThatDiffers) {
  const size_t reconfigured = kea_.reconfigured();
  ExpectDone(
      Amend(Dhcp4(fmt::format(R"("subnet4":[{},{}],"valid-lifetime":700)", Subnet(1), Subnet(3)))));
  EXPECT_THAT(AmendedKeys(), ElementsAre("valid-lifetime", "3", "2"));
  EXPECT_EQ(amendment_->amended()[1].before, "");
  EXPECT_THAT(amendment_->amended()[1].after, HasSubstr("renew-timer"));
  EXPECT_EQ(amendment_->amended()[2].after, "");
  EXPECT_NE(kea_.Objects().Find({Kind::kSubnet, "3"}), nullptr);
  EXPECT_EQ(kea_.Objects().Find({Kind::kSubnet, "2"}), nullptr);
  EXPECT_EQ(kea_.reconfigured(), reconfigured);
}

TEST_F(AmendmentTest, WhatIsWantedMayBeMadeFromWhatRuns) {
  AmendmentOrder order;
  order.merge = true;
  order.origin = "history entry e7 by me";
  order.before_change = [] { return absl::OkStatus(); };
  order.wanted = [](const config::ObjectSet& running) -> absl::StatusOr<config::ObjectSet> {
    config::ObjectSet wanted = running;
    wanted.Put({Kind::kSubnet, "3"}, Subnet(3));
    wanted.Remove({Kind::kSubnet, "2"});
    return wanted;
  };
  const auto amend = [&] {
    amendment_.emplace(DhcpService::kDhcp4, "kea-a", kea_, *source_, clock_, order);
    auto went = amendment_->Step();
    while (went.ok() && *went == Went::kOn) went = amendment_->Step();
    return went;
  };
  ExpectDone(amend());
  EXPECT_THAT(AmendedKeys(), ElementsAre("3", "2"));
  EXPECT_NE(kea_.Objects().Find({Kind::kSubnet, "3"}), nullptr);
  const std::string before = kea_.running();
  order.wanted = [](const config::ObjectSet&) { return absl::AbortedError("a conflict"); };
  EXPECT_EQ(amend().status(), absl::AbortedError("a conflict"));
  EXPECT_FALSE(amendment_->gave());
  EXPECT_EQ(kea_.running(), before);
}

TEST_F(AmendmentTest, ADryRunSaysTheSameAndChangesNothing) {
  const std::string before = kea_.running();
  ExpectDone(Amend(Dhcp4(fmt::format(R"("subnet4":[{}])", Subnet(1))), /*dry_run=*/true));
  EXPECT_THAT(AmendedKeys(), ElementsAre("valid-lifetime", "2"));
  EXPECT_EQ(kea_.running(), before);
}

TEST_F(AmendmentTest, KeaIsGivenNothingWhereSomethingStandsInTheWay) {
  const std::string before = kea_.running();
  hinders_ = absl::ResourceExhaustedError("the disk is full");
  const auto went = Amend(Dhcp4(fmt::format(R"("subnet4":[{}])", Subnet(1))));
  EXPECT_EQ(went.status(), hinders_);
  EXPECT_FALSE(amendment_->gave());
  EXPECT_EQ(kea_.running(), before);
  hinders_ = absl::OkStatus();
  ExpectDone(Amend(Dhcp4(fmt::format(R"("subnet4":[{}])", Subnet(1)))));
  EXPECT_TRUE(amendment_->gave());
}

TEST_F(AmendmentTest, WhereNothingChangesNobodyIsAsked) {
  ExpectDone(
      Amend(Dhcp4(fmt::format(R"("subnet4":[{},{}],"valid-lifetime":600)", Subnet(1), Subnet(2)))));
  ExpectDone(Amend(Dhcp4(fmt::format(R"("subnet4":[{}])", Subnet(1))), /*dry_run=*/true));
  EXPECT_EQ(asked_, 0);
  EXPECT_FALSE(amendment_->gave());
}

TEST_F(AmendmentTest, AFragmentRemovesNothing) {
  ExpectDone(Amend(Dhcp4(fmt::format(R"("subnet4":[{}])", Subnet(3))), false, /*merge=*/true));
  EXPECT_THAT(AmendedKeys(), ElementsAre("3"));
  EXPECT_EQ(kea_.Objects().Count(Kind::kSubnet), 3u);
}

TEST_F(AmendmentTest, ARefusalNamesTheObjectAndKeasWords) {
  const std::string before = kea_.running();
  kea_.SetRules([](std::string_view text) {
    return text.find("10.3.0.0") == std::string_view::npos ? "" : "10.3.0.0 is not ours";
  });
  const auto went = Amend(Dhcp4(fmt::format(R"("subnet4":[{},{},{}],"valid-lifetime":600)",
                                            Subnet(1), Subnet(2), Subnet(3))));
  EXPECT_TRUE(absl::IsFailedPrecondition(went.status()));
  EXPECT_THAT(std::string(Message(went.status())),
              AllOf(HasSubstr("subnet 10.3.0.0/16 (id 3)"), HasSubstr("is not ours"),
                    HasSubstr("Nothing was changed")));
  EXPECT_EQ(kea_.running(), before);
}

TEST_F(AmendmentTest, WhatIsRefusedAloneIsHeldAgainstTheWhole) {
  // Subnet 1 may only be without a pool beside subnet 3.
  kea_.SetRules([](std::string_view text) {
    const bool pool = text.find("pools") != std::string_view::npos;
    const bool third = text.find("10.3.0.0") != std::string_view::npos;
    return pool && !third ? "a pool needs subnet 3" : "";
  });
  ExpectDone(Amend(Dhcp4(fmt::format(R"("subnet4":[{},{},{}],"valid-lifetime":600)",
                                     Subnet(1, R"("pools":[{"pool":"10.1.0.1 - 10.1.0.9"}],)"),
                                     Subnet(2), Subnet(3)))));
  EXPECT_THAT(AmendedKeys(), ElementsAre("1", "3"));
}

TEST_F(AmendmentTest, WhatOnlyAReloadChangesIsNamed) {
  const auto went = Amend(Dhcp4(fmt::format(
      R"("subnet4":[{},{}],"valid-lifetime":600,"dhcp4o6-port":786)", Subnet(1), Subnet(2))));
  EXPECT_TRUE(absl::IsFailedPrecondition(went.status()));
  EXPECT_THAT(std::string(Message(went.status())),
              AllOf(HasSubstr("only a reload"), HasSubstr("dhcp4o6-port")));
}

TEST_F(AmendmentTest, AChangeMeanwhileIsReadFirst) {
  kea_.ChangeInProcess(kea_.running());  // the same is no change
  const std::string other = Dhcp4(
      fmt::format(R"({}"subnet4":[{},{}],"valid-lifetime":601)", kHook, Subnet(1), Subnet(2)));
  kea_.ChangeInProcess(other);
  const std::string wanted =
      Dhcp4(fmt::format(R"("subnet4":[{},{}],"valid-lifetime":700)", Subnet(1), Subnet(2)));
  const auto went = Amend(wanted);
  ASSERT_TRUE(went.ok()) << Message(went.status());
  EXPECT_EQ(*went, Went::kReadAgain);
  Read();
  ExpectDone(Amend(wanted));
  EXPECT_THAT(AmendedKeys(), ElementsAre("valid-lifetime"));
}

TEST_F(AmendmentTest, TheChangeIsToldWithItsOrigin) {
  ExpectDone(Amend(Dhcp4(fmt::format(R"("subnet4":[{}])", Subnet(3))), false, /*merge=*/true));
  EXPECT_EQ(source_->Poll().origin, "nestorctl apply by me");
  Read();
  kea_.ChangeInProcess(Dhcp4(std::string(kHook) + R"("valid-lifetime":5)"));
  EXPECT_EQ(source_->Poll().origin, "command");
}

TEST_F(AmendmentTest, AnOriginIsNotKeptForAnothersChange) {
  kea_.SetRules([](std::string_view text) {
    return text.find("10.3.0.0") == std::string_view::npos ? "" : "no";
  });
  EXPECT_FALSE(Amend(Dhcp4(fmt::format(R"("subnet4":[{}])", Subnet(3))), false, true).ok());
  kea_.ChangeInProcess(Dhcp4(std::string(kHook) + R"("valid-lifetime":5)"));
  EXPECT_EQ(source_->Poll().origin, "command");
}

TEST_F(AmendmentTest, OwnPartsAreNamed) {
  ExpectDone(Amend(Dhcp4(fmt::format(
      R"("interfaces-config":{{"interfaces":["x"]}},"compatibility":{{}},"subnet4":[{},{}],"valid-lifetime":600)",
      Subnet(1), Subnet(2)))));
  EXPECT_THAT(amendment_->left_alone(), ElementsAre("interfaces-config", "compatibility"));
  EXPECT_THAT(amendment_->amended(), IsEmpty());
}

TEST_F(AmendmentTest, ASilentKeaMayHaveMadeIt) {
  kea_.Fail(testing::FakeKea::Fault::kLate, 1, "nestor-apply");
  const auto went = Amend(Dhcp4(fmt::format(R"("subnet4":[{}])", Subnet(3))), false, true);
  EXPECT_TRUE(absl::IsDeadlineExceeded(went.status()));
}

class AmendmentWithoutHookTest : public AmendmentTest {
 protected:
  AmendmentWithoutHookTest() : AmendmentTest("") {}
};

TEST_F(AmendmentWithoutHookTest, SaysThatAReloadIsNeeded) {
  const auto went = Amend(Dhcp4(R"("valid-lifetime":700)"));
  EXPECT_TRUE(absl::IsFailedPrecondition(went.status()));
  EXPECT_THAT(std::string(Message(went.status())),
              AllOf(HasSubstr("libdhcp_nestor.so"), HasSubstr("reload")));
  EXPECT_THAT(kea_.arrived(), IsEmpty());
}

}  // namespace
}  // namespace nestor::primary
