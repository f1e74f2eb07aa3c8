#include "tests/simulation/monitor.h"

#include <algorithm>

#include "common/protocol/envelope.h"
#include "tests/simulation/operator.h"

namespace nestor::simulation {
namespace {

constexpr absl::Duration kSilent = absl::Seconds(4);
// While it is still being sent what is in the journal, heartbeats are ahead of it.
constexpr int kMostAhead = 5;

}  // namespace

Monitor::Monitor(Scheduler& scheduler, Chronicle& chronicle, Network& network, const Ledger& ledger)
    : scheduler_(scheduler), chronicle_(chronicle), ledger_(ledger) {
  endpoint_ = network.Join("monitor", nullptr, {"", "noc", {true, false, false}, false});
  network.Exempt(endpoint_);
  endpoint_->OnControl([this](std::string_view payload) { OnReply(payload); });
}

void Monitor::Tick() {
  if (scheduler_.Now() - heard_ < kSilent && request_ != 0) return;
  heard_ = scheduler_.Now();
  Watch();
}

void Monitor::Watch() {
  v1::OperatorRequest request;
  request.set_magic(protocol::kOperatorMagic);
  request.set_request_id(++request_);
  request.set_operator_name("noc");
  request.mutable_watch()->set_name(std::string(kRelationship));
  from_ = seen_ + 1;
  resumed_ = true;
  request.mutable_watch()->set_from(from_);
  request.mutable_watch()->add_kinds("change");
  request.mutable_watch()->add_kinds("heartbeat");
  request.mutable_watch()->add_kinds("lease");
  (void)endpoint_->Send(request.SerializeAsString());
}

void Monitor::OnReply(std::string_view payload) {
  v1::OperatorReply reply;
  if (!reply.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) return;  // garbage
  if (reply.request_id() != request_ || !reply.has_event()) return;
  heard_ = scheduler_.Now();
  const v1::Envelope& event = reply.event().envelope();
  if (event.has_lease()) return;  // says nothing of the stream
  if (event.has_change()) return OnChange(event);
  // Another stream, or an older copy of this one: everything begins anew.
  if (event.stream_id() != stream_ || event.sequence() < seen_) {
    stream_ = event.stream_id();
    seen_ = 0;
    Watch();
  }
  ahead_ = event.sequence() > seen_ ? ahead_ + 1 : 0;
  if (ahead_ > kMostAhead) {
    chronicle_.Violate(
        "watch: reliable, bookmarkable",
        fmt::format("the head is {}, what came ended with {}", event.sequence(), seen_));
  }
}

void Monitor::OnChange(const v1::Envelope& event) {
  const uint64_t sequence = event.sequence();
  const auto& meanings = ledger_.Meanings(event.stream_id(), sequence);
  const bool whole = std::any_of(meanings.begin(), meanings.end(), [&](const auto& meaning) {
    return meaning.term == event.term() && meaning.digest_after == event.digest_after();
  });
  if (!whole) chronicle_.Violate("watch: atomic", fmt::format("{} is not as journaled", sequence));
  if (event.stream_id() != stream_) {
    stream_ = event.stream_id();
    seen_ = 0;
    resumed_ = true;
  }
  // What was compacted away cannot come any more.
  const bool expected = resumed_ ? sequence >= from_ || seen_ == 0 : sequence == seen_ + 1;
  if (!expected) {
    chronicle_.Violate("watch: ordered, unique, reliable",
                       fmt::format("{} came after {}", sequence, seen_));
  }
  resumed_ = false;
  ahead_ = 0;
  seen_ = sequence;
}

}  // namespace nestor::simulation
