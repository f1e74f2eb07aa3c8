#include "tests/unit/common_participant/participant_fixture.h"

namespace nestor::participant {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

TEST_F(ParticipantTest, TellsWhatItsServerIs) {
  v1::SiteRequest request;
  request.mutable_inspect();
  const v1::SiteFacts facts = Do(request).facts();
  EXPECT_EQ(facts.server(), "kea-b");
  EXPECT_EQ(facts.kea_version(), "2.2.0");
  EXPECT_EQ(facts.kea_error(), "");
  EXPECT_FALSE(facts.has_ha());
  EXPECT_FALSE(facts.multi_threading());
  EXPECT_EQ(facts.hooks_directory(), "/hooks");
  EXPECT_EQ(facts.file(), "/etc/kea/kea.conf");
  EXPECT_EQ(facts.unsplit_pools_size(), 1);
  EXPECT_EQ(facts.not_mirrorable(), "");
  ASSERT_EQ(Set().code(), 0);
  const v1::SiteFacts with_ha = Do(request).facts();
  EXPECT_EQ(with_ha.ha().mode(), "hot-standby");
  EXPECT_EQ(with_ha.ha_server(), "kea-b");
  EXPECT_THAT(with_ha.ha_parameters(), HasSubstr(R"("this-server-name":"kea-b")"));
  EXPECT_TRUE(with_ha.multi_threading());
  EXPECT_THAT(with_ha.unfinished(), HasSubstr("east"));
}

TEST_F(ParticipantTest, ATestShowsWhatWouldBeAndChangesNothing) {
  v1::SiteRequest request;
  *request.mutable_test()->mutable_draft()->mutable_set_ha() = Settings();
  const v1::SiteReply reply = Do(request);
  EXPECT_EQ(reply.code(), 0) << reply.text();
  EXPECT_THAT(reply.tested().ha(), HasSubstr("hot-standby"));
  EXPECT_THAT(reply.tested().multi_threading(), HasSubstr("true"));
  EXPECT_EQ(Running(), Canonical(kBefore));
  EXPECT_EQ(kea_.reconfigured(), 1u);
}

// After a test that one opens the listener for its partner no more.
TEST_F(ParticipantTest, AKea30IsToldInItsWordsAndNeverTested) {
  ASSERT_TRUE(kea_.Set(R"({"Dhcp4":{"control-sockets":[],"subnet4":[)"
                       R"({"client-classes":["a"],"id":7,"subnet":"10.7.0.0/16"}]}})"));
  const config::Sha256 before = kea_.Objects().Digest();
  v1::SiteRequest test;
  *test.mutable_test()->mutable_draft()->mutable_set_ha() = Settings();
  EXPECT_EQ(Do(test).code(), 0);
  ASSERT_EQ(Set().code(), 0);
  EXPECT_TRUE(HasHa());
  EXPECT_THAT(kea_.running(), HasSubstr(R"("client-classes":["a"])"));
  ASSERT_EQ(Undo().code(), 0);
  EXPECT_FALSE(HasHa());
  EXPECT_EQ(kea_.Objects().Digest(), before);
  EXPECT_THAT(kea_.arrived(), Not(Contains("config-test")));
}

TEST_F(ParticipantTest, SetsWritesAndForgets) {
  ASSERT_EQ(Set().code(), 0);
  EXPECT_TRUE(HasHa());
  EXPECT_FALSE(FileHasHa());
  ASSERT_EQ(Write().code(), 0);
  EXPECT_TRUE(FileHasHa());
  ASSERT_EQ(Forget().code(), 0);
  EXPECT_EQ(participant_->Unfinished(), "");
  EXPECT_EQ(Undo().code(), 0);  // nothing is left to be undone
  EXPECT_TRUE(HasHa());
}

TEST_F(ParticipantTest, TakesOverWhatTheOtherServersHaHasBesides) {
  ASSERT_EQ(Set().code(), 0);
  ASSERT_EQ(Forget().code(), 0);
  v1::SiteRequest request = Setting();
  request.mutable_set()->mutable_draft()->set_like_ha(
      R"({"high-availability":[{"mode":"hot-standby","peers":[],"sync-page-limit":500,)"
      R"("this-server-name":"kea-a"}]})");
  ASSERT_EQ(Do(request).code(), 0);
  EXPECT_THAT(Running(), HasSubstr(R"("sync-page-limit":500)"));
  EXPECT_THAT(Running(), HasSubstr(R"("this-server-name":"kea-b")"));
}

TEST_F(ParticipantTest, UndoesInKeaAndInItsFile) {
  ASSERT_EQ(Set().code(), 0);
  ASSERT_EQ(Write().code(), 0);
  ASSERT_EQ(Undo().code(), 0);
  EXPECT_EQ(Running(), Canonical(kBefore));
  EXPECT_EQ(kea_.file(), kBefore);
  EXPECT_EQ(participant_->Unfinished(), "");
}

TEST_F(ParticipantTest, UndoesWhatAnEarlierStartOfItDid) {
  ASSERT_EQ(Set().code(), 0);
  ASSERT_EQ(Write().code(), 0);
  Restart();
  EXPECT_THAT(participant_->Unfinished(), HasSubstr("east"));
  ASSERT_EQ(Undo().code(), 0);
  EXPECT_EQ(Running(), Canonical(kBefore));
  EXPECT_EQ(kea_.file(), kBefore);
}

TEST_F(ParticipantTest, PutsTheFileBackWhoeverWroteIt) {
  ASSERT_EQ(Set().code(), 0);
  kea_.EditFile(kea_.running());  // as the mirror may
  ASSERT_EQ(Undo().code(), 0);
  EXPECT_EQ(kea_.file(), kBefore);
}

TEST_F(ParticipantTest, TakesTheObjectsThatItWasSentAndGivesThemBack) {
  config::ObjectSet objects;
  objects.Put({config::Kind::kGlobal, "valid-lifetime"}, "900");
  objects.Put({config::Kind::kSubnet, "1"}, R"({"id":1,"subnet":"10.1.0.0/16"})");
  Send(objects);
  v1::SiteRequest request = Setting();
  request.mutable_set()->mutable_draft()->set_take_objects(true);
  const v1::SiteReply reply = Do(request);
  ASSERT_EQ(reply.code(), 0) << reply.text();
  EXPECT_EQ(kea_.Objects().Digest(), objects.Digest());
  ASSERT_EQ(Undo().code(), 0);
  EXPECT_EQ(Running(), Canonical(kBefore));
}

TEST_F(ParticipantTest, WithoutTheObjectsNothingIsSet) {
  v1::SiteRequest request = Setting();
  request.mutable_set()->mutable_draft()->set_take_objects(true);
  EXPECT_EQ(Do(request).code(), static_cast<int>(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(Running(), Canonical(kBefore));
}

TEST_F(ParticipantTest, UndoingKeepsWhatSomebodyElseChangedMeanwhile) {
  ASSERT_EQ(Set().code(), 0);
  std::string changed = kea_.running();
  changed.replace(changed.find(":600"), 4, ":777");
  kea_.ChangeInProcess(changed);
  ASSERT_EQ(Undo().code(), 0);
  EXPECT_FALSE(HasHa());
  EXPECT_THAT(kea_.running(), HasSubstr("777"));
}

TEST_F(ParticipantTest, WhatKeaWouldRefuseIsNotSent) {
  kea_.SetRules([](std::string_view text) {
    return text.find("libdhcp_ha.so") == text.npos ? "" : "no such library";
  });
  const v1::SiteReply reply = Set();
  EXPECT_EQ(reply.code(), static_cast<int>(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(reply.text(), HasSubstr("no such library"));
  EXPECT_EQ(kea_.Accepted("config-set"), 0u);
  EXPECT_EQ(participant_->Unfinished(), "");
}

TEST_F(ParticipantTest, WithoutItsLibrariesKeaIsNotGivenHa) {
  files_.visible = false;
  const v1::SiteReply reply = Set();
  EXPECT_EQ(reply.code(), static_cast<int>(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(reply.text(),
              HasSubstr("/hooks/libdhcp_ha.so, /hooks/libdhcp_lease_cmds.so is not there"));
  EXPECT_EQ(kea_.Accepted("config-test"), 0u);
  EXPECT_EQ(participant_->Unfinished(), "");
}

TEST_F(ParticipantTest, WhatKeaRefusesNeverthelessIsPutBackAtOnce) {
  kea_.SetRules({}, [](std::string_view text) {
    return text.find("libdhcp_ha.so") == text.npos ? "" : "bad URL";
  });
  const v1::SiteReply reply = Set();
  EXPECT_EQ(reply.code(), static_cast<int>(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(reply.text(), HasSubstr("The one of before was put back"));
  EXPECT_TRUE(kea_.ServesDhcp());
  EXPECT_EQ(participant_->Unfinished(), "");
}

TEST_F(ParticipantTest, AnAnswerThatIsLostIsFoundOutByWhatKeaHas) {
  kea_.Fail(testing::FakeKea::Fault::kCutOff, 1, "config-set");
  EXPECT_EQ(Set().code(), 0);
  EXPECT_TRUE(HasHa());
}

TEST_F(ParticipantTest, AKeaThatDiedBeforeItAnsweredIsUndone) {
  kea_.Fail(testing::FakeKea::Fault::kHang, 1, "config-set");
  const v1::SiteReply reply = Set();
  EXPECT_NE(reply.code(), 0);
  EXPECT_THAT(participant_->Unfinished(), HasSubstr("east"));
  EXPECT_EQ(Undo().code(), 0);
  EXPECT_EQ(Running(), Canonical(kBefore));
}

TEST_F(ParticipantTest, WhatAKeaRunsThatWasStartedAgainMeanwhileIsNotWritten) {
  ASSERT_EQ(Set().code(), 0);
  ASSERT_TRUE(kea_.Restart());  // from its file
  const v1::SiteReply reply = Write();
  EXPECT_EQ(reply.code(), static_cast<int>(absl::StatusCode::kAborted));
  EXPECT_THAT(reply.text(), HasSubstr("started again"));
  EXPECT_EQ(Undo().code(), 0);
  EXPECT_EQ(Running(), Canonical(kBefore));
  EXPECT_EQ(kea_.file(), kBefore);
}

TEST_F(ParticipantTest, UndoingGoesOnUntilKeaSaysThatItTookTheConfigurationOfBefore) {
  kea_.SetRules({}, [](std::string_view text) {
    return text.find("libdhcp_ha.so") == text.npos ? "" : "bad URL";
  });
  // It refuses, goes deaf, and cannot be reached when it is given back what it had.
  kea_.before_answer = [this, seen = false](std::string_view command) mutable {
    if (command == "config-set" && !std::exchange(seen, true)) {
      kea_.Fail(testing::FakeKea::Fault::kUnavailable, 2, "config-set");
    }
  };
  EXPECT_EQ(Set().code(), static_cast<int>(absl::StatusCode::kInternal));
  EXPECT_FALSE(kea_.ServesDhcp());
  EXPECT_EQ(Undo().code(), static_cast<int>(absl::StatusCode::kUnavailable));
  EXPECT_EQ(Undo().code(), 0);
  EXPECT_TRUE(kea_.ServesDhcp());
}

TEST_F(ParticipantTest, OneChangeAtATime) {
  ASSERT_EQ(Set(kT1).code(), 0);
  const v1::SiteReply other = Set(kT2);
  EXPECT_EQ(other.code(), static_cast<int>(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(other.text(), HasSubstr("not ended"));
  EXPECT_EQ(Undo(kT2).code(), 0);
  EXPECT_TRUE(HasHa()) << "another's change was undone";
  EXPECT_EQ(Forget(kT2).code(), 0);
  EXPECT_THAT(participant_->Unfinished(), HasSubstr("east"));
}

TEST_F(ParticipantTest, ADiskThatIsFullStandsInTheWayOfWriting) {
  ASSERT_EQ(Set().code(), 0);
  kea_.Refuse("config-write", "No space left on device");  // it has no hook library
  const std::string text = Write().text();
  EXPECT_THAT(text, HasSubstr("the configuration file of Kea on kea-b could not be written"));
  EXPECT_THAT(text, HasSubstr("No space left"));
  EXPECT_THAT(text, Not(HasSubstr("tried again")));
  ASSERT_EQ(Undo().code(), 0);
  EXPECT_EQ(kea_.file(), kBefore);
}

// Each time that Kea is given a configuration its HA begins anew, and meanwhile it serves nobody.
TEST_F(ParticipantTest, WhileTheDiskIsFullKeaIsPutBackOnlyOnce) {
  ASSERT_EQ(Set().code(), 0);
  disk_.FillUp(0);
  for (int tries = 0; tries < 3; ++tries) EXPECT_NE(Undo().code(), 0);
  EXPECT_EQ(Running(), Canonical(kBefore));
  EXPECT_EQ(kea_.Accepted("config-set"), 2u);
  disk_.Empty();
  EXPECT_EQ(Undo().code(), 0);
  EXPECT_EQ(kea_.Accepted("config-set"), 2u);
  EXPECT_EQ(participant_->Unfinished(), "");
}

TEST_F(ParticipantTest, AKeaThatHasItAgainIsPutBackOnceMore) {
  ASSERT_EQ(Set().code(), 0);
  const std::string changed = kea_.running();
  disk_.FillUp(0);
  EXPECT_NE(Undo().code(), 0);
  kea_.ChangeInProcess(changed);
  disk_.Empty();
  EXPECT_EQ(Undo().code(), 0);
  EXPECT_EQ(Running(), Canonical(kBefore));
  EXPECT_EQ(kea_.Accepted("config-set"), 3u);
}

TEST_F(ParticipantTest, ListensUntilTheConfigurationIsTested) {
  v1::SiteRequest request;
  request.mutable_listen()->set_url("http://192.0.2.2:8000/");
  request.mutable_listen()->set_token(kT1);
  ASSERT_EQ(Do(request).code(), 0);
  v1::SiteRequest probe;
  probe.mutable_probe()->set_url("http://192.0.2.2:8000/");
  probe.mutable_probe()->set_token(kT1);
  EXPECT_EQ(Do(probe).code(), 0);
  v1::SiteRequest test;
  *test.mutable_test()->mutable_draft()->mutable_set_ha() = Settings();
  ASSERT_EQ(Do(test).code(), 0);
  EXPECT_NE(Do(probe).code(), 0);
  request.mutable_listen()->set_url("http://198.51.100.9:8000/");
  EXPECT_THAT(Do(request).text(), HasSubstr("not an address of this host"));
}

TEST_F(ParticipantTest, WhatIsNotWellFormedIsRefused) {
  EXPECT_EQ(Do({}).code(), static_cast<int>(absl::StatusCode::kInvalidArgument));
  v1::SiteRequest request;
  request.mutable_piece()->set_count(0);
  EXPECT_EQ(Do(request).code(), static_cast<int>(absl::StatusCode::kInvalidArgument));
  request.mutable_piece()->set_count(1);
  request.mutable_piece()->set_data("garbage");
  request.mutable_piece()->set_unpacked_bytes(100);
  EXPECT_EQ(Do(request).code(), static_cast<int>(absl::StatusCode::kInvalidArgument));
  request.mutable_probe()->set_url("nowhere");
  EXPECT_EQ(Do(request).code(), static_cast<int>(absl::StatusCode::kInvalidArgument));
  v1::SiteRequest set = Setting();
  set.mutable_set()->mutable_draft()->mutable_set_ha()->set_mode("passive-backup");
  EXPECT_EQ(Do(set).code(), static_cast<int>(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(Running(), Canonical(kBefore));
}

}  // namespace
}  // namespace nestor::participant
