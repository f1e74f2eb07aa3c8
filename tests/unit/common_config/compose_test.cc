#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "tests/unit/common_config/captured.h"

namespace nestor::config {
namespace {

using ::testing::HasSubstr;

constexpr auto k4 = DhcpService::kDhcp4;
constexpr auto k6 = DhcpService::kDhcp6;

std::string MustCompose(DhcpService service, const json::Value& local, const ObjectSet& wanted,
                        std::vector<Place>* places = nullptr) {
  auto text = Compose(service, local, wanted, places);
  EXPECT_TRUE(text.ok()) << Message(text.status());
  return text.ok() ? *std::move(text) : "{}";
}

std::string OnNothing(const ObjectSet& wanted) {
  return MustCompose(k4, MustParse(R"({"Dhcp4":{}})").root(), wanted);
}

std::string Wrong(const ObjectSet& wanted) {
  const auto text = Compose(k4, MustParse(R"({"Dhcp4":{}})").root(), wanted);
  EXPECT_EQ(text.status().code() == absl::StatusCode::kInvalidArgument, !text.ok());
  return text.ok() ? std::string() : std::string(Message(text.status()));
}

ObjectSet Set(std::initializer_list<std::pair<ObjectId, std::string>> objects) {
  ObjectSet set;
  for (const auto& [id, json] : objects) set.Put(id, json);
  return set;
}

struct Case {
  DhcpService service;
  const char* primary;
  const char* local;
};

class CapturedTest : public ::testing::TestWithParam<Case> {};

TEST_P(CapturedTest, WhatIsComposedHasTheWantedDigest) {
  const auto& [service, primary, local] = GetParam();
  const ObjectSet wanted = MustExtract(service, Captured(primary));
  const json::Document own = MustParse(Captured(local));
  ASSERT_NE(MustExtract(service, own.root()).Digest(), wanted.Digest());
  const std::string text = MustCompose(service, own.root(), wanted);
  EXPECT_EQ(MustExtract(service, text).Digest(), wanted.Digest());
}

TEST_P(CapturedTest, WhatIsThisServersOwnIsAsItWas) {
  const auto& [service, primary, local] = GetParam();
  const json::Document own = MustParse(Captured(local));
  const json::Document composed =
      MustParse(MustCompose(service, own.root(), MustExtract(service, Captured(primary))));
  const json::Value& before = *json::Find(own.root(), ServiceRoot(service));
  const json::Value& after = *json::Find(composed.root(), ServiceRoot(service));
  int parts = 0;
  for (const auto& member : before.GetObject()) {
    const std::string_view name = json::Text(member.name);
    if (!IsServerSpecific(name)) continue;
    ++parts;
    ASSERT_NE(json::Find(after, name), nullptr) << name;
    EXPECT_EQ(json::Write(*json::Find(after, name)), json::Write(member.value)) << name;
  }
  EXPECT_GE(parts, 9);
  for (const auto& member : after.GetObject()) {
    const std::string_view name = json::Text(member.name);
    if (IsServerSpecific(name)) {
      EXPECT_NE(json::Find(before, name), nullptr) << name;
    }
  }
}

TEST_P(CapturedTest, ComposingWhatIsThereAlreadyChangesNothing) {
  const auto& [service, primary, local] = GetParam();
  const json::Document own = MustParse(Captured(primary));
  const ObjectSet set = MustExtract(service, own.root());
  const std::string once = MustCompose(service, own.root(), set);
  EXPECT_EQ(MustCompose(service, MustParse(once).root(), set), once);
}

TEST_P(CapturedTest, EveryObjectStandsAtItsPlace) {
  const auto& [service, primary, local] = GetParam();
  const ObjectSet wanted = MustExtract(service, Captured(primary));
  std::vector<Place> places;
  const std::string text = MustCompose(service, MustParse(Captured(local)).root(), wanted, &places);
  size_t found = 0;
  for (const Place& place : places) {
    ASSERT_LT(place.begin, place.end);
    ASSERT_LE(place.end, text.size());
    const std::string_view here =
        std::string_view(text).substr(place.begin, place.end - place.begin);
    ASSERT_NE(wanted.Find(place.id), nullptr);
    if (place.id.kind == Kind::kGlobal) {
      EXPECT_TRUE(here.starts_with("\"" + place.id.key + "\":")) << here;
    } else {
      const json::Document object = MustParse(std::string(here));
      EXPECT_TRUE(object.root().IsObject());
      if (place.id.kind == Kind::kSubnet) {
        EXPECT_EQ(std::to_string(json::Find(object.root(), "id")->GetUint()), place.id.key);
      }
    }
    ++found;
  }
  // All but the order of the classes, which is no object's text.
  EXPECT_EQ(found + 1, wanted.size());
}

TEST_P(CapturedTest, AnyPartOfTheObjectsComesBackAsItWas) {
  const auto& [service, primary, local] = GetParam();
  const json::Document own = MustParse(Captured(local));
  const ObjectSet all = MustExtract(service, Captured(primary));
  std::mt19937 random(7);
  for (int round = 0; round < 100; ++round) {
    ObjectSet wanted = all;
    for (const auto* entry : all.InOrder()) {
      const ObjectId& id = entry->first;
      // Networks and subnets stay, for what is in them; and with the classes, their order.
      const bool holds = id.kind == Kind::kSharedNetwork || id.kind == Kind::kSubnet ||
                         id.kind == Kind::kClientClass || id.key == "client-class-order";
      if (!holds && random() % 2 == 0 && id.key.find('#') == std::string::npos &&
          all.Find({id.kind, id.key + "#2"}) == nullptr) {
        wanted.Remove(id);
      }
    }
    EXPECT_EQ(MustExtract(service, MustCompose(service, own.root(), wanted)).Digest(),
              wanted.Digest());
  }
}

TEST_P(CapturedTest, AnObjectsOwnTextIsTheOneComposed) {
  const auto& [service, primary, local] = GetParam();
  const ObjectSet wanted = MustExtract(service, Captured(primary));
  const std::string text = MustCompose(service, MustParse(Captured(local)).root(), wanted);
  for (const auto* entry : wanted.InOrder()) {
    const auto& [id, object] = *entry;
    const auto own = TextForKea(id, object.json);
    ASSERT_TRUE(own.ok()) << Message(own.status());
    EXPECT_EQ(CanonicalObject(id.kind, MustParse(*own).root()), object.json);
    if (id.kind == Kind::kOption || id.kind == Kind::kClientClass) {
      EXPECT_THAT(text, HasSubstr(*own));
    } else if (id.kind == Kind::kGlobal && id.key != "client-class-order") {
      EXPECT_THAT(text, HasSubstr(fmt::format("\"{}\":{}", id.key, *own)));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Kea22, CapturedTest,
                         ::testing::Values(Case{k4, "dhcp4", "dhcp4-other"},
                                           Case{k4, "dhcp4-other", "dhcp4"},
                                           Case{k6, "dhcp6", "dhcp6-other"},
                                           Case{k6, "dhcp6-other", "dhcp6"}),
                         [](const auto& one) {
                           std::string name = one.param.primary;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(ComposeTest, KeasOwnHashIsLeftOut) {
  const json::Document local = MustParse(R"({"Dhcp4":{"hash":"x","server-tag":"y"},"hash":"z"})");
  EXPECT_EQ(MustCompose(k4, local.root(), ObjectSet()), R"({"Dhcp4":{"server-tag":"y"}})");
}

TEST(ComposeTest, ClassesComeInTheirOrderAndOthersBehind) {
  EXPECT_EQ(OnNothing(Set({{{Kind::kGlobal, "client-class-order"}, R"(["b","gone","a"])"},
                           {{Kind::kClientClass, "a"}, R"({"name":"a"})"},
                           {{Kind::kClientClass, "b"}, R"({"name":"b"})"},
                           {{Kind::kClientClass, "c"}, R"({"name":"c"})"}})),
            R"({"Dhcp4":{"client-classes":[{"name":"b"},{"name":"a"},{"name":"c"}]}})");
}

TEST(ComposeTest, MoreThanNineOptionsOfOneCodeKeepTheirOrder) {
  std::string text = R"({"Dhcp4":{"option-data":[)";
  for (int i = 0; i < 30; ++i) {
    text += fmt::format(R"({}{{"code":3,"data":"{}","space":"dhcp4"}})", i > 0 ? "," : "", i);
  }
  text += "]}}";
  EXPECT_EQ(OnNothing(MustExtract(k4, text)), text);
}

TEST(ComposeTest, ReservationsStandInTheirSubnetsAlsoInsideNetworks) {
  EXPECT_EQ(OnNothing(Set({{{Kind::kSharedNetwork, "n"}, R"({"name":"n"})"},
                           {{Kind::kSubnet, "1"}, R"({"id":1})"},
                           {{Kind::kSubnet, "2"}, R"({"id":2,"shared-network":"n"})"},
                           {{Kind::kReservation, "0/duid/00"}, R"({"duid":"00"})"},
                           {{Kind::kReservation, "1/duid/01"}, R"({"duid":"01"})"},
                           {{Kind::kReservation, "2/duid/02"}, R"({"duid":"02"})"},
                           {{Kind::kReservation, "2/duid/03"}, R"({"duid":"03"})"}})),
            R"({"Dhcp4":{"reservations":[{"duid":"00"}],)"
            R"("shared-networks":[{"name":"n","subnet4":[)"
            R"({"id":2,"reservations":[{"duid":"02"},{"duid":"03"}]}]}],)"
            R"("subnet4":[{"id":1,"reservations":[{"duid":"01"}]}]}})");
}

TEST(ComposeTest, BytesGoBackAsBytes) {
  // As Kea writes a user-context {"\u00fc": "\u00fc"} of a file in UTF-8: the value as two bytes.
  const std::string text =
      "{\"Dhcp4\":{\"user-context\":{\"x\":\"\\u00ff\",\"\u00fc\":\"\\u00c3\\u00bc\"}}}";
  EXPECT_EQ(OnNothing(MustExtract(k4, text)), text);
  const json::Document local =
      MustParse("{\"Dhcp4\":{\"loggers\":[{\"user-context\":{\"\u00fc\":\"\\u00c3\\u00bc\"}}]}}");
  EXPECT_EQ(MustCompose(k4, local.root(), ObjectSet()), json::Write(local.root()));
}

TEST(ComposeTest, RealsStayRealsWhereKeaInsists) {
  const std::string text = OnNothing(MustExtract(k4, R"({"Dhcp4":{"t1-percent":1.0,
      "cache-threshold":0.0,"t2-percent":0.875,"valid-lifetime":1,
      "subnet4":[{"id":1,"t1-percent":0.0,"t2-percent":1.0}],
      "shared-networks":[{"name":"n","t2-percent":1.0}]}})"));
  EXPECT_THAT(text, HasSubstr(R"("cache-threshold":0.0,)"));
  EXPECT_THAT(text, HasSubstr(R"("t1-percent":1.0,"t2-percent":0.875,"valid-lifetime":1,)"));
  EXPECT_THAT(text, HasSubstr(R"({"id":1,"t1-percent":0.0,"t2-percent":1.0})"));
  EXPECT_THAT(text, HasSubstr(R"({"name":"n","t2-percent":1.0})"));
}

TEST(ComposeTest, RefusesWhatCannotStandAnywhere) {
  EXPECT_THAT(Wrong(Set({{{Kind::kSubnet, "1"}, R"({"id":1,"shared-network":"n"})"}})),
              HasSubstr("is in shared network n, which is not there"));
  EXPECT_THAT(Wrong(Set({{{Kind::kReservation, "1/duid/01"}, R"({"duid":"01"})"}})),
              HasSubstr("reservation duid 01 in subnet 1 is in a subnet which is not there"));
  EXPECT_THAT(Wrong(Set({{{Kind::kReservation, "x"}, R"({"duid":"01"})"}})),
              HasSubstr("names no subnet"));
  EXPECT_THAT(Wrong(Set({{{Kind::kSubnet, "x"}, R"({"id":1})"}})), HasSubstr("no number"));
}

TEST(ComposeTest, RefusesWhatIsNotWhatItsKindSays) {
  for (const char* json : {"1", "[]", "\"x\"", "null", ""}) {
    EXPECT_THAT(Wrong(Set({{{Kind::kSubnet, "1"}, json}})), HasSubstr("is not an object")) << json;
    EXPECT_THAT(Wrong(Set({{{Kind::kClientClass, "c"}, json}})), HasSubstr("is not an object"));
  }
  EXPECT_THAT(Wrong(Set({{{Kind::kSubnet, "1"}, R"({"id":1,"reservations":[]})"}})),
              HasSubstr("has reservations inside"));
  EXPECT_THAT(Wrong(Set({{{Kind::kSharedNetwork, "n"}, R"({"name":"n","subnet4":[]})"}})),
              HasSubstr("has subnets inside"));
  EXPECT_THAT(Wrong(Set({{{Kind::kGlobal, "client-class-order"}, "{}"}})),
              HasSubstr("is not a list"));
  EXPECT_THAT(Wrong(Set({{{Kind::kGlobal, "user-context"}, "{\"a\":\"\u20ac\"}"}})),
              HasSubstr("holds characters that Kea cannot write"));
}

TEST(ComposeTest, NeverTakesAServersOwnPartsFromAPeer) {
  for (const char* name : {"hooks-libraries", "control-socket", "lease-database", "loggers"}) {
    EXPECT_THAT(Wrong(Set({{{Kind::kGlobal, name}, "[]"}})), HasSubstr("belongs to a server"));
  }
  for (const char* name : {"subnet4", "reservations", "client-classes", "option-data"}) {
    EXPECT_THAT(Wrong(Set({{{Kind::kGlobal, name}, "[]"}})), HasSubstr("is not one parameter"));
  }
}

TEST(ComposeTest, NamesOfMembersInsideAUserContextAreNobodysBusiness) {
  const ObjectSet set =
      Set({{{Kind::kSharedNetwork, "n"}, R"({"name":"n","user-context":{"subnet4":[1]}})"},
           {{Kind::kSubnet, "1"},
            R"({"id":1,"user-context":{"reservations":[1],"shared-network":"x"}})"}});
  EXPECT_EQ(MustExtract(k4, OnNothing(set)).Digest(), set.Digest());
}

TEST(ComposeTest, RefusesALocalConfigurationOfTheOtherService) {
  EXPECT_FALSE(Compose(k6, MustParse(R"({"Dhcp4":{}})").root(), ObjectSet()).ok());
}

TEST(TextForKeaTest, RealsStayRealsWhereKeaInsists) {
  const auto text = [](Kind kind, std::string_view key, std::string_view json) {
    return TextForKea({kind, std::string(key)}, json).value_or("");
  };
  EXPECT_EQ(text(Kind::kGlobal, "t1-percent", "1"), "1.0");
  EXPECT_EQ(text(Kind::kGlobal, "t1-percent", "0.5"), "0.5");
  EXPECT_EQ(text(Kind::kGlobal, "valid-lifetime", "1"), "1");
  EXPECT_EQ(text(Kind::kSubnet, "1", R"({"id":1,"t1-percent":0,"t2-percent":1})"),
            R"({"id":1,"t1-percent":0.0,"t2-percent":1.0})");
  EXPECT_EQ(text(Kind::kSharedNetwork, "n", R"({"cache-threshold":1,"name":"n"})"),
            R"({"cache-threshold":1.0,"name":"n"})");
}

TEST(TextForKeaTest, BytesGoBackAsBytes) {
  EXPECT_EQ(
      TextForKea({Kind::kGlobal, "user-context"}, "{\"\u00fc\":\"\u00c3\u00bc\"}").value_or(""),
      "{\"\u00fc\":\"\\u00c3\\u00bc\"}");
}

TEST(TextForKeaTest, RefusesWhatKeaCannotWriteAndNamesTheObject) {
  const auto text = TextForKea({Kind::kSubnet, "1"}, "{\"id\":1,\"subnet\":\"\u20ac\"}");
  EXPECT_EQ(text.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(Message(text.status())),
              HasSubstr("(id 1) holds characters that Kea cannot write"));
}

}  // namespace
}  // namespace nestor::config
