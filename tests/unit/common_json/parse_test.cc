#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/base/status.h"
#include "common/json/json.h"

namespace nestor::json {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// What is wrong with `text`, or "" if nothing is.
std::string Wrong(std::string text) {
  const auto document = Parse(std::move(text));
  return document.ok() ? std::string() : std::string(Message(document.status()));
}

std::string Nested(int depth, std::string_view open, std::string_view close) {
  std::string text;
  for (int i = 0; i < depth; ++i) text += open;
  text += "1";
  for (int i = 0; i < depth; ++i) text += close;
  return text;
}

TEST(ParseTest, GivesTheValues) {
  const auto document = Parse(R"( {"a": [1, -2, 2.5, true, null, "x\n\u00e9"]} )");
  ASSERT_TRUE(document.ok());
  EXPECT_EQ(Canonical(document->root()), "{\"a\":[1,-2,2.5,true,null,\"x\\n\u00e9\"]}");
}

TEST(ParseTest, ValuesStayWhereTheyAreWhenTheDocumentMoves) {
  auto parsed = Parse(R"({"name": "short"})");
  ASSERT_TRUE(parsed.ok());
  const char* const before = Find(parsed->root(), "name")->GetString();
  const Document moved = *std::move(parsed);
  EXPECT_EQ(Find(moved.root(), "name")->GetString(), before);
  EXPECT_EQ(FindString(moved.root(), "name"), "short");
}

TEST(ParseTest, RefusesWhatFollowsTheValue) {
  EXPECT_THAT(Wrong("{} x"), StartsWith("line 1, column 4: "));
  EXPECT_THAT(Wrong("{}{}"), StartsWith("line 1, column 3: "));
  EXPECT_EQ(Wrong("{} \n"), "");
}

TEST(ParseTest, NamesLineAndColumn) {
  EXPECT_THAT(Wrong("{\n  \"a\": 1,\n  \"b\" 2\n}"), StartsWith("line 3, column 7: "));
  EXPECT_THAT(Wrong(""), StartsWith("line 1, column 1: "));
}

TEST(ParseTest, LinesAreThoseOfTheTextAlsoWhereStringsHoldLineBreaks) {
  // Parsing in place puts real line breaks into the text before the error.
  EXPECT_THAT(Wrong("{\"a\": \"\\n\\n\\n\",\n \"b\" 2}"), StartsWith("line 2, column 6: "));
}

TEST(ParseTest, DepthIsLimitedTo64) {
  EXPECT_EQ(Wrong(Nested(64, "[", "]")), "");
  EXPECT_EQ(Wrong(Nested(65, "[", "]")), "line 1, column 65: nested more than 64 deep");
  EXPECT_EQ(Wrong(Nested(64, "{\"a\":", "}")), "");
  EXPECT_THAT(Wrong(Nested(65, "{\"a\":", "}")), HasSubstr("nested more than 64 deep"));
}

TEST(ParseTest, AMillionOpenBracketsDoNoHarm) {
  EXPECT_THAT(Wrong(std::string(1'000'000, '[')), HasSubstr("nested more than 64 deep"));
  EXPECT_THAT(Wrong(Nested(1'000'000, "{\"a\":", "")), HasSubstr("nested more than 64 deep"));
}

TEST(ParseTest, ManyEmptyObjectsBesideEachOtherAreNotDeep) {
  std::string text = "[";
  for (int i = 0; i < 1000; ++i) text += "{\"a\":{}},";
  EXPECT_EQ(Wrong(text + "{}]"), "");
}

TEST(ParseTest, RefusesANameThatStandsTwice) {
  EXPECT_EQ(Wrong(R"({"a": 1, "b": {"a": 1}, "a": 2})"),
            "line 1, column 25: the name \"a\" stands twice in one object");
  EXPECT_THAT(Wrong(R"([{"": 1, "": 2}])"), HasSubstr("stands twice"));
  // The same name once written as it is and once escaped.
  EXPECT_THAT(Wrong(R"({"ab": 1, "\u0061b": 2})"), HasSubstr("stands twice"));
}

TEST(ParseTest, TakesTheSameNameInDifferentObjects) {
  EXPECT_EQ(Wrong(R"([{"a": {"a": {"a": 1}, "b": 2}}, {"a": 1, "b": {"a": 1}}])"), "");
}

TEST(ParseTest, TellsManyNamesApart) {
  std::string text = "{";
  for (int i = 0; i < 500; ++i) text += fmt::format("\"n{}\":{},", i, i);
  EXPECT_EQ(Wrong(text + "\"last\":0}"), "");
  EXPECT_THAT(Wrong(text + "\"n250\":0}"), HasSubstr("\"n250\" stands twice"));
}

TEST(ParseTest, RefusesWhatIsNotUtf8) {
  EXPECT_NE(Wrong("\"\xff\""), "");
  EXPECT_NE(Wrong("\"\xc3(\""), "");
  EXPECT_NE(Wrong("\"\xed\xa0\x80\""), "");  // a surrogate in UTF-8
  EXPECT_NE(Wrong("\"\xc0\xaf\""), "");      // overlong
  EXPECT_NE(Wrong(R"("\ud800")"), "");       // half a pair
  EXPECT_EQ(Wrong(R"("a\\\udc00")"), "line 1, column 5: half a surrogate pair");
  EXPECT_EQ(Wrong(R"("\ud83e\udd9c\\udc00")"), "");
  EXPECT_EQ(Wrong("\"\xf0\x9f\xa6\x9c\""), "");
}

TEST(ParseTest, ReadsNumbersExactly) {
  const std::string zeros(400, '0');
  for (const auto& [text, number] : std::vector<std::pair<std::string, double>>{
           {"0." + zeros, 0.0},
           {"-0." + zeros + "e5", 0.0},
           {"0." + zeros + "1e401", 1.0},
           {"0.1", 0.1},
           {"123456789012345678901234567890", 123456789012345678901234567890.0},
           {"1.7976931348623157e308", 1.7976931348623157e308},
           {"5e-324", 5e-324}}) {
    const auto document = Parse(text);
    ASSERT_TRUE(document.ok()) << text << Message(document.status());
    EXPECT_EQ(document->root().GetDouble(), number) << text;
  }
  EXPECT_EQ(Parse("18446744073709551615")->root().GetUint64(), 18446744073709551615u);
  EXPECT_EQ(Parse("-9223372036854775808")->root().GetInt64(), INT64_MIN);
  EXPECT_TRUE(Parse("-0")->root().IsInt());
}

TEST(ParseTest, RefusesNumbersThatNoDoubleHolds) {
  EXPECT_NE(Wrong("[1e309]"), "");
  EXPECT_EQ(Wrong("[1,1e-400]"), "line 1, column 4: a number beyond what a double holds");
}

// Red only under a sanitizer.
TEST(ParseTest, ReadsNothingBehindATextThatEndsWithinACharacter) {
  for (const std::string_view begun : {"\xc3", "\xe0", "\xe2\x82", "\xf0", "\xf0\x9f", "\xf4"}) {
    std::string text = "[\"" + std::string(100, 'x') + std::string(begun);
    text.shrink_to_fit();
    EXPECT_NE(Wrong(std::move(text)), "");
  }
}

TEST(ParseTest, RefusesANulByteButNotAnEscapedOne) {
  EXPECT_EQ(Wrong(std::string("[1]\0", 4)), "line 1, column 4: a NUL byte");
  const auto document = Parse(R"(["a\u0000b"])");
  ASSERT_TRUE(document.ok());
  EXPECT_EQ(Text(document->root()[0]), std::string_view("a\0b", 3));
}

TEST(ParseTest, RefusesCommentsAndOtherLiberties) {
  for (const char* text : {"{} // x", "[1,]", "{'a': 1}", "[.5]", "[01]", "[NaN]", "[1e999]"}) {
    EXPECT_NE(Wrong(text), "") << text;
  }
}

TEST(ParseCommentedTest, SkipsCommentsOfAllThreeKinds) {
  const auto document =
      ParseCommented("// first\n{ # second\n \"a\": /* third\n over lines */ 1, \"b\": 2} // end");
  ASSERT_TRUE(document.ok()) << Message(document.status());
  EXPECT_EQ(Canonical(document->root()), R"({"a":1,"b":2})");
}

TEST(ParseCommentedTest, LeavesStringsAlone) {
  const auto document = ParseCommented(R"({"a": "http://x # y /* z */", "b": "\" // \\"} // "c)");
  ASSERT_TRUE(document.ok()) << Message(document.status());
  EXPECT_EQ(FindString(document->root(), "a"), "http://x # y /* z */");
  EXPECT_EQ(FindString(document->root(), "b"), "\" // \\");
}

TEST(ParseCommentedTest, PositionsAreThoseOfTheTextWithItsComments) {
  const auto document = ParseCommented("/* one\ntwo */ {\"a\": 1 // x\n  /* y */ \"b\": 2}");
  EXPECT_THAT(std::string(Message(document.status())), StartsWith("line 3, column 11: "));
}

TEST(ParseCommentedTest, NamesTheCommentThatIsNotClosed) {
  const auto document = ParseCommented("{}\n  /* and so on");
  EXPECT_EQ(Message(document.status()), "line 2, column 3: this comment is not closed");
}

TEST(ParseKeaTest, ReadsRealsAsKeaWritesThem) {
  const auto document = ParseKea(R"({"a":[1e+20.0,1e-07.0,-2e+300.0, 1.5e+30],"b":"1e+20.0"})");
  ASSERT_TRUE(document.ok()) << Message(document.status());
  EXPECT_EQ(Canonical(document->root()),
            R"({"a":[100000000000000000000,1e-7,-2e+300,1.5e+30],"b":"1e+20.0"})");
}

TEST(ParseKeaTest, IsAsStrictOtherwise) {
  EXPECT_FALSE(ParseKea("[1e+20.5]").ok());
  EXPECT_FALSE(ParseKea("[1.0.0]").ok());
  EXPECT_FALSE(ParseKea("[1e+20.0").ok());
}

TEST(FindTest, SaysWhenNothingIsThere) {
  const auto document = Parse(R"({"a": 1})");
  ASSERT_TRUE(document.ok());
  EXPECT_EQ(Find(document->root(), "b"), nullptr);
  EXPECT_EQ(Find(*Find(document->root(), "a"), "b"), nullptr);
  EXPECT_EQ(FindString(document->root(), "a", "otherwise"), "otherwise");
}

}  // namespace
}  // namespace nestor::json
