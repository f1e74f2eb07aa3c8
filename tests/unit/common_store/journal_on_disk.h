#pragma once

#include <memory>
#include <random>

#include "tests/support/sim_disk.h"
#include "tests/unit/common_store/store_test_data.h"

namespace nestor::store {

using testing::SimDisk;

class SeededRandom : public Random {
 public:
  explicit SeededRandom(uint64_t seed) : engine_(seed) {}
  uint64_t Next() override { return engine_(); }
  uint64_t Below(uint64_t bound) { return Next() % bound; }

 private:
  std::mt19937_64 engine_;
};

inline absl::StatusOr<std::unique_ptr<Journal>> OpenOn(const SimDisk& disk) {
  return Journal::Open({.path = "journal.db", .vfs = disk.vfs()});
}

// A journal with something in every table, closed.
inline SimDisk::Files FilledJournal(SimDisk& disk) {
  auto journal = *OpenOn(disk);
  EXPECT_TRUE(journal->SaveRelationship(SpecOf("east")).ok());
  EXPECT_TRUE(journal->Begin("east", "stream-one").ok());
  for (uint64_t sequence = 1; sequence <= 6; ++sequence) {
    EXPECT_TRUE(journal->Append("east", ChangeOf(sequence, sequence * 1000)).ok());
  }
  EXPECT_TRUE(journal->SaveBase("east", 3, std::string(20'000, 'b')).ok());
  EXPECT_TRUE(journal->SetUnwritten("east", true).ok());
  EXPECT_TRUE(journal->SetOutcome("east", 2, "refused", "pool overlaps").ok());
  EXPECT_TRUE(journal->AddEntry("east", EntryOf("drift")).ok());
  EXPECT_TRUE(journal->undo().Save(DhcpService::kDhcp4, UndoOf("1", 3000)).ok());
  EXPECT_TRUE(journal->SaveTransaction(TransactionOf("1", v1::TransactionRecord::DECIDED)).ok());
  journal.reset();
  return disk.Copy();
}

// A journal on a simulated disk.
class JournalOnDisk : public ::testing::Test {
 protected:
  void SetUp() override { Reopen(); }

  void Reopen() {
    journal_.reset();
    auto opened = OpenOn(disk_);
    ASSERT_TRUE(opened.ok()) << opened.status();
    journal_ = *std::move(opened);
  }

  SimDisk disk_;
  std::unique_ptr<Journal> journal_;
};

}  // namespace nestor::store
