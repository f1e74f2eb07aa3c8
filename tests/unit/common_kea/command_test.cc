#include "common/kea/command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/status.h"

namespace nestor::kea {
namespace {

using ::testing::HasSubstr;

absl::StatusCode CodeOf(std::string text) { return ParseAnswer(std::move(text)).status().code(); }

TEST(CommandTextTest, NamesTheCommand) {
  EXPECT_EQ(CommandText("status-get", {}), R"({"command":"status-get"})");
}

TEST(CommandTextTest, TakesTheArgumentsAsTheyAre) {
  EXPECT_EQ(CommandText("config-set", R"({"Dhcp4": {}})"),
            R"({"command":"config-set","arguments":{"Dhcp4": {}}})");
}

TEST(CommandTextTest, SaysWhereTheArgumentsBegin) {
  const std::string arguments = R"({"Dhcp4":{}})";
  for (const std::string_view command : {"config-test", "config-set"}) {
    size_t prefix = 0;
    const std::string text = CommandText(command, arguments, &prefix);
    EXPECT_EQ(text.substr(prefix, arguments.size()), arguments) << command;
  }
}

TEST(CommandTextTest, IsOneLineWhateverTheNameHolds) {
  EXPECT_EQ(CommandText("a\"\n", {}), R"({"command":"a\"\n"})");
}

TEST(ParseAnswerTest, ReadsAMap) {
  const auto answer = ParseAnswer(R"({ "arguments": { "pid": 7 }, "result": 0, "text": "2.2.0" })");
  ASSERT_TRUE(answer.ok()) << Message(answer.status());
  EXPECT_TRUE(answer->ok());
  EXPECT_EQ(answer->text, "2.2.0");
  ASSERT_NE(answer->arguments(), nullptr);
  EXPECT_EQ(json::Find(*answer->arguments(), "pid")->GetInt(), 7);
}

TEST(ParseAnswerTest, ReadsAListOfOneMapAsOverHttp) {
  const auto answer =
      ParseAnswer(R"([ { "arguments": [ "config-get" ], "result": 0, "text": "t" } ])");
  ASSERT_TRUE(answer.ok()) << Message(answer.status());
  EXPECT_EQ(answer->text, "t");
  ASSERT_NE(answer->arguments(), nullptr);
  EXPECT_EQ(json::Text(answer->arguments()->GetArray()[0]), "config-get");
}

TEST(ParseAnswerTest, KeepsKeasResultAndWords) {
  const auto answer =
      ParseAnswer(R"({ "result": 2, "text": "'nonsense' command not supported." })");
  ASSERT_TRUE(answer.ok()) << Message(answer.status());
  EXPECT_FALSE(answer->ok());
  EXPECT_EQ(answer->result, 2);
  EXPECT_EQ(answer->text, "'nonsense' command not supported.");
  EXPECT_EQ(answer->arguments(), nullptr);
}

TEST(ParseAnswerTest, ReadsNumbersAsKeaSpellsThem) {
  const auto answer = ParseAnswer(R"({"arguments":{"x":1e+20.0},"result":0})");
  ASSERT_TRUE(answer.ok()) << Message(answer.status());
  EXPECT_EQ(json::Find(*answer->arguments(), "x")->GetDouble(), 1e20);
}

TEST(ParseAnswerTest, TextThatIsNoTextIsEmpty) {
  const auto answer = ParseAnswer(R"({"result":1,"text":7})");
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->text, "");
}

TEST(ParseAnswerTest, AnAnswerCutOffAnywhereIsDataLoss) {
  const std::string whole = R"({ "arguments": { "Dhcp4": {} }, "result": 0 })";
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(CodeOf(whole.substr(0, size)), absl::StatusCode::kDataLoss) << size;
  }
}

TEST(ParseAnswerTest, WhatIsNoAnswerIsDataLoss) {
  for (const std::string_view text :
       {"", "garbage", "7", "null", "\"text\"", "{}", "[]", "[[]]",
        R"([{"result":0},{"result":0}])", R"({"result":"0"})", R"({"result":0.5})",
        R"({"result":99999999999})", R"({"result":0,"result":1})", R"({"result":0} {"result":0})",
        "\xff{\"result\":0}"}) {
    EXPECT_EQ(CodeOf(std::string(text)), absl::StatusCode::kDataLoss) << text;
  }
}

TEST(ParseAnswerTest, SaysWhatIsWrong) {
  EXPECT_THAT(std::string(Message(ParseAnswer(R"({"result":)").status())),
              HasSubstr("Kea's answer cannot be read: line 1"));
}

TEST(ParseAnswerTest, DepthWithoutEndIsDataLoss) {
  EXPECT_EQ(CodeOf(std::string(100'000, '[')), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace nestor::kea
