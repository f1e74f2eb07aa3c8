#include "primary-agent/publish/recorder.h"

#include "common/base/status.h"
#include "common/config/proto.h"
#include "common/log/log.h"
#include "common/protocol/envelope.h"
#include "common/protocol/sync_transfer.h"
#include "common/protocol/wire_time.h"

namespace nestor::primary {
namespace {

using config::ChangeSet;
using config::ObjectSet;

constexpr uint64_t kMostChangesSinceBase = 500;
constexpr uint64_t kLeastBaseBytes = uint64_t{1} << 20;
constexpr uint64_t kReadBytes = uint64_t{32} << 20;
// A change of more than this share of the objects is followed by a snapshot, unless it is small.
constexpr double kLargeShare = 0.3;
constexpr size_t kNeverLarge = 200;

protocol::StreamView ViewOf(const store::StreamStart& start) {
  protocol::StreamView view;
  view.stream_id = start.stream_id;
  view.term = start.term;
  for (const auto& term : start.terms) view.terms.push_back({term.term, term.first_sequence});
  view.head = start.head;
  view.head_digest = start.head_digest;
  view.lowest = start.lowest;
  view.followed_since = start.followed_since;
  return view;
}

// What the objects that `change` touches were in `before`.
std::string ReplacedBy(const ChangeSet& change, const ObjectSet& before) {
  v1::Snapshot replaced;
  const auto add = [&](const config::ObjectId& id) {
    if (const config::Object* object = before.Find(id)) {
      v1::Object& out = *replaced.add_objects();
      out.set_kind(std::string(config::KindName(id.kind)));
      out.set_key(id.key);
      out.set_object(object->json);
    }
  };
  for (const auto& upsert : change.upserted) add(upsert.id);
  for (const auto& id : change.removed) add(id);
  return replaced.SerializeAsString();
}

bool IsLarge(const ChangeSet& change, const ObjectSet& after, size_t payload_bytes) {
  if (payload_bytes > protocol::kMaxChangeEvent) return true;
  return change.size() > kNeverLarge &&
         static_cast<double>(change.size()) > kLargeShare * static_cast<double>(after.size());
}

// "<unpacked bytes>:" and the packed snapshot.
std::string PackBase(const ObjectSet& set) {
  v1::Snapshot snapshot;
  config::ToProto(set, snapshot);
  const std::string plain = snapshot.SerializeAsString();
  return fmt::format("{}:", plain.size()) + protocol::Pack(plain);
}

absl::StatusOr<ObjectSet> UnpackBase(std::string_view packed) {
  const size_t colon = packed.find(':');
  uint64_t bytes = 0;
  for (const char c : packed.substr(0, colon)) {
    if (c < '0' || c > '9' || bytes > protocol::kMaxPayload) break;
    bytes = bytes * 10 + static_cast<uint64_t>(c - '0');
  }
  if (colon == std::string_view::npos) return Error(absl::StatusCode::kDataLoss, "no size");
  ASSIGN_OR_RETURN(std::string plain, protocol::Unpack(packed.substr(colon + 1), bytes));
  v1::Snapshot snapshot;
  if (!snapshot.ParseFromString(plain)) return Error(absl::StatusCode::kDataLoss, "unreadable");
  return config::FromProto(std::move(snapshot));
}

}  // namespace

absl::StatusOr<Recorder::Opened> Recorder::Open(const std::string& relationship) {
  ASSIGN_OR_RETURN(store::StreamStart start, journal_.Begin(relationship, random_.StreamId()));
  Stream stream;
  Opened opened;
  if (start.head > 0) {
    auto set = Rebuild(relationship, start.head, start.head_digest, stream);
    if (set.ok()) {
      stream.set = *std::move(set);
    } else if (absl::IsDataLoss(set.status()) || absl::IsNotFound(set.status())) {
      NESTOR_LOG(error, "JOURNAL_UNREADABLE", "relationship={} error=\"{}\"", relationship,
                 Message(set.status()));
      ASSIGN_OR_RETURN(start, journal_.NewStream(relationship, random_.StreamId(), start.term + 1));
      opened.began_anew = true;
    } else {
      return set.status();
    }
  }
  stream.stream_id = start.stream_id;
  stream.term = start.term;
  stream.head = start.head;
  stream.head_digest = start.head_digest;
  opened.stream = ViewOf(start);
  opened.set = stream.set;
  opened.unwritten = start.unwritten;
  streams_[relationship] = std::move(stream);
  return opened;
}

absl::StatusOr<std::shared_ptr<const ObjectSet>> Recorder::Rebuild(const std::string& relationship,
                                                                   uint64_t head,
                                                                   std::string_view head_digest,
                                                                   Stream& stream) {
  store::Journal::Base base;
  ObjectSet set;
  auto loaded = journal_.LoadBase(relationship);
  if (loaded.ok()) {
    base = *std::move(loaded);
    ASSIGN_OR_RETURN(set, UnpackBase(base.packed));
    stream.base_bytes = base.packed.size();
  } else if (!absl::IsNotFound(loaded.status())) {
    return loaded.status();
  }
  for (uint64_t next = base.sequence + 1; next <= head;) {
    ASSIGN_OR_RETURN(const auto changes, journal_.Read(relationship, next, kReadBytes));
    if (changes.empty()) return Error(absl::StatusCode::kDataLoss, "change {} is missing", next);
    for (const store::JournaledChange& change : changes) {
      v1::Envelope envelope;
      if (!envelope.ParseFromString(change.envelope)) {
        return Error(absl::StatusCode::kDataLoss, "change {} cannot be read", change.sequence);
      }
      ASSIGN_OR_RETURN(const ChangeSet parsed, config::FromProto(envelope.change()));
      config::Apply(parsed, set);
      ++stream.changes_since_base;
      stream.bytes_since_base += change.envelope.size();
      next = change.sequence + 1;
    }
  }
  if (config::Bytes(set.Digest()) != head_digest) {
    return Error(absl::StatusCode::kDataLoss,
                 "the base and the changes after it do not give the "
                 "digest of change {}",
                 head);
  }
  return std::make_shared<const ObjectSet>(std::move(set));
}

absl::Status Recorder::Record(const std::shared_ptr<const ObjectSet>& now, std::string_view origin,
                              std::vector<Recorded>& recorded) {
  const std::string digest(config::Bytes(now->Digest()));
  for (auto& [relationship, stream] : streams_) {
    if (stream.set && stream.head_digest == digest) {
      stream.set = now;  // equal; let go of the older copy
      continue;
    }
    ASSIGN_OR_RETURN(Recorded one, Append(relationship, stream, now, origin));
    recorded.push_back(std::move(one));
    RETURN_IF_ERROR(SaveBaseIfDue(relationship, stream));
  }
  return absl::OkStatus();
}

absl::StatusOr<Recorded> Recorder::Append(const std::string& relationship, Stream& stream,
                                          const std::shared_ptr<const ObjectSet>& now,
                                          std::string_view origin) {
  static const ObjectSet empty;
  const ObjectSet& before = stream.set ? *stream.set : empty;
  const ChangeSet change = config::Diff(before, *now);
  Recorded recorded;
  recorded.relationship = relationship;
  recorded.sequence = stream.head + 1;
  recorded.term = stream.term;
  recorded.digest = config::Bytes(now->Digest());
  recorded.set = now;
  recorded.upserted = change.upserted.size();
  recorded.removed = change.removed.size();
  recorded.origin = origin;

  v1::Envelope envelope;
  envelope.set_relationship(relationship);
  envelope.set_service(protocol::ToProto(service_));
  envelope.set_sender(server_);
  envelope.set_stream_id(stream.stream_id);
  envelope.set_term(stream.term);
  envelope.set_sequence(recorded.sequence);
  envelope.set_previous_sequence(stream.head);
  envelope.set_digest_before(std::string(config::Bytes(before.Digest())));
  envelope.set_digest_after(recorded.digest);
  *envelope.mutable_time() = ToWire(clock_.Wall());
  v1::Change& body = *envelope.mutable_change();
  config::ToProto(change, body);
  body.set_origin(recorded.origin);
  body.set_objects_changed(change.size());
  *body.mutable_noticed() = envelope.time();

  store::JournaledChange journaled;
  journaled.sequence = recorded.sequence;
  journaled.term = stream.term;
  journaled.digest_after = recorded.digest;
  journaled.envelope = protocol::Seal(envelope);
  journaled.replaced = ReplacedBy(change, before);
  journaled.upserted = recorded.upserted;
  journaled.removed = recorded.removed;
  journaled.origin = recorded.origin;
  journaled.noticed = clock_.Wall();
  const size_t bytes = journaled.envelope.size();
  const bool large = IsLarge(change, *now, bytes);
  if (large) {
    body.clear_upserted();
    body.clear_removed();
    body.set_snapshot_reference(true);
    recorded.payload = protocol::Seal(envelope);
  } else {
    recorded.payload = journaled.envelope;
  }
  RETURN_IF_ERROR(journal_.Append(relationship, journaled));
  stream.head = recorded.sequence;
  stream.head_digest = recorded.digest;
  stream.set = now;
  ++stream.changes_since_base;
  stream.bytes_since_base += bytes;
  return recorded;
}

absl::Status Recorder::SaveBaseIfDue(const std::string& relationship, Stream& stream) {
  const bool due = stream.base_bytes == 0 || stream.changes_since_base >= kMostChangesSinceBase ||
                   stream.bytes_since_base > std::max(kLeastBaseBytes, stream.base_bytes);
  if (!due) return absl::OkStatus();
  const std::string packed = PackBase(*stream.set);
  RETURN_IF_ERROR(journal_.SaveBase(relationship, stream.head, packed));
  stream.base_bytes = packed.size();
  stream.changes_since_base = 0;
  stream.bytes_since_base = 0;
  return absl::OkStatus();
}

absl::StatusOr<std::string> Recorder::RaiseTerm(const std::string& relationship, uint64_t term) {
  const auto found = streams_.find(relationship);
  if (found == streams_.end()) return Error(absl::StatusCode::kNotFound, "{}", relationship);
  Stream& stream = found->second;
  if (stream.term < term) {
    RETURN_IF_ERROR(journal_.RaiseTerm(relationship, term));
    stream.term = term;
  }
  return stream.stream_id;
}

absl::StatusOr<protocol::StreamView> Recorder::BeginAnew(const std::string& relationship,
                                                         uint64_t term) {
  const auto found = streams_.find(relationship);
  if (found == streams_.end()) return Error(absl::StatusCode::kNotFound, "{}", relationship);
  ASSIGN_OR_RETURN(const store::StreamStart start,
                   journal_.NewStream(relationship, random_.StreamId(), term));
  Stream& stream = found->second;
  stream = Stream{};
  stream.stream_id = start.stream_id;
  stream.term = start.term;
  return ViewOf(start);
}

absl::Status Recorder::SetUnwritten(bool unwritten) {
  for (const auto& [relationship, stream] : streams_) {
    RETURN_IF_ERROR(journal_.SetUnwritten(relationship, unwritten));
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> Recorder::Had(std::string_view digest) {
  for (const auto& [relationship, stream] : streams_) {
    ASSIGN_OR_RETURN(const bool had, journal_.Had(relationship, digest));
    if (had) return true;
  }
  return false;
}

std::shared_ptr<const ObjectSet> Recorder::set() const {
  for (const auto& [relationship, stream] : streams_) {
    if (stream.set) return stream.set;
  }
  return nullptr;
}

}  // namespace nestor::primary
