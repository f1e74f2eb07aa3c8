#include "ctl/keygen.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "common/agent/keys.h"
#include "common/base/status.h"

namespace nestor::ctl {
namespace {

using ::testing::HasSubstr;

std::string Read(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

class KeygenTest : public ::testing::Test {
 protected:
  KeygenTest() { EXPECT_NE(mkdtemp(folder_), nullptr); }
  ~KeygenTest() override { std::filesystem::remove_all(folder_); }
  std::string File(const std::string& name) const { return fmt::format("{}/{}", folder_, name); }

  char folder_[32] = "/tmp/nestor-keygen-XXXXXX";
};

TEST_F(KeygenTest, WritesAPair) {
  ASSERT_TRUE(MakeKeyPair(folder_, "kea-a").ok());
  struct stat secret {};
  ASSERT_EQ(stat(File("kea-a.secret").c_str(), &secret), 0);
  EXPECT_EQ(secret.st_mode & 0777, 0600u);
  const auto one = agent::ParseKeyFile(Read(File("kea-a.secret")));
  const auto other = agent::ParseKeyFile(Read(File("kea-a.public")));
  ASSERT_TRUE(one.ok()) << one.status();
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_NE(one->z85, other->z85);
}

TEST_F(KeygenTest, NeverOverwritesAKey) {
  for (const char* there : {"kea-a.secret", "kea-a.public"}) {
    std::ofstream(File(there)) << "precious";
    const auto made = MakeKeyPair(folder_, "kea-a");
    EXPECT_EQ(made.status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(Message(made.status()), HasSubstr(there));
    EXPECT_EQ(Read(File(there)), "precious");
    std::filesystem::remove(File(there));
    EXPECT_TRUE(std::filesystem::is_empty(folder_));
  }
}

TEST_F(KeygenTest, RefusesNamesThatLeaveTheFolder) {
  for (const char* name : {"", "a/b", "..", ".hidden", "a b", "-a"}) {
    EXPECT_EQ(MakeKeyPair(folder_, name).status().code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST_F(KeygenTest, SaysThatItCannotWrite) {
  const auto made = MakeKeyPair(File("nowhere"), "kea-a");
  EXPECT_EQ(made.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(made.status()), HasSubstr("No such file"));
}

}  // namespace
}  // namespace nestor::ctl
