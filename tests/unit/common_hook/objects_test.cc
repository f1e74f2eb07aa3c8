#include "common/hook/objects.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/hook/whole.h"
#include "tests/unit/common_hook/hook_fixture.h"
#include "tests/unit/common_hook/scripted_kea.h"

namespace nestor::hook {
namespace {

using config::Kind;
using config::ObjectId;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

std::vector<ObjectId> Present(const Objects& objects) {
  std::vector<ObjectId> ids;
  for (const auto& one : objects.changed.upserted) ids.push_back(one.id);
  return ids;
}

std::string JsonOf(const Objects& objects, const ObjectId& id) {
  for (const auto& one : objects.changed.upserted) {
    if (one.id == id) return one.json;
  }
  return {};
}

class ObjectsTest : public HookFixture {
 protected:
  Objects Read(const std::vector<ObjectId>& ids) { return Must(ReadObjects(kea_, ids, kTimeout)); }
  Objects Since(std::string_view revision) { return Must(ReadSince(kea_, revision, kTimeout)); }
  static Objects Must(absl::StatusOr<Objects> objects) {
    EXPECT_TRUE(objects.ok()) << Message(objects.status());
    return objects.ok() ? *std::move(objects) : Objects();
  }
  std::string Revision() { return Read({}).revision; }
};

TEST_F(ObjectsTest, AreThoseAskedForAsConfigGetHasThem) {
  const Objects objects =
      Read({Subnet(3), Subnet(9), {Kind::kReservation, "1/duid/01"}, Global("valid-lifetime")});
  EXPECT_THAT(Present(objects), ElementsAre(Global("valid-lifetime"), Subnet(3),
                                            ObjectId{Kind::kReservation, "1/duid/01"}));
  EXPECT_THAT(objects.changed.removed, ElementsAre(Subnet(9)));
  EXPECT_FALSE(objects.whole);
  EXPECT_EQ(objects.next, "");
  for (const auto& one : objects.changed.upserted) EXPECT_EQ(one.json, TextOf(one.id));
}

TEST_F(ObjectsTest, NothingChangedSinceTheSameRevision) {
  const std::string revision = Revision();
  const Objects objects = Since(revision);
  EXPECT_EQ(objects.revision, revision);
  EXPECT_TRUE(objects.changed.empty());
  EXPECT_FALSE(objects.whole);
}

TEST_F(ObjectsTest, WhatChangedInProcessIsToldSinceBefore) {
  const std::string revision = Revision();
  kea_.ChangeInProcess(Hooked(R"("subnet4":[{"id":2,"subnet":"10.9.0.0/16"}],"valid-lifetime":7)"));
  const Objects objects = Since(revision);
  EXPECT_NE(objects.revision, revision);
  EXPECT_THAT(Present(objects), ElementsAre(Subnet(2)));
  EXPECT_THAT(objects.changed.removed,
              ElementsAre(ObjectId{Kind::kSharedNetwork, "floor"}, Subnet(1), Subnet(3),
                          ObjectId{Kind::kReservation, "1/duid/01"}));
}

TEST_F(ObjectsTest, SinceAnotherInstanceIsTheWhole) {
  const std::string revision = Revision();
  EXPECT_TRUE(kea_.Set(kea_.running()));
  const Objects objects = Since(revision);
  EXPECT_TRUE(objects.whole);
  EXPECT_TRUE(objects.changed.empty());
  EXPECT_EQ(objects.revision, Revision());
  EXPECT_NE(objects.revision, revision);
}

TEST_F(ObjectsTest, StringsThatAreNoAsciiAndRealsComeAsFromConfigGet) {
  EXPECT_TRUE(kea_.Set(Hooked(R"("client-classes":[{"name":"\u00c3\u00bc"}],"subnet4":[{"id":1,)"
                              R"("t1-percent":1.0,"user-context":{"x":"\u00ff"}}])")));
  const ObjectId umlaut{Kind::kClientClass, "\u00c3\u00bc"};
  const Objects objects = Read({umlaut, Subnet(1)});
  EXPECT_EQ(JsonOf(objects, umlaut), "{\"name\":\"\u00c3\u00bc\"}");
  EXPECT_EQ(JsonOf(objects, Subnet(1)), TextOf(Subnet(1)));
  EXPECT_EQ(JsonOf(objects, Subnet(1)),
            "{\"id\":1,\"t1-percent\":1,\"user-context\":{\"x\":\"\u00ff\"}}");
}

TEST_F(ObjectsTest, AKeyThatKeaCannotWriteIsNotAskedFor) {
  const auto objects = ReadObjects(kea_, {{Kind::kClientClass, "\u20ac"}}, kTimeout);
  EXPECT_EQ(objects.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(Message(objects.status())), HasSubstr("client class \u20ac: "));
  EXPECT_THAT(kea_.arrived(), IsEmpty());
}

TEST_F(ObjectsTest, AKeaWithoutTheLibraryIsNotFound) {
  EXPECT_TRUE(kea_.Set(R"({"Dhcp4":{}})"));
  EXPECT_EQ(ReadSince(kea_, "a:1", kTimeout).status().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ReadWhole(kea_, kTimeout).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(ObjectsTest, AKeaThatDoesNotAnswerIsAsForAnyCommand) {
  kea_.Fail(testing::FakeKea::Fault::kUnavailable);
  EXPECT_EQ(ReadObjects(kea_, {}, kTimeout).status().code(), absl::StatusCode::kUnavailable);
  kea_.Hang(1);
  EXPECT_EQ(ReadObjects(kea_, {}, kTimeout).status().code(), absl::StatusCode::kDeadlineExceeded);
  kea_.Refuse("nestor-get", "out of memory");
  const auto refused = ReadObjects(kea_, {}, kTimeout);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(Message(refused.status())), HasSubstr("out of memory"));
}

TEST(ObjectsWireTest, EachFormIsAskedAsDocumented) {
  ScriptedKea kea({});
  (void)ReadObjects(kea, {{Kind::kSubnet, "1"}, {Kind::kClientClass, "\u00fc\""}}, kTimeout);
  (void)ReadSince(kea, "a:1", kTimeout);
  (void)ReadAfter(kea, "\u00ff", kTimeout);
  EXPECT_THAT(kea.sent,
              ElementsAre(Pair("nestor-get", R"({"objects":[{"kind":"subnet","key":"1"},)"
                                             R"({"kind":"client-class","key":"\u00fc\""}]})"),
                          Pair("nestor-get", R"({"since":"a:1"})"),
                          Pair("nestor-get", R"({"after":"\u00ff"})")));
}

