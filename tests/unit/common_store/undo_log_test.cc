// UndoLog in both files.

#include "common/store/undo_log.h"

#include "common/store/relationship_table.h"
#include "common/store/tables.h"
#include "tests/support/sim_disk.h"
#include "tests/unit/common_store/store_test_data.h"
#include "tests/unit/common_store/tamper.h"

namespace nestor::store {
namespace {

using Code = absl::StatusCode;
constexpr DhcpService kFour = DhcpService::kDhcp4;
constexpr DhcpService kSix = DhcpService::kDhcp6;
constexpr const char* kFile = "s.db";

// The schema of each file as it was before it had an UndoLog.
template <typename Store>
Schema Before();
template <>
Schema Before<Journal>() {
  return {"journal", 0x4e53544a, {kSharedTables, kJournalTables, kUnwrittenTable}};
}
template <>
Schema Before<FollowerStore>() {
  return {"store", 0x4e535453, {kSharedTables, kFollowerTables}};
}

template <typename Store>
class UndoLogTest : public ::testing::Test {
 protected:
  void SetUp() override { Reopen(); }

  OpenOptions Options() const { return {.path = kFile, .vfs = disk_.vfs()}; }

  void Reopen() {
    store_.reset();
    auto opened = Store::Open(Options());
    ASSERT_TRUE(opened.ok()) << opened.status();
    store_ = *std::move(opened);
  }

  // The transaction of what is kept for `service`; "none", or the error.
  std::string Kept(DhcpService service) {
    const auto record = store_->undo().Load(service);
    if (!record.ok()) return record.status().ToString();
    return record->has_value() ? (*record)->transaction() : "none";
  }

  // Closes the file, runs `sql` on it and opens it again.
  void TamperWith(const char* sql) {
    store_.reset();
    Tamper(disk_, kFile, sql);
    Reopen();
  }

