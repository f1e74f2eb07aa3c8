#pragma once

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/base/status.h"
#include "common/store/follower_store.h"
#include "common/store/journal.h"

namespace nestor::store {

inline const absl::Time kNoon = absl::FromUnixSeconds(1'800'000'000);

MATCHER_P(HasCode, code, "") {
  *result_listener << arg.ToString();
  return arg.code() == code;
}

MATCHER_P2(Fails, code, text, "") {
  *result_listener << arg.ToString();
  return arg.code() == code &&
         std::string_view(arg.message().data(), arg.message().size()).find(text) !=
             std::string_view::npos;
}

inline std::string Digest(uint64_t sequence) { return fmt::format("{:032}", sequence); }

// A serialised envelope with one upserted and one removed object; `padding` bytes of JSON more.
inline std::string EnvelopeOf(uint64_t sequence, std::string_view stream_id = "stream-one",
                              size_t padding = 0) {
  v1::Envelope envelope;
  envelope.set_relationship("east");
  envelope.set_stream_id(std::string(stream_id));
  envelope.set_term(1);
  envelope.set_sequence(sequence);
  envelope.set_digest_after(Digest(sequence));
  v1::Change& change = *envelope.mutable_change();
  change.set_origin("reload");
  change.mutable_noticed()->set_seconds(absl::ToUnixSeconds(kNoon) +
                                        static_cast<int64_t>(sequence));
  v1::Object& object = *change.add_upserted();
  object.set_kind("subnet");
  object.set_key(fmt::format("{}", sequence));
  object.set_object("{" + std::string(padding, ' ') + "}");
  change.add_removed()->set_key(fmt::format("gone {}", sequence));
  return envelope.SerializeAsString();
}

inline JournaledChange ChangeOf(uint64_t sequence, size_t padding = 0) {
  v1::Snapshot replaced;
  replaced.add_objects()->set_object(fmt::format("before {}", sequence));
  JournaledChange change;
  change.sequence = sequence;
  change.term = 1;
  change.digest_after = Digest(sequence);
  change.envelope = EnvelopeOf(sequence, "stream-one", padding);
  change.replaced = replaced.SerializeAsString();
  change.upserted = 1;
  change.removed = 1;
  change.origin = "reload";
  change.noticed = kNoon + absl::Seconds(static_cast<int64_t>(sequence));
  return change;
}

inline v1::RelationshipSpec SpecOf(std::string_view name) {
  v1::RelationshipSpec spec;
  spec.set_name(std::string(name));
  spec.set_service(v1::DHCP4);
  spec.set_primary("kea-a");
  spec.set_secondary("kea-b");
  return spec;
}

inline v1::HistoryEntry EntryOf(std::string_view what) {
  v1::HistoryEntry entry;
  entry.set_what(std::string(what));
  entry.mutable_time()->set_seconds(absl::ToUnixSeconds(kNoon));
  return entry;
}

// A record of `transaction` with every field; `padding` bytes of Kea's file more.
inline v1::UndoRecord UndoOf(std::string_view transaction, size_t padding = 0) {
  v1::UndoRecord record;
  record.set_transaction(std::string(transaction));
  record.set_relationship("east");
  record.set_own_parts("{\"Dhcp4\": {}}");
  record.set_objects(std::string("zstd\0zstd", 9));
  record.set_objects_bytes(4711);
  record.set_digest(Digest(3));
  record.set_file("/etc/kea/kea-dhcp4.conf");
  record.set_file_text(std::string(padding, 'f'));
  record.set_file_bytes(42);
  record.set_wrote(true);
  return record;
}

inline v1::TransactionRecord TransactionOf(std::string_view id,
                                           v1::TransactionRecord::Stage stage) {
  v1::TransactionRecord record;
  record.set_transaction(std::string(id));
  record.set_kind(v1::TransactionRecord::CREATE);
  record.set_stage(stage);
  record.set_spec(SpecOf("east").SerializeAsString());
  record.set_operator_name("root");
  return record;
}

// "3:applied drift 2:pending": a history in a line.
inline std::string Line(const absl::StatusOr<std::vector<v1::HistoryEntry>>& history) {
  if (!history.ok()) return history.status().ToString();
  std::string line;
  for (const v1::HistoryEntry& entry : *history) {
    if (!line.empty()) line += ' ';
    line += entry.sequence() == 0 ? entry.what()
                                  : fmt::format("{}:{}", entry.sequence(), entry.outcome());
  }
  return line;
}

}  // namespace nestor::store
