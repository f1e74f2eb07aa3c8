#include "common/config/proto.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/common_config/captured.h"

namespace nestor::config {
namespace {

using ::testing::HasSubstr;

v1::Change Change(std::initializer_list<std::array<const char*, 3>> upserted) {
  v1::Change change;
  for (const auto& [kind, key, json] : upserted) {
    v1::Object& object = *change.add_upserted();
    object.set_kind(kind);
    object.set_key(key);
    object.set_object(json);
  }
  return change;
}

std::string Wrong(const v1::Change& change) {
  const auto set = FromProto(change);
  EXPECT_EQ(set.status().code() == absl::StatusCode::kInvalidArgument, !set.ok());
  return set.ok() ? std::string() : std::string(Message(set.status()));
}

TEST(ProtoTest, AChangeGoesThereAndBack) {
  ChangeSet change;
  change.upserted = {{{Kind::kGlobal, "a"}, "1"}, {{Kind::kSubnet, "7"}, R"({"id":7})"}};
  change.removed = {{Kind::kReservation, "7/duid/01"}};
  v1::Change message;
  ToProto(change, message);
  EXPECT_EQ(message.upserted(1).kind(), "subnet");
  const auto back = FromProto(message);
  ASSERT_TRUE(back.ok()) << Message(back.status());
  ASSERT_EQ(back->upserted.size(), 2u);
  EXPECT_EQ(back->upserted[1].id, change.upserted[1].id);
  EXPECT_EQ(back->upserted[1].json, change.upserted[1].json);
  EXPECT_EQ(back->removed, change.removed);
}

TEST(ProtoTest, AChangeIsSortedWhateverItsOrder) {
  const auto change =
      FromProto(Change({{"subnet", "7", "{}"}, {"global", "b", "1"}, {"global", "a", "1"}}));
  ASSERT_TRUE(change.ok());
  EXPECT_EQ(change->upserted[0].id.key, "a");
  EXPECT_EQ(change->upserted[2].id.key, "7");
}

TEST(ProtoTest, RefusesWhatIsNoObject) {
  EXPECT_THAT(Wrong(Change({{"subnets", "7", "{}"}})),
              HasSubstr("unknown kind of object: subnets"));
  EXPECT_THAT(Wrong(Change({{"subnet", "", "{}"}})), HasSubstr("a subnet without key"));
  EXPECT_THAT(Wrong(Change({{"subnet", "7", "{}"}, {"subnet", "7", "{}"}})),
              HasSubstr("subnet 7 stands in the change twice"));
  v1::Change both = Change({{"subnet", "7", "{}"}});
  both.add_removed()->set_kind("subnet");
  both.mutable_removed(0)->set_key("7");
  EXPECT_THAT(Wrong(both), HasSubstr("twice"));
}

TEST(ProtoTest, RefusesTextThatIsNotCanonical) {
  for (const char* json : {"", "{", "{} ", R"({"b":1,"a":2})", "1.0", "{\"a\":1}}", "nul",
                           R"({"a":1,"a":1})", "\"\\u0061\""}) {
    EXPECT_THAT(Wrong(Change({{"subnet", "7", json}})), HasSubstr("subnet 7 is not canonical"))
        << json;
  }
  EXPECT_EQ(Wrong(Change({{"global", "7", "\"a\""}})), "");
}

TEST(ProtoTest, ASnapshotGoesThereAndBack) {
  const ObjectSet set = MustExtract(DhcpService::kDhcp4, Captured("dhcp4"));
  v1::Snapshot snapshot;
  ToProto(set, snapshot);
  ASSERT_EQ(static_cast<size_t>(snapshot.objects_size()), set.size());
  const auto back = FromProto(std::move(snapshot));
  ASSERT_TRUE(back.ok()) << Message(back.status());
  EXPECT_EQ(back->Digest(), set.Digest());
}

TEST(ProtoTest, RefusesASnapshotWithAnObjectTwice) {
  v1::Snapshot snapshot;
  for (int i = 0; i < 2; ++i) {
    v1::Object& object = *snapshot.add_objects();
    object.set_kind("global");
    object.set_key("a");
    object.set_object("1");
  }
  EXPECT_FALSE(FromProto(std::move(snapshot)).ok());
}

TEST(CompareTest, SaysWhatIsWhere) {
  ObjectSet primary, secondary;
  primary.Put({Kind::kGlobal, "a"}, "1");
  secondary.Put({Kind::kGlobal, "a"}, "2");
  primary.Put({Kind::kSubnet, "1"}, "{}");
  secondary.Put({Kind::kSubnet, "2"}, R"({"x":1})");
  primary.Put({Kind::kSubnet, "3"}, "{}");
  secondary.Put({Kind::kSubnet, "3"}, "{}");
  const v1::DiffReport report = Compare(primary, secondary);
  EXPECT_FALSE(report.same());
  ASSERT_EQ(report.different_size(), 1);
  EXPECT_EQ(report.different(0).primary(), "1");
  EXPECT_EQ(report.different(0).secondary(), "2");
  ASSERT_EQ(report.only_on_primary_size(), 1);
  EXPECT_EQ(report.only_on_primary(0).key(), "1");
  ASSERT_EQ(report.only_on_secondary_size(), 1);
  EXPECT_EQ(report.only_on_secondary(0).object(), R"({"x":1})");
  EXPECT_TRUE(Compare(primary, primary).same());
}

}  // namespace
}  // namespace nestor::config
