#include <map>
#include <set>

#include "tests/unit/common_store/journal_on_disk.h"

namespace nestor::store {
namespace {

using Code = absl::StatusCode;
using testing::SimDisk;

// What the journal acknowledged, and the one operation that a crash may have cut off.
struct Model {
  uint64_t head = 0;
  uint64_t term = 0;
  uint64_t lowest = 1;
  uint64_t base_sequence = 0;
  std::string base;
  std::map<uint64_t, std::string> outcomes;
  int entries = 0;
  std::string undo;  // its transaction; empty: none
  std::set<std::string> transactions;
};

// Runs random operations until the disk crashes under one of them; `maybe` is the model as it is if
// that one took place after all.
class CrashingRun {
 public:
  explicit CrashingRun(uint64_t seed) : random_(seed) {
    disk_.Slow(absl::ZeroDuration(), [this](absl::Duration) {
      if (--syncs_left_ == 0) disk_.Crash(random_);
    });
  }

  void Round() {
    syncs_left_ = 1 + static_cast<int>(random_.Below(25));
    auto journal = OpenOn(disk_);
    if (!journal.ok()) return;  // crashed in opening
    Model maybe = known_;
    while (Step(**journal, maybe)) known_ = maybe;
    maybe_ = maybe;
  }

  void Check() {
    syncs_left_ = 0;
    auto opened = OpenOn(disk_);
    ASSERT_TRUE(opened.ok()) << opened.status();
    Journal& journal = **opened;
    auto start = journal.Begin("east", "stream-one");
    ASSERT_TRUE(start.ok()) << start.status();
    const bool in_doubt = start->head != known_.head || start->lowest != known_.lowest ||
                          start->term != known_.term + 1 || !Same(journal, known_);
    const Model& found = in_doubt ? maybe_ : known_;
    EXPECT_EQ(start->head, found.head);
    EXPECT_EQ(start->lowest, found.lowest);
    EXPECT_EQ(start->term, found.term + 1);
    EXPECT_TRUE(Same(journal, found));
    auto changes = journal.Read("east", start->lowest, 1 << 30);
    ASSERT_TRUE(changes.ok()) << changes.status();
    ASSERT_EQ(changes->size(), start->head - start->lowest + 1);
    for (size_t i = 0; i < changes->size(); ++i) {
      const uint64_t sequence = start->lowest + i;
      EXPECT_EQ((*changes)[i].envelope, ChangeOf(sequence, Padding(sequence)).envelope);
    }
    known_ = found;
    known_.term = start->term;
    maybe_ = known_;
  }

 private:
  static size_t Padding(uint64_t sequence) { return sequence * 997 % 9000; }

  static bool SameUndo(Journal& journal, const Model& model) {
    auto undo = journal.undo().Load(DhcpService::kDhcp4);
    auto transactions = journal.Transactions();
    if (!undo.ok() || !transactions.ok()) return false;
    std::set<std::string> ids;
    for (const v1::TransactionRecord& record : *transactions) ids.insert(record.transaction());
    if (ids != model.transactions || undo->has_value() == model.undo.empty()) return false;
    return !undo->has_value() ||
           (*undo)->SerializeAsString() ==
               UndoOf(model.undo, Padding(model.undo.size())).SerializeAsString();
  }

