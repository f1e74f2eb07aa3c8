#include "tests/simulation/oracles.h"

#include "common/config/object_set.h"

namespace nestor::simulation {

namespace {

// What the secondary's agent and the primary's say to each other about a relationship.
std::optional<v1::Envelope> Between(const Endpoint& endpoint, std::string_view payload) {
  v1::Envelope envelope;
  if (endpoint.name() != kSecondary ||
      !envelope.ParseFromArray(payload.data(), static_cast<int>(payload.size())) ||
      envelope.relationship().empty()) {
    return std::nullopt;
  }
  return envelope;
}

}  // namespace

std::string Short(std::string_view bytes) { return config::Hex(bytes.substr(0, 4)); }

void Oracles::OnPublished(std::string_view, std::string_view payload) {
  v1::Envelope envelope;
  if (!envelope.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
    return chronicle_.Violate("S5", "something was published that is no envelope");
  }
  publisher.OnPublished(envelope, payload);
}

void Oracles::OnEventArrived(const Endpoint& endpoint, std::string_view topic,
                             std::string_view payload) {
  if (endpoint.name() == kSecondary && topic.ends_with(".lease")) {
    chronicle_.Violate("L5", "what leases come to takes room in the secondary's subscription");
  }
  // Without its other connection the follower can notice, but not ask.
  if (!endpoint.control_connected()) return;
  if (const auto envelope = Between(endpoint, payload)) liveness.OnEvent(*envelope);
}

void Oracles::OnSentToPrimary(const Endpoint& endpoint, std::string_view payload) {
  const auto envelope = Between(endpoint, payload);
  if (!envelope) return;
  follower.OnSent(*envelope);
  liveness.OnSent(*envelope);
}

void Oracles::OnArrivedAtPrimary(const Endpoint& endpoint, std::string_view payload) {
  if (const auto envelope = Between(endpoint, payload)) publisher.OnHeard(*envelope);
}

void Oracles::OnSentByPrimary(const Endpoint& endpoint, std::string_view payload) {
  const auto envelope = Between(endpoint, payload);
  if (!envelope) return;
  publisher.OnSent(*envelope);
  if (envelope->has_sync_begin() && envelope->sync_begin().mode() == v1::SNAPSHOT) {
    follower.OnSnapshotOffered(envelope->stream_id(), envelope->sequence());
  }
}

void Oracles::OnArrivedFromPrimary(const Endpoint& endpoint, std::string_view payload) {
  if (const auto envelope = Between(endpoint, payload)) liveness.OnReceived(*envelope);
}

void Oracles::OnStream(std::string_view, const store::StreamStart& start) {
  publisher.OnStream(start);
}

void Oracles::OnTermRaised(std::string_view, uint64_t term) { publisher.OnTermRaised(term); }

void Oracles::OnJournaled(std::string_view, const store::JournaledChange& change, bool uncertain) {
  uncertain ? publisher.OnUncertain(change) : publisher.OnJournaled(change);
}

void Oracles::OnRemembered(std::string_view, std::string_view,
                           const store::FollowerMemory& memory) {
  follower.OnRemembered(memory);
}

void Oracles::OnRecalled(std::string_view, std::string_view, const store::FollowerMemory& memory) {
  follower.OnRecalled(memory);
}

void Oracles::OnReceived(std::string_view, std::string_view,
                         const std::vector<std::string>& changes) {
  follower.OnReceived(changes);
}

void Oracles::OnApplied(std::string_view, std::string_view, uint64_t /*sequence*/,
                        const std::vector<uint64_t>& superseded) {
  follower.OnApplied(superseded);
}

void Oracles::OnKept(std::string_view, const store::KeptChange& kept) { standing.OnKept(kept); }

void Oracles::OnKeptTold(std::string_view, const v1::HistoryEntry& entry) {
  standing.OnTold(entry.id());
}

void Oracles::OnViolation(std::string_view oracle, std::string text) {
  chronicle_.Violate(oracle, std::move(text));
}

void Oracles::OnKeaRead(std::string_view host, const std::string& digest) {
  if (host == kSecondary) follower.OnKeaRead(digest);
}

void Oracles::OnKeaSet(std::string_view host, const std::string& wanted, const std::string& running,
                       bool accepted) {
  if (host == kPrimary) {
    orders.OnKeaSet(running);
  } else {
    standing.OnKeaSet(running);
    follower.OnKeaSet(wanted, running, accepted);
  }
}

void Oracles::OnKeaWrote(std::string_view host, const std::string& digest) {
  host == kSecondary ? follower.OnKeaWrote(digest) : orders.OnFileWritten(digest);
}

void Oracles::OnFileWritten(std::string_view host, const std::string& digest) {
  host == kSecondary ? follower.OnFileWritten(digest) : orders.OnFileWritten(digest);
}

void Oracles::OnKeaChanged(std::string_view host, const std::string& running,
                           const std::string& file) {
  if (host == kPrimary) {
    ledger.Ran(running);
  } else {
    standing.OnKeaChanged(running);
    follower.OnKeaChanged(running, file);
  }
}

}  // namespace nestor::simulation