TEST(ObjectsWireTest, WhatBelongsToAServerIsPassedOver) {
  ScriptedKea kea({Well(R"({"revision":"a:1","objects":[)"
                        R"({"kind":"global","key":"lease-database","object":{}},)"
                        R"({"kind":"global","key":"valid-lifetime","object":7}],)"
                        R"("absent":[{"kind":"global","key":"server-tag"}]})")});
  const auto objects = ReadObjects(kea, {}, kTimeout);
  ASSERT_TRUE(objects.ok()) << Message(objects.status());
  EXPECT_THAT(Present(*objects), ElementsAre(ObjectId{Kind::kGlobal, "valid-lifetime"}));
  EXPECT_THAT(objects->changed.removed, IsEmpty());
}

TEST(ObjectsWireTest, ObjectsAreMadeCanonicalAndSorted) {
  ScriptedKea kea({Well(R"({"revision":"a:1","objects":[)"
                        R"({"kind":"subnet","key":"2","object":{"id":2,"4o6-subnet":"",)"
                        R"("relay":{"ip-addresses":["b","a"]},"reservations":[{}]}},)"
                        R"({"kind":"subnet","key":"1","object":{"shared-network":"n","id":1}}],)"
                        R"("absent":[{"kind":"subnet","key":"4"},{"kind":"subnet","key":"3"}]})")});
  const auto objects = ReadSince(kea, "a:0", kTimeout);
  ASSERT_TRUE(objects.ok()) << Message(objects.status());
  EXPECT_THAT(Present(*objects),
              ElementsAre(ObjectId{Kind::kSubnet, "1"}, ObjectId{Kind::kSubnet, "2"}));
  EXPECT_EQ(objects->changed.upserted[0].json, R"({"id":1,"shared-network":"n"})");
  EXPECT_EQ(objects->changed.upserted[1].json,
            R"({"4o6-subnet":"","id":2,"relay":{"ip-addresses":["a","b"]}})");
  EXPECT_THAT(objects->changed.removed,
              ElementsAre(ObjectId{Kind::kSubnet, "3"}, ObjectId{Kind::kSubnet, "4"}));
}

