// What a primary agent says of its relationships, and how it ends one whose secondary is gone.
#include "tests/unit/primary-agent_app/relationships_fixture.h"

namespace nestor::primary {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST_F(RelationshipsTest, EachTransitionOfTheStateIsAnEvent) {
  Begin();
  Pass(absl::Seconds(3));
  Transitions();
  Ack();
  Pass(absl::Milliseconds(500));
  EXPECT_THAT(Transitions(), ElementsAre("IMPAIRED to OK"));
  EXPECT_EQ(Status().state(), "OK") << Status().ShortDebugString();
  Ack(1000, "REJECTED");
  Pass(absl::Milliseconds(500));
  EXPECT_THAT(Transitions(), ElementsAre("OK to IMPAIRED"));
  Ack();
  Pass(absl::Milliseconds(500));
  EXPECT_THAT(Transitions(), ElementsAre("IMPAIRED to OK"));
  kea_.Crash();
  Pass(absl::Milliseconds(750));
  EXPECT_THAT(Transitions(), ElementsAre("OK to IMPAIRED"));
  Ack(1000, "FOLLOW", false);
  Pass(absl::Milliseconds(500));
  EXPECT_THAT(Transitions(), ElementsAre("IMPAIRED to DOWN"));
  EXPECT_EQ(Status().state(), "DOWN");
  Pass(absl::Seconds(4));  // now its agent is silent too
  EXPECT_EQ(Status().state(), "DOWN");
  EXPECT_THAT(Transitions(), IsEmpty());
}

TEST_F(RelationshipsTest, AKeaWithoutTheHookLibraryIsMetered) {
  Begin();
  EXPECT_THAT(metrics_.Text(), HasSubstr("nestor_hook_loaded{service=\"dhcp4\"} 0\n"));
}

TEST_F(RelationshipsTest, HaThatWasChangedOnOneServerIsAReason) {
  Begin();
  Ack(2000);
  EXPECT_EQ(Status().state(), "IMPAIRED");
  EXPECT_THAT(Status().reasons(),
              ElementsAre(HasSubstr("heartbeat-delay is 1000 on kea-a and 2000 on kea-b")));
  EXPECT_TRUE(kea_.Set(Config(kHalf, 2000)));
  Pass(absl::Seconds(5));
  Ack(2000);
  EXPECT_EQ(Status().state(), "OK") << Status().ShortDebugString();
}

TEST_F(RelationshipsTest, ParametersOfHaAreInNoEvent) {
  Begin();
  Ack();
  Pass(absl::Seconds(1));
  int acks = 0;
  for (const v1::Envelope& event : bus_.events) {
    acks += event.has_ack_event() ? 1 : 0;
    EXPECT_FALSE(event.ack_event().ack().status().has_ha_parameters());
  }
  EXPECT_GT(acks, 0);
}

TEST_F(RelationshipsTest, TheSecondaryHearsOfThePrimarysSide) {
  Begin();
  bus_.to_secondary.clear();
  Hello();
  ASSERT_FALSE(bus_.to_secondary.empty());
  const v1::Welcome& welcome = bus_.to_secondary.back().welcome();
  ASSERT_EQ(welcome.relationships_size(), 1);
  ASSERT_EQ(welcome.sides_size(), 1);
  EXPECT_EQ(welcome.sides(0).ha_state(), "load-balancing");
  EXPECT_EQ(welcome.sides(0).ha_parameters(), Ha("kea-a", 1000));
}

TEST_F(RelationshipsTest, PoolsThatComeLaterAndAreNotSplitAreWarnedOf) {
  Begin();
  Ack();
  EXPECT_THAT(Status().warnings(), IsEmpty());
  EXPECT_TRUE(kea_.Set(Config(fmt::format("{},{}", kHalf, kBoth))));
  Pass(absl::Seconds(5));
  Ack();
  EXPECT_EQ(Status().state(), "OK") << Status().ShortDebugString();
  EXPECT_THAT(Status().warnings(), ElementsAre(HasSubstr("10.1.0.1 - 10.1.0.9 in subnet")));
  EXPECT_TRUE(kea_.Set(Config(kHalf)));
  Pass(absl::Seconds(5));
  Ack();
  EXPECT_THAT(Status().warnings(), IsEmpty());
}

TEST_F(RelationshipsTest, TheListHasStatesAndSinceWhen) {
  Begin();
  Ack();
  Pass(absl::Seconds(1));
  const absl::Time now = clock_.Wall();
  ASSERT_EQ(List().relationships_size(), 1);
  const v1::RelationshipView view = List().relationships(0);
  EXPECT_EQ(view.state(), "NORMAL");
  EXPECT_EQ(view.mode(), "load-balancing");
  EXPECT_EQ(view.primary_ha_state(), "load-balancing");
  EXPECT_EQ(view.secondary_ha_state(), "load-balancing");
  EXPECT_GE(view.state_since().seconds(), absl::ToUnixSeconds(now) - 3);
  EXPECT_LE(view.state_since().seconds(), absl::ToUnixSeconds(now));
}

TEST_F(RelationshipsTest, TheListDoesNotWaitForAKeaThatHangs) {
  Begin(false);
  // The worker is busy with it, and does nothing else.
  v1::OperatorRequest request;
  request.set_magic(protocol::kOperatorMagic);
  request.mutable_list();
  bus_.handler({"operator", "root", bus::Rights::All(), true}, request.SerializeAsString());
  ASSERT_THAT(bus_.replies, SizeIs(1));
  ASSERT_EQ(bus_.replies[0].relationships().relationships_size(), 1);
  const v1::RelationshipView& view = bus_.replies[0].relationships().relationships(0);
  EXPECT_EQ(view.state(), "DETECTED");
  EXPECT_EQ(view.secondary(), "kea-b");
  EXPECT_EQ(view.primary_ha_state(), "load-balancing");
}

TEST_F(RelationshipsTest, IsRemovedWithoutItsSecondaryWhichHearsItWhenItReturns) {
  Begin();
  Hello();
  EXPECT_EQ(RemoveAlone().transaction().state(), "REFUSED") << "it is there";
  Pass(absl::Seconds(40));
  const v1::OperatorReply reply = RemoveAlone();
  EXPECT_EQ(reply.exit_code(), 0) << reply.ShortDebugString();
  EXPECT_EQ(reply.transaction().state(), "DONE");
  EXPECT_EQ(reply.transaction().without(), "kea-b");
  EXPECT_EQ(config::HaMode(DhcpService::kDhcp4, json::ParseKea(kea_.running())->root()), "");
  EXPECT_EQ(kea_.file(), kea_.running());
  EXPECT_THAT(List().relationships(), IsEmpty());
  // Also after another start of the agent.
  app_.reset();
  Run();
  Begin(false);
  bus_.to_secondary.clear();
  Hello();
  Run();
  EXPECT_THAT(Ended(true), ::testing::Contains("east"));
  EXPECT_THAT(Ended(false), ::testing::Contains("east"));
  // It has ended there too, and that is the end of it.
  Hello("");
  Run();
  bus_.to_secondary.clear();
  Hello();
  Run();
  EXPECT_THAT(Ended(true), IsEmpty());
  EXPECT_THAT(*journal_->Transactions(), IsEmpty());
}

TEST_F(RelationshipsTest, AChangeThatWaitsForALostSecondaryAloneIsLeft) {
  Begin();
  v1::TransactionRecord record;
  record.set_transaction("11111111111111111111111111111111");
  record.set_kind(v1::TransactionRecord::EDIT);
  record.set_stage(v1::TransactionRecord::BEGUN);
  v1::RelationshipSpec spec;
  spec.set_name("east");
  spec.set_service(v1::DHCP4);
  spec.set_primary("kea-a");
  spec.set_secondary("kea-b");
  record.set_spec(spec.SerializeAsString());
  record.set_spec_before(spec.SerializeAsString());
  ASSERT_TRUE(journal_->SaveTransaction(record).ok());
  app_.reset();
  Run();
  Begin(false);  // it is being undone
  Pass(absl::Seconds(20));
  EXPECT_THAT(Status().reasons(), ::testing::Contains(HasSubstr("it is being edited")));
  const v1::OperatorReply reply = RemoveAlone();
  EXPECT_EQ(reply.transaction().state(), "DONE") << reply.ShortDebugString();
  EXPECT_THAT(*journal_->Transactions(), SizeIs(2));
  // It returns, and is to undo what it did.
  bus_.to_secondary.clear();
  Hello();
  Run();
  std::vector<v1::SiteRequest> asked;
  for (const v1::Envelope& envelope : bus_.to_secondary) {
    if (envelope.has_site_request()) asked.push_back(envelope.site_request());
  }
  ASSERT_THAT(asked, SizeIs(1));
  EXPECT_TRUE(asked[0].has_undo());
  EXPECT_EQ(asked[0].transaction(), record.transaction());
  v1::Envelope done;
  done.set_sender("kea-b");
  done.set_relationship("east");
  done.mutable_site_reply()->set_transaction(asked[0].transaction());
  done.mutable_site_reply()->set_number(asked[0].number());
  done.mutable_site_reply()->set_start(asked[0].start());
  bus_.handler(peer_, protocol::Seal(done));
  Run();
  EXPECT_THAT(*journal_->Transactions(), SizeIs(1));
}

}  // namespace
}  // namespace nestor::primary
