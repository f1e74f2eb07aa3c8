#include "primary-agent/publish/stream.h"

#include <algorithm>

#include "common/base/status.h"
#include "common/log/log.h"
#include "common/protocol/envelope.h"
#include "common/protocol/tree_walk.h"
#include "common/protocol/wire_time.h"

namespace nestor::primary {
namespace {

constexpr absl::Duration kCompactPeriod = absl::Minutes(1);

}  // namespace

Stream::Stream(v1::RelationshipSpec spec, DhcpService service, std::string server,
               Recorder::Opened opened, StreamWorld world)
    : spec_(std::move(spec)),
      service_(service),
      server_(std::move(server)),
      world_(std::move(world)),
      publisher_(std::move(opened.stream), world_.clock.Now()),
      set_(std::move(opened.set)),
      next_working_(world_.clock.Now()),
      snapshot_made_(world_.clock.Now()),
      began_(world_.clock.Now()),
      next_judge_(world_.clock.Now() + absl::Seconds(1)),
      next_compact_(world_.clock.Now() + kCompactPeriod) {
  publisher_.On(protocol::PublisherEvent::kRecovered);
  StartCounters();
}

void Stream::PublishSealed(std::string_view kind, const v1::Envelope& envelope,
                           const std::string& payload) {
  const std::string topic = protocol::Topic(spec_.name(), service_, kind);
  world_.bus.Publish(topic, payload);
  world_.published(topic, envelope);
}

void Stream::Publish(std::string_view kind, v1::Envelope& envelope) {
  envelope.set_relationship(spec_.name());
  envelope.set_service(protocol::ToProto(service_));
  envelope.set_stream_id(publisher_.stream().stream_id);
  envelope.set_term(publisher_.stream().term);
  envelope.set_sender(server_);
  envelope.set_message_id(next_message_++);
  *envelope.mutable_time() = ToWire(world_.clock.Wall());
  envelope.set_monotonic_ns(
      static_cast<uint64_t>(absl::ToInt64Nanoseconds(world_.clock.Now().since_start)));
  PublishSealed(kind, envelope, protocol::Seal(envelope));
}

absl::Status Stream::SendToFollower(v1::Envelope envelope) {
  if (follower_.route.empty()) {
    return Error(absl::StatusCode::kUnavailable, "the agent on {} is not connected",
                 spec_.secondary());
  }
  envelope.set_relationship(spec_.name());
  envelope.set_service(protocol::ToProto(service_));
  envelope.set_stream_id(publisher_.stream().stream_id);
  envelope.set_term(publisher_.stream().term);
  envelope.set_sender(server_);
  envelope.set_message_id(next_message_++);
  *envelope.mutable_time() = ToWire(world_.clock.Wall());
  return world_.bus.Send(follower_.route, protocol::Seal(envelope));
}

bool Stream::Speaks() const {
  return publisher_.state() != v1::RECOVER && publisher_.state() != v1::PUBLISHER_FENCED;
}

void Stream::Tick() {
  const Instant now = world_.clock.Now();
  if (publisher_.HeartbeatDue(now) && Speaks()) {
    v1::Envelope heartbeat = publisher_.Heartbeat(now);
    Publish("heartbeat", heartbeat);
  }
  if (making_ && now >= next_working_) {
    next_working_ = now + absl::Seconds(1);
    v1::Envelope working;
    working.mutable_working()->set_nonce(*making_);
    (void)SendToFollower(std::move(working));
  }
  Pump();
  if (snapshot_ && !sender_ && now - snapshot_made_ > absl::Seconds(5)) snapshot_.reset();
  if (resync_ && now >= resync_->deadline) {
    EndResync("UNKNOWN", "no answer in time; see nestorctl status", true);
  }
  TellApplied(now);
  if (diff_ && diff_->to_ask) AskForDiff(now);
  if (diff_ && now >= diff_->deadline) {
    EndDiff(
        Error(absl::StatusCode::kDeadlineExceeded, "{} did not answer in time", spec_.secondary()));
  }
  if (now >= next_judge_) JudgeNow();
  if (now >= next_compact_) Compact();
}

void Stream::OnRecorded(Recorded recorded) {
  const Instant now = world_.clock.Now();
  // What was journaled was read and written: neither Kea nor the journal stands in the way.
  publisher_.On(protocol::PublisherEvent::kBaseline);
  if (!publisher_.Publishes()) return;
  set_ = std::move(recorded.set);
  snapshot_.reset();
  publisher_.Published(recorded.sequence, recorded.digest, now);
  pending_.push_back({recorded.sequence, now});
  const auto event = protocol::ParseEnvelope(recorded.payload, recorded.payload.size());
  if (event.ok()) PublishSealed("change", *event, recorded.payload);
  NESTOR_LOG(info, "CHANGE_PUBLISHED", "relationship={} change={} origin={} upserted={} removed={}",
             spec_.name(), protocol::ChangeName(recorded.term, recorded.sequence), recorded.origin,
             recorded.upserted, recorded.removed);
  Count(kChanges);
}

void Stream::PublishLeases(const std::vector<v1::Lease>& leases) {
  if (!Speaks()) return;
  for (const v1::Lease& lease : leases) {
    v1::Envelope event;
    *event.mutable_lease() = lease;
    Publish("lease", event);
  }
  Count(kLeaseEvents, leases.size());
}

void Stream::OnBaseline() {
  blocked_.clear();
  journal_error_.clear();
  publisher_.On(protocol::PublisherEvent::kBaseline);
}

void Stream::OnKea(const watch::KeaHealth& health) {
  if (health.reachable != health_.reachable || health_wall_ == absl::Time()) {
    publisher_.On(health.reachable ? protocol::PublisherEvent::kKeaBack
                                   : protocol::PublisherEvent::kKeaGone);
  }
  health_ = health;
  health_wall_ = world_.clock.Wall();
}

void Stream::OnJournalBroken(const absl::Status& status) {
  journal_error_ = std::string(Message(status));
  publisher_.On(protocol::PublisherEvent::kJournalBroken);
}

void Stream::Dismiss(const std::string& why) {
  EndResync("ABORTED", why, true);
  for (const OpenApply& open : std::exchange(applies_, {})) open.done(absl::UnavailableError(why));
  if (!diff_) return;
  const auto done = std::move(diff_->done);
  diff_.reset();
  done(absl::UnavailableError(why));
}

void Stream::SayBye() {
  v1::Envelope bye;
  bye.mutable_bye();
  (void)SendToFollower(std::move(bye));
}

void Stream::OnFollower(const std::string& route, const v1::Envelope& envelope) {
  follower_.heard = world_.clock.Now();
  follower_.heard_wall = world_.clock.Wall();
  follower_.route = route;
  switch (envelope.body_case()) {
    case v1::Envelope::kHello:
      return OnHello(envelope);
    case v1::Envelope::kSyncRequest:
      return OnSyncRequest(envelope.sync_request());
    case v1::Envelope::kCredit:
      if (sender_ && sender_->nonce() == envelope.credit().nonce()) {
        sender_->AddCredit(envelope.credit().chunks());
        Pump();
      }
      return;
    case v1::Envelope::kAck:
      OnAck(envelope);
      return SendPendingResync();
    case v1::Envelope::kNack:
      return OnNack(envelope);
    case v1::Envelope::kState:
      return OnState(envelope.state());
    case v1::Envelope::kTreeRequest:
      return OnTreeRequest(envelope.tree_request());
    case v1::Envelope::kReport:
    case v1::Envelope::kSiteRequest:
    case v1::Envelope::kSiteReply:
      return OnReport(envelope.report());
    case v1::Envelope::kBye:
      follower_.heard = world_.clock.Now() - kSilent;
      follower_.route.clear();
      return;
    default:
      NESTOR_LOG(warn, "MESSAGE_UNEXPECTED", "relationship={} from={} body={}", spec_.name(),
                 spec_.secondary(), static_cast<int>(envelope.body_case()));
  }
}

void Stream::OnHello(const v1::Envelope& envelope) {
  const v1::Hello& hello = envelope.hello();
  if (publisher_.state() == v1::PUBLISHER_FENCED) {
    if (hello.highest_term() >= publisher_.stream().term ||
        hello.stream_id() == publisher_.stream().stream_id) {
      v1::Envelope refused;
      refused.mutable_fenced()->set_term(publisher_.stream().term);
      refused.mutable_fenced()->set_text(publisher_.fenced_text());
      (void)SendToFollower(std::move(refused));
    }
    return;
  }
  const auto decision = protocol::DecideJoin(publisher_.stream(), hello, envelope.digest_after());
  // A journal that must stop stops before it publishes what Kea is read for.
  const bool fences = decision.kind == protocol::JoinDecision::Kind::kFence;
  if (!fences && !publisher_.Serves()) return;  // it asks again
  switch (decision.kind) {
    case protocol::JoinDecision::Kind::kFence:
      return Fence(decision.text);
    case protocol::JoinDecision::Kind::kRaiseTerm:
      return RaiseTerm(decision.term);
    case protocol::JoinDecision::Kind::kWelcome:
      break;
  }
  const bool followed = publisher_.stream().followed_since != 0;
  // A journal that nobody followed may be a copy from long ago: to a follower that has something,
  // only what Kea runs now is given.
  const bool has_something = !hello.stream_id().empty() || hello.highest_term() > 0;
  if (!followed && has_something && publisher_.state() != v1::SERVE) return;  // it asks again
  publisher_.Welcomed();
  if (!followed) {
    world_.disk.Post([journal = &world_.journal, name = spec_.name()] {
      if (const auto status = journal->MarkFollowed(name); !status.ok()) {
        NESTOR_LOG(error, "JOURNAL_WRITE_FAILED", "relationship={} error=\"{}\"", name,
                   Message(status));
      }
    });
  }
  v1::Envelope welcome;
  welcome.set_sequence(publisher_.stream().head);
  welcome.set_digest_after(publisher_.stream().head_digest);
  welcome.mutable_welcome()->set_join(decision.join);
  welcome.mutable_welcome()->set_lowest_sequence(publisher_.stream().lowest);
  welcome.mutable_welcome()->set_publisher_state(publisher_.state());
  (void)SendToFollower(std::move(welcome));
  NESTOR_LOG(info, "FOLLOWER_WELCOMED", "relationship={} server={} join={} position={}",
             spec_.name(), hello.server(), v1::Join_Name(decision.join),
             protocol::ChangeName(hello.position_term(), hello.position_sequence()));
}

void Stream::SendPendingResync() {
  if (pending_resync_.empty()) return;
  v1::Envelope envelope;
  v1::Resync& resync = *envelope.mutable_resync();
  resync.set_request_id(pending_resync_);
  resync.set_mode(v1::RESYNC_SNAPSHOT);
  resync.set_reason("asked for by an operator while the secondary was away");
  if (SendToFollower(std::move(envelope)).ok()) pending_resync_.clear();
}

void Stream::Fence(const std::string& text) {
  publisher_.Fence(text);
  NESTOR_LOG(error, "PUBLISHER_FENCED", "relationship={} reason=\"{}\"", spec_.name(), text);
  v1::Envelope fenced;
  fenced.mutable_fenced()->set_term(publisher_.stream().term);
  fenced.mutable_fenced()->set_text(text);
  (void)SendToFollower(std::move(fenced));
  v1::State state;
  state.set_what("fenced");
  state.set_to("FENCED");
  state.set_server(server_);
  state.set_reason(text);
  Announce(state);
}

void Stream::RaiseTerm(uint64_t term) {
  world_.worker.Post([self = weak_from_this(), recorder = &world_.recorder, loop = &world_.loop,
                      name = spec_.name(), term] {
    auto raised = recorder->RaiseTerm(name, term);
    loop->Post([self, raised = std::move(raised), term] {
      const auto stream = self.lock();
      if (!stream) return;
      if (!raised.ok()) return stream->OnJournalBroken(raised.status());
      NESTOR_LOG(info, "TERM_RAISED", "relationship={} term={}", stream->spec_.name(), term);
      // The journal may have gone on meanwhile; only the term is news.
      protocol::StreamView next = stream->publisher_.stream();
      if (next.stream_id != *raised || next.term >= term) return;
      next.term = term;
      next.terms.push_back({term, next.head + 1});
      stream->publisher_.Restart(std::move(next), stream->world_.clock.Now());
    });
  });
}

void Stream::BeginAnew(std::function<void()> then) {
  const uint64_t term = publisher_.stream().term + 1;
  world_.worker.Post([self = weak_from_this(), recorder = &world_.recorder, loop = &world_.loop,
                      name = spec_.name(), term, then = std::move(then)] {
    auto view = recorder->BeginAnew(name, term);
    loop->Post([self, view = std::move(view), then] {
      const auto stream = self.lock();
      if (!stream) return;
      if (!view.ok()) {
        stream->OnJournalBroken(view.status());
        return stream->EndResync("ABORTED", std::string(Message(view.status())), true);
      }
      stream->publisher_.Restart(*view, stream->world_.clock.Now());
      stream->publisher_.On(protocol::PublisherEvent::kNewStream);
      stream->pending_.clear();
      stream->set_.reset();
      v1::Ack ack;
      ack.mutable_status()->Swap(stream->follower_.ack.mutable_status());
      stream->follower_.ack = std::move(ack);
      then();
    });
  });
}

void Stream::OnTreeRequest(const v1::TreeRequest& request) {
  if (!set_) return;
  auto reply = protocol::AnswerTree(request, *set_, publisher_.stream().head);
  if (!reply.ok()) {
    NESTOR_LOG(warn, "TREE_REQUEST_REFUSED", "relationship={} error=\"{}\"", spec_.name(),
               Message(reply.status()));
    return;
  }
  v1::Envelope envelope;
  envelope.set_sequence(publisher_.stream().head);
  envelope.set_digest_after(publisher_.stream().head_digest);
  *envelope.mutable_tree_reply() = *std::move(reply);
  (void)SendToFollower(std::move(envelope));
}

void Stream::Compact() {
  next_compact_ = world_.clock.Now() + kCompactPeriod;
  const bool connected = follower_.heard && world_.clock.Now() - *follower_.heard < kSilent;
  const uint64_t held = connected ? follower_.ack.persisted() : 0;
  world_.disk.Post([self = weak_from_this(), journal = &world_.journal, loop = &world_.loop,
                    name = spec_.name(), held, now = world_.clock.Wall()] {
    const auto lowest = journal->Compact(name, store::Retention{}, held, now);
    if (!lowest.ok()) return;
    loop->Post([self, lowest = *lowest] {
      if (const auto stream = self.lock()) stream->publisher_.Compacted(lowest);
    });
  });
}

}  // namespace nestor::primary
