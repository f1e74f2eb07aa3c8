// What Journal keeps of the changes of relationships that are under way.

#include "common/store/tables.h"
#include "tests/unit/common_store/journal_on_disk.h"
#include "tests/unit/common_store/tamper.h"

namespace nestor::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Code = absl::StatusCode;

class TransactionTest : public JournalOnDisk {
 protected:
  // "a:BEGUN": each that is kept.
  std::vector<std::string> Kept() {
    std::vector<std::string> kept;
    const auto all = journal_->Transactions();
    EXPECT_TRUE(all.ok()) << all.status();
    if (!all.ok()) return kept;
    for (const v1::TransactionRecord& record : *all) {
      kept.push_back(record.transaction() + ":" +
                     v1::TransactionRecord::Stage_Name(record.stage()));
    }
    return kept;
  }
};

TEST_F(TransactionTest, KeepsThemByIdOverAStart) {
  EXPECT_THAT(Kept(), IsEmpty());
  const v1::TransactionRecord record = TransactionOf("a", v1::TransactionRecord::BEGUN);
  ASSERT_TRUE(journal_->SaveTransaction(TransactionOf("b", v1::TransactionRecord::DECIDED)).ok());
  ASSERT_TRUE(journal_->SaveTransaction(record).ok());
  Reopen();
  EXPECT_THAT(Kept(), ElementsAre("a:BEGUN", "b:DECIDED"));
  EXPECT_EQ(journal_->Transactions()->front().SerializeAsString(), record.SerializeAsString());
}

TEST_F(TransactionTest, SavingReplacesTheSame) {
  ASSERT_TRUE(journal_->SaveTransaction(TransactionOf("a", v1::TransactionRecord::BEGUN)).ok());
  ASSERT_TRUE(journal_->SaveTransaction(TransactionOf("a", v1::TransactionRecord::DECIDED)).ok());
  Reopen();
  EXPECT_THAT(Kept(), ElementsAre("a:DECIDED"));
}

TEST_F(TransactionTest, RemovesOneAndCostsNothingWhereThereIsNone) {
  ASSERT_TRUE(journal_->SaveTransaction(TransactionOf("a", v1::TransactionRecord::BEGUN)).ok());
  ASSERT_TRUE(journal_->SaveTransaction(TransactionOf("b", v1::TransactionRecord::BEGUN)).ok());
  ASSERT_TRUE(journal_->RemoveTransaction("a").ok());
  const uint64_t before = disk_.syncs();
  ASSERT_TRUE(journal_->RemoveTransaction("a").ok());
  EXPECT_EQ(disk_.syncs(), before);
  Reopen();
  EXPECT_THAT(Kept(), ElementsAre("b:BEGUN"));
}

TEST_F(TransactionTest, OutlivesItsRelationship) {
  ASSERT_TRUE(journal_->SaveRelationship(SpecOf("east")).ok());
  ASSERT_TRUE(journal_->SaveTransaction(TransactionOf("a", v1::TransactionRecord::DECIDED)).ok());
  ASSERT_TRUE(journal_->RemoveRelationship("east").ok());
  Reopen();
  EXPECT_THAT(Kept(), ElementsAre("a:DECIDED"));
}

TEST_F(TransactionTest, OpensAFileThatHadNone) {
  const OpenOptions options = {.path = "old.db", .vfs = disk_.vfs()};
  ASSERT_TRUE(
      Database::Open(options,
                     {"journal", 0x4e53544a, {kSharedTables, kJournalTables, kUnwrittenTable}})
          .ok());
  auto opened = Journal::Open(options);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_THAT(*(*opened)->Transactions(), IsEmpty());
  EXPECT_TRUE((*opened)->SaveTransaction(TransactionOf("a", v1::TransactionRecord::BEGUN)).ok());
}

TEST_F(TransactionTest, ADamagedRowIsNamed) {
  ASSERT_TRUE(journal_->SaveTransaction(TransactionOf("a", v1::TransactionRecord::BEGUN)).ok());
  ASSERT_TRUE(journal_->SaveTransaction(TransactionOf("b", v1::TransactionRecord::BEGUN)).ok());
  journal_.reset();
  Tamper(disk_, "journal.db",
         "UPDATE transaction_record SET record = zeroblob(length(record)) WHERE id = x'62'");
  Reopen();
  EXPECT_THAT(journal_->Transactions().status(),
              Fails(Code::kDataLoss, "table transaction_record, row b"));
  ASSERT_TRUE(journal_->RemoveTransaction("b").ok());
  EXPECT_THAT(Kept(), ElementsAre("a:BEGUN"));
}

TEST_F(TransactionTest, ADamagedIdIsNoticed) {
  ASSERT_TRUE(journal_->SaveTransaction(TransactionOf("a", v1::TransactionRecord::BEGUN)).ok());
  journal_.reset();
  Tamper(disk_, "journal.db", "UPDATE transaction_record SET id = x'63'");
  Reopen();
  EXPECT_THAT(journal_->Transactions().status(), HasCode(Code::kDataLoss));
}

}  // namespace
}  // namespace nestor::store
