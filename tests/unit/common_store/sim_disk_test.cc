#include "tests/support/sim_disk.h"

#include "tests/unit/common_store/store_test_data.h"

namespace nestor::store {
namespace {

using Code = absl::StatusCode;
using testing::SimDisk;

// Loses all that was not synced.
class Zeros : public Random {
 public:
  uint64_t Next() override { return draws_++ % 2 == 0 ? 0 : 99; }

 private:
  uint64_t draws_ = 0;
};

std::unique_ptr<Journal> OpenOn(const SimDisk& disk) {
  auto journal = Journal::Open({.path = "journal.db", .vfs = disk.vfs()});
  EXPECT_TRUE(journal.ok()) << journal.status();
  return journal.ok() ? *std::move(journal) : nullptr;
}

TEST(SimDiskTest, ADeadProcessReadsAndWritesNothing) {
  SimDisk disk;
  auto dead = OpenOn(disk);
  ASSERT_TRUE(dead->Begin("east", "stream-one").ok());
  Zeros zeros;
  disk.Crash(zeros);
  auto alive = OpenOn(disk);
  const SimDisk::Files before = disk.Copy();
  EXPECT_THAT(dead->Append("east", ChangeOf(1)), HasCode(Code::kInternal));
  dead.reset();
  EXPECT_EQ(disk.Copy(), before);
  EXPECT_EQ(alive->Begin("east", "x")->term, 2u);
  EXPECT_TRUE(alive->Append("east", ChangeOf(1)).ok());
}

TEST(SimDiskTest, RestoringAnOldCopyBringsTheOldJournalBack) {
  SimDisk disk;
  auto journal = OpenOn(disk);
  ASSERT_TRUE(journal->Begin("east", "stream-one").ok());
  const SimDisk::Files old = disk.Copy();
  ASSERT_TRUE(journal->Append("east", ChangeOf(1)).ok());
  disk.Restore(old);
  EXPECT_EQ(OpenOn(disk)->Begin("east", "x")->head, 0u);
}

TEST(SimDiskTest, ARemovedJournalBeginsAnew) {
  SimDisk disk;
  auto journal = OpenOn(disk);
  ASSERT_TRUE(journal->Begin("east", "stream-one").ok());
  disk.Remove("journal.db");
  EXPECT_EQ(OpenOn(disk)->Begin("east", "stream-two")->stream_id, "stream-two");
}

TEST(SimDiskTest, AKilledProcessLosesNothingThatItWrote) {
  SimDisk disk;
  auto journal = OpenOn(disk);
  ASSERT_TRUE(journal->Begin("east", "stream-one").ok());
  ASSERT_TRUE(journal->Append("east", ChangeOf(1)).ok());
  disk.Kill();
  EXPECT_EQ(OpenOn(disk)->Begin("east", "x")->head, 1u);
}

TEST(SimDiskTest, ASecondOpenerIsRefused) {
  SimDisk disk;
  auto journal = OpenOn(disk);
  EXPECT_THAT(Journal::Open({.path = "journal.db", .vfs = disk.vfs()}).status(),
              HasCode(Code::kFailedPrecondition));
}

TEST(SimDiskTest, EverySyncTakesItsTime) {
  SimDisk disk;
  absl::Duration spent;
  disk.Slow(absl::Milliseconds(5), [&](absl::Duration d) { spent += d; });
  auto journal = OpenOn(disk);
  EXPECT_EQ(spent, absl::Milliseconds(5) * static_cast<double>(disk.syncs()));
  EXPECT_GT(disk.syncs(), 0u);
}

TEST(SimDiskTest, ADatabaseMayOutliveItsDisk) {
  auto disk = std::make_unique<SimDisk>();
  auto journal = OpenOn(*disk);
  disk.reset();
  EXPECT_TRUE(journal->Begin("east", "stream-one").ok());
}

}  // namespace
}  // namespace nestor::store
