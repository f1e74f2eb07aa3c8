#include "common/watch/file_hint.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace nestor::watch {
namespace {

namespace fs = std::filesystem;

// A Kea that runs, as /proc shows it, and its file.
class FileHintTest : public ::testing::Test {
 protected:
  FileHintTest()
      : folder_(::testing::TempDir() + "hint-" + std::to_string(::getpid())),
        file_(folder_ / "etc/kea-dhcp4.conf"),
        hint_(folder_ / "proc") {
    fs::create_directories(folder_ / "etc");
    Write(file_, "{}");
  }
  ~FileHintTest() override { fs::remove_all(folder_); }

  static void Write(const fs::path& path, const std::string& text) {
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
  }
  // Each argument with the zero after it that the kernel writes.
  void Run(int64_t pid, const std::vector<std::string>& arguments) {
    std::string line;
    for (const std::string& argument : arguments) line += argument + '\0';
    Write(folder_ / "proc" / std::to_string(pid) / "cmdline", line);
  }

  const fs::path folder_, file_;
  FileHint hint_;
};

TEST_F(FileHintTest, SeesTheFileWritten) {
  Run(7, {"/usr/sbin/kea-dhcp4", "-d", "-c", file_});
  hint_.Follow(7);
  EXPECT_EQ(hint_.Seen(), Hint::Sign::kNone);
  Write(file_, "{ }");
  EXPECT_EQ(hint_.Seen(), Hint::Sign::kExpected);
  EXPECT_EQ(hint_.Seen(), Hint::Sign::kNone) << "once is enough";
}

TEST_F(FileHintTest, SeesTheFileReplaced) {
  Run(7, {"kea-dhcp4", "-c" + file_.string()});
  hint_.Follow(7);
  Write(folder_ / "etc/new", "{ }");
  EXPECT_EQ(hint_.Seen(), Hint::Sign::kNone) << "another file of the directory";
  fs::rename(folder_ / "etc/new", file_);
  EXPECT_EQ(hint_.Seen(), Hint::Sign::kExpected);
}

TEST_F(FileHintTest, SeesWhatALinkLeadsTo) {
  fs::create_symlink(file_, folder_ / "link");
  Run(7, {"kea-dhcp4", "-c", folder_ / "link"});
  hint_.Follow(7);
  Write(folder_ / "link", "{ }");
  EXPECT_EQ(hint_.Seen(), Hint::Sign::kExpected);
}

TEST_F(FileHintTest, FollowsTheNextProcess) {
  Run(7, {"kea-dhcp4", "-c", file_});
  hint_.Follow(7);
  const fs::path other = folder_ / "other/kea.conf";
  Write(other, "{}");
  Run(8, {"kea-dhcp4", "-c", other});
  hint_.Follow(8);
  Write(file_, "{ }");
  EXPECT_EQ(hint_.Seen(), Hint::Sign::kNone);
  Write(other, "{ }");
  EXPECT_EQ(hint_.Seen(), Hint::Sign::kExpected);
}

TEST_F(FileHintTest, FindsTheFileAgainWhenItsDirectoryWasReplaced) {
  Run(7, {"kea-dhcp4", "-c", file_});
  hint_.Follow(7);
  fs::remove_all(folder_ / "etc");
  EXPECT_EQ(hint_.Seen(), Hint::Sign::kNone);
  hint_.Follow(7);
  Write(file_, "{}");
  hint_.Follow(7);
  (void)hint_.Seen();
  Write(file_, "{ }");
  EXPECT_EQ(hint_.Seen(), Hint::Sign::kExpected);
}

TEST_F(FileHintTest, IsSilentWhereNoFileCanBeFound) {
  Run(1, {"systemd", "-c", file_});       // a pid of another container
  Run(2, {"kea-dhcp4", "-c", "k.conf"});  // who knows where that is
  Run(3, {"kea-dhcp4", "-c"});
  Run(4, {"kea-dhcp4"});
  Run(5, {"kea-dhcp4", "-c", "/nowhere/kea.conf"});
  for (int64_t pid = 1; pid <= 6; ++pid) {
    hint_.Follow(pid);
    Write(file_, "{ }");
    EXPECT_EQ(hint_.Seen(), Hint::Sign::kNone) << pid;
  }
}

}  // namespace
}  // namespace nestor::watch
