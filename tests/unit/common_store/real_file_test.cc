// The stores on a real file system: what SimDisk cannot show.

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "tests/unit/common_store/store_test_data.h"

namespace nestor::store {
namespace {

using Code = absl::StatusCode;

class RealFileTest : public ::testing::Test {
 protected:
  RealFileTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "nestor-store-XXXXXX").string();
    directory_ = mkdtemp(pattern.data());
    path_ = (directory_ / "journal.db").string();
  }
  ~RealFileTest() override { std::filesystem::remove_all(directory_); }

  std::filesystem::path directory_;
  std::string path_;
};

TEST_F(RealFileTest, OnlyTheOwnerMayReadTheFiles) {
  const mode_t before = umask(0);
  auto journal = Journal::Open({.path = path_});
  ASSERT_TRUE(journal.ok()) << journal.status();
  ASSERT_TRUE((*journal)->Begin("east", "stream").ok());
  umask(before);
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
    ++files;
    EXPECT_EQ(entry.status().permissions(),
              std::filesystem::perms::owner_read | std::filesystem::perms::owner_write)
        << entry.path();
  }
  EXPECT_EQ(files, 2) << "the file and its log";
}

TEST_F(RealFileTest, ASecondProcessIsRefusedAndToldWhoHasIt) {
  int opened[2];
  ASSERT_EQ(pipe(opened), 0);
  // Forked before the journal is open, as SQLite's state must not be the child's.
  const pid_t child = fork();
  if (child == 0) {
    char byte = 0;
    if (read(opened[0], &byte, 1) != 1) _exit(2);
    const absl::Status status = Journal::Open({.path = path_}).status();
    const bool right =
        status.code() == Code::kFailedPrecondition &&
        Message(status).find(fmt::format("process {}", getppid())) != std::string_view::npos;
    if (!right) fmt::print(stderr, "{}\n", Message(status));
    _exit(right ? 0 : 1);
  }
  auto journal = Journal::Open({.path = path_});
  ASSERT_TRUE(journal.ok()) << journal.status();
  ASSERT_EQ(write(opened[1], "x", 1), 1);
  int result = -1;
  ASSERT_EQ(waitpid(child, &result, 0), child);
  EXPECT_EQ(result, 0);
  close(opened[0]);
  close(opened[1]);
  EXPECT_THAT(Journal::Open({.path = path_}).status(),
              Fails(Code::kFailedPrecondition, "has it open"));
  EXPECT_TRUE((*journal)->Begin("east", "stream").ok());
  journal->reset();
  EXPECT_TRUE(Journal::Open({.path = path_}).ok());
}

TEST_F(RealFileTest, ADirectoryThatIsNotThereIsSaid) {
  EXPECT_THAT(Journal::Open({.path = path_ + "/missing/journal.db"}).status(),
              Fails(Code::kInternal, "No such file"));
}

TEST_F(RealFileTest, TheLogStaysSmall) {
  auto journal = *Journal::Open({.path = path_});
  ASSERT_TRUE(journal->Begin("east", "stream").ok());
  ASSERT_TRUE(journal->Append("east", ChangeOf(1)).ok());
  const std::string base(1 << 20, 'b');
  for (int round = 0; round < 40; ++round) ASSERT_TRUE(journal->SaveBase("east", 1, base).ok());
  EXPECT_LE(std::filesystem::file_size(path_ + "-wal"), 16u << 20);
  EXPECT_LE(std::filesystem::file_size(path_), 8u << 20);
}

TEST_F(RealFileTest, ThreadsMayShareAJournal) {
  auto journal = *Journal::Open({.path = path_});
  std::vector<std::thread> threads;
  for (const char* name : {"north", "south"}) {
    threads.emplace_back([&journal, name] {
      EXPECT_TRUE(journal->Begin(name, name).ok());
      for (uint64_t sequence = 1; sequence <= 30; ++sequence) {
        EXPECT_TRUE(journal->Append(name, ChangeOf(sequence)).ok());
      }
    });
  }
  threads.emplace_back([&journal] {
    for (int i = 0; i < 30; ++i) EXPECT_TRUE(journal->History("north", 0).ok());
  });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(journal->Read("north", 1, 1 << 20)->size(), 30u);
  EXPECT_EQ(journal->Read("south", 1, 1 << 20)->size(), 30u);
}

}  // namespace
}  // namespace nestor::store