  static bool Same(Journal& journal, const Model& model) {
    if (!SameUndo(journal, model)) return false;
    auto base = journal.LoadBase("east");
    if (base.ok() ? base->packed != model.base || base->sequence != model.base_sequence
                  : base.status().code() != Code::kNotFound || !model.base.empty()) {
      return false;
    }
    auto history = journal.History("east", 100'000);
    if (!history.ok()) return false;
    int entries = 0;
    std::map<uint64_t, std::string> outcomes;
    for (const v1::HistoryEntry& entry : *history) {
      if (entry.sequence() == 0) {
        ++entries;
      } else if (entry.outcome() != "pending") {
        outcomes[entry.sequence()] = entry.outcome();
      }
    }
    return entries == model.entries && outcomes == model.outcomes;
  }

  // False: it failed, as it does when the disk crashed.
  bool Step(Journal& journal, Model& model) {
    switch (model.term == 0 ? 4 : random_.Below(20)) {
      case 0: {
        model.base = std::string(random_.Below(30'000), static_cast<char>(random_.Next()));
        model.base_sequence = model.head;
        return journal.SaveBase("east", model.base_sequence, model.base).ok();
      }
      case 1:
        ++model.entries;
        return journal.AddEntry("east", EntryOf("drift")).ok();
      case 2:
        if (model.head < model.lowest) return true;
        model.outcomes[model.head] = "refused";
        return journal.SetOutcome("east", model.head, "refused", "").ok();
      case 3: {
        const uint64_t keep = 1 + random_.Below(10);
        const uint64_t last_droppable =
            model.base.empty() ? 0 : std::min(model.base_sequence, model.head - 1);
        const uint64_t wanted = model.head > keep ? model.head - keep : 0;
        const uint64_t last = std::min(wanted, model.head == 0 ? 0 : last_droppable);
        model.lowest = std::max(model.lowest, last + 1);
        model.outcomes.erase(model.outcomes.begin(), model.outcomes.lower_bound(model.lowest));
        model.entries = std::min<int>(model.entries, static_cast<int>(keep));
        return journal.Compact("east", {.changes = keep}, 0, kNoon).ok();
      }
      case 4:
        ++model.term;
        return journal.Begin("east", "stream-one").ok();
      case 5:
        return StepUndo(journal, model);
      case 6:
        return StepTransaction(journal, model);
      default:
        ++model.head;
        return journal.Append("east", ChangeOf(model.head, Padding(model.head))).ok();
    }
  }

  bool StepUndo(Journal& journal, Model& model) {
    if (random_.Below(3) == 0) {
      model.undo.clear();
      return journal.undo().Remove(DhcpService::kDhcp4).ok();
    }
    model.undo = std::string(1 + random_.Below(30), 'u');
    return journal.undo()
        .Save(DhcpService::kDhcp4, UndoOf(model.undo, Padding(model.undo.size())))
        .ok();
  }

  bool StepTransaction(Journal& journal, Model& model) {
    const std::string id = fmt::format("{}", random_.Below(3));
    if (model.transactions.erase(id) != 0) return journal.RemoveTransaction(id).ok();
    model.transactions.insert(id);
    return journal.SaveTransaction(TransactionOf(id, v1::TransactionRecord::BEGUN)).ok();
  }

  SeededRandom random_;
  SimDisk disk_;
  int syncs_left_ = 0;
  Model known_, maybe_;
};

TEST(DurabilityTest, WhatWasAcknowledgedSurvivesACrashAndNothingIsHalfThere) {
  for (uint64_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    CrashingRun run(seed);
    for (int round = 0; round < 6; ++round) {
      run.Round();
      run.Check();
      if (::testing::Test::HasFailure()) return;
    }
  }
}

TEST(DurabilityTest, TheFollowersMemoryIsTheOldOrTheNewOneAfterACrash) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    SeededRandom random(seed);
    SimDisk disk;
    int syncs_left = 1 + static_cast<int>(random.Below(30));
    disk.Slow(absl::ZeroDuration(), [&](absl::Duration) {
      if (--syncs_left == 0) disk.Crash(random);
    });
    uint64_t saved = 0;
    if (auto store = FollowerStore::Open({.path = "s", .vfs = disk.vfs()}); store.ok()) {
      FollowerMemory memory;
      do {
        memory.position = {"stream", 1, saved + 1, Digest(saved + 1)};
        memory.refused_nack = std::string((saved + 1) * 100, 'n');
      } while ((*store)->Save("east", memory).ok() && ++saved > 0);
    }
    auto store = FollowerStore::Open({.path = "s", .vfs = disk.vfs()});
    ASSERT_TRUE(store.ok()) << store.status();
    auto memory = (*store)->Load("east");
    ASSERT_TRUE(memory.ok()) << memory.status();
    EXPECT_GE(memory->position.sequence, saved);
    EXPECT_LE(memory->position.sequence, saved + 1);
    EXPECT_EQ(memory->refused_nack.size(), memory->position.sequence * 100);
  }
}

// What is received waits for no disk: it outlives the agent, and the power once something is saved.
TEST(DurabilityTest, WhatIsReceivedIsSyncedWithWhatIsSavedNext) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    SimDisk disk;
    SeededRandom random(seed);
    const auto open = [&] { return *FollowerStore::Open({.path = "s", .vfs = disk.vfs()}); };
    auto store = open();
    FollowerMemory memory;
    ASSERT_TRUE(store->Save("east", memory).ok());  // the log begins
    uint64_t syncs = disk.syncs();
    ASSERT_TRUE(store->Received("east", {EnvelopeOf(1, "stream-one")}).ok());
    EXPECT_EQ(disk.syncs(), syncs);
    disk.Kill();
    store = open();
    EXPECT_EQ(store->History("east", 0)->size(), 1);

