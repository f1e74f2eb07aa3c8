#include "primary-agent/relationship/preflight.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/primary-agent_relationship/order_fixture.h"

namespace nestor::primary {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class PreflightTest : public ::testing::Test {
 protected:
  PreflightTest() {
    wish_.spec.mutable_ha()->set_primary_url("http://192.0.2.1:8000/");
    wish_.spec.mutable_ha()->set_secondary_url("http://192.0.2.2:8000/");
  }

  // "what, server: text" of the checks with that verdict.
  std::vector<std::string> With(v1::Check::Verdict verdict) const {
    std::vector<std::string> found;
    for (const v1::Check& check : Preflight(wish_, primary_, secondary_)) {
      if (check.verdict() != verdict) continue;
      found.push_back(check.what() + ", " + check.server() + ": " + check.text());
    }
    return found;
  }
  std::vector<std::string> Failed() const { return With(v1::Check::FAILED); }
  std::vector<std::string> Warned() const { return With(v1::Check::WARNED); }

  Wish wish_ = CreateOrder().wish;
  SiteKnown primary_{StandaloneFacts("kea-a", absl::UnixEpoch()), {}, {}};
  SiteKnown secondary_{StandaloneFacts("kea-b", absl::UnixEpoch()), {}, {}};
};

TEST_F(PreflightTest, TwoHealthyServersPassEverything) {
  EXPECT_THAT(Failed(), IsEmpty());
  EXPECT_THAT(Warned(), IsEmpty());
}

TEST_F(PreflightTest, AnAgentThatDoesNotAnswer) {
  secondary_.no_answer = "no agent of kea-b is connected";
  EXPECT_THAT(Failed(), ElementsAre(AllOf(HasSubstr("agent, kea-b"), HasSubstr("is connected"))));
}

TEST_F(PreflightTest, AKeaThatDoesNotAnswer) {
  primary_.facts.set_kea_error("Connection refused");
  EXPECT_THAT(Failed(), ElementsAre(AllOf(HasSubstr("Kea, kea-a"), HasSubstr("refused"))));
}

TEST_F(PreflightTest, AnotherChangeThatIsNotEndedIsAllThatIsSaid) {
  secondary_.facts.set_unfinished("west");
  *secondary_.facts.mutable_ha() = HaOf("hot-standby");  // of what is being undone
  EXPECT_THAT(Failed(), ElementsAre(HasSubstr("a change of west")));
}

TEST_F(PreflightTest, VersionsThatAreTooOld) {
  secondary_.facts.set_kea_version("2.0.3");
  EXPECT_THAT(Failed(), ElementsAre(HasSubstr("2.2 or newer")));
}

TEST_F(PreflightTest, WhatANewerOneBesideKea22DoesIsSaid) {
  secondary_.facts.set_kea_version("2.6.3");
  EXPECT_THAT(Warned(), ElementsAre(HasSubstr("answers no client for a minute")));
  primary_.facts.set_kea_version("3.0.3");
  EXPECT_THAT(Warned(), ElementsAre(Not(HasSubstr("for a minute"))));
}

TEST_F(PreflightTest, DifferentVersionsAreWarnedOf) {
  secondary_.facts.set_kea_version("3.0.3");
  EXPECT_THAT(Failed(), IsEmpty());
  EXPECT_THAT(Warned(), ElementsAre(HasSubstr("2.2.0 and 3.0.3")));
}

TEST_F(PreflightTest, ClocksAreWarnedOfAtTenSecondsAndRefusedAtThirty) {
  secondary_.clock_ahead = absl::Seconds(-12);
  EXPECT_THAT(Warned(), ElementsAre(HasSubstr("12.0 s apart")));
  secondary_.clock_ahead = absl::Seconds(31);
  EXPECT_THAT(Failed(), ElementsAre(HasSubstr("31.0 s apart")));
}

TEST_F(PreflightTest, HookLibrariesThatAreMissing) {
  primary_.facts.add_missing_libraries("/hooks/libdhcp_lease_cmds.so");
  EXPECT_THAT(Failed(), ElementsAre(AllOf(HasSubstr("HA libraries, kea-a"),
                                          HasSubstr("libdhcp_lease_cmds.so"))));
}

TEST_F(PreflightTest, AddressesThatAreMissingWrongOrTheSame) {
  wish_.spec.mutable_ha()->clear_secondary_url();
  EXPECT_THAT(Failed(), ElementsAre(AllOf(HasSubstr("HA address, kea-b"), HasSubstr("ha-url"))));
  wish_.spec.mutable_ha()->set_secondary_url("http://kea-b.example.org:8000/");
  EXPECT_THAT(Failed(), ElementsAre(HasSubstr("not an address")));
  wish_.spec.mutable_ha()->set_secondary_url("http://192.0.2.1:8000/");
  EXPECT_THAT(Failed(), ElementsAre(HasSubstr("both servers would have")));
}

TEST_F(PreflightTest, HaThatIsThereAlready) {
  *secondary_.facts.mutable_ha() = HaOf("load-balancing");
  secondary_.facts.mutable_ha()->set_primary("kea-b");
  secondary_.facts.mutable_ha()->set_secondary("kea-c");
  secondary_.facts.set_ha_server("kea-b");
  EXPECT_THAT(Failed(),
              ElementsAre(AllOf(HasSubstr("no HA yet, kea-b: it is in HA with kea-c already"),
                                HasSubstr("of its primary kea-b"), HasSubstr("adopt"))));
  secondary_.facts.set_ha_server("kea-c");
  EXPECT_THAT(Failed(), ElementsAre(HasSubstr("it is in HA with kea-b already")));
}

TEST_F(PreflightTest, HaOfARelationshipIsNamedByThat) {
  *primary_.facts.mutable_ha() = HaOf("load-balancing");
  primary_.facts.add_primary_of("west");
  EXPECT_THAT(Failed(), ElementsAre(AllOf(HasSubstr("relationships, kea-a"),
                                          HasSubstr("nestorctl relationship remove west"))));
}

TEST_F(PreflightTest, AKeaThatIsNotTestedIsSaidToBeNone) {
  const auto check = [](std::string_view version) {
    return TestCheck("kea-b", version, absl::OkStatus(), v1::Tested(), false);
  };
  EXPECT_EQ(check("2.6.3").verdict(), v1::Check::PASSED);
  EXPECT_THAT(check("2.6.3").text(), HasSubstr("it takes the configuration"));
  EXPECT_EQ(check("3.0.3").verdict(), v1::Check::WARNED);
  EXPECT_THAT(check("3.0.3").text(), HasSubstr("is not asked"));
}

TEST_F(PreflightTest, HaThatNestorDoesNotMake) {
  *secondary_.facts.mutable_ha() = HaOf("hot-standby");
  secondary_.facts.set_ha_unlike("it has 2 relationships");
  EXPECT_THAT(Failed(),
              ElementsAre(AllOf(HasSubstr("no HA yet, kea-b"), HasSubstr("it has 2 relationships"),
                                HasSubstr("take the HA hook out"))));
}

TEST_F(PreflightTest, OtherRelationshipsOfTheService) {
  primary_.facts.add_primary_of("west");
  secondary_.facts.add_primary_of("north");
  EXPECT_THAT(Failed(),
              ElementsAre(HasSubstr("the primary of west"), HasSubstr("the primary of north")));
  primary_.facts.clear_primary_of();
  primary_.facts.add_secondary_of("west");
  EXPECT_THAT(Failed(),
              ElementsAre(HasSubstr("the secondary of west"), HasSubstr("the primary of north")));
}

TEST_F(PreflightTest, AConfigBackend) {
  secondary_.facts.set_config_backend("a Config Backend (mysql) is in use");
  EXPECT_THAT(Failed(), ElementsAre(HasSubstr("Config Backend, kea-b")));
}

TEST_F(PreflightTest, SubnetsWithoutIds) {
  primary_.facts.set_not_mirrorable("subnet 192.0.2.0/24 has no id");
  EXPECT_THAT(Failed(), ElementsAre(AllOf(HasSubstr("configuration, kea-a"), HasSubstr("no id"))));
}

TEST_F(PreflightTest, OneLeaseDatabaseForBoth) {
  primary_.facts.set_lease_database("mysql kea at 192.0.2.9");
  secondary_.facts.set_lease_database("mysql kea at 192.0.2.9");
  EXPECT_THAT(Failed(), ElementsAre(HasSubstr("each needs its own")));
  secondary_.facts.set_lease_database("memfile, not kept");
  EXPECT_THAT(Failed(), IsEmpty());
  EXPECT_THAT(Warned(), ElementsAre(HasSubstr("not kept on disk")));
}

TEST_F(PreflightTest, FilesThatNobodyOrOnlyKeaCanWrite) {
  primary_.facts.set_file_trouble("/etc/kea/kea-dhcp4.conf: Read-only file system");
  secondary_.facts.set_file_notice("/etc/kea/kea-dhcp4.conf: Permission denied");
  EXPECT_THAT(Failed(), ElementsAre(HasSubstr("configuration file, kea-a")));
  EXPECT_THAT(Warned(), ElementsAre(HasSubstr("configuration file, kea-b")));
}

TEST_F(PreflightTest, MultiThreadingThatWillBeTurnedOn) {
  primary_.facts.set_multi_threading(false);
  EXPECT_THAT(Warned(), ElementsAre(HasSubstr("will be turned on")));
}

TEST_F(PreflightTest, TheSameServerIdOnBoth) {
  secondary_.facts.set_server_id(primary_.facts.server_id());
  EXPECT_THAT(Failed(), IsEmpty());  // DHCPv4 has none
  wish_.service = DhcpService::kDhcp6;
  EXPECT_THAT(Failed(), ElementsAre(HasSubstr("have the same")));
  secondary_.facts.clear_server_id();
  EXPECT_THAT(Failed(), IsEmpty());
  EXPECT_THAT(Warned(), ElementsAre(HasSubstr("on kea-b may not read it")));
}

TEST_F(PreflightTest, PoolsThatBothWouldServe) {
  primary_.facts.add_unsplit_pools("10.0.0.10 - 10.0.0.99 in subnet 10.0.0.0/24 (id 1)");
  EXPECT_THAT(Warned(), IsEmpty());  // the standby serves none
  wish_.spec.mutable_ha()->set_mode("load-balancing");
  EXPECT_THAT(Warned(), ElementsAre(HasSubstr("--split-pools")));
  wish_.splits = true;
  EXPECT_THAT(Warned(), IsEmpty());
}

TEST_F(PreflightTest, AnEditNeedsHaThatNestorCanEdit) {
  wish_.kind = v1::TransactionRecord::EDIT;
  EXPECT_THAT(Failed(), ElementsAre(HasSubstr("its HA, kea-a"), HasSubstr("its HA, kea-b")));
  *primary_.facts.mutable_ha() = HaOf("hot-standby");
  *secondary_.facts.mutable_ha() = HaOf("hot-standby");
  secondary_.facts.set_ha_unlike("it has a backup server");
  EXPECT_THAT(Failed(), ElementsAre(HasSubstr("backup server")));
}

TEST_F(PreflightTest, ARemovalWithoutTheSecondaryWarnsOfWhatStaysThere) {
  wish_ = RemoveAloneOrder().wish;
  secondary_.no_answer = "no agent of kea-b is connected";
  EXPECT_THAT(Failed(), IsEmpty());
  EXPECT_THAT(Warned(), ElementsAre(AllOf(HasSubstr("secondary, kea-b"),
                                          HasSubstr("its Kea keeps the HA hook"))));
  primary_.facts.set_unfinished("west");
  EXPECT_THAT(Failed(), ElementsAre(HasSubstr("a change of west")));
  wish_.secondary_answers = true;
  EXPECT_THAT(Failed(), ElementsAre(HasSubstr("without --without-secondary")));
}

TEST_F(PreflightTest, ARemovalOnlyNeedsBothToAnswerAndToWrite) {
  wish_.kind = v1::TransactionRecord::REMOVE;
  primary_.facts.add_missing_libraries("/hooks/libdhcp_ha.so");
  EXPECT_THAT(Failed(), IsEmpty());
  secondary_.facts.set_file_trouble("full");
  EXPECT_THAT(Failed(), ElementsAre(HasSubstr("configuration file")));
}

}  // namespace
}  // namespace nestor::primary
