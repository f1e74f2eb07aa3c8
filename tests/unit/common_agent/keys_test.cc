#include "common/agent/keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/status.h"

namespace nestor::agent {
namespace {

constexpr std::string_view kKey = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7";

std::string Wrong(std::string_view text) {
  const auto file = ParseKeyFile(text);
  if (file.ok()) return "";
  EXPECT_EQ(file.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(Message(file.status()));
}

TEST(KeysTest, ReadsWhatItWrites) {
  for (const std::string& text : {FormatSecret("kea-a", kKey), FormatPublic("kea-a", kKey)}) {
    const auto file = ParseKeyFile(text);
    ASSERT_TRUE(file.ok()) << file.status();
    EXPECT_EQ(file->z85, kKey);
    EXPECT_FALSE(file->has_rights);
  }
}

TEST(KeysTest, ReadsRights) {
  const auto file =
      ParseKeyFile(fmt::format("# kea-b\r\n{}\r\nrights: subscribe  replicate\n", kKey));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->z85, kKey);
  EXPECT_TRUE(file->has_rights);
  EXPECT_TRUE(file->subscribe);
  EXPECT_TRUE(file->replicate);
  EXPECT_FALSE(file->operate);
}

TEST(KeysTest, NoRightsAtAllIsALineOfRights) {
  const auto file = ParseKeyFile(fmt::format("rights:\n{}", kKey));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_TRUE(file->has_rights);
  EXPECT_FALSE(file->subscribe || file->replicate || file->operate);
}

TEST(KeysTest, ReadsWhoseItIs) {
  const auto file = ParseKeyFile(fmt::format("{}\nuser:  kea-b \nrights: subscribe\n", kKey));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->user, "kea-b");
  EXPECT_EQ(Wrong(fmt::format("{}\nuser:\n", kKey)), "line 2: user: is without a name");
  EXPECT_EQ(Wrong(fmt::format("user: a\nuser: b\n{}", kKey)), "line 2: a second user");
}

TEST(KeysTest, SaysWhichLineIsWrong) {
  EXPECT_EQ(Wrong(""), "line 1: the file ends without a key");
  EXPECT_EQ(Wrong("# nothing\n"), "line 2: the file ends without a key");
  EXPECT_EQ(Wrong(fmt::format("\n{}x\n", kKey)),
            "line 2: this is neither a comment (#), nor \"rights: ...\", nor \"user: ...\", nor a "
            "key of 40 characters in Z85");
  EXPECT_EQ(Wrong(fmt::format("{0}\n{0}\n", kKey)), "line 2: a second key");
  EXPECT_EQ(Wrong(fmt::format("{}\nrights: destroy", kKey)),
            "line 2: \"destroy\" is not a right: subscribe, replicate, operate");
  EXPECT_EQ(Wrong(fmt::format("{}\nrights: operate\nrights: operate", kKey)),
            "line 3: a second line of rights");
}

}  // namespace
}  // namespace nestor::agent
