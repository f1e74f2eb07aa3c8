#include "common/protocol/tree_walk.h"

#include <algorithm>

#include "common/base/status.h"
#include "common/config/proto.h"

namespace nestor::protocol {
namespace {

using config::Kind;
using config::ObjectSet;

void AddNode(v1::TreeReply& reply, std::string key, const config::Sha256& digest) {
  v1::TreeNode* node = reply.add_nodes();
  node->set_key(std::move(key));
  node->set_digest(std::string(config::Bytes(digest)));
}

void AnswerBucket(const v1::TreeRequest& request, Kind kind, const ObjectSet& set, size_t max_bytes,
                  v1::TreeReply& reply) {
  size_t bytes = 0;
  for (const auto& entry : set.Bucket(kind, request.bucket())) {
    if (entry->first.key <= request.after_key() && !request.after_key().empty()) continue;
    if (bytes > 0 && bytes + entry->second.json.size() > max_bytes) {
      reply.set_more(true);
      return;
    }
    bytes += entry->second.json.size();
    v1::Object* object = reply.add_objects();
    object->set_kind(request.kind());
    object->set_key(entry->first.key);
    object->set_object(entry->second.json);
  }
}

absl::Status Unfit(std::string_view what) {
  return Error(absl::StatusCode::kInvalidArgument, "tree reply refused: {}", what);
}

}  // namespace

absl::StatusOr<v1::TreeReply> AnswerTree(const v1::TreeRequest& request, const ObjectSet& set,
                                         uint64_t sequence, size_t max_bytes) {
  v1::TreeReply reply;
  reply.set_request_id(request.request_id());
  reply.set_kind(request.kind());
  reply.set_bucket(request.bucket());
  reply.set_sequence(sequence);
  if (request.kind().empty()) {
    for (int kind = 0; kind < config::kKinds; ++kind) {
      const auto k = static_cast<Kind>(kind);
      AddNode(reply, std::string(config::KindName(k)), set.KindDigest(k));
    }
    return reply;
  }
  const auto kind = config::KindFromName(request.kind());
  if (!kind || request.bucket() < -1 || request.bucket() >= ObjectSet::kBuckets) {
    return Error(absl::StatusCode::kInvalidArgument, "there is no node {}/{}", request.kind(),
                 request.bucket());
  }
  if (request.bucket() == -1) {
    for (int bucket = 0; bucket < ObjectSet::kBuckets; ++bucket) {
      AddNode(reply, fmt::format("{}", bucket), set.BucketDigest(*kind, bucket));
    }
  } else {
    AnswerBucket(request, *kind, set, max_bytes, reply);
  }
  return reply;
}

TreeWalk::TreeWalk(std::shared_ptr<const ObjectSet> local, uint64_t first_id, size_t most_buckets)
    : local_(std::move(local)), next_id_(first_id), most_buckets_(most_buckets) {
  v1::TreeRequest root;
  root.set_bucket(-1);
  open_.push_back(std::move(root));
}

std::optional<v1::TreeRequest> TreeWalk::Next() {
  if (asked_ || open_.empty()) return std::nullopt;
  asked_ = std::move(open_.front());
  open_.pop_front();
  asked_->set_request_id(next_id_++);
  return asked_;
}

absl::Status TreeWalk::Take(const v1::TreeReply& reply) {
  if (!Awaits(reply)) return absl::OkStatus();
  if (reply.kind() != asked_->kind() || reply.bucket() != asked_->bucket()) {
    return Unfit("another node was asked for");
  }
  if (started_ && reply.sequence() != sequence_) {
    return Error(absl::StatusCode::kAborted, "the primary moved from change {} to {}", sequence_,
                 reply.sequence());
  }
  started_ = true;
  sequence_ = reply.sequence();
  if (reply.kind().empty()) return TakeRoot(reply);
  const auto kind = config::KindFromName(reply.kind());
  if (!kind) return Unfit("unknown kind");
  return reply.bucket() < 0 ? TakeKind(reply, *kind) : TakeBucket(reply, *kind);
}

absl::Status TreeWalk::TakeRoot(const v1::TreeReply& reply) {
  if (reply.nodes_size() != config::kKinds) return Unfit("the root has other kinds");
  for (int i = 0; i < config::kKinds; ++i) {
    const v1::TreeNode& node = reply.nodes(i);
    const auto kind = static_cast<Kind>(i);
    if (node.key() != config::KindName(kind)) return Unfit("the root has other kinds");
    if (node.digest() == config::Bytes(local_->KindDigest(kind))) continue;
    v1::TreeRequest request;
    request.set_kind(node.key());
    request.set_bucket(-1);
    open_.push_back(std::move(request));
  }
  asked_.reset();
  return absl::OkStatus();
}

absl::Status TreeWalk::TakeKind(const v1::TreeReply& reply, Kind kind) {
  if (reply.nodes_size() != ObjectSet::kBuckets) return Unfit("a kind has other buckets");
  for (int bucket = 0; bucket < ObjectSet::kBuckets; ++bucket) {
    if (reply.nodes(bucket).digest() == config::Bytes(local_->BucketDigest(kind, bucket))) continue;
    if (++buckets_ > most_buckets_) {
      return Error(absl::StatusCode::kResourceExhausted, "more than {} buckets differ",
                   most_buckets_);
    }
    v1::TreeRequest request;
    request.set_kind(reply.kind());
    request.set_bucket(bucket);
    request.set_objects(true);
    open_.push_back(std::move(request));
  }
  asked_.reset();
  return absl::OkStatus();
}

absl::Status TreeWalk::TakeBucket(const v1::TreeReply& reply, Kind kind) {
  for (const v1::Object& object : reply.objects()) {
    const bool sorted = bucket_objects_.empty() || bucket_objects_.back().key() < object.key();
    if (!sorted || ObjectSet::BucketOf(object.key()) != reply.bucket()) {
      return Unfit("an object is not in its place");
    }
    bytes_ += object.ByteSizeLong();
    if (bytes_ > kMostBytes) {
      return Error(absl::StatusCode::kResourceExhausted, "the objects are more than {} bytes",
                   kMostBytes);
    }
    bucket_objects_.push_back(object);
  }
  if (reply.more()) {
    if (reply.objects().empty()) return Unfit("a page is empty");
    v1::TreeRequest request = *asked_;
    request.set_after_key(bucket_objects_.back().key());
    open_.push_front(std::move(request));
  } else {
    RETURN_IF_ERROR(CompareBucket(kind, reply.bucket()));
    bucket_objects_.clear();
  }
  asked_.reset();
  return absl::OkStatus();
}

absl::Status TreeWalk::CompareBucket(Kind kind, int bucket) {
  const auto& local = local_->Bucket(kind, bucket);
  auto mine = local.begin();
  v1::Change different;
  for (v1::Object& theirs : bucket_objects_) {
    for (; mine != local.end() && (*mine)->first.key < theirs.key(); ++mine) {
      change_.removed.push_back((*mine)->first);
    }
    const bool both = mine != local.end() && (*mine)->first.key == theirs.key();
    const bool equal = both && (*mine)->second.json == theirs.object();
    if (both) ++mine;
    if (equal) continue;
    theirs.set_kind(std::string(config::KindName(kind)));
    *different.add_upserted() = std::move(theirs);
  }
  for (; mine != local.end(); ++mine) change_.removed.push_back((*mine)->first);
  // A peer's texts must be what they say.
  ASSIGN_OR_RETURN(config::ChangeSet sound, config::FromProto(different));
  std::move(sound.upserted.begin(), sound.upserted.end(), std::back_inserter(change_.upserted));
  if (!open_.empty()) return absl::OkStatus();
  std::sort(change_.removed.begin(), change_.removed.end());
  std::sort(change_.upserted.begin(), change_.upserted.end(),
            [](const auto& a, const auto& b) { return a.id < b.id; });
  return absl::OkStatus();
}

}  // namespace nestor::protocol
