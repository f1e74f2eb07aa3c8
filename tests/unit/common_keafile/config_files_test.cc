#include "common/keafile/config_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "common/base/status.h"

namespace nestor::keafile {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
namespace fs = std::filesystem;

constexpr uid_t kSomebody = 65534;

std::string Read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void Write(const fs::path& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

struct stat StatOf(const fs::path& path) {
  struct stat found {};
  EXPECT_EQ(::stat(path.c_str(), &found), 0);
  return found;
}

hook::FileIdentity IdentityOf(const fs::path& path) {
  const struct stat found = StatOf(path);
  return {static_cast<int64_t>(found.st_dev), static_cast<int64_t>(found.st_ino)};
}

// A Kea's file in a directory of its own.
class ConfigFilesTest : public ::testing::Test {
 protected:
  ConfigFilesTest()
      : folder_(::testing::TempDir() + "keafile-" + std::to_string(::getpid())),
        etc_(folder_ / "etc"),
        file_(etc_ / "kea-dhcp4.conf"),
        files_(LocalConfigFiles(own_, folder_ / "proc")) {
    fs::create_directories(etc_);
    Write(file_, "old");
  }
  ~ConfigFilesTest() override { fs::remove_all(folder_); }

  absl::Status Replace(const std::string& text) {
    return files_->Replace(file_, IdentityOf(file_), text);
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& one : fs::directory_iterator(etc_)) names.push_back(one.path().filename());
    return names;
  }
  void ExpectUntouched() const {
    EXPECT_EQ(Read(file_), "old");
    EXPECT_THAT(Names(), ElementsAre("kea-dhcp4.conf"));
  }

  const fs::path folder_, etc_, file_;
  watch::OwnReplacements own_;
  const std::unique_ptr<ConfigFiles> files_;
};

TEST_F(ConfigFilesTest, ReplacesTheFileAndLeavesNothingBehind) {
  ASSERT_TRUE(Replace("new").ok());
  EXPECT_EQ(Read(file_), "new");
  EXPECT_THAT(Names(), ElementsAre("kea-dhcp4.conf"));
}

TEST_F(ConfigFilesTest, KeepsModeAndAttributes) {
  ASSERT_EQ(::chmod(file_.c_str(), 0664), 0);
  const bool labelled = ::setxattr(file_.c_str(), "user.label", "x", 1, 0) == 0;
  ASSERT_TRUE(Replace("new").ok());
  EXPECT_EQ(StatOf(file_).st_mode & 07777, 0664u);
  char value = 0;
  if (labelled) {
    EXPECT_EQ(::getxattr(file_.c_str(), "user.label", &value, 1), 1);
    EXPECT_EQ(value, 'x');
  }
}

TEST_F(ConfigFilesTest, KeepsOwnerAndGroup) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root gives files away";
  ASSERT_EQ(::chown(file_.c_str(), kSomebody, 7), 0);
  ASSERT_EQ(::chmod(file_.c_str(), 0640), 0);
  ASSERT_TRUE(Replace("new").ok());
  EXPECT_EQ(StatOf(file_).st_uid, kSomebody);
  EXPECT_EQ(StatOf(file_).st_gid, 7u);
  EXPECT_EQ(StatOf(file_).st_mode & 07777, 0640u);
}

TEST_F(ConfigFilesTest, WhatADeadAgentLeftBehindIsNoHindrance) {
  Write(etc_ / ".kea-dhcp4.conf.nestor-new", "half a conf");
  ASSERT_TRUE(Replace("new").ok());
  EXPECT_EQ(Read(file_), "new");
  EXPECT_THAT(Names(), ElementsAre("kea-dhcp4.conf"));
}

TEST_F(ConfigFilesTest, ALinkIsFollowedAndStays) {
  fs::create_directories(folder_ / "proc/7");
  fs::create_symlink(file_, folder_ / "link");
  const std::string arguments[] = {"/usr/sbin/kea-dhcp4", "-c", folder_ / "link"};
  std::string line;
  for (const std::string& one : arguments) line += one + '\0';
  Write(folder_ / "proc/7/cmdline", line);
  const std::string path = files_->FileOf(7);
  EXPECT_EQ(path, file_);
  ASSERT_TRUE(files_->Replace(path, IdentityOf(path), "new").ok());
  EXPECT_TRUE(fs::is_symlink(folder_ / "link"));
  EXPECT_EQ(Read(folder_ / "link"), "new");
}

