#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "tests/unit/common_ha/given.h"

namespace nestor::ha {
namespace {

using config::Kind;
using ::testing::HasSubstr;

constexpr const char* kNobody4 = R"-({"boot-file-name":"","name":"nestor-disabled",
  "next-server":"0.0.0.0","option-data":[],"option-def":[],"server-hostname":"",
  "test":"not member('ALL')"})-";
constexpr const char* kNobody6 =
    R"-({"name":"nestor-disabled","option-data":[],"test":"not member('ALL')"})-";

std::string Disabled(std::string_view subnet) {
  return SubnetText(Must(Disable(k4, OneSubnet(subnet))));
}

std::string Enabled(std::string_view subnet) {
  return SubnetText(Must(Enable(k4, OneSubnet(subnet))));
}

std::string OrderOf(const config::ObjectSet& set) {
  return TextOf(set, Kind::kGlobal, std::string(config::kClassOrder));
}

config::ObjectSet WithClasses(std::string_view order) {
  auto set = OneSubnet(R"({"id":1})");
  set.Put({Kind::kGlobal, std::string(config::kClassOrder)}, Canonical(order));
  return set;
}

TEST(DisableTest, MakesASubnetOneForNobody) {
  EXPECT_EQ(Disabled(R"({"id":1,"pools":[]})"), Canonical(R"({"id":1,"pools":[],
              "client-class":"nestor-disabled","user-context":{"nestor-disabled":""}})"));
}

TEST(DisableTest, KeepsTheClassThatItWasFor) {
  EXPECT_EQ(Disabled(R"({"client-class":"phones","user-context":{"a":1}})"),
            Canonical(R"({"client-class":"nestor-disabled",
                          "user-context":{"a":1,"nestor-disabled":"phones"}})"));
}

TEST(DisableTest, KeepsAListOfClasses) {
  EXPECT_EQ(Disabled(R"({"client-classes":["a","b"]})"),
            Canonical(R"({"client-class":"nestor-disabled",
                          "user-context":{"nestor-disabled":["a","b"]}})"));
}

TEST(DisableTest, AddsTheClassAsThatKeaReportsIt) {
  const auto four = Must(Disable(k4, OneSubnet("{}")));
  EXPECT_EQ(TextOf(four, Kind::kClientClass, "nestor-disabled"), Canonical(kNobody4));
  const auto six = Must(Disable(k6, OneSubnet("{}")));
  EXPECT_EQ(TextOf(six, Kind::kClientClass, "nestor-disabled"), Canonical(kNobody6));
}

TEST(DisableTest, PutsTheClassBehindTheOthers) {
  EXPECT_EQ(OrderOf(Must(Disable(k4, WithClasses(R"(["b","a"])")))),
            R"(["b","a","nestor-disabled"])");
  EXPECT_EQ(OrderOf(Must(Disable(k4, OneSubnet("{}")))), R"(["nestor-disabled"])");
}

TEST(DisableTest, DoneTwiceIsDoneOnce) {
  auto set = WithClasses(R"(["b","a"])");
  set.Put({Kind::kSubnet, "2"}, R"({"client-class":"x"})");
  const auto once = Must(Disable(k4, set));
  EXPECT_EQ(Must(Disable(k4, once)).Digest(), once.Digest());
}

TEST(DisableTest, DisablesASubnetThatWasGivenAnotherClassSince) {
  EXPECT_EQ(Disabled(R"({"client-class":"new","user-context":{"nestor-disabled":"old"}})"),
            R"({"client-class":"nestor-disabled","user-context":{"nestor-disabled":"new"}})");
}

TEST(DisableTest, WithoutSubnetsThereIsNothingToDo) {
  config::ObjectSet set;
  set.Put({Kind::kGlobal, "valid-lifetime"}, "7200");
  EXPECT_EQ(Must(Disable(k4, set)).Digest(), set.Digest());
}

TEST(DisableTest, RefusesWhereTheClassIsSomebodyElses) {
  auto set = OneSubnet("{}");
  set.Put({Kind::kClientClass, "nestor-disabled"}, R"({"name":"nestor-disabled","test":"true"})");
  EXPECT_THAT(ErrorOf(Disable(k4, set).status()), HasSubstr("nestor-disabled"));
}

TEST(DisableTest, RefusesObjectsOfOtherTypes) {
  EXPECT_NE(ErrorOf(Disable(k4, OneSubnet("[]")).status()), "");
  EXPECT_NE(ErrorOf(Disable(k4, OneSubnet(R"({"user-context":7})")).status()), "");
  EXPECT_NE(ErrorOf(Disable(k4, WithClasses("7")).status()), "");
  EXPECT_NE(ErrorOf(Enable(k4, OneSubnet("[]")).status()), "");
}

