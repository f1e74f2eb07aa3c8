#include "tests/simulation/rules.h"

#include "common/protocol/envelope.h"

namespace nestor::simulation {

std::optional<Rule> RuleFromName(std::string_view name) {
  static const std::map<std::string, Rule, std::less<>> kRules = {
      {"gap-check", Rule::kGapCheck},
      {"intent", Rule::kIntent},
      {"new-term-on-lost-journal", Rule::kNewTerm},
      {"heartbeat", Rule::kHeartbeat},
      {"label-with-content", Rule::kLabelWithContent},
      {"position-before-ack", Rule::kPositionBeforeAck}};
  const auto found = kRules.find(name);
  if (found == kRules.end()) return std::nullopt;
  return found->second;
}

void WithoutRule::Tap(JournalTap& journal) {
  if (rule_ != Rule::kNewTerm) return;
  journal.rewrite_begin = [this](std::string_view, store::StreamStart& start) {
    const bool lost = begun_ && start.head == 0 && start.stream_id != begun_->stream_id;
    if (lost) {
      start.stream_id = begun_->stream_id;
      start.term = begun_->term;
      start.terms = {{begun_->term, 1}};
    }
    begun_ = start;
  };
}

void WithoutRule::Tap(FollowerStoreTap& store) const {
  if (rule_ == Rule::kIntent) {
    store.rewrite_save = [](store::FollowerMemory& memory) { memory.intent.reset(); };
  }
  store.late = rule_ == Rule::kPositionBeforeAck;
}

void WithoutRule::Event(std::string& frame) {
  if (rule_ != Rule::kGapCheck && rule_ != Rule::kHeartbeat) return;
  v1::Envelope envelope;
  if (!envelope.ParseFromString(frame)) return;
  if (rule_ == Rule::kHeartbeat) {
    if (!envelope.has_heartbeat()) return;
    envelope.clear_sequence();
    envelope.clear_digest_after();
  } else {
    if (!envelope.has_change()) return;
    const bool gap = last_change_ && last_change_->stream == envelope.stream_id() &&
                     last_change_->sequence < envelope.previous_sequence();
    const Seen seen{envelope.stream_id(), envelope.digest_after(), envelope.sequence()};
    if (gap) {
      // As if arrivals were counted: the next one is the next number.
      envelope.set_sequence(last_change_->sequence + 1);
      envelope.set_previous_sequence(last_change_->sequence);
      envelope.set_digest_before(last_change_->digest);
    }
    last_change_ = seen;
  }
  frame = protocol::Seal(envelope);
}

void WithoutRule::Control(std::string& frame) const {
  if (rule_ != Rule::kLabelWithContent) return;
  v1::Envelope envelope;
  if (!envelope.ParseFromString(frame) || !envelope.has_sync_begin()) return;
  if (envelope.sync_begin().mode() != v1::SNAPSHOT) return;
  if (const uint64_t head = ledger_.head(envelope.stream_id()); head != 0) {
    envelope.set_sequence(head);
  }
  frame = protocol::Seal(envelope);
}

}  // namespace nestor::simulation
