#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

#include "common/config/object_set.h"
#include "nestor/v1/envelope.pb.h"

namespace nestor::protocol {

// Answers one TreeRequest from `set`. InvalidArgument: no such node. `max_bytes` bounds the
// objects in one reply; `more` is set when there are others behind the last.
absl::StatusOr<v1::TreeReply> AnswerTree(const v1::TreeRequest& request,
                                         const config::ObjectSet& set, uint64_t sequence,
                                         size_t max_bytes = size_t{512} << 10);

// Finds what differs between a local and a remote configuration by walking the remote's digest
// tree: root, then kinds that differ, then buckets that differ, whose objects are fetched.
//
//   while (auto request = walk.Next()) { ask; walk.Take(reply); }
//
// The remote must stand still: if it moves between two replies, Take() says Aborted and the walk is
// to be begun again.
class TreeWalk {
 public:
  static constexpr size_t kMostBuckets = 512;
  static constexpr size_t kAllBuckets = size_t{config::kKinds} * config::ObjectSet::kBuckets;
  // What the objects of all replies together may take.
  static constexpr size_t kMostBytes = size_t{256} << 20;

  // Request ids count up from `first_id`; keep them apart from other walks'.
  TreeWalk(std::shared_ptr<const config::ObjectSet> local, uint64_t first_id,
           size_t most_buckets = kMostBuckets);

  // What to ask next; nothing: done() or still waiting for the reply to the last.
  std::optional<v1::TreeRequest> Next();

  // Aborted: the remote moved. InvalidArgument: the reply does not fit the request.
  // ResourceExhausted: more than `most_buckets` differ, so that a snapshot is cheaper, or the
  // objects are more than `kMostBytes`. A reply that is not awaited does nothing.
  absl::Status Take(const v1::TreeReply& reply);
  // Whether it is the reply to the last request.
  bool Awaits(const v1::TreeReply& reply) const {
    return asked_ && reply.request_id() == asked_->request_id();
  }

  bool done() const { return started_ && !asked_ && open_.empty(); }
  // Of the remote, once the first reply came.
  uint64_t sequence() const { return sequence_; }

  const config::ObjectSet& local() const { return *local_; }
  // What makes the local configuration equal to the remote one. Valid when done().
  const config::ChangeSet& change() const { return change_; }

 private:
  absl::Status TakeRoot(const v1::TreeReply& reply);
  absl::Status TakeKind(const v1::TreeReply& reply, config::Kind kind);
  absl::Status TakeBucket(const v1::TreeReply& reply, config::Kind kind);
  absl::Status CompareBucket(config::Kind kind, int bucket);

  std::shared_ptr<const config::ObjectSet> local_;
  bool started_ = false;
  uint64_t next_id_;
  uint64_t sequence_ = 0;
  size_t most_buckets_;
  size_t buckets_ = 0;
  size_t bytes_ = 0;
  std::deque<v1::TreeRequest> open_;
  std::optional<v1::TreeRequest> asked_;
  std::vector<v1::Object> bucket_objects_;  // of the bucket being fetched, page by page
  config::ChangeSet change_;
};

}  // namespace nestor::protocol