// An answer and what is wrong with it.
struct Wrong {
  const char* answer;
  const char* what;
};

class MalformedObjectsTest : public ::testing::TestWithParam<Wrong> {};

TEST_P(MalformedObjectsTest, AreDataLossAndSaidToBe) {
  const auto& [answer, what] = GetParam();
  for (const auto read : {ReadSince, ReadAfter}) {
    ScriptedKea kea({answer});
    const auto objects = read(kea, "c", kTimeout);
    EXPECT_EQ(objects.status().code(), absl::StatusCode::kDataLoss) << answer;
    EXPECT_THAT(std::string(Message(objects.status())),
                HasSubstr(fmt::format("Kea's answer to nestor-get cannot be read: {}", what)));
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, MalformedObjectsTest,
    ::testing::Values(
        Wrong{R"({"result":0})", "it has no arguments"},
        Wrong{R"({"result":0,"arguments":[]})", "revision is no text"},
        Wrong{R"({"result":0,"arguments":{"revision":7,"objects":[],"absent":[]}})",
              "revision is no text"},
        Wrong{R"({"result":0,"arguments":{"revision":"a:1","absent":[]}})", "objects is no list"},
        Wrong{R"({"result":0,"arguments":{"revision":"a:1","objects":[]}})", "absent is no list"},
        Wrong{R"({"result":0,"arguments":{"revision":"a:1","objects":[7],"absent":[]}})",
              "\"\" is no kind of object"},
        Wrong{R"({"result":0,"arguments":{"revision":"a:1","absent":[],"objects":[
            {"kind":"pool","key":"1","object":{}}]}})",
              "\"pool\" is no kind of object"},
        Wrong{R"({"result":0,"arguments":{"revision":"a:1","absent":[],"objects":[
            {"kind":"subnet","key":1,"object":{}}]}})",
              "an object of kind subnet has no key"},
        Wrong{R"({"result":0,"arguments":{"revision":"a:1","absent":[],"objects":[
            {"kind":"subnet","key":"1"}]}})",
              "subnet id 1 comes without its text"},
        Wrong{R"({"result":0,"arguments":{"revision":"a:1","absent":[],"objects":[
            {"kind":"subnet","key":"1","object":[]}]}})",
              "subnet id 1 is not an object"},
        Wrong{R"({"result":0,"arguments":{"revision":"a:1","objects":[],"absent":[
            {"kind":"subnet"}]}})",
              "an object of kind subnet has no key"},
        Wrong{R"({"result":0,"arguments":{"revision":"a:1","absent":[],"objects":[
            {"kind":"subnet","key":"1","object":{}},{"kind":"subnet","key":"1","object":{}}]}})",
              "subnet id 1 comes twice"},
        Wrong{R"({"result":0,"arguments":{"revision":"a:1","objects":[
            {"kind":"subnet","key":"1","object":{}}],"absent":[{"kind":"subnet","key":"1"}]}})",
              "subnet id 1 comes twice"}));

TEST(ObjectsWireTest, ASliceThatLeadsNowhereIsDataLoss) {
  for (const char* next : {"7", "\"\"", "\"c\""}) {
    ScriptedKea kea(
        {Well(fmt::format(R"({{"revision":"a:1","objects":[],"absent":[],"next":{}}})", next))});
    const auto slice = ReadAfter(kea, "c", kTimeout);
    EXPECT_EQ(slice.status().code(), absl::StatusCode::kDataLoss) << next;
    EXPECT_THAT(std::string(Message(slice.status())), HasSubstr("cannot be read: next is"));
  }
}

TEST(ObjectsWireTest, TheWholeNeedsARevision) {
  ScriptedKea kea({Well(R"({"whole":true})")});
  EXPECT_EQ(ReadSince(kea, "a:1", kTimeout).status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace nestor::hook
