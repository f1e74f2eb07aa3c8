// What comes of a file that is damaged, or is none.

#include "tests/unit/common_store/journal_on_disk.h"
#include "tests/unit/common_store/tamper.h"

namespace nestor::store {
namespace {

using Code = absl::StatusCode;

// All that can be read of a journal, or the first error.
absl::StatusOr<std::string> ReadAll(const SimDisk& disk) {
  ASSIGN_OR_RETURN(auto journal, OpenOn(disk));
  std::string all;
  ASSIGN_OR_RETURN(const auto specs, journal->Relationships());
  for (const auto& spec : specs) all += spec.SerializeAsString();
  ASSIGN_OR_RETURN(const auto changes, journal->Read("east", 1, 1 << 30));
  for (const auto& change : changes) {
    all += fmt::format("{} {} {} {} {} {} {} {};", change.sequence, change.term,
                       change.digest_after, change.envelope, change.replaced, change.origin,
                       change.upserted, absl::ToUnixNanos(change.noticed));
  }
  ASSIGN_OR_RETURN(const auto base, journal->LoadBase("east"));
  all += fmt::format("{} {};", base.sequence, base.packed);
  ASSIGN_OR_RETURN(const auto history, journal->History("east", 0));
  for (const auto& entry : history) all += entry.SerializeAsString() + ";";
  for (uint64_t sequence = 1; sequence <= 6; ++sequence) {
    ASSIGN_OR_RETURN(const auto entry, journal->HistoryOf("east", sequence));
    all += entry.SerializeAsString() + ";";
  }
  ASSIGN_OR_RETURN(const auto undo, journal->undo().Load(DhcpService::kDhcp4));
  all += undo ? undo->SerializeAsString() : "none";
  ASSIGN_OR_RETURN(const auto transactions, journal->Transactions());
  for (const auto& record : transactions) all += record.SerializeAsString() + ";";
  ASSIGN_OR_RETURN(const auto start, journal->Begin("east", "another"));
  all += fmt::format("{} {} {} {} {} {}", start.stream_id, start.term, start.head, start.lowest,
                     start.followed_since, start.unwritten);
  return all;
}

TEST(DamageTest, ADamagedByteIsNoticedOrHarmless) {
  SimDisk disk;
  const SimDisk::Files sound = FilledJournal(disk);
  const auto expected = ReadAll(disk);
  ASSERT_TRUE(expected.ok()) << expected.status();
  SeededRandom random(7);
  const size_t size = sound.at("journal.db").size();
  int noticed = 0;
  for (int round = 0; round < 1500; ++round) {
    SimDisk::Files damaged = sound;
    const size_t at = random.Below(size);
    damaged["journal.db"][at] ^= static_cast<char>(1 << random.Below(8));
    disk.Restore(damaged);
    const auto found = ReadAll(disk);
    if (!found.ok()) {
      ++noticed;
      continue;
    }
    EXPECT_EQ(*found, *expected) << "byte " << at << " damaged, and not noticed";
  }
  EXPECT_GT(noticed, 500);
}

TEST(DamageTest, ADamagedRowIsNamed) {
  SimDisk disk;
  FilledJournal(disk);
  Tamper(disk, "journal.db",
         "UPDATE change SET envelope = zeroblob(length(envelope)) WHERE (id & 255) = 4");
  auto journal = *OpenOn(disk);
  EXPECT_THAT(journal->Read("east", 4, 1 << 20).status(), Fails(Code::kDataLoss, "table change"));
  EXPECT_THAT(journal->HistoryOf("east", 4).status(), HasCode(Code::kDataLoss));
  EXPECT_TRUE(journal->Read("east", 5, 1 << 20).ok());
}

TEST(DamageTest, AMissingRowIsNoticed) {
  SimDisk disk;
  FilledJournal(disk);
  Tamper(disk, "journal.db", "DELETE FROM change WHERE (id & 255) = 4");
  auto journal = *OpenOn(disk);
  EXPECT_THAT(journal->Read("east", 1, 1 << 20).status(), Fails(Code::kDataLoss, "missing"));
}

TEST(DamageTest, AMissingTableIsNoticed) {
  SimDisk disk;
  FilledJournal(disk);
  Tamper(disk, "journal.db", "DROP TABLE entry");
  EXPECT_THAT(OpenOn(disk).status(), Fails(Code::kDataLoss, "schema"));
}

TEST(DamageTest, RefusesWhatANewerVersionWroteAndLeavesItAlone) {
  SimDisk disk;
  FilledJournal(disk);
  Tamper(disk, "journal.db", "PRAGMA user_version = 99");
  const SimDisk::Files before = disk.Copy();
  EXPECT_THAT(OpenOn(disk).status(), Fails(Code::kFailedPrecondition, "schema 99"));
  EXPECT_EQ(disk.Copy(), before);
}

TEST(DamageTest, RefusesAnotherKindOfFile) {
  SimDisk disk;
  FilledJournal(disk);
  EXPECT_THAT(FollowerStore::Open({.path = "journal.db", .vfs = disk.vfs()}).status(),
              Fails(Code::kFailedPrecondition, "not a Nestor store"));
  disk.Restore({{"journal.db", std::string(8192, 'x')}});
  EXPECT_THAT(OpenOn(disk).status(), HasCode(Code::kDataLoss));
}

}  // namespace
}  // namespace nestor::store