  testing::SimDisk disk_;
  std::unique_ptr<Store> store_;
};

using Stores = ::testing::Types<Journal, FollowerStore>;
TYPED_TEST_SUITE(UndoLogTest, Stores);

TYPED_TEST(UndoLogTest, HasNothingAtFirst) {
  EXPECT_EQ(this->Kept(kFour), "none");
  EXPECT_EQ(this->Kept(kSix), "none");
}

TYPED_TEST(UndoLogTest, KeepsOneForEachServiceOverAStart) {
  const v1::UndoRecord four = UndoOf("4", 100'000);
  ASSERT_TRUE(this->store_->undo().Save(kFour, four).ok());
  ASSERT_TRUE(this->store_->undo().Save(kSix, UndoOf("6")).ok());
  this->Reopen();
  const auto found = this->store_->undo().Load(kFour);
  ASSERT_TRUE(found.ok()) << found.status();
  ASSERT_TRUE(found->has_value());
  EXPECT_EQ((*found)->SerializeAsString(), four.SerializeAsString());
  EXPECT_EQ(this->Kept(kSix), "6");
}

TYPED_TEST(UndoLogTest, SavingReplacesAll) {
  ASSERT_TRUE(this->store_->undo().Save(kFour, UndoOf("1", 5000)).ok());
  ASSERT_TRUE(this->store_->undo().Save(kFour, v1::UndoRecord()).ok());
  this->Reopen();
  const auto found = this->store_->undo().Load(kFour);
  ASSERT_TRUE(found.ok()) << found.status();
  ASSERT_TRUE(found->has_value()) << "an empty record is one";
  EXPECT_EQ((*found)->ByteSizeLong(), 0u);
}

TYPED_TEST(UndoLogTest, RemovesOneServicesAndCostsNothingWhereThereIsNone) {
  ASSERT_TRUE(this->store_->undo().Save(kFour, UndoOf("4")).ok());
  ASSERT_TRUE(this->store_->undo().Save(kSix, UndoOf("6")).ok());
  ASSERT_TRUE(this->store_->undo().Remove(kFour).ok());
  const uint64_t before = this->disk_.syncs();
  ASSERT_TRUE(this->store_->undo().Remove(kFour).ok());
  EXPECT_EQ(this->disk_.syncs(), before);
  this->Reopen();
  EXPECT_EQ(this->Kept(kFour), "none");
  EXPECT_EQ(this->Kept(kSix), "6");
}

TYPED_TEST(UndoLogTest, OutlivesItsRelationship) {
  ASSERT_TRUE(this->store_->SaveRelationship(SpecOf("east")).ok());
  ASSERT_TRUE(this->store_->undo().Save(kFour, UndoOf("4")).ok());
  ASSERT_TRUE(this->store_->RemoveRelationship("east").ok());
  this->Reopen();
  EXPECT_EQ(this->Kept(kFour), "4");
}

TYPED_TEST(UndoLogTest, OpensAFileThatHadNone) {
  this->store_.reset();
  {
    const OpenOptions options = {.path = "old.db", .vfs = this->disk_.vfs()};
    auto old = Database::Open(options, Before<TypeParam>());
    ASSERT_TRUE(old.ok()) << old.status();
    RelationshipTable relationships(**old);
    ASSERT_TRUE(relationships.Save(SpecOf("east")).ok());
    old->reset();
    auto opened = TypeParam::Open(options);
    ASSERT_TRUE(opened.ok()) << opened.status();
    EXPECT_EQ((*opened)->Relationships()->size(), 1u);
    EXPECT_FALSE((*opened)->undo().Load(kFour)->has_value());
    ASSERT_TRUE((*opened)->undo().Save(kFour, UndoOf("4")).ok());
    opened->reset();
    EXPECT_THAT(Database::Open(options, Before<TypeParam>()).status(),
                HasCode(Code::kFailedPrecondition))
        << "an older version leaves it alone";
  }
}

TYPED_TEST(UndoLogTest, ADamagedRecordIsNamed) {
  ASSERT_TRUE(this->store_->undo().Save(kSix, UndoOf("6")).ok());
  this->TamperWith("UPDATE undo SET record = zeroblob(length(record))");
  EXPECT_THAT(this->store_->undo().Load(kSix).status(),
              Fails(Code::kDataLoss, "table undo, row 2"));
  ASSERT_TRUE(this->store_->undo().Save(kSix, UndoOf("7")).ok());
  EXPECT_EQ(this->Kept(kSix), "7");
}

TYPED_TEST(UndoLogTest, ADamagedServiceDoesNotLookLikeNone) {
  ASSERT_TRUE(this->store_->undo().Save(kFour, UndoOf("4")).ok());
  this->TamperWith("UPDATE undo SET service = 2");
  EXPECT_THAT(this->store_->undo().Load(kFour).status(),
              Fails(Code::kDataLoss, "table undo, row 2"));
  EXPECT_THAT(this->store_->undo().Load(kSix).status(), HasCode(Code::kDataLoss));
}

TYPED_TEST(UndoLogTest, ARecordThatCannotBeReadIsNamed) {
  this->store_.reset();
  {
    auto database = Database::Open(
        this->Options(), std::is_same_v<TypeParam, Journal> ? JournalSchema() : FollowerSchema());
    ASSERT_TRUE(database.ok()) << database.status();
    Query insert = (*database)->Prepare("INSERT INTO undo VALUES(?1, ?2, ?3)");
    ASSERT_TRUE(insert.BindRow("undo", 1, std::string_view("\xff garbage")).Run().ok());
  }
  this->Reopen();
  EXPECT_THAT(this->store_->undo().Load(kFour).status(), Fails(Code::kDataLoss, "cannot be read"));
}

TYPED_TEST(UndoLogTest, RefusesWhatANewerVersionWrote) {
  this->store_.reset();
  Tamper(this->disk_, kFile, "PRAGMA user_version = 99");
  EXPECT_THAT(TypeParam::Open(this->Options()).status(),
              Fails(Code::kFailedPrecondition, "schema 99"));
}

TYPED_TEST(UndoLogTest, AFullDiskKeepsWhatWasAndHealsWithSpace) {
  ASSERT_TRUE(this->store_->undo().Save(kFour, UndoOf("1")).ok());
  this->disk_.FillUp(0);
  EXPECT_THAT(this->store_->undo().Save(kFour, UndoOf("2", 100'000)),
              Fails(Code::kResourceExhausted, "disk is full"));
  EXPECT_EQ(this->Kept(kFour), "1");
  this->disk_.Empty();
  ASSERT_TRUE(this->store_->undo().Save(kFour, UndoOf("2", 100'000)).ok());
  EXPECT_EQ(this->Kept(kFour), "2");
}

TYPED_TEST(UndoLogTest, AfterAFailedSyncNothingMoreIsTried) {
  ASSERT_TRUE(this->store_->undo().Save(kFour, UndoOf("1")).ok());
  this->disk_.FailNextSync();
  EXPECT_THAT(this->store_->undo().Save(kFour, UndoOf("2")), Fails(Code::kInternal, "disk failed"));
  EXPECT_THAT(this->store_->undo().Load(kFour).status(), HasCode(Code::kInternal));
  EXPECT_THAT(this->store_->undo().Remove(kFour), HasCode(Code::kInternal));
}

}  // namespace
}  // namespace nestor::store
