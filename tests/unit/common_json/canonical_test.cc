#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <random>
#include <string>

#include "common/base/status.h"
#include "common/json/json.h"

namespace nestor::json {
namespace {

Document Must(std::string text) {
  auto document = Parse(std::move(text));
  EXPECT_TRUE(document.ok()) << Message(document.status());
  return document.ok() ? *std::move(document) : Document();
}

std::string CanonicalOf(std::string text) { return Canonical(Must(std::move(text)).root()); }

TEST(CanonicalTest, SortsMembersAtEveryDepthAndLeavesArraysAlone) {
  EXPECT_EQ(CanonicalOf(R"( { "b" : [3, 1, {"z": 1, "y": 2}], "a" : {} , "": 0 } )"),
            R"({"":0,"a":{},"b":[3,1,{"y":2,"z":1}]})");
}

TEST(CanonicalTest, AShorterNameIsBeforeOneThatGoesOn) {
  EXPECT_EQ(CanonicalOf(R"({"ab":1,"a-":2,"a":3,"B":4})"), R"({"B":4,"a":3,"a-":2,"ab":1})");
}

TEST(CanonicalTest, NamesAreInTheOrderOfUtf16CodeUnits) {
  // A character beyond the basic plane begins with a surrogate (D83E here), which is before U+E000
  // and U+FFFD; as bytes it is behind both. Before U+D7FF and below the two orders agree.
  EXPECT_EQ(CanonicalOf("{\"\uFFFD\":1,\"\uE000\":2,\"\U0001F99C\":3,\"\uD7FF\":4,\"z\":5}"),
            "{\"z\":5,\"\uD7FF\":4,\"\U0001F99C\":3,\"\uE000\":2,\"\uFFFD\":1}");
}

TEST(CanonicalTest, EscapesOnlyWhatItMust) {
  EXPECT_EQ(CanonicalOf(R"("\u0000\u0008\u0009\u000a\u000b\u000c\u000d\u001f\"\\\/\u007f\u20ac")"),
            "\"\\u0000\\b\\t\\n\\u000b\\f\\r\\u001f\\\"\\\\/\x7f\u20ac\"");
}

struct Number {
  const char* text;
  const char* canonical;
};

class NumberTest : public ::testing::TestWithParam<Number> {};

TEST_P(NumberTest, IsAsShortAsEcmaScriptWritesIt) {
  EXPECT_EQ(CanonicalOf(GetParam().text), GetParam().canonical);
}

INSTANTIATE_TEST_SUITE_P(
    All, NumberTest,
    ::testing::Values(Number{"0", "0"}, Number{"-0", "0"}, Number{"-0.0", "0"}, Number{"1.0", "1"},
                      Number{"0.5", "0.5"}, Number{"0.8750", "0.875"}, Number{"1E2", "100"},
                      Number{"-12.50e1", "-125"}, Number{"1e20", "100000000000000000000"},
                      Number{"1e21", "1e+21"}, Number{"1.5e21", "1.5e+21"},
                      Number{"123456789012345680000.0", "123456789012345680000"},
                      Number{"0.000001", "0.000001"}, Number{"0.0000001", "1e-7"},
                      Number{"0.00000123", "0.00000123"}, Number{"1.23e-7", "1.23e-7"},
                      Number{"0.1", "0.1"}, Number{"0.30000000000000004", "0.30000000000000004"},
                      Number{"5e-324", "5e-324"},
                      Number{"1.7976931348623157e308", "1.7976931348623157e+308"},
                      Number{"4.35", "4.35"}, Number{"-1e-9", "-1e-9"},
                      Number{"1234.5678", "1234.5678"},
                      Number{"9007199254740993.0", "9007199254740992"},
                      // Exact where Kea is exact.
                      Number{"9007199254740993", "9007199254740993"},
                      Number{"-9223372036854775808", "-9223372036854775808"},
                      Number{"18446744073709551615", "18446744073709551615"},
                      Number{"4294967295", "4294967295"}));

TEST(CanonicalTest, ADoubleReadsBackTheSame) {
  std::mt19937_64 random(20);
  for (int i = 0; i < 20000; ++i) {
    const double number = std::bit_cast<double>(random());
    if (!(number - number == 0)) continue;  // no number, or infinite
    const Document document = Must("[" + Canonical(Value(number)) + "]");
    ASSERT_EQ(document.root()[0].GetDouble(), number);
  }
}

// A random value; small enough to be read when it fails.
void Append(std::mt19937& random, int depth, std::string& out) {
  const unsigned what = random() % (depth > 3 ? 5 : 7);
  const auto name = [&] {
    static const char* const kNames[] = {"a",      "b", "aa", "", "Z", "\\u00e9", "\\ud83e\\udd9c",
                                         "\\uffff"};
    return fmt::format("\"{}{}\"", kNames[random() % 8], random() % 100000);
  };
  switch (what) {
    case 0:
      out += fmt::format("{}", static_cast<int>(random()));
      return;
    case 1:
      out += random() % 2 == 0 ? "true" : "null";
      return;
    case 2:
      out += fmt::format("{}.{}e{}", random() % 100, random() % 1000,
                         static_cast<int>(random() % 40) - 20);
      return;
    case 3:
    case 4:
      out += name();
      return;
    default:
      break;
  }
  out += what == 5 ? '[' : '{';
  const unsigned size = random() % 5;
  for (unsigned i = 0; i < size; ++i) {
    if (i > 0) out += " ,\n";
    if (what == 6) out += fmt::format("{} : ", name().insert(1, fmt::format("{}", i)));
    Append(random, depth + 1, out);
  }
  out += what == 5 ? ']' : '}';
}

TEST(CanonicalTest, TheCanonicalFormOfACanonicalTextIsItself) {
  std::mt19937 random(8785);
  for (int i = 0; i < 3000; ++i) {
    std::string text;
    Append(random, 0, text);
    const std::string once = CanonicalOf(text);
    ASSERT_EQ(CanonicalOf(once), once) << text;
  }
}

TEST(ShapeTest, LeavesOutAndAddsMembersOfTheOutermostObjectOnly) {
  Shape shape;
  shape.without = {"b", "none"};
  shape.with_name = "ab";
  shape.with_value = "[7]";
  EXPECT_EQ(Canonical(Must(R"({"b":1,"c":{"b":2},"a":3})").root(), shape),
            R"({"a":3,"ab":[7],"c":{"b":2}})");
}

void Reverse(std::string_view name, std::vector<const Value*>& elements) {
  if (name == "list") std::reverse(elements.begin(), elements.end());
}

TEST(ShapeTest, RearrangesListsButNoUserContext) {
  Shape shape;
  shape.rearrange = Reverse;
  EXPECT_EQ(Canonical(Must(R"({"list":[1,{"list":[3,4]}],"other":[1,2],
                               "user-context":{"list":[1,2]},
                               "deep":[{"user-context":[{"list":[1,2]}]}]})")
                          .root(),
                      shape),
            R"({"deep":[{"user-context":[{"list":[1,2]}]}],"list":[{"list":[4,3]},1],)"
            R"("other":[1,2],"user-context":{"list":[1,2]}})");
}

TEST(WriteTest, KeepsTheOrderOfMembersAndTheKindOfNumbers) {
  EXPECT_EQ(Write(Must(R"({ "b": 1.0, "a": [1, -0.5, null, "x\n"] })").root()),
            R"({"b":1.0,"a":[1,-0.5,null,"x\n"]})");
}

TEST(WriteTest, BytesOfAStringAreEscapedAndNamesAreNot) {
  EXPECT_EQ(Write(Must(R"({"\u00e9:":"\u00c3\u00a9 \u00ff","x":["\u007f\"\u0080"]})").root()),
            "{\"\u00e9:\":\"\\u00c3\\u00a9 \\u00ff\",\"x\":[\"\x7f\\\"\\u0080\"]}");
}

TEST(AppendForKeaTest, SaysWhenACharacterIsNoByte) {
  std::string out = "x";
  EXPECT_TRUE(AppendForKea("{\"a\":\"plain\"}", out));
  EXPECT_EQ(out, "x{\"a\":\"plain\"}");
  EXPECT_TRUE(AppendForKea("{\"\u20ac\":\"\u00ff\"}", out));
  EXPECT_FALSE(AppendForKea("[\"\u20ac\",\"\u00e9\"]", out));
}

}  // namespace
}  // namespace nestor::json
