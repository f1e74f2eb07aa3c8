#include <algorithm>
#include <tuple>

#include "tests/simulation/oracles.h"

namespace nestor::simulation {
namespace {

auto PlaceOf(const store::Position& position) { return std::tie(position.term, position.sequence); }

}  // namespace

// ---- what it does to its Kea

void FollowerOracle::OnKeaRead(const std::string& digest) {
  if (digest != read_) read_before_ = std::exchange(read_, digest);
  if (had_ == 0) had_ = ledger_.Generation(digest).value_or(0);  // it had what it should
}

void FollowerOracle::OnKeaSet(const std::string& wanted, const std::string& running,
                              bool accepted) {
  // What it read last it may set again: after a refusal, or not to leave Kea broken.
  const bool rescued = wanted == read_ || (rescue_ && wanted == read_before_);
  const bool as_it_was = wanted == running_;
  rescue_ = !accepted;
  if (!accepted) return;
  running_ = running;
  const auto generation = ledger_.Generation(wanted, had_);
  disturbed_ = running != wanted || !generation;
  if (generation) {
    // What it was given and reports otherwise it does not have.
    if (running == wanted) had_ = *generation;
  } else if (!rescued && !as_it_was) {
    const auto older = ledger_.Generation(wanted);
    chronicle_.Violate(
        "S2", older ? fmt::format("Kea was given version {}, it had version {}", *older, had_)
                    : std::string("Kea was given what the primary's never ran"));
  }
}

void FollowerOracle::OnKeaWrote(const std::string& digest) {
  file_ = digest;
  file_disturbed_ = disturbed_;
}

void FollowerOracle::OnFileWritten(const std::string& digest) {
  const auto generation = ledger_.Generation(digest, wrote_);
  if (generation) {
    wrote_ = *generation;
  } else {
    const auto older = ledger_.Generation(digest);
    chronicle_.Violate(
        "S2", older
                  ? fmt::format("the file was given version {}, it had version {}", *older, wrote_)
                  : std::string("the file was given what the primary's Kea never ran"));
  }
  file_ = digest;
  file_disturbed_ = false;
}

void FollowerOracle::OnKeaChanged(const std::string& running, const std::string& file) {
  running_ = running;
  disturbed_ = true;
  if (file != file_) file_disturbed_ = true;
  file_ = file;
}

// ---- what it keeps

void FollowerOracle::OnRemembered(const store::FollowerMemory& memory) {
  if (PlaceOf(memory.position) < PlaceOf(position_)) {
    chronicle_.Violate(
        "S1", fmt::format("the position went from {}/{} to {}/{}", position_.term,
                          position_.sequence, memory.position.term, memory.position.sequence));
  }
  if (memory.highest_term < highest_term_) {
    chronicle_.Violate("S7", fmt::format("the highest term went from {} to {}", highest_term_,
                                         memory.highest_term));
  }
  if (PlaceOf(position_) != PlaceOf(memory.position) ||
      position_.stream_id != memory.position.stream_id) {
    OnReached(memory.position);
  }
  position_ = memory.position;
  highest_term_ = memory.highest_term;
}

void FollowerOracle::OnRecalled(const store::FollowerMemory& memory) {
  if (PlaceOf(memory.position) < PlaceOf(acked_position_)) {
    chronicle_.Violate("S4", fmt::format("change {}/{} was acknowledged, the store holds {}/{}",
                                         acked_position_.term, acked_position_.sequence,
                                         memory.position.term, memory.position.sequence));
  }
  // It died in the commit that kept this, and nobody could tell.
  if (PlaceOf(position_) < PlaceOf(memory.position)) OnRemembered(memory);
}

void FollowerOracle::OnReceived(const std::vector<std::string>& changes) {
  for (const std::string& change : changes) {
    v1::Envelope envelope;
    if (envelope.ParseFromString(change))
      received_[envelope.stream_id()].insert(envelope.sequence());
  }
}

void FollowerOracle::OnApplied(const std::vector<uint64_t>& superseded) {
  superseded_ = superseded;  // belongs to the position that is saved next
}

void FollowerOracle::OnReached(const store::Position& position) {
  const bool new_stream = position_.stream_id != position.stream_id;
  const uint64_t from = new_stream ? 0 : position_.sequence;
  if (new_stream) overtaken_.clear();
  overtaken_.insert(superseded_.begin(), superseded_.end());
  superseded_.clear();
  const auto& meanings = ledger_.Meanings(position.stream_id, position.sequence);
  const bool meant = std::any_of(meanings.begin(), meanings.end(), [&](const Ledger::Entry& entry) {
    return entry.digest_after == position.digest;
  });
  if (position.sequence != 0 && !meant) {
    chronicle_.Violate("S3", fmt::format("the position {} names what was never journaled under it",
                                         position.sequence));
  }
  const uint64_t offered = offered_[position.stream_id];
  for (uint64_t passed = std::max(from, offered) + 1; passed < position.sequence; ++passed) {
    // What never came cannot have been overtaken.
    if (overtaken_.contains(passed) && received_[position.stream_id].contains(passed)) continue;
    chronicle_.Violate("S11", fmt::format("{} was passed over on the way from {} to {}", passed,
                                          from, position.sequence));
  }
}

// ---- what it says

void FollowerOracle::OnSent(const v1::Envelope& envelope) {
  if (envelope.has_ack()) OnAck(envelope);
  if (!envelope.has_nack()) return;
  const v1::Nack& nack = envelope.nack();
  chronicle_.Note("nack {} {}: {}", envelope.sequence(), v1::NackClass_Name(nack.nack_class()),
                  nack.text());
  overtaken_.insert(envelope.sequence());
  if (nack.nack_class() == v1::REJECTED_CONFIG && serves && !serves()) {
    chronicle_.Violate("S14", "a change was refused and Kea no longer serves");
  }
}

void FollowerOracle::OnAck(const v1::Envelope& envelope) {
  const std::string& stream = envelope.stream_id();
  const uint64_t applied = envelope.ack().applied();
  if (applied == 0 || stream.empty()) return;  // nothing applied, or not welcomed yet
  uint64_t& acked = acked_[stream];
  if (applied != acked) {
    chronicle_.Note("ack {} applied={} persisted={}", Short(stream), applied,
                    envelope.ack().persisted());
  }
  if (applied < acked) {
    chronicle_.Violate("S1", fmt::format("the ack went from {} to {}", acked, applied));
  }
  acked = applied;
  if (position_.stream_id != stream || position_.sequence < applied) {
    chronicle_.Violate("S4", fmt::format("{} was acknowledged, the store was told {}/{}", applied,
                                         position_.term, position_.sequence));
  }
  acked_position_ = position_;
  const uint64_t generation = ledger_.GenerationOf(stream, applied);
  if (generation == 0) {
    return chronicle_.Violate(
        "S3", fmt::format("{} was acknowledged and never journaled in {}", applied, Short(stream)));
  }
  const bool runs = ledger_.Generation(running_, generation).has_value();
  if (!runs && (!disturbed_ || had_ < generation)) {
    chronicle_.Violate("S3", fmt::format("{} was acknowledged, Kea runs something else", applied));
  }
  CheckPersisted(envelope);
}

void FollowerOracle::CheckPersisted(const v1::Envelope& envelope) {
  const uint64_t persisted = envelope.ack().persisted();
  if (persisted == 0) return;
  const uint64_t generation = ledger_.GenerationOf(envelope.stream_id(), persisted);
  if (!file_disturbed_ && !ledger_.Generation(file_, generation)) {
    chronicle_.Violate("S4", fmt::format("{} was acknowledged as persisted, the file holds "
                                         "something else",
                                         persisted));
  }
}

}  // namespace nestor::simulation
