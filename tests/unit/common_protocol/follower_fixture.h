// A Follower between a publisher's stream, a Kea and a store that do what they are told at once.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "common/protocol/follower.h"
#include "tests/unit/common_protocol/stream_double.h"

namespace nestor::protocol {

// "HELLO" and the like, of a state or of a message's body.
inline std::string BodyName(const v1::Envelope& envelope) {
  const auto* field =
      v1::Envelope::descriptor()->FindFieldByNumber(static_cast<int>(envelope.body_case()));
  return field == nullptr ? std::string() : std::string(field->name());
}

// Changes to Kea wait in `order` until Finish(); Kea's file, the store, the decoder and reads of
// Kea are done with at once unless held. After every step it is checked that one order at most is
// open, that none leads back, and that what is sent fits the primary's socket.
class FollowerTest : public ::testing::Test {
 protected:
  void SetUp() override { Restart(); }

  // The agent starts (again) with what its store holds; nothing of Kea is known yet.
  void Restart() {
    order.reset();
    persist.reset();
    sent.clear();
    announced.clear();
    held_keep.clear();
    follower = std::make_unique<Follower>(
        Follower::Options{"east", "kea-b", "0.1", observe, 0.5, "kea-a"}, memory, ++starts, now);
    StandingMemory recalled;
    recalled.base = saved_base;
    for (const Keep& keep : kept_changes) {
      if (!keep.open) continue;
      recalled.id = keep.id;
      recalled.digest = DigestOf(keep.after);
    }
    follower->Recall(std::move(recalled));
  }

  // -- what happens to the follower
  void Hear(const v1::Envelope& envelope) {
    Do(follower->OnEnvelope(envelope, envelope.SerializeAsString(), now));
  }
  void Tick() { Do(follower->Tick(now)); }
  // Ticks each 100 ms for `duration`, with the stream's heartbeat each second if `beating`.
  void Pass(absl::Duration duration, bool beating = true) {
    for (const Instant end = now + duration; now < end;) {
      now = now + absl::Milliseconds(100);
      if (beating && now >= next_beat_) {
        next_beat_ = now + absl::Seconds(1);
        Hear(stream.Heartbeat());
      }
      Tick();
    }
  }
  void Local(SetPtr set, std::string_view origin = "reload") {
    kea = std::move(set);
    Do(follower->OnLocal(kea, origin, now));
  }
  void Reachable(bool reachable) { Do(follower->OnReachable(reachable, now)); }
  void Resync(v1::ResyncMode mode, const std::string& id = "r1") {
    v1::Resync resync;
    resync.set_request_id(id);
    resync.set_mode(mode);
    Do(follower->RequestResync(resync, now));
  }
  absl::Status Decide(uint64_t sequence, bool approve) {
    auto actions = follower->Decide(sequence, approve, now);
    if (actions.ok()) Do(*std::move(actions));
    return actions.status();
  }

  // Kea does what `order` says, if it can.
  void Finish() { FinishBy("hook"); }
  void FinishBy(std::string by) {
    ASSERT_TRUE(order.has_value());
    const bool any_before = order->base && order->digest_before.empty();
    if (!any_before && DigestOf(kea) != order->digest_before &&
        DigestOf(kea) != order->position.digest) {
      return FinishAs(ApplyEnd::Kind::kDiffersBefore);
    }
    auto result = std::make_shared<config::ObjectSet>(order->base ? *order->base : *kea);
    for (const auto& change : order->changes) config::Apply(*change, *result);
    EXPECT_EQ(DigestOf(result), order->position.digest);
    kea = std::move(result);
    memory.position = order->position;
    memory.persisted = false;
    memory.intent.reset();
    applied.push_back(order->position.sequence);
    ApplyEnd end;
    end.kind = ApplyEnd::Kind::kApplied;
    end.by = std::move(by);
    end.actual = kea;
    Finish(end);
  }
  void FinishAs(ApplyEnd::Kind kind, std::string text = "no") {
    ASSERT_TRUE(order.has_value());
    ApplyEnd end;
    end.kind = kind;
    end.text = std::move(text);
    if (kind != ApplyEnd::Kind::kUnreachable && kind != ApplyEnd::Kind::kUnknown) end.actual = kea;
    if (kind == ApplyEnd::Kind::kUnknown) memory.intent = order->position;
    Finish(end);
  }

