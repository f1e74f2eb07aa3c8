#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "common/config/kea_config.h"
#include "common/protocol/envelope.h"
#include "common/protocol/follower.h"
#include "tests/fuzz/messages.h"
#include "tests/unit/common_protocol/stream_double.h"

namespace nestor::fuzz {

// A Follower that holds change 1 of StreamDouble's stream, where it is let in by whoever says so.
// The store, the decoder and Kea do at the next step what they are told; Kea's configuration is
// composed and taken apart again as the real one's is.
class FollowerReceiver {
 public:
  FollowerReceiver()
      : follower_(Options(), MemoryAt1(), kNonceSeed, now_), last_(MemoryAt1().position) {
    Do(follower_.OnLocal(kea_, "start", now_));
    Pass(absl::Milliseconds(100));
  }

  void Hear(std::string_view payload) {
    auto envelope = protocol::ParseEnvelope(payload, protocol::kMaxEvent);
    if (!envelope.ok()) return;
    if (Echo(*envelope)) return HearSealed(*envelope);
    Hear(*envelope, payload);
  }

  void Pass(absl::Duration duration) {
    now_ = now_ + duration;
    Do(follower_.Tick(now_));
    Step();
  }

 private:
  static constexpr uint64_t kNonceSeed = 1000;

  static protocol::SetPtr Start() { return protocol::Subnets({1, 2, 3}); }
  static protocol::Follower::Options Options() { return {"east", "kea-b", "0.1", false, 0.5}; }
  static protocol::FollowerMemory MemoryAt1() {
    protocol::FollowerMemory memory;
    memory.position = {protocol::StreamNamed('a'), 1, 1, protocol::DigestOf(Start())};
    memory.persisted = true;
    memory.highest_term = 1;
    memory.witnessed_stream = memory.position.stream_id;
    return memory;
  }

  // A nonce or request id of 0 stands for the one that was asked for last.
  bool Echo(v1::Envelope& envelope) const {
    switch (envelope.body_case()) {
      case v1::Envelope::kSyncBegin:
        return Echo(*envelope.mutable_sync_begin());
      case v1::Envelope::kChunk:
        return Echo(*envelope.mutable_chunk());
      case v1::Envelope::kSyncEnd:
        return Echo(*envelope.mutable_sync_end());
      case v1::Envelope::kTreeReply:
        if (envelope.tree_reply().request_id() != 0) return false;
        envelope.mutable_tree_reply()->set_request_id(tree_id_);
        return true;
      default:
        return false;
    }
  }
  template <typename Body>
  bool Echo(Body& body) const {
    if (body.nonce() != 0) return false;
    body.set_nonce(nonce_);
    return true;
  }

  void HearSealed(v1::Envelope& envelope) { Hear(envelope, protocol::Seal(envelope)); }
  void Hear(const v1::Envelope& envelope, std::string_view payload) {
    if (envelope.has_decision()) {
      auto actions =
          follower_.Decide(envelope.decision().sequence(), envelope.decision().approve(), now_);
      if (actions.ok()) Do(*std::move(actions));
    } else {
      Do(follower_.OnEnvelope(envelope, payload, now_));
    }
    Step();
  }

  void Step() {
    if (std::exchange(read_asked_, false)) Do(follower_.OnLocal(kea_, "command", now_));
    if (decode_) {
      auto decoded = protocol::DecodeTransfer(*std::exchange(decode_, std::nullopt)->receiver);
      Do(follower_.OnDecoded(std::move(decoded), now_));
    }
    if (order_) {
      const protocol::ApplyEnd end = CarryOut(*std::exchange(order_, std::nullopt));
      Do(follower_.OnApplied(end, now_));
    }
  }

  protocol::ApplyEnd CarryOut(const protocol::ApplyOrder& order) {
    using Kind = protocol::ApplyEnd::Kind;
    protocol::ApplyEnd end;
    end.actual = kea_;
    end.kind = Kind::kDiffersBefore;
    const bool any_before = order.base && order.digest_before.empty();
    if (!any_before && protocol::DigestOf(kea_) != order.digest_before &&
        protocol::DigestOf(kea_) != order.position.digest) {
      return end;
    }
    config::ObjectSet wanted = order.base ? *order.base : *kea_;
    for (const auto& change : order.changes) config::Apply(*change, wanted);
    const auto applied = ComposedAndRead(wanted);
    end.kind = Kind::kRefused;
    if (applied == nullptr) return end;
    end.kind = Kind::kDigestMismatch;
    if (protocol::DigestOf(applied) != order.position.digest) return end;
    end.kind = Kind::kApplied;
    end.actual = kea_ = applied;
    return end;
  }

  // Null: it is not a configuration.
  static protocol::SetPtr ComposedAndRead(const config::ObjectSet& wanted) {
    const auto local = json::Parse(R"({"Dhcp4":{}})");
    const auto text = config::Compose(DhcpService::kDhcp4, local->root(), wanted);
    if (!text.ok()) return nullptr;
    const auto document = json::ParseKea(*text);
    Require(document.ok());
    auto read = config::Extract(DhcpService::kDhcp4, document->root());
    if (!read.ok()) return nullptr;
    (void)read->Digest();
    return std::make_shared<const config::ObjectSet>(*std::move(read));
  }

  void Do(protocol::FollowerActions actions) {
    for (protocol::FollowerAction& action : actions) {
      std::visit([this](auto&& one) { Carry(std::forward<decltype(one)>(one)); },
                 std::move(action));
    }
    const protocol::Position& position = follower_.position();
    Require(position.stream_id != last_.stream_id || position.sequence >= last_.sequence);
    last_ = position;
  }
  void Carry(protocol::SendToPrimary action) {
    if (action.envelope.has_sync_request()) nonce_ = action.envelope.sync_request().nonce();
    if (action.envelope.has_tree_request()) {
      tree_id_ = action.envelope.tree_request().request_id();
    }
    action.envelope.set_stream_id(follower_.stream_id());
    action.envelope.set_term(follower_.term());
    const std::string payload = protocol::Seal(action.envelope);
    Require(protocol::ParseEnvelope(payload, protocol::kMaxToPrimary).ok());
  }
  void Carry(protocol::ApplyOrder action) {
    Require(!order_);
    order_ = std::move(action);
  }
  void Carry(const protocol::Persist& action) {
    Require(protocol::DigestOf(action.set) == action.position.digest);
    Do(follower_.OnPersisted({true, {}}, now_));
  }
  void Carry(const protocol::KeepReceived& action) { Do(follower_.OnReceived(action.up_to, now_)); }
  void Carry(const protocol::Remember& update) { Do(follower_.OnRemembered(update.token, now_)); }
  void Carry(const protocol::Keep& action) { Do(follower_.OnKept(action.token, true, now_)); }
  void Carry(const protocol::SaveBase& /*action*/) {}
  void Carry(protocol::Decode action) { decode_ = std::move(action); }
  void Carry(protocol::ReadLocal /*action*/) { read_asked_ = true; }
  void Carry(const protocol::Announce& /*action*/) {}
  void Carry(const protocol::Compared& /*action*/) {}

  Instant now_{absl::Seconds(100)};
  protocol::SetPtr kea_ = Start();
  protocol::Follower follower_;
  protocol::Position last_;
  std::optional<protocol::ApplyOrder> order_;
  std::optional<protocol::Decode> decode_;
  bool read_asked_ = false;
  uint64_t nonce_ = 0, tree_id_ = 0;  // of the last requests
};

}  // namespace nestor::fuzz