TEST(DisableTest, ClassesOfOtherTypesAreNone) {
  EXPECT_THAT(Disabled(R"({"client-class":7,"client-classes":[7,null]})"),
              HasSubstr(R"("user-context":{"nestor-disabled":""})"));
}

TEST(EnableTest, KeepsAClassThatWasGivenSince) {
  EXPECT_EQ(Enabled(R"({"client-class":"new","user-context":{"nestor-disabled":"old"}})"),
            R"({"client-class":"new"})");
}

TEST(EnableTest, RestoresWhereAnotherVersionOfKeaWroteItDownMeanwhile) {
  EXPECT_EQ(Enabled(R"({"client-classes":["nestor-disabled"],
                        "user-context":{"nestor-disabled":"phones"}})"),
            R"({"client-class":"phones"})");
  EXPECT_EQ(
      Enabled(R"({"client-classes":["nestor-disabled"],"user-context":{"nestor-disabled":""}})"),
      "{}");
}

TEST(EnableTest, LeavesWhatWasNotDisabledAlone) {
  auto set = WithClasses(R"(["b","a"])");
  EXPECT_EQ(Must(Enable(k4, set)).Digest(), set.Digest());
}

TEST(EnableTest, LeavesAClassThatSomebodyChanged) {
  auto set = Must(Disable(k4, OneSubnet("{}")));
  set.Put({Kind::kClientClass, "nestor-disabled"}, R"({"name":"nestor-disabled"})");
  set = Must(Enable(k4, set));
  EXPECT_EQ(TextOf(set, Kind::kClientClass, "nestor-disabled"), R"({"name":"nestor-disabled"})");
  EXPECT_EQ(OrderOf(set), R"(["nestor-disabled"])");
}

TEST(EnableTest, SurvivesMarksOfOtherTypes) {
  for (const char* mark : {"7", "null", "{}", "[7,null]"}) {
    EXPECT_EQ(Enabled(fmt::format(
                  R"({{"client-class":"nestor-disabled","user-context":{{"nestor-disabled":{}}}}})",
                  mark)),
              "{}")
        << mark;
  }
}

TEST(EnableTest, UndoesDisable) {
  static constexpr const char* kContexts[] = {"", R"("user-context":{},)",
                                              R"("user-context":{"a":{"nestor-disabled":1}},)"};
  static constexpr const char* kClasses[] = {"", R"("client-class":"phones",)",
                                             R"("client-classes":["phones","desks"],)"};
  std::mt19937 random(1);
  for (int run = 0; run < 500; ++run) {
    const DhcpService service = random() % 2 == 0 ? k4 : k6;
    config::ObjectSet set;
    if (random() % 2 == 0) {
      set.Put({Kind::kGlobal, std::string(config::kClassOrder)}, R"(["phones","desks"])");
      set.Put({Kind::kClientClass, "phones"}, R"({"name":"phones"})");
    }
    for (unsigned id = 1, most = random() % 6; id <= most; ++id) {
      set.Put({Kind::kSubnet, std::to_string(id)},
              Canonical(fmt::format(R"({{{}{}"id":{}}})", kContexts[random() % 3],
                                    kClasses[random() % 3], id)));
    }
    const auto disabled = Must(Disable(service, set));
    ASSERT_EQ(Must(Enable(service, disabled)).Digest(), set.Digest()) << run;
  }
}

TEST(DeleteTest, LeavesNoSubnetAndNothingInOne) {
  auto set = OneSubnet("{}");
  set.Put({Kind::kSharedNetwork, "n"}, "{}");
  set.Put({Kind::kReservation, "1/duid/01"}, "{}");
  set.Put({Kind::kReservation, "10/duid/01"}, "{}");
  config::ObjectSet rest;
  for (const auto& [kind, key] :
       {std::pair(Kind::kReservation, "0/duid/01"), std::pair(Kind::kGlobal, "valid-lifetime"),
        std::pair(Kind::kOption, "dhcp4/3"), std::pair(Kind::kOptionDef, "dhcp4/230"),
        std::pair(Kind::kClientClass, "phones")}) {
    set.Put({kind, key}, "{}");
    rest.Put({kind, key}, "{}");
  }
  EXPECT_EQ(Delete(set).Digest(), rest.Digest());
}

}  // namespace
}  // namespace nestor::ha
