#include "ctl/json_text.h"

#include <gtest/gtest.h>

#include "common/json/json.h"

namespace nestor::ctl {
namespace {

v1::WatchEvent Event() {
  v1::WatchEvent event;
  event.set_topic("nestor.v1.east4.dhcp4.change");
  v1::Envelope& envelope = *event.mutable_envelope();
  envelope.set_relationship("east4");
  envelope.set_service(v1::DHCP4);
  envelope.set_term(7);
  envelope.set_sequence(1042);
  envelope.mutable_time()->set_seconds(1'795'476'290);
  envelope.mutable_time()->set_nanos(293'000'000);
  return event;
}

TEST(JsonTextTest, NumbersAreNumbers) {
  v1::ResyncReport report;
  report.set_sequence(18'446'744'073'709'551'615U);
  EXPECT_EQ(JsonText(report, Objects::kAsText),
            R"({"request_id":"","state":"","sequence":18446744073709551615})");
}

TEST(JsonTextTest, StatusHasTheNamesOfTheSchema) {
  v1::StatusReport report;
  v1::RelationshipStatus& status = *report.add_relationships();
  status.set_name("east4");
  status.mutable_primary()->set_reachable(true);
  status.mutable_primary()->mutable_as_of()->set_seconds(0);
  status.mutable_mirror()->set_lag_seconds(0.5);
  EXPECT_EQ(
      JsonText(report, Objects::kAsText),
      R"({"relationships":[{"name":"east4","service":"","mode":"","state":"","reasons":[],)"
      R"("primary":{"server":"","kea_version":"","ha_state":"","reachable":true,)"
      R"("as_of":"1970-01-01T00:00:00Z"},"mirror":{"follower_state":"","stream_id":"","term":0,)"
      R"("head":0,"received":0,"applied":0,"persisted":0,"lag_seconds":0.5,"digest_equal":false,)"
      R"("primary_digest":"","secondary_digest":"","apply_by":"","last_error":"",)"
      R"("publisher_state":"","held_sequence":0,"standing":0},"observe":false,"notices":[],"warnings":[]}]})");
}

TEST(JsonTextTest, ObjectsAreTextOrJson) {
  v1::DiffReport report;
  v1::Object& object = *report.add_only_on_primary();
  object.set_kind("subnet");
  object.set_key("12");
  object.set_object(R"({"id":12,"user-context":{"note":"caf)"
                    "\u00e9"
                    R"("}})");
  v1::Difference& difference = *report.add_different();
  difference.set_primary("600");
  difference.set_secondary("no JSON");
  EXPECT_EQ(JsonText(report, Objects::kAsJson),
            R"({"same":false,"only_on_primary":[{"kind":"subnet","key":"12",)"
            R"("object":{"id":12,"user-context":{"note":"caf\u00e9"}}}],)"
            R"("only_on_secondary":[],)"
            R"("different":[{"kind":"","key":"","primary":600,"secondary":"no JSON"}],)"
            R"("compared_with":""})");
  report.clear_only_on_primary();
  EXPECT_EQ(JsonText(report, Objects::kAsText),
            R"({"same":false,"only_on_primary":[],"only_on_secondary":[],)"
            R"("different":[{"kind":"","key":"","primary":"600","secondary":"no JSON"}],)"
            R"("compared_with":""})");
}

TEST(JsonTextTest, AChangeIsOneLine) {
  v1::WatchEvent event = Event();
  v1::Change& change = *event.mutable_envelope()->mutable_change();
  change.set_origin("reload");
  change.set_objects_changed(2);
  v1::Object& object = *change.add_upserted();
  object.set_kind("global");
  object.set_key("valid-lifetime");
  object.set_object("600");
  change.add_removed()->set_key("12");
  EXPECT_EQ(JsonText(event),
            R"({"topic":"nestor.v1.east4.dhcp4.change","relationship":"east4","service":"dhcp4",)"
            R"("term":7,"sequence":1042,"time":"2026-11-23T23:24:50.293Z","kind":"change",)"
            R"("change":{"upserted":[{"kind":"global","key":"valid-lifetime","object":600}],)"
            R"("removed":[{"kind":"","key":"12"}],"origin":"reload","snapshot_reference":false,)"
            R"("objects_changed":2}})");
}

TEST(JsonTextTest, AnAckIsCalledAckAndItsDigestIsHexadecimal) {
  v1::WatchEvent event = Event();
  v1::Ack& ack = *event.mutable_envelope()->mutable_ack_event()->mutable_ack();
  ack.set_applied(1042);
  ack.add_superseded(1041);
  ack.mutable_status()->set_digest("\x01\xfe");
  const std::string text = JsonText(event);
  EXPECT_NE(text.find(R"("kind":"ack","ack":{"ack":{"received":0,"applied":1042,)"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find(R"("superseded":[1041])"), std::string::npos) << text;
  EXPECT_NE(text.find(R"("digest":"01fe")"), std::string::npos) << text;
}

TEST(JsonTextTest, ALeaseIsOneLine) {
  v1::WatchEvent event;
  event.set_topic("nestor.v1.east4.dhcp4.lease");
  event.mutable_envelope()->set_relationship("east4");
  event.mutable_envelope()->set_term(7);
  v1::Lease& lease = *event.mutable_envelope()->mutable_lease();
  lease.set_happened("committed");
  lease.set_address("192.0.2.7");
  lease.set_subnet_id(12);
  lease.set_valid_lifetime(600);
  const std::string text = JsonText(event);
  EXPECT_EQ(text.find('\n'), std::string::npos);
  const auto document = json::Parse(text);
  ASSERT_TRUE(document.ok());
  EXPECT_EQ(json::FindString(document->root(), "topic"), "nestor.v1.east4.dhcp4.lease");
  EXPECT_EQ(json::FindString(document->root(), "kind"), "lease");
  EXPECT_EQ(json::Find(document->root(), "sequence")->GetUint64(), 0u);
  const json::Value& body = *json::Find(document->root(), "lease");
  EXPECT_EQ(json::FindString(body, "address"), "192.0.2.7");
  EXPECT_EQ(json::FindString(body, "happened"), "committed");
  EXPECT_EQ(json::Find(body, "subnet_id")->GetUint64(), 12u);
  EXPECT_EQ(json::Find(body, "valid_lifetime")->GetUint64(), 600u);
  EXPECT_EQ(json::Find(body, "prefix_length")->GetUint64(), 0u);
}

TEST(JsonTextTest, WhatIsNoEventHasNoKind) {
  v1::WatchEvent event = Event();
  EXPECT_EQ(EventKind(event.envelope()), "");
  event.mutable_envelope()->mutable_hello();
  EXPECT_EQ(EventKind(event.envelope()), "");
  EXPECT_TRUE(JsonText(event).ends_with(R"("kind":""})"));
}

}  // namespace
}  // namespace nestor::ctl
