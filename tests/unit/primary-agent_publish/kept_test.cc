// What was changed on the secondary while this server was away comes into its history once.

#include "tests/unit/primary-agent_publish/publish_fixture.h"

namespace nestor::primary {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class KeptTest : public StreamTest {
 protected:
  static v1::HistoryEntry Entry(const std::string& id) {
    v1::HistoryEntry entry;
    entry.set_id(id);
    entry.mutable_time()->set_seconds(1000);
    entry.set_detail("changed on kea-b while kea-a was away");
    for (int i = 0; i < 60; ++i) {
      v1::Object& object = *entry.add_upserted();
      object.set_kind("subnet");
      object.set_key(fmt::format("{}", i));
      object.set_object("{}");
    }
    return entry;
  }
  void Hear(const std::string& id, uint32_t index, const std::string& data, bool last) {
    v1::Envelope envelope;
    v1::Report& report = *envelope.mutable_report();
    report.set_what("kept");
    report.set_request_id(id);
    report.set_index(index);
    report.set_data(data);
    report.set_last(last);
    stream_->OnFollower("route", envelope);
    RunWorkers();
  }
  void Deliver(const v1::HistoryEntry& entry) {
    const std::string data = entry.SerializeAsString();
    Hear(entry.id(), 0, data.substr(0, 100), false);
    Hear(entry.id(), 1, data.substr(100), true);
  }
  std::vector<std::string> Answered() const {
    std::vector<std::string> ids;
    for (const auto& one : bus_.sent) {
      if (one.envelope.has_report_kept()) ids.push_back(one.envelope.report_kept().request_id());
    }
    return ids;
  }
  // The ids in the history, newest first.
  std::vector<std::string> Ids() const {
    std::vector<std::string> ids;
    const auto history = journal->History("east", 0);
    EXPECT_TRUE(history.ok()) << history.status();
    for (const v1::HistoryEntry& entry : *history) ids.push_back(entry.id());
    return ids;
  }
};

TEST_F(KeptTest, IsInTheHistoryBeforeItIsAnsweredAndToldWithItsNumber) {
  Deliver(Entry("b-1"));
  EXPECT_THAT(Answered(), ElementsAre("b-1"));
  const auto history = journal->History("east", 0);
  ASSERT_THAT(*history, SizeIs(1));
  EXPECT_EQ(history->front().what(), "kept");
  EXPECT_EQ(history->front().upserted_count(), 60u);
  EXPECT_EQ(history->front().time().seconds(), 1000);
  ASSERT_THAT(bus_.published, SizeIs(1));
  EXPECT_EQ(bus_.published[0].to, "nestor.v1.east.dhcp4.state");
  const v1::State& state = bus_.published[0].envelope.state();
  EXPECT_EQ(state.what() + " " + state.to(), "kept kept");
  EXPECT_EQ(state.entry(), history->front().entry());
  EXPECT_EQ(static_cast<uint64_t>(state.upserted_size()) + state.left_out(), 60u);
  EXPECT_THAT(state.reason(),
              HasSubstr(fmt::format("history east e{} --apply-to primary", state.entry())));
}

TEST_F(KeptTest, WhatIsToldAgainIsAnsweredAgainAndInTheHistoryOnce) {
  Deliver(Entry("b-1"));
  Deliver(Entry("b-2"));
  Deliver(Entry("b-1"));
  EXPECT_THAT(Answered(), ElementsAre("b-1", "b-2", "b-1"));
  EXPECT_THAT(Ids(), ElementsAre("b-2", "b-1"));
}

TEST_F(KeptTest, PiecesThatDoNotFitAreNotAnsweredAndBegunAnewWithTheFirst) {
  const std::string data = Entry("b-1").SerializeAsString();
  Hear("b-1", 1, data, true);
  Hear("b-1", 0, data.substr(0, 10), false);
  Hear("b-1", 2, data.substr(10), true);
  Hear("b-2", 1, data.substr(10), true);
  Hear("b-1", 0, data.substr(0, 10), false);
  Hear("b-1", 0, data.substr(0, 20), false);
  EXPECT_THAT(Answered(), IsEmpty());
  Hear("b-1", 1, data.substr(20), true);
  EXPECT_THAT(Answered(), ElementsAre("b-1"));
  EXPECT_THAT(Ids(), ElementsAre("b-1"));
}

TEST_F(KeptTest, WhatIsNoEntryOrAnothersIsNotKept) {
  Hear("b-1", 0, "\xff garbage", true);
  Hear("b-2", 0, Entry("b-1").SerializeAsString(), true);
  Hear("", 0, Entry("").SerializeAsString(), true);
  EXPECT_THAT(Answered(), IsEmpty());
  EXPECT_THAT(Ids(), IsEmpty());
}

TEST_F(KeptTest, WhatTheSecondarySaysItIsDoesNotCount) {
  v1::HistoryEntry entry = Entry("b-1");
  entry.set_what("relationship");
  entry.set_outcome("removed");
  entry.set_sequence(12);
  entry.set_removed_count(~uint64_t{0});
  Deliver(entry);
  const auto history = journal->History("east", 0);
  ASSERT_THAT(*history, SizeIs(1));
  EXPECT_EQ(history->front().what(), "kept");
  EXPECT_EQ(history->front().outcome(), "kept");
  EXPECT_EQ(history->front().sequence(), 0u);
  EXPECT_EQ(history->front().removed_count(), 0u);
}

}  // namespace
}  // namespace nestor::primary