  // Kea's file is written, or cannot be.
  void FinishFile(bool persisted = true) {
    ASSERT_TRUE(persist.has_value());
    const Position position = std::exchange(persist, std::nullopt)->position;
    if (persisted && memory.position.sequence == position.sequence) memory.persisted = true;
    Do(follower->OnPersisted({persisted, persisted ? "" : "the file cannot be written"}, now));
  }

  // The store has what was held with hold_keep, or cannot be written.
  void FinishKeep(bool durable = true) {
    ASSERT_FALSE(held_keep.empty());
    const Keep keep = held_keep.front();
    held_keep.erase(held_keep.begin());
    if (durable) TakeKeep(keep);
    Do(follower->OnKept(keep.token, durable, now));
  }

  // -- shorthands
  // Joins `stream` from nothing and applies its snapshot, with Kea reading `local` before.
  void Follow(SetPtr local = Subnets({})) {
    Local(std::move(local));
    Hear(stream.Heartbeat());
    Hear(stream.Welcome(v1::SNAPSHOT));
    Transfer(stream.SnapshotAt(stream.head()));
    Finish();
    ASSERT_EQ(follower->StateName(), "FOLLOW");
    sent.clear();
    announced.clear();
  }
  // Answers the last SyncRequest.
  void Transfer(const std::shared_ptr<const protocol::Transfer>& transfer) {
    const v1::Envelope* request = Last(v1::Envelope::kSyncRequest);
    ASSERT_NE(request, nullptr);
    const uint64_t nonce = request->sync_request().nonce();
    Hear(stream.Begin(nonce, *transfer));
    for (uint32_t i = 0; size_t{i} * kChunkBytes < transfer->packed.size(); ++i) {
      Hear(stream.ChunkOf(nonce, *transfer, i));
    }
    Hear(stream.End(nonce));
  }
  // Journals `set` and publishes it.
  void Publish(SetPtr set) { Hear(stream.Change(stream.Add(std::move(set)))); }
  // Answers tree requests until none is open; how many there were.
  int Walk(int most = 100) {
    int answered = 0;
    while (answered < most) {
      const v1::Envelope* request = Last(v1::Envelope::kTreeRequest);
      if (request == nullptr) return answered;
      const v1::Envelope reply = stream.TreeReply(request->tree_request());
      Forget(v1::Envelope::kTreeRequest);
      Hear(reply);
      ++answered;
    }
    return answered;
  }

  // The newest message sent of this kind, or null.
  const v1::Envelope* Last(v1::Envelope::BodyCase body) const {
    for (auto one = sent.rbegin(); one != sent.rend(); ++one) {
      if (one->body_case() == body) return &*one;
    }
    return nullptr;
  }
  int Count(v1::Envelope::BodyCase body) const {
    return static_cast<int>(std::count_if(
        sent.begin(), sent.end(), [&](const auto& one) { return one.body_case() == body; }));
  }
  void Forget(v1::Envelope::BodyCase body) {
    std::erase_if(sent, [&](const auto& one) { return one.body_case() == body; });
  }
  std::string State() const { return follower->StateName(); }
  // "resync STARTED, drift repairing"
  std::string Announced() const {
    std::string text;
    for (const v1::State& state : announced) {
      text += (text.empty() ? "" : ", ") + state.what() + " " + state.to();
    }
    return text;
  }

  // "open +4 -1 ~2" of what was kept, in the order it was.
  std::vector<std::string> Kept() const {
    std::vector<std::string> texts;
    for (const Keep& keep : kept_changes) {
      const config::ChangeSet change = config::Diff(*keep.before, *keep.after);
      std::string text = keep.open ? "open" : "closed";
      for (const auto& one : change.upserted) {
        text += fmt::format(" {}{}", keep.before->Find(one.id) == nullptr ? '+' : '~', one.id.key);
      }
      for (const auto& id : change.removed) text += " -" + id.key;
      texts.push_back(text);
    }
    return texts;
  }

  void Do(FollowerActions actions) {
    for (FollowerAction& action : actions) {
      std::visit([this](auto&& one) { Carry(std::forward<decltype(one)>(one)); },
                 std::move(action));
    }
    EXPECT_FALSE(follower->position().stream_id == last_.stream_id &&
                 follower->position().sequence < last_.sequence)
        << "applied went back from " << last_.sequence << " to " << follower->position().sequence;
    last_ = follower->position();
  }

