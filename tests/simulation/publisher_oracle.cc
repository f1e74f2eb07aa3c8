#include <algorithm>
#include <utility>

#include "tests/simulation/oracles.h"

namespace nestor::simulation {

void PublisherOracle::OnStream(const store::StreamStart& start) {
  stream_ = start.stream_id;
  term_ = start.term;
  announced_ = start.head;
  fenced_ = false;
  for (const auto& change : std::exchange(uncertain_, {})) {
    const bool found = change.sequence == start.head && change.digest_after == start.head_digest;
    const auto& meanings = ledger_.Meanings(stream_, change.sequence);
    const bool known =
        std::any_of(meanings.begin(), meanings.end(), [&](const Ledger::Entry& entry) {
          return entry.term == change.term && entry.digest_after == change.digest_after;
        });
    if (found && !known) OnJournaled(change);
  }
}

void PublisherOracle::OnTermRaised(uint64_t term) { term_ = term; }

void PublisherOracle::OnJournaled(const store::JournaledChange& change) {
  v1::Envelope envelope;
  if (!envelope.ParseFromString(change.envelope)) {
    return chronicle_.Violate("S5", "what was journaled is no envelope");
  }
  const bool one_meaning = ledger_.Journal(
      envelope.stream_id(), change.sequence,
      {change.term, envelope.digest_before(), change.digest_after, change.envelope, 0});
  chronicle_.Note("journal {} {}/{} -> {}", Short(envelope.stream_id()), change.term,
                  change.sequence, Short(change.digest_after));
  if (!one_meaning) {
    chronicle_.Violate(
        "S6", fmt::format("{}/{} was journaled with two contents", change.term, change.sequence));
  }
  if (!ledger_.EverRan(change.digest_after)) {
    chronicle_.Violate("truth", fmt::format("{}/{} is a configuration that Kea never ran",
                                            change.term, change.sequence));
  }
}

void PublisherOracle::OnPublished(const v1::Envelope& envelope, std::string_view payload) {
  if (envelope.term() > term_ || envelope.stream_id() != stream_) {
    chronicle_.Violate(
        "S5", fmt::format("published under term {}, durable is {}", envelope.term(), term_));
  }
  if (envelope.has_change()) OnChange(envelope, payload);
  if (envelope.has_heartbeat()) OnHeartbeat(envelope);
  if (envelope.has_lease() && (envelope.sequence() != 0 || !envelope.digest_after().empty())) {
    chronicle_.Violate("S6", "a lease has a number in the stream");
  }
}

void PublisherOracle::OnChange(const v1::Envelope& envelope, std::string_view payload) {
  const auto name = fmt::format("{}/{}", envelope.term(), envelope.sequence());
  chronicle_.Note("publish {}{}", name,
                  envelope.change().snapshot_reference() ? " as a reference" : "");
  const auto& meanings = ledger_.Meanings(envelope.stream_id(), envelope.sequence());
  const auto journaled =
      std::find_if(meanings.rbegin(), meanings.rend(),
                   [&](const Ledger::Entry& entry) { return entry.term == envelope.term(); });
  if (journaled == meanings.rend()) {
    return chronicle_.Violate("S5", name + " was published and is not in the journal");
  }
  const bool same = envelope.change().snapshot_reference()
                        ? envelope.digest_before() == journaled->digest_before &&
                              envelope.digest_after() == journaled->digest_after
                        : payload == journaled->envelope;
  if (!same) chronicle_.Violate("S6", name + " was published otherwise than journaled");
  if (fenced_) chronicle_.Violate("L4", name + " was published by a fenced publisher");
  announced_ = std::max(announced_, envelope.sequence());
}

void PublisherOracle::OnHeartbeat(const v1::Envelope& envelope) {
  if (envelope.sequence() > announced_) {
    return chronicle_.Violate("S9", fmt::format("a heartbeat announces {}, published is {}",
                                                envelope.sequence(), announced_));
  }
  if (envelope.sequence() == 0) return;
  const auto& meanings = ledger_.Meanings(envelope.stream_id(), envelope.sequence());
  if (meanings.empty() || meanings.back().digest_after != envelope.digest_after()) {
    chronicle_.Violate("S9", fmt::format("a heartbeat gives {} another digest than the journal",
                                         envelope.sequence()));
  }
}

void PublisherOracle::OnSent(const v1::Envelope& envelope) {
  if (envelope.has_fenced()) fenced_ = true;
  if (!envelope.has_sync_begin() || envelope.sync_begin().mode() != v1::SNAPSHOT) return;
  const auto& meanings = ledger_.Meanings(envelope.stream_id(), envelope.sequence());
  const bool told = std::any_of(meanings.begin(), meanings.end(), [&](const Ledger::Entry& entry) {
    return entry.digest_after == envelope.digest_after();
  });
  if (!told) {
    chronicle_.Violate(
        "S8", fmt::format("the snapshot labelled {} holds something else", envelope.sequence()));
  }
}

// Within a round trip: what the follower says is all that it takes.
void PublisherOracle::OnHeard(const v1::Envelope& envelope) {
  if (!envelope.has_hello()) return;
  const v1::Hello& hello = envelope.hello();
  const bool same_stream = hello.stream_id() == stream_ && (hello.witnessed_stream().empty() ||
                                                            hello.witnessed_stream() == stream_);
  if (same_stream && hello.highest_term() > term_) fenced_ = true;
}

}  // namespace nestor::simulation