TEST_F(ConfigFilesTest, TheAgentsOwnWritingIsNoHintOfAnEdit) {
  fs::create_directories(folder_ / "proc/7");
  std::string line;
  for (const std::string& one : {std::string("kea-dhcp4"), "-c" + file_.string()}) {
    line += one + '\0';
  }
  Write(folder_ / "proc/7/cmdline", line);
  watch::FileHint hint(folder_ / "proc", &own_);
  hint.Follow(7);
  ASSERT_TRUE(Replace("new").ok());
  EXPECT_EQ(hint.Seen(), watch::Hint::Sign::kNone);
  Write(etc_ / "edited", "newer");
  fs::rename(etc_ / "edited", file_);
  EXPECT_EQ(hint.Seen(), watch::Hint::Sign::kExpected) << "an operator's";
}

TEST_F(ConfigFilesTest, AnotherFileThanKeasIsLeftAlone) {
  hook::FileIdentity other = IdentityOf(file_);
  ++other.inode;
  const absl::Status status = files_->Replace(file_, other, "new");
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(std::string(Message(status)), HasSubstr(file_.string()));
  ExpectUntouched();
}

// As a user who is not root, where the test runs as root.
class AsSomebody {
 public:
  AsSomebody() { EXPECT_EQ(::seteuid(was_ == 0 ? kSomebody : was_), 0); }
  ~AsSomebody() { EXPECT_EQ(::seteuid(was_), 0); }
  AsSomebody(const AsSomebody&) = delete;
  AsSomebody& operator=(const AsSomebody&) = delete;

 private:
  const uid_t was_ = ::geteuid();
};

TEST_F(ConfigFilesTest, ADirectoryThatMayNotBeWrittenIsSaid) {
  if (::geteuid() == 0) {
    ASSERT_EQ(::chown(file_.c_str(), kSomebody, kSomebody), 0);
  }
  ASSERT_EQ(::chmod(etc_.c_str(), 0555), 0);
  {
    const AsSomebody somebody;
    const absl::Status status = Replace("new");
    EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
    EXPECT_THAT(std::string(Message(status)),
                AllOf(HasSubstr(file_.string()), HasSubstr("Permission denied"),
                      HasSubstr("let the agent's user own it")));
  }
  ASSERT_EQ(::chmod(etc_.c_str(), 0755), 0);
  ExpectUntouched();
}

TEST_F(ConfigFilesTest, AFileThatMayNotBeWrittenIsNotReplacedEither) {
  if (::geteuid() == 0) {
    ASSERT_EQ(::chown(etc_.c_str(), kSomebody, kSomebody), 0);
  }
  ASSERT_EQ(::chmod(file_.c_str(), 0444), 0);
  const AsSomebody somebody;
  EXPECT_EQ(Replace("new").code(), absl::StatusCode::kPermissionDenied);
  ExpectUntouched();
}

TEST_F(ConfigFilesTest, AnOwnerThatCannotBeKeptIsLeftToKea) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root gives files away";
  ASSERT_EQ(::chown(etc_.c_str(), kSomebody, kSomebody), 0);
  ASSERT_EQ(::chmod(file_.c_str(), 0666), 0);
  {
    const AsSomebody somebody;
    const absl::Status status = Replace("new");
    EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
    EXPECT_THAT(std::string(Message(status)), HasSubstr("its owner and group cannot be kept"));
  }
  ExpectUntouched();
}

// On a file system of its own, which only this process sees.
class MountedTest : public ConfigFilesTest {
 protected:
  void SetUp() override {
    if (::geteuid() != 0 || ::unshare(CLONE_NEWNS) != 0 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", etc_.c_str(), "tmpfs", 0, "size=64k") != 0) {
      GTEST_SKIP() << "only root mounts";
    }
    mounted_ = true;
    Write(file_, "old");
  }
  void TearDown() override {
    if (mounted_) ::umount2(etc_.c_str(), MNT_DETACH);
  }

  bool mounted_ = false;
};

TEST_F(MountedTest, AFullDiskLeavesTheOldFileWhole) {
  const absl::Status status = Replace(std::string(100'000, 'x'));
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(
      std::string(Message(status)),
      AllOf(HasSubstr(file_.string()), HasSubstr("No space left"), HasSubstr("free space")));
  ExpectUntouched();
  EXPECT_TRUE(Replace("new").ok()) << "there is room for this one";
}

TEST_F(MountedTest, AReadOnlyFileSystemIsSaid) {
  ASSERT_EQ(::mount(nullptr, etc_.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr), 0);
  const absl::Status status = Replace("new");
  EXPECT_EQ(status.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(std::string(Message(status)), HasSubstr("Read-only file system"));
  ExpectUntouched();
}

TEST_F(MountedTest, AFileThatIsAMountItselfIsLeftToKea) {
  Write(folder_ / "outside", "old");
  ASSERT_EQ(::mount((folder_ / "outside").c_str(), file_.c_str(), nullptr, MS_BIND, nullptr), 0);
  EXPECT_EQ(Replace("new").code(), absl::StatusCode::kPermissionDenied);
  ExpectUntouched();
}

}  // namespace
}  // namespace nestor::keafile