  Instant now{absl::Seconds(100)};
  bool observe = false;
  FollowerMemory memory;  // as the store has it
  bool hold_memory = false;
  bool hold_decode = false;
  bool hold_keep = false;
  // As the store has it: of each id what was kept last.
  std::vector<Keep> kept_changes;
  SetPtr saved_base;
  uint64_t starts = 1000;
  bool hold_file = false;
  std::unique_ptr<Follower> follower;
  StreamDouble stream;
  SetPtr kea = Subnets({});

  std::vector<v1::Envelope> sent;
  std::vector<v1::State> announced;
  std::vector<Compared> compared;
  std::optional<ApplyOrder> order;
  std::optional<Persist> persist;
  std::vector<uint64_t> applied;
  std::vector<Remember> held_memory;
  std::vector<Decode> held_decode;
  std::vector<Keep> held_keep;
  int reads = 0;
  uint64_t kept = 0;  // changes kept for the history

 private:
  void Finish(ApplyEnd end) {
    order.reset();
    Do(follower->OnApplied(std::move(end), now));
  }
  void Carry(SendToPrimary action) {
    action.envelope.set_stream_id(follower->stream_id());
    action.envelope.set_term(follower->term());
    EXPECT_LE(Seal(action.envelope).size(), kMaxToPrimary);
    sent.push_back(std::move(action.envelope));
  }
  void Carry(ApplyOrder action) {
    EXPECT_FALSE(order.has_value()) << "two orders at once";
    order = std::move(action);
  }
  void Carry(Persist action) {
    EXPECT_FALSE(persist.has_value()) << "two at once";
    EXPECT_EQ(DigestOf(action.set), action.position.digest);
    persist = std::move(action);
    if (!hold_file) FinishFile();
  }
  void Carry(KeepReceived action) {
    kept += action.envelopes.size();
    Do(follower->OnReceived(action.up_to, now));
  }
  void Carry(Remember update) {
    if (hold_memory) return held_memory.push_back(std::move(update));
    if (update.highest_term) memory.highest_term = *update.highest_term;
    if (update.witnessed_stream) memory.witnessed_stream = *update.witnessed_stream;
    if (update.approved_sequence) memory.approved_sequence = *update.approved_sequence;
    if (update.paused) memory.paused = *update.paused;
    if (update.refused_digest) memory.refused_digest = *update.refused_digest;
    if (update.refused_nack) memory.refused_nack = *update.refused_nack;
    Do(follower->OnRemembered(update.token, now));
  }
  void TakeKeep(Keep keep) {
    const auto found = std::find_if(kept_changes.begin(), kept_changes.end(),
                                    [&](const Keep& one) { return one.id == keep.id; });
    const bool there = found != kept_changes.end();
    if (!keep.before) {
      ASSERT_TRUE(there) << "closed, and never kept";
      found->open = false;
    } else if (DigestOf(keep.before) == DigestOf(keep.after)) {
      if (there) kept_changes.erase(found);
    } else if (there) {
      ASSERT_TRUE(found->open) << "what is for the primary is replaced";
      *found = std::move(keep);
    } else {
      kept_changes.push_back(std::move(keep));
    }
  }
  void Carry(Keep keep) {
    if (hold_keep) return held_keep.push_back(std::move(keep));
    TakeKeep(keep);
    Do(follower->OnKept(keep.token, true, now));
  }
  void Carry(SaveBase save) { saved_base = std::move(save.set); }
  void Carry(Decode action) {
    if (hold_decode) return held_decode.push_back(std::move(action));
    Do(follower->OnDecoded(DecodeTransfer(*action.receiver), now));
  }
  void Carry(ReadLocal) { ++reads; }
  void Carry(Announce action) { announced.push_back(std::move(action.state)); }
  void Carry(Compared action) { compared.push_back(std::move(action)); }

  Position last_;
  Instant next_beat_{absl::Seconds(100)};
};

// A stream of two changes, to be joined.
class LinkTest : public FollowerTest {
 protected:
  LinkTest() {
    stream.Add(Subnets({1}));
    stream.Add(Subnets({1, 2}));
  }

  // Another start of the primary on the same journal.
  void PrimaryRestarts() { ++stream.term; }
};

}  // namespace nestor::protocol
