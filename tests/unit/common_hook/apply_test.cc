#include "common/hook/apply.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/common_hook/hook_fixture.h"
#include "tests/unit/common_hook/scripted_kea.h"

namespace nestor::hook {
namespace {

using config::ChangeSet;
using config::Kind;
using config::ObjectId;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using Result = Applied::Result;

class ApplyTest : public HookFixture {
 protected:
  Applied Do(const ChangeSet& change, std::string_view before = {}, bool dry_run = false) {
    auto applied = Apply(kea_, *AskStatus(kea_, kTimeout), before, change, dry_run, kTimeout);
    EXPECT_TRUE(applied.ok()) << Message(applied.status());
    return applied.ok() ? *std::move(applied) : Applied();
  }
  std::string Revision() { return Do({}).after.revision; }
  static ChangeSet ChangedSubnet() {
    return {{{Subnet(2), R"({"id":2,"subnet":"10.2.0.0/17"})"}}, {}};
  }
};

TEST_F(ApplyTest, AChangeIsMadeAndItsObjectsComeBack) {
  const std::string before = Revision();
  const ObjectId reservation{Kind::kReservation, "1/duid/01"};
  const Applied applied =
      Do({{{Subnet(2), R"({"id":2,"shared-network":"floor"})"}}, {reservation}}, before);
  EXPECT_EQ(applied.result, Result::kDone);
  EXPECT_NE(applied.after.revision, before);
  ASSERT_THAT(applied.after.changed.upserted, SizeIs(1));
  EXPECT_EQ(applied.after.changed.upserted[0].json, R"({"id":2,"shared-network":"floor"})");
  EXPECT_THAT(applied.after.changed.removed, ElementsAre(reservation));
  EXPECT_EQ(TextOf(Subnet(2)), R"({"id":2,"shared-network":"floor"})");
  EXPECT_EQ(TextOf(reservation), "");
}

TEST_F(ApplyTest, WhatComesBackIsAsKeaHasIt) {
  kea_.SetNormalisation([](std::string config) {
    config.replace(config.find("10.2.0.0/17"), 11, "10.2.0.0/18");
    return config;
  });
  const Applied applied = Do(ChangedSubnet());
  ASSERT_THAT(applied.after.changed.upserted, SizeIs(1));
  EXPECT_EQ(applied.after.changed.upserted[0].json, R"({"id":2,"subnet":"10.2.0.0/18"})");
}

TEST_F(ApplyTest, ADryRunChangesNothingAndSaysWhatWouldBe) {
  const std::string before = Revision(), running = kea_.running();
  const Applied applied = Do(ChangedSubnet(), before, true);
  EXPECT_EQ(applied.result, Result::kDone);
  EXPECT_EQ(applied.after.revision, before);
  ASSERT_THAT(applied.after.changed.upserted, SizeIs(1));
  EXPECT_EQ(applied.after.changed.upserted[0].json, R"({"id":2,"subnet":"10.2.0.0/17"})");
  EXPECT_EQ(kea_.running(), running);
}

TEST_F(ApplyTest, AnotherRevisionIsLeftAlone) {
  const std::string before = Revision();
  EXPECT_EQ(Do(ChangedSubnet(), before).result, Result::kDone);
  const std::string running = kea_.running();
  const Applied applied = Do({{}, {Subnet(2)}}, before);
  EXPECT_EQ(applied.result, Result::kChangedMeanwhile);
  EXPECT_NE(applied.text, "");
  EXPECT_EQ(kea_.running(), running);
}

TEST_F(ApplyTest, WhatOnlyAConfigSetCanDoIsNamed) {
  const std::string running = kea_.running();
  const Applied applied = Do({{{Global("dhcp4o6-port"), "7"}, {Global("valid-lifetime"), "8"}},
                              {Global("expired-leases-processing")}});
  EXPECT_EQ(applied.result, Result::kNeedsConfigSet);
  ASSERT_THAT(applied.refused, SizeIs(2));
  EXPECT_EQ(applied.refused[0].id, Global("dhcp4o6-port"));
  EXPECT_EQ(applied.refused[1].id, Global("expired-leases-processing"));
  EXPECT_EQ(kea_.running(), running);
}

TEST_F(ApplyTest, ARefusalNamesTheObjectAndChangesNothing) {
  kea_.SetRules({}, [](std::string_view text) {
    return text.find("10.2.0.0/17") == std::string_view::npos ? "" : "subnet 10.2.0.0/17 overlaps";
  });
  const std::string running = kea_.running();
  ChangeSet change = ChangedSubnet();
  change.upserted.insert(change.upserted.begin(), {Global("valid-lifetime"), "8"});
  change.upserted.push_back({Subnet(4), R"({"id":4})"});
  const Applied applied = Do(change);
  EXPECT_EQ(applied.result, Result::kRefused);
  EXPECT_EQ(applied.text, "subnet 10.2.0.0/17 overlaps");
  ASSERT_THAT(applied.refused, SizeIs(1));
  EXPECT_EQ(applied.refused[0].id, Subnet(2));
  EXPECT_EQ(applied.refused[0].text, "subnet 10.2.0.0/17 overlaps");
  EXPECT_EQ(kea_.running(), running);
}

TEST_F(ApplyTest, ARuleBetweenObjectsRefusesToo) {
  const Applied applied = Do({{}, {Subnet(1)}});
  EXPECT_EQ(applied.result, Result::kRefused);
  EXPECT_THAT(applied.text, HasSubstr("is in a subnet which is not there"));
  ASSERT_THAT(applied.refused, SizeIs(1));
  EXPECT_EQ(applied.refused[0].id, Subnet(1));
}

TEST_F(ApplyTest, BytesAndRealsReachKeaAsItsOwn) {
  const ObjectId umlaut{Kind::kClientClass, "\u00c3\u00bc"};
  EXPECT_EQ(Do({{{Global("t1-percent"), "1"},
                 {umlaut, "{\"name\":\"\u00c3\u00bc\"}"},
                 {Subnet(2), R"({"id":2,"t2-percent":1})"}},
                {}})
                .result,
            Result::kDone);
  EXPECT_THAT(kea_.running(), HasSubstr(R"("name":"\u00c3\u00bc")"));
  EXPECT_EQ(TextOf(umlaut), "{\"name\":\"\u00c3\u00bc\"}");
  EXPECT_EQ(TextOf(Subnet(2)), R"({"id":2,"t2-percent":1})");
}

TEST_F(ApplyTest, WhatKeaCannotWriteIsNotSent) {
  for (const ObjectId& id : {Subnet(2), ObjectId{Kind::kClientClass, "\u20ac"}}) {
    const auto applied = Apply(kea_, {}, {}, {{{id, "{\"x\":\"\u20ac\"}"}}, {}}, false, kTimeout);
    EXPECT_EQ(applied.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(Message(applied.status())), HasSubstr(config::Describe(id, {})));
  }
  EXPECT_THAT(kea_.arrived(), IsEmpty());
}

TEST_F(ApplyTest, AKeaWithoutTheLibraryIsNotFound) {
  EXPECT_TRUE(kea_.Set(R"({"Dhcp4":{}})"));
  EXPECT_EQ(Apply(kea_, {}, {}, {}, false, kTimeout).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(ApplyTest, SilenceMayHaveDoneIt) {
  kea_.Fail(testing::FakeKea::Fault::kLate);
  const auto applied = Apply(kea_, {}, {}, ChangedSubnet(), false, kTimeout);
  EXPECT_EQ(applied.status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(TextOf(Subnet(2)), HasSubstr("/17"));
}

TEST(ApplyWireTest, IsSentAsDocumented) {
  ScriptedKea kea({});
  const ChangeSet change{{{{Kind::kGlobal, "t1-percent"}, "1"},
                          {{Kind::kSubnet, "1"}, "{\"user-context\":{\"\u00fc\":\"\u00fc\"}}"}},
                         {{Kind::kSubnet, "2"}, {Kind::kReservation, "2/duid/01"}}};
  (void)Apply(kea, {}, "a:1", change, false, kTimeout);
  (void)Apply(kea, {}, {}, {}, true, kTimeout);
  EXPECT_THAT(kea.sent,
              ElementsAre(Pair("nestor-apply",
                               "{\"before\":\"a:1\",\"upserted\":["
                               "{\"kind\":\"global\",\"key\":\"t1-percent\",\"object\":1.0},"
                               "{\"kind\":\"subnet\",\"key\":\"1\","
                               "\"object\":{\"user-context\":{\"\u00fc\":\"\\u00fc\"}}}],"
                               "\"removed\":[{\"kind\":\"subnet\",\"key\":\"2\"},"
                               "{\"kind\":\"reservation\",\"key\":\"2/duid/01\"}]}"),
                          Pair("nestor-apply", R"({"upserted":[],"removed":[],"dry-run":true})")));
}

// Many, of which Kea makes nothing else but of one.
ChangeSet ManySubnets() {
  ChangeSet change;
  for (int i = 10; i < 99; ++i) {
    const std::string json =
        fmt::format(R"({{"comment":"{0:0>100}","id":{0},"subnet":"10.{0}.0.0/16"}})", i);
    change.upserted.push_back({{Kind::kSubnet, std::to_string(i)}, json});
  }
  return change;
}

TEST_F(ApplyTest, AManyObjectsChangeComesBackWholeThoughTheAnswerIsBrief) {
  kea_.SetNormalisation([](std::string config) {
    config.replace(config.find("10.20.0.0/16"), 12, "10.20.0.0/18");
    return config;
  });
  ChangeSet change = ManySubnets();
  change.removed.push_back(Subnet(2));
  const Applied applied = Do(change);
  EXPECT_EQ(applied.result, Result::kDone);
  ASSERT_EQ(applied.after.changed.upserted.size(), change.upserted.size());
  for (size_t i = 0; i < change.upserted.size(); ++i) {
    EXPECT_EQ(applied.after.changed.upserted[i].id, change.upserted[i].id);
    EXPECT_EQ(applied.after.changed.upserted[i].json, TextOf(change.upserted[i].id));
  }
  EXPECT_THAT(TextOf(Subnet(20)), HasSubstr("10.20.0.0/18"));
  EXPECT_THAT(applied.after.changed.removed, ElementsAre(Subnet(2)));
}

TEST_F(ApplyTest, ALibraryThatTakesNothingPackedIsAskedAsBefore) {
  kea_.TakeNothingPacked();
  const Applied applied = Do(ManySubnets());
  EXPECT_EQ(applied.result, Result::kDone);
  EXPECT_THAT(applied.after.changed.upserted, SizeIs(ManySubnets().upserted.size()));
}

TEST(ApplyWireTest, WhatIsLargeIsSentPacked) {
  ScriptedKea kea({});
  Status library;
  (void)Apply(kea, library, {}, ManySubnets(), false, kTimeout);
  library.takes_packed = true;
  (void)Apply(kea, library, {}, ManySubnets(), false, kTimeout);
  (void)Apply(kea, library, {}, {}, false, kTimeout);
  ASSERT_THAT(kea.sent, SizeIs(3));
  EXPECT_GT(kea.sent[0].second.size(), 10'000);
  EXPECT_LT(kea.sent[1].second.size(), 2'000);
  EXPECT_THAT(kea.sent[1].second, ::testing::StartsWith(R"({"packed":")"));
  EXPECT_EQ(kea.sent[2].second, R"({"upserted":[],"removed":[],"brief":true})");
}

// An answer, and what it comes to.
struct Outcome {
  const char* answer;
  absl::StatusCode code;
  const char* text;
};

class ApplyOutcomeTest : public ::testing::TestWithParam<Outcome> {};

TEST_P(ApplyOutcomeTest, IsAnErrorThatSaysWhy) {
  const auto& [answer, code, text] = GetParam();
  ScriptedKea kea({answer});
  const auto applied = Apply(kea, {}, {}, {}, false, kTimeout);
  EXPECT_EQ(applied.status().code(), code);
  EXPECT_THAT(std::string(Message(applied.status())), HasSubstr(text));
}

INSTANTIATE_TEST_SUITE_P(
    All, ApplyOutcomeTest,
    ::testing::Values(
        Outcome{R"({"result":0})", absl::StatusCode::kDataLoss, "revision is no text"},
        Outcome{R"({"result":0,"arguments":{"revision":"a:1","absent":[]}})",
                absl::StatusCode::kDataLoss, "objects is no list"},
        Outcome{R"({"result":1,"text":"internal error"})", absl::StatusCode::kFailedPrecondition,
                "Kea refused nestor-apply: internal error"},
        Outcome{R"({"result":1,"text":"no list","arguments":{"reason":"malformed"}})",
                absl::StatusCode::kFailedPrecondition, "no list"},
        Outcome{R"({"result":1,"text":"x","arguments":{"reason":"full-moon"}})",
                absl::StatusCode::kFailedPrecondition, "Kea refused nestor-apply: x"},
        Outcome{R"({"result":1,"arguments":{"reason":"refused","refused":{}}})",
                absl::StatusCode::kDataLoss, "refused is no list"},
        Outcome{R"({"result":1,"arguments":{"reason":"refused","refused":[{"kind":"x"}]}})",
                absl::StatusCode::kDataLoss, "\"x\" is no kind of object"}));

TEST(ApplyWireTest, ARefusalNeedNotNameAnObject) {
  ScriptedKea kea({R"({"result":1,"text":"no","arguments":{"reason":"refused"}})"});
  const auto applied = Apply(kea, {}, {}, {}, false, kTimeout);
  ASSERT_TRUE(applied.ok()) << Message(applied.status());
  EXPECT_EQ(applied->result, Result::kRefused);
  EXPECT_EQ(applied->text, "no");
  EXPECT_THAT(applied->refused, IsEmpty());
}

}  // namespace
}  // namespace nestor::hook
