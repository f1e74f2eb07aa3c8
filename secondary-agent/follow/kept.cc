#include "secondary-agent/follow/kept.h"

#include <algorithm>

#include "common/base/status.h"
#include "common/config/proto.h"
#include "common/protocol/wire_time.h"

namespace nestor::secondary {
namespace {

constexpr size_t kPiece = size_t{32} << 10;
// An agent from before version 1.2 never answers.
constexpr absl::Duration kFirstPatience = absl::Seconds(5);
constexpr absl::Duration kMostPatience = absl::Seconds(30);

void FillObjects(const protocol::Keep& keep, const config::ChangeSet& change,
                 v1::HistoryEntry& entry) {
  for (const auto& upsert : change.upserted) {
    config::ToProto(upsert.id, upsert.json, *entry.add_upserted());
    if (const config::Object* before = keep.before->Find(upsert.id)) {
      config::ToProto(upsert.id, before->json, *entry.add_replaced());
    }
  }
  for (const config::ObjectId& id : change.removed) {
    config::ToProto(id, *entry.add_removed());
    config::ToProto(id, keep.before->Find(id)->json, *entry.add_replaced());
  }
  entry.set_upserted_count(change.upserted.size());
  entry.set_removed_count(change.removed.size());
}

// The one of this id, if it is kept.
absl::StatusOr<std::optional<store::KeptChange>> Find(const std::string& relationship,
                                                      const std::string& id,
                                                      store::FollowerStore& store) {
  ASSIGN_OR_RETURN(const auto all, store.Kept(relationship));
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.entry.id() == id; });
  return found == all.end() ? std::optional<store::KeptChange>() : *found;
}

}  // namespace

void KeptOutbox::Put(const v1::HistoryEntry& entry) {
  const bool there = std::any_of(items_.begin(), items_.end(),
                                 [&](const Item& item) { return item.id == entry.id(); });
  if (!there) items_.push_back({entry.id(), entry.SerializeAsString()});
}

std::optional<v1::Report> KeptOutbox::Next(Instant now) const {
  if (items_.empty() || now < not_before_) return std::nullopt;
  const Item& item = items_.front();
  v1::Report report;
  report.set_request_id(item.id);
  report.set_what("kept");
  report.set_index(index_);
  report.set_data(item.data.substr(offset_, kPiece));
  report.set_last(offset_ + kPiece >= item.data.size());
  return report;
}

void KeptOutbox::Sent(Instant now) {
  offset_ += kPiece;
  ++index_;
  if (offset_ < items_.front().data.size()) return;
  patience_ = std::clamp(2 * patience_, kFirstPatience, kMostPatience);
  Again(now + patience_);
}

void KeptOutbox::Again(Instant now) {
  offset_ = 0;
  index_ = 0;
  not_before_ = now;
}

bool KeptOutbox::Delivered(const std::string& id) {
  const auto found =
      std::find_if(items_.begin(), items_.end(), [&](const Item& item) { return item.id == id; });
  if (found == items_.end()) return false;
  if (found == items_.begin()) {
    patience_ = absl::ZeroDuration();
    Again({});
  }
  items_.erase(found);
  return true;
}

absl::StatusOr<std::optional<v1::HistoryEntry>> CarryOut(const protocol::Keep& keep,
                                                         const std::string& relationship,
                                                         absl::Time now,
                                                         store::FollowerStore& store) {
  if (!keep.before) {
    RETURN_IF_ERROR(store.CloseKept(relationship, keep.id));
  } else {
    const config::ChangeSet change = config::Diff(*keep.before, *keep.after);
    if (change.empty()) {
      RETURN_IF_ERROR(store.ForgetKept(relationship, keep.id));
      return std::nullopt;
    }
    ASSIGN_OR_RETURN(const auto earlier, Find(relationship, keep.id, store));
    store::KeptChange kept;
    kept.open = keep.open;
    kept.digest = config::Bytes(keep.after->Digest());
    kept.entry.set_id(keep.id);
    *kept.entry.mutable_time() = earlier ? earlier->entry.time() : ToWire(now);
    kept.entry.set_what("kept");
    kept.entry.set_outcome("kept");
    kept.entry.set_origin(keep.origin);
    kept.entry.set_detail(
        fmt::format("{}; last noticed {}", keep.detail,
                    absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", now, absl::UTCTimeZone())));
    FillObjects(keep, change, kept.entry);
    RETURN_IF_ERROR(store.Keep(relationship, kept));
  }
  if (keep.open) return std::nullopt;
  ASSIGN_OR_RETURN(auto kept, Find(relationship, keep.id, store));
  return kept ? std::make_optional(std::move(kept->entry)) : std::nullopt;
}

absl::Status CarryOut(const protocol::SaveBase& save, const std::string& relationship,
                      store::FollowerStore& store) {
  v1::Snapshot snapshot;
  config::ToProto(*save.set, snapshot);
  return store.SaveBase(relationship, config::Bytes(save.set->Digest()),
                        snapshot.SerializeAsString());
}

absl::StatusOr<protocol::StandingMemory> LoadStanding(const std::string& relationship,
                                                      const protocol::Position& position,
                                                      store::FollowerStore& store,
                                                      KeptOutbox& outbox) {
  protocol::StandingMemory memory;
  ASSIGN_OR_RETURN(const auto snapshot, store.LoadBase(relationship, position.digest));
  if (v1::Snapshot base; snapshot && base.ParseFromString(*snapshot)) {
    ASSIGN_OR_RETURN(config::ObjectSet set, config::FromProto(std::move(base)));
    (void)set.Digest();
    memory.base = std::make_shared<const config::ObjectSet>(std::move(set));
  }
  ASSIGN_OR_RETURN(auto all, store.Kept(relationship));
  for (size_t i = 0; i < all.size(); ++i) {
    store::KeptChange& kept = all[i];
    if (kept.open && i + 1 == all.size()) {
      memory.id = kept.entry.id();
      memory.digest = kept.digest;
      continue;
    }
    // Only the newest can still become another.
    if (kept.open) RETURN_IF_ERROR(store.CloseKept(relationship, kept.entry.id()));
    outbox.Put(kept.entry);
  }
  return memory;
}

}  // namespace nestor::secondary