    ASSERT_TRUE(store->Received("east", {EnvelopeOf(2, "stream-one")}).ok());
    memory.position = {"stream-one", 3, 2, Digest(2)};
    syncs = disk.syncs();
    ASSERT_TRUE(store->SaveApplied("east", memory, {1}, "nestor-apply").ok());
    EXPECT_EQ(disk.syncs(), syncs + 1);
    disk.Crash(random);
    store = open();
    const auto history = *store->History("east", 0);
    ASSERT_EQ(history.size(), 2);
    EXPECT_EQ(history[0].outcome(), "applied");
    EXPECT_EQ(history[1].outcome(), "superseded");
    EXPECT_EQ(store->Load("east")->position.sequence, 2);
  }
}

TEST(DurabilityTest, AFullDiskWritesNothingAndHealsWithSpace) {
  SimDisk disk;
  FilledJournal(disk);
  auto journal = *OpenOn(disk);
  ASSERT_TRUE(journal->Begin("east", "x").ok());
  disk.FillUp(0);
  uint64_t sequence = 7;
  absl::Status status;
  // What is left of the log may take some more.
  while ((status = journal->Append("east", ChangeOf(sequence, 3000))).ok()) ++sequence;
  EXPECT_THAT(status, Fails(Code::kResourceExhausted, "disk is full"));
  EXPECT_THAT(journal->NewStream("east", "stream-two", 9).status(),
              HasCode(Code::kResourceExhausted));
  EXPECT_THAT(journal->SaveBase("east", 6, std::string(100'000, 'x')),
              HasCode(Code::kResourceExhausted));
  EXPECT_EQ(journal->Read("east", 1, 1 << 20)->size(), sequence - 1);
  disk.Empty();
  EXPECT_TRUE(journal->Append("east", ChangeOf(sequence, 3000)).ok());
  EXPECT_EQ(journal->LoadBase("east")->packed, std::string(20'000, 'b'));
  EXPECT_EQ(journal->Begin("east", "x")->stream_id, "stream-one");
}

TEST(DurabilityTest, AfterAFailedSyncNothingMoreIsTried) {
  SimDisk disk;
  FilledJournal(disk);
  auto journal = *OpenOn(disk);
  disk.FailNextSync();
  EXPECT_THAT(journal->Append("east", ChangeOf(7)), Fails(Code::kInternal, "disk failed"));
  const SimDisk::Files before = disk.Copy();
  const uint64_t syncs = disk.syncs();
  EXPECT_THAT(journal->Append("east", ChangeOf(7)), Fails(Code::kInternal, "disk failed"));
  EXPECT_THAT(journal->Read("east", 1, 1).status(), HasCode(Code::kInternal));
  EXPECT_THAT(journal->History("east", 0).status(), HasCode(Code::kInternal));
  EXPECT_THAT(journal->Begin("east", "x").status(), HasCode(Code::kInternal));
  journal.reset();
  EXPECT_EQ(disk.syncs(), syncs);
  EXPECT_EQ(disk.Copy(), before);
}

// A commit that a death cut off may have taken place. Then it has for good: who reads it tells
// others.
TEST(DurabilityTest, WhatIsReadAtTheStartIsDurable) {
  const auto head = [](const SimDisk& disk) {
    auto journal = OpenOn(disk);
    EXPECT_TRUE(journal.ok()) << journal.status();
    return (*journal)->Read("east", 1, 1'000'000)->size();
  };
  for (uint64_t seed = 0; seed < 50; ++seed) {
    SimDisk disk;
    SeededRandom random(seed);
    FilledJournal(disk);
    auto journal = *OpenOn(disk);
    ASSERT_TRUE(journal->Append("east", ChangeOf(7)).ok());  // the log begins
    disk.FailNextSync();
    ASSERT_FALSE(journal->Append("east", ChangeOf(8)).ok());
    disk.Kill();
    journal.reset();
    auto reader = *OpenOn(disk);
    const size_t read = reader->Read("east", 1, 1'000'000)->size();
    EXPECT_EQ(read, 8);
    disk.Crash(random);
    reader.reset();
    EXPECT_EQ(head(disk), read) << "seed " << seed;
  }
}

TEST(DurabilityTest, AFailedSyncWhileTheLogIsCopiedStopsTheNextCall) {
  SimDisk disk;
  FilledJournal(disk);
  auto journal = *OpenOn(disk);
  uint64_t sequence = 6;
  // A commit has one sync; when it has more, the log is being copied into the file.
  int syncs = 0;
  disk.Slow(absl::ZeroDuration(), [&](absl::Duration) {
    if (++syncs == 2 && sequence > 7) disk.FailNextSync();
  });
  absl::Status status;
  while (status.ok() && sequence < 3000) {
    syncs = 0;
    status = journal->Append("east", ChangeOf(++sequence, 3000));
  }
  EXPECT_THAT(status, Fails(Code::kInternal, "disk failed"));
  journal.reset();
  disk.Slow(absl::ZeroDuration(), nullptr);
  disk.Kill();
  EXPECT_EQ((*OpenOn(disk))->Begin("east", "x")->head, sequence - 1);
}

}  // namespace
}  // namespace nestor::store
