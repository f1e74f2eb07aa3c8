#include "common/watch/hook_hint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "common/base/status.h"

namespace nestor::watch {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kChange =
    R"({ "notice": "configuration", "origin": "config-set", "revision": "1:2" })";

// A place for a socket, and a hook library that may send to it.
class HookHintTest : public ::testing::Test {
 protected:
  HookHintTest()
      : path_(::testing::TempDir() + "hook-" + std::to_string(::getpid()) + ".sock"),
        library_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0)) {}
  ~HookHintTest() override {
    ::close(library_);
    ::unlink(path_.c_str());
  }

  absl::StatusOr<std::unique_ptr<HookHint>> Listen(LeaseNotices* leases = nullptr) {
    return HookHint::Listen(path_, path_, leases);
  }
  std::string WhyNot() { return std::string(Message(Listen().status())); }

  bool Tell(std::string_view notice) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path_.c_str(), path_.size() + 1);
    return ::sendto(library_, notice.data(), notice.size(), 0,
                    reinterpret_cast<const sockaddr*>(&address), sizeof address) > 0;
  }

  const std::string path_;
  const int library_;
};

TEST_F(HookHintTest, SeesThatTheConfigurationChanged) {
  const auto hint = Listen();
  ASSERT_TRUE(hint.ok()) << Message(hint.status());
  EXPECT_EQ((*hint)->Seen(), Hint::Sign::kNone);
  EXPECT_TRUE(Tell(kChange));
  EXPECT_TRUE(Tell(kChange));
  EXPECT_EQ((*hint)->Seen(), Hint::Sign::kHappened);
  EXPECT_EQ((*hint)->Told(), "1:2");
  EXPECT_EQ((*hint)->Seen(), Hint::Sign::kNone);
}

TEST_F(HookHintTest, ARevisionThatCannotBeReadIsNone) {
  const auto hint = Listen();
  ASSERT_TRUE(hint.ok()) << Message(hint.status());
  EXPECT_TRUE(Tell(kChange));
  EXPECT_TRUE(Tell(R"({ "notice": "configuration", "revision": )"));
  EXPECT_EQ((*hint)->Seen(), Hint::Sign::kHappened);
  EXPECT_EQ((*hint)->Told(), "");
}

TEST_F(HookHintTest, IsNotStirredByALeaseOrByAnythingElse) {
  const auto hint = Listen();
  ASSERT_TRUE(hint.ok());
  EXPECT_TRUE(Tell(R"({"notice":"lease","event":"committed","address":"192.0.2.1"})"));
  EXPECT_TRUE(Tell(std::string(10'000, 'x')));
  EXPECT_TRUE(Tell("{"));
  EXPECT_EQ((*hint)->Seen(), Hint::Sign::kNone);
}

TEST_F(HookHintTest, PassesLeasesOnAsTheyCome) {
  LeaseNotices leases;
  const auto hint = Listen(&leases);
  ASSERT_TRUE(hint.ok());
  EXPECT_TRUE(Tell(R"({"notice":"lease","event":"committed","hostname":"configuration"})"));
  EXPECT_TRUE(Tell(kChange));
  EXPECT_TRUE(Tell(R"({"notice":"lease","event":"released"})"));
  EXPECT_EQ((*hint)->Seen(), Hint::Sign::kHappened) << "the change between them";
  EXPECT_EQ(leases.Take(), R"({"notice":"lease","event":"committed","hostname":"configuration"})");
  EXPECT_EQ(leases.Take(), R"({"notice":"lease","event":"released"})");
  EXPECT_EQ(leases.Take(), std::nullopt);
  EXPECT_EQ(leases.refused(), 0u);
}

TEST_F(HookHintTest, CountsWhatIsNeitherAndWhatIsTooLong) {
  LeaseNotices leases;
  const auto hint = Listen(&leases);
  ASSERT_TRUE(hint.ok());
  const std::string lease = R"({"notice":"lease","hostname":")";
  EXPECT_TRUE(Tell(lease + std::string(4096 - lease.size(), 'h')));
  EXPECT_TRUE(Tell(lease + std::string(4097 - lease.size(), 'h')));
  EXPECT_TRUE(Tell(lease + std::string(100'000, 'h')));
  EXPECT_TRUE(Tell(R"({"notice":"tea"})"));
  EXPECT_EQ((*hint)->Seen(), Hint::Sign::kNone);
  EXPECT_EQ(leases.refused(), 3u);
  EXPECT_EQ(leases.Take()->size(), 4096u);
  EXPECT_TRUE(leases.empty());
}

TEST_F(HookHintTest, NeverMakesTheLibraryWait) {
  const auto hint = Listen();
  ASSERT_TRUE(hint.ok());
  int taken = 0;
  while (Tell(kChange)) ++taken;
  EXPECT_EQ(errno, EAGAIN);
  EXPECT_GT(taken, 0);
  EXPECT_EQ((*hint)->Seen(), Hint::Sign::kHappened);
  EXPECT_TRUE(Tell(kChange));
}

TEST_F(HookHintTest, TheOwnerAndKeasGroupMaySend) {
  const auto hint = Listen();
  ASSERT_TRUE(hint.ok());
  struct stat file {};
  ASSERT_EQ(::stat(path_.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0660u);
}

TEST_F(HookHintTest, TakesThePlaceOfASocketThatNobodyListensAt) {
  const int dead = ::socket(AF_UNIX, SOCK_DGRAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path_.c_str(), path_.size() + 1);
  ASSERT_EQ(::bind(dead, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ::close(dead);
  EXPECT_TRUE(Listen().ok());
}

TEST_F(HookHintTest, LeavesAloneWhatIsNotItsOwn) {
  const auto first = Listen();
  ASSERT_TRUE(first.ok());
  EXPECT_THAT(WhyNot(), HasSubstr("another program listens there"));
  EXPECT_TRUE(Tell(kChange));  // still the first one's
  EXPECT_EQ((*first)->Seen(), Hint::Sign::kHappened);
}

TEST_F(HookHintTest, DoesNotReplaceAFile) {
  std::ofstream(path_) << "precious";
  EXPECT_THAT(WhyNot(), HasSubstr("it is a file"));
}

TEST_F(HookHintTest, SaysWhereItCannotListen) {
  const auto hint = HookHint::Listen("/nowhere/at/all.sock", "/run/kea/kea4.sock");
  EXPECT_TRUE(absl::IsUnavailable(hint.status()));
  EXPECT_THAT(Message(hint.status()), HasSubstr("/nowhere/at/all.sock"));
}

}  // namespace
}  // namespace nestor::watch
