// A secondary that returns after its relationship was removed without it.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/protocol/envelope.h"
#include "tests/unit/secondary-agent_app/app_fixture.h"

namespace nestor::secondary {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr char kPartner[] =
    R"({"Dhcp4":{"hooks-libraries":[{"library":"/h/libdhcp_ha.so","parameters":{"high-availability":[)"
    R"({"mode":"hot-standby","this-server-name":"kea-b"}]}}],"lease-database":{"type":"memfile"},)"
    R"("subnet4":[{"id":1,"pools":[{"pool":"10.0.0.1-10.0.0.9"}],"subnet":"10.0.0.0/8"}]}})";

class EndedAloneTest : public AppTest {
 protected:
  EndedAloneTest() : AppTest(kPartner) {
    spec_.set_name("east");
    spec_.set_service(v1::DHCP4);
    spec_.set_primary("kea-a");
    spec_.set_secondary("kea-b");
    EXPECT_TRUE(store_->SaveRelationship(spec_).ok());
    EXPECT_TRUE(app_.Start().ok());
    Pass(absl::Seconds(1));
  }

  // The answer to a Hello of this agent's.
  void Welcome(bool without) {
    v1::Envelope envelope;
    envelope.set_sender("kea-a");
    envelope.mutable_welcome()->set_complete(true);
    envelope.mutable_welcome()->add_ended("east");
    if (without) envelope.mutable_welcome()->add_ended_without("east");
    bus_.primary(protocol::Seal(envelope));
    Pass(absl::Seconds(3));
  }
  v1::StatusReport Status() const {
    v1::OperatorRequest request;
    request.set_magic(protocol::kOperatorMagic);
    request.mutable_status();
    bus_.operators({"operator", "root", bus::Rights::All(), true}, request.SerializeAsString());
    return bus_.reply.status();
  }

  v1::RelationshipSpec spec_;
};

TEST_F(EndedAloneTest, TakesHaOutAndDisablesItsSubnetsInKeaAndItsFile) {
  Welcome(true);
  for (const std::string& config : {kea_.running(), kea_.file()}) {
    EXPECT_THAT(config, Not(HasSubstr("libdhcp_ha.so")));
    EXPECT_THAT(config, HasSubstr(R"("client-class":"nestor-disabled")"));
  }
  EXPECT_THAT(Status().relationships(), IsEmpty());
  EXPECT_THAT(*store_->Relationships(), IsEmpty());
  EXPECT_FALSE(store_->undo().Load(DhcpService::kDhcp4)->has_value());
}

TEST_F(EndedAloneTest, LeavesHaAloneWhereItHadItsPart) {
  Welcome(false);
  EXPECT_THAT(kea_.running(), HasSubstr("libdhcp_ha.so"));
  EXPECT_THAT(*store_->Relationships(), IsEmpty());
}

TEST_F(EndedAloneTest, TriesAgainUntilKeaTakesItAndSaysSoMeanwhile) {
  kea_.Refuse("config-test", "not now");
  Welcome(true);
  EXPECT_THAT(kea_.running(), HasSubstr("libdhcp_ha.so"));
  const v1::StatusReport status = Status();
  ASSERT_EQ(status.relationships_size(), 1);
  EXPECT_EQ(status.relationships(0).state(), "IMPAIRED");
  EXPECT_THAT(status.relationships(0).reasons(), Contains(HasSubstr("not now")));
  EXPECT_THAT(*store_->Relationships(), SizeIs(1));
  kea_.Refuse("config-test", "");
  Welcome(true);
  EXPECT_THAT(kea_.running(), Not(HasSubstr("libdhcp_ha.so")));
  EXPECT_THAT(*store_->Relationships(), IsEmpty());
}

TEST_F(EndedAloneTest, GoesOnFromWhereAnEarlierStartDied) {
  v1::UndoRecord record;
  record.set_transaction("ended-east");
  record.set_relationship("east");
  record.set_ends(true);
  ASSERT_TRUE(store_->undo().Save(DhcpService::kDhcp4, record).ok());
  Welcome(true);
  EXPECT_THAT(kea_.running(), Not(HasSubstr("libdhcp_ha.so")));
  EXPECT_THAT(*store_->Relationships(), IsEmpty());
}

}  // namespace
}  // namespace nestor::secondary
