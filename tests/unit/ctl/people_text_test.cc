#include "ctl/people_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ctl/table.h"

namespace nestor::ctl {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr int64_t kNow = 1'795'476'290;  // 2026-11-23T23:24:50Z

v1::StatusReport Pair() {
  v1::StatusReport report;
  v1::RelationshipStatus& status = *report.add_relationships();
  status.set_name("east4");
  status.set_service("dhcp4");
  status.set_mode("hot-standby");
  status.set_state("OK");
  status.mutable_primary()->set_server("kea-a");
  status.mutable_primary()->set_kea_version("2.2.0");
  status.mutable_primary()->set_ha_state("hot-standby");
  status.mutable_primary()->set_reachable(true);
  status.mutable_primary()->mutable_as_of()->set_seconds(kNow - 1);
  status.mutable_secondary()->set_server("kea-b");
  v1::MirrorStatus& mirror = *status.mutable_mirror();
  mirror.set_follower_state("FOLLOW");
  mirror.set_head(42);
  mirror.set_applied(41);
  mirror.set_persisted(40);
  mirror.set_lag_seconds(3.5);
  mirror.set_digest_equal(true);
  mirror.set_apply_by("config-set");
  mirror.mutable_as_of()->set_seconds(kNow - 200);
  return report;
}

std::string StatusOf(const v1::StatusReport& report) {
  return StatusText(report, absl::FromUnixSeconds(kNow));
}

TEST(PeopleTextTest, StatusIsTablesThatAlign) {
  EXPECT_EQ(StatusOf(Pair()),
            "RELATIONSHIP  SERVICE  MODE         STATE  MIRROR  HEAD  APPLIED  PERSISTED  LAG  "
            "DIGEST  APPLY BY    NEWS\n"
            "east4         dhcp4    hot-standby  OK     FOLLOW  42    41       40         3 s  "
            "equal   config-set  3 min\n"
            "\n"
            "RELATIONSHIP  ROLE       SERVER  KEA    ANSWERS  HA STATE     NEWS\n"
            "east4         primary    kea-a   2.2.0  yes      hot-standby  1 s\n"
            "east4         secondary  kea-b   -      no       -            -\n");
}

TEST(PeopleTextTest, StatusSaysWhatIsWrongOnce) {
  v1::StatusReport report = Pair();
  v1::RelationshipStatus& status = *report.mutable_relationships(0);
  status.set_observe(true);
  status.mutable_mirror()->set_last_error("Kea refused subnet 12");
  EXPECT_THAT(StatusOf(report), HasSubstr("\n\neast4: last error: Kea refused subnet 12\n"));
  EXPECT_THAT(StatusOf(report), HasSubstr("FOLLOW (observes)"));
  status.add_reasons("kea-b differs: Kea refused subnet 12");
  EXPECT_THAT(StatusOf(report), HasSubstr("\n\neast4: kea-b differs: Kea refused subnet 12\n"));
  EXPECT_THAT(StatusOf(report), Not(HasSubstr("last error")));
}

TEST(PeopleTextTest, StatusSaysWhatShouldBeMended) {
  v1::StatusReport report = Pair();
  report.mutable_relationships(0)->add_warnings("pool 10.0.0.1 - 10.0.0.9 is for both");
  EXPECT_THAT(StatusOf(report), HasSubstr("\n\neast4: WARNING: pool 10.0.0.1 - 10.0.0.9 is for"));
}

TEST(PeopleTextTest, StatusOfNothingSaysHowToBegin) {
  EXPECT_THAT(StatusOf({}), HasSubstr("nestorctl relationship adopt"));
}

TEST(PeopleTextTest, AgesAreRounded) {
  EXPECT_EQ(AgeText(absl::Seconds(-3)), "0 s");
  EXPECT_EQ(AgeText(absl::Seconds(119)), "119 s");
  EXPECT_EQ(AgeText(absl::Minutes(2)), "2 min");
  EXPECT_EQ(AgeText(absl::Hours(2)), "2 h");
  EXPECT_EQ(AgeText(absl::Hours(49)), "2 d");
}

TEST(PeopleTextTest, TheDifferencesAreShownObjectByObject) {
  v1::DiffReport report;
  report.set_same(true);
  EXPECT_THAT(DiffText(report), HasSubstr("nothing that is mirrored differs"));
  report.set_same(false);
  v1::Object& object = *report.add_only_on_secondary();
  object.set_kind("subnet");
  object.set_key("12");
  object.set_object(R"({"id":12})");
  v1::Difference& difference = *report.add_different();
  difference.set_kind("global");
  difference.set_key("valid-lifetime");
  difference.set_primary("600");
  difference.set_secondary("700");
  EXPECT_EQ(DiffText(report),
            "only on the secondary:\n"
            "  subnet 12\n"
            "    {\"id\":12}\n"
            "different:\n"
            "  global valid-lifetime\n"
            "    primary    600\n"
            "    secondary  700\n");
  difference.clear_secondary();
  EXPECT_THAT(DiffText(report), HasSubstr("    secondary  (none)\n"));
}

TEST(PeopleTextTest, WhatAFileChangesIsShownObjectByObject) {
  v1::ApplyReport report;
  report.set_state("WORKING");
  report.set_looked_at(7);
  report.set_to_look_at(9);
  EXPECT_EQ(ApplyText(report), "looked at 7 of 9 objects\n");
  report.set_state("SAME");
  EXPECT_EQ(ApplyText(report), "Kea runs that already; nothing was changed.\n");
  report.set_state("VERIFIED");
  report.set_sequence(1042);
  for (const auto& [before, after] :
       {std::pair("", "1"), std::pair("1", "2"), std::pair("2", "")}) {
    v1::ObjectChange& change = *report.add_changes();
    change.set_kind("global");
    change.set_key("x");
    change.set_before(before);
    change.set_after(after);
  }
  report.add_left_alone("loggers");
  EXPECT_EQ(ApplyText(report),
            "+ global x\n    after   1\n~ global x\n    before  1\n    after   2\n"
            "- global x\n    before  2\n"
            "loggers is left alone, though it may not be as in the file: only a reload sets it\n"
            "3 objects changed on the primary, as change 1042, verified on the secondary.\n");
}

TEST(PeopleTextTest, WhatStandsInTheWayOfAnEntryIsShownAsItWasAndIs) {
  v1::ApplyReport report;
  report.set_state("CONFLICT");
  v1::ObjectConflict& conflict = *report.add_conflicts();
  conflict.set_kind("subnet");
  conflict.set_key("12");
  conflict.set_before("1");
  conflict.set_after("3");
  EXPECT_EQ(ApplyText(report),
            "! subnet 12 was changed on the primary since\n"
            "    before  1\n    now     not there\n    after   3\n");
}

TEST(PeopleTextTest, AnEntryThatIsNoChangeStandsByItsOwnNumber) {
  v1::HistoryReport report;
  v1::HistoryEntry& entry = *report.add_entries();
  entry.set_entry(57);
  entry.mutable_time()->set_seconds(kNow);
  entry.set_what("kept");
  entry.set_origin("reload");
  entry.set_removed_count(2);
  entry.set_outcome("kept");
  EXPECT_EQ(HistoryText(report),
            "CHANGE  TIME                  WHAT  BY      SET  REMOVED  OUTCOME  DETAIL\n"
            "e57     2026-11-23T23:24:50Z  kept  reload  0    2        kept     -\n");
  entry.add_removed()->set_kind("subnet");
  entry.mutable_removed(0)->set_key("12");
  EXPECT_EQ(HistoryText(report),
            "kept e57 of 2026-11-23T23:24:50Z, by reload: kept\n"
            "removed:\n  subnet 12\n");
}

TEST(PeopleTextTest, HistoryIsATableAndOneChangeIsWhole) {
  v1::HistoryReport report;
  EXPECT_EQ(HistoryText(report), "Nothing has happened yet.\n");
  v1::HistoryEntry& entry = *report.add_entries();
  entry.set_sequence(42);
  entry.set_term(7);
  entry.mutable_time()->set_seconds(kNow);
  entry.set_what("change");
  entry.set_origin("reload");
  entry.set_upserted_count(1);
  entry.set_outcome("refused");
  entry.set_detail("two\nlines");
  EXPECT_EQ(HistoryText(report),
            "CHANGE  TIME                  WHAT    BY      SET  REMOVED  OUTCOME  DETAIL\n"
            "7/42    2026-11-23T23:24:50Z  change  reload  1    0        refused  two lines\n");
  v1::Object& object = *entry.add_upserted();
  object.set_kind("subnet");
  object.set_key("12");
  object.set_object("{}");
  EXPECT_EQ(HistoryText(report),
            "change 7/42 of 2026-11-23T23:24:50Z, by reload: refused\n"
            "two\nlines\n"
            "added or changed:\n"
            "  subnet 12\n"
            "    {}\n");
}

TEST(PeopleTextTest, RelationshipsAreATable) {
  v1::RelationshipList list;
  v1::RelationshipView& view = *list.add_relationships();
  view.set_name("east4");
  view.set_hold_percent(20);
  view.set_hold_minimum(5);
  EXPECT_THAT(RelationshipsText(list), HasSubstr("mirror  20 % and 5"));
  view.set_primary_ha_state("partner-down");
  view.set_state("IMPAIRED");
  view.mutable_state_since()->set_seconds(kNow);
  EXPECT_THAT(RelationshipsText(list), HasSubstr("IMPAIRED  2026-11-23T23:24:50Z"));
  EXPECT_THAT(RelationshipsText(list), HasSubstr("partner-down"));
  EXPECT_THAT(RelationshipsText({}), HasSubstr("No relationships"));
}

TEST(PeopleTextTest, ALeaseSaysWhoseUntilWhen) {
  v1::WatchEvent event;
  v1::Lease& lease = *event.mutable_envelope()->mutable_lease();
  event.mutable_envelope()->set_relationship("east6");
  lease.set_happened("committed");
  lease.set_address("2001:db8:7::");
  lease.set_prefix_length(56);
  lease.set_identifier("00:01:52");
  lease.set_hostname("pc7\x1b[2J");
  lease.set_subnet_id(3);
  lease.set_state("default");
  EXPECT_THAT(EventText(event), ::testing::HasSubstr("committed 2001:db8:7::/56 of 00:01:52 (pc7"));
  EXPECT_THAT(EventText(event), ::testing::HasSubstr("in subnet 3 for ever\n"));
  EXPECT_THAT(EventText(event), ::testing::Not(::testing::HasSubstr("\x1b")));
  lease.mutable_expires()->set_seconds(1'700'000'000);
  EXPECT_THAT(EventText(event), ::testing::HasSubstr("until 2023-11-14T22:13:20"));
  lease.set_happened("declined");
  lease.set_state("declined");
  EXPECT_THAT(EventText(event), ::testing::EndsWith("in subnet 3, declined\n"));
}

TEST(PeopleTextTest, AnEventIsOneLine) {
  v1::WatchEvent event;
  v1::Envelope& envelope = *event.mutable_envelope();
  envelope.set_relationship("east4");
  envelope.set_term(7);
  envelope.set_sequence(42);
  envelope.mutable_time()->set_seconds(kNow);
  v1::Change& change = *envelope.mutable_change();
  change.set_origin("reload");
  for (const char* key : {"1", "2", "3", "4", "5"}) {
    v1::Object& object = *change.add_upserted();
    object.set_kind("subnet");
    object.set_key(key);
  }
  EXPECT_EQ(EventText(event),
            "2026-11-23T23:24:50Z east4 change 7/42 by reload: +subnet 1, +subnet 2, +subnet 3 "
            "and 2 more\n");
  v1::AckEvent& ack = *envelope.mutable_ack_event();
  ack.set_server("kea-b");
  ack.mutable_nack()->set_text("it overlaps\nsubnet 9");
  EXPECT_EQ(EventText(event),
            "2026-11-23T23:24:50Z east4 ack 7/42 kea-b refused it: it overlaps subnet 9\n");
  v1::State& state = *envelope.mutable_state();
  state.set_what("relationship");
  state.set_server("kea-a");
  state.set_from("OK");
  state.set_to("DOWN");
  state.set_reason("both are silent");
  EXPECT_EQ(EventText(event),
            "2026-11-23T23:24:50Z east4 state 7/42 relationship on kea-a from OK to DOWN: both are "
            "silent\n");
}

TEST(TableTest, AlignsByCharactersAndNotByBytes) {
  Table table({"A", "B"});
  table.Add({"\u00e9\u00e9", "1"});
  table.Add({"xyz", ""});
  EXPECT_EQ(table.Text(), "A    B\n\u00e9\u00e9   1\nxyz  -\n");
}

TEST(TableTest, NothingReachesTheTerminalThatItWouldActOn) {
  EXPECT_EQ(Printable("a\x1b[2J\r\nb\x7f"), "a?[2J?\nb?");
  EXPECT_EQ(OneLine("a\nb"), "a b");
}

}  // namespace
}  // namespace nestor::ctl
