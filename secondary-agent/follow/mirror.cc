#include "secondary-agent/follow/mirror.h"

#include "common/base/status.h"
#include "common/log/log.h"
#include "common/protocol/envelope.h"
#include "common/protocol/wire_time.h"

namespace nestor::secondary {
namespace {

constexpr size_t kReportPiece = size_t{32} << 10;
constexpr absl::Duration kUnsupportedSpacing = absl::Seconds(10);
constexpr absl::Duration kReportPatience = absl::Minutes(1);  // the primary waits no longer
constexpr absl::Duration kCompactPeriod = absl::Minutes(1);
constexpr size_t kMostUnsent = 64;
constexpr size_t kMostBehind = 1000;
constexpr uint64_t kHistoryKept = 10'000;

}  // namespace

Mirror::Mirror(v1::RelationshipSpec spec, DhcpService service, std::string server,
               std::string version, protocol::FollowerMemory memory, uint64_t nonce_seed,
               double jitter, MirrorWorld world)
    : spec_(std::move(spec)),
      service_(service),
      server_(std::move(server)),
      world_(std::move(world)),
      follower_(
          {spec_.name(), server_, std::move(version), spec_.observe(), jitter, spec_.primary()},
          std::move(memory), nonce_seed, world_.clock.Now()),
      began_(world_.clock.Now()),
      next_meter_(world_.clock.Now()),
      next_compact_(world_.clock.Now() + kCompactPeriod),
      next_unsupported_(world_.clock.Now()) {
  for (const Counter& counter : {kDrifts, kApplies}) Count(counter, 0);
}

void Mirror::Recall(protocol::StandingMemory memory, KeptOutbox outbox) {
  follower_.Recall(std::move(memory));
  kept_ = std::move(outbox);
}

void Mirror::OnSpec(const v1::RelationshipSpec& spec) {
  spec_ = spec;
  Do(follower_.SetObserve(spec.observe(), world_.clock.Now()));
}

void Mirror::Tick() {
  const Instant now = world_.clock.Now();
  Do(follower_.Tick(now));
  SendUnsent();
  NoteHead(now);
  if (now >= next_meter_) {
    next_meter_ = now + absl::Milliseconds(500);
    Meter();
  }
  SendReportPieces();
  SendKept();
  if (now >= next_compact_) {
    next_compact_ = now + kCompactPeriod;
    Later([name = spec_.name()](store::FollowerStore& store) {
      return store.Compact(name, kHistoryKept);
    });
  }
}

// When each head was first heard of; of very many the newest only moves on.
void Mirror::NoteHead(Instant now) {
  const uint64_t head = follower_.head();
  if (!behind_.empty() && head < behind_.back().head) behind_.clear();  // another stream
  while (!behind_.empty() && behind_.front().head <= follower_.applied()) behind_.pop_front();
  if (head <= follower_.applied() || (!behind_.empty() && behind_.back().head == head)) return;
  if (behind_.size() < kMostBehind) {
    behind_.push_back({head, now});
  } else {
    behind_.back().head = head;
  }
}

void Mirror::OnEnvelope(const v1::Envelope& envelope, std::string_view payload) {
  heard_ = world_.clock.Now();
  heard_wall_ = world_.clock.Wall();
  if (envelope.has_decision()) {
    const auto& decision = envelope.decision();
    const absl::Status status =
        Decide(decision.sequence(), decision.approve(), decision.operator_name());
    if (!status.ok()) {
      NESTOR_LOG(warn, "DECISION_REFUSED", "relationship={} error=\"{}\"", spec_.name(),
                 Message(status));
    }
    return;
  }
  if (envelope.has_report_kept()) return OnReportKept(envelope.report_kept().request_id());
  Do(follower_.OnEnvelope(envelope, payload, *heard_));
}

void Mirror::OnLocal(const watch::Look& look) {
  ha_mode_ = look.ha_mode;
  ha_parameters_ = look.ha_parameters;
  blocked_ = look.blocked;
  if (!blocked_.empty()) return;
  Do(follower_.OnLocal(look.set, look.origin, world_.clock.Now()));
}

void Mirror::OnKea(const watch::KeaHealth& health) {
  health_ = health;
  health_wall_ = world_.clock.Wall();
  Do(follower_.OnReachable(health.reachable, world_.clock.Now()));
}

void Mirror::OnConnected() {
  kept_.Again(world_.clock.Now());
  Do(follower_.OnConnected(world_.clock.Now()));
}

void Mirror::OnUnsupported(std::string_view text) {
  // It may come again each second.
  if (world_.clock.Now() < next_unsupported_) return;
  next_unsupported_ = world_.clock.Now() + kUnsupportedSpacing;
  v1::Envelope envelope;
  envelope.mutable_nack()->set_nack_class(v1::NACK_UNSUPPORTED);
  envelope.mutable_nack()->set_text(std::string(text));
  Carry(protocol::SendToPrimary{std::move(envelope)});
}

void Mirror::Stop() {
  Do(follower_.OnStopping(world_.clock.Now()));
  v1::Envelope bye;
  bye.mutable_bye();
  Carry(protocol::SendToPrimary{std::move(bye)});
}

void Mirror::Dismiss(const std::string& why) {
  for (auto& [id, done] : std::exchange(resyncs_, {})) {
    v1::ResyncReport report;
    report.set_request_id(id);
    report.set_state("ABORTED");
    done(true, report, why);
  }
  for (auto& [id, done] : std::exchange(diffs_, {})) done(absl::UnavailableError(why));
}

void Mirror::Do(protocol::FollowerActions actions) {
  for (protocol::FollowerAction& action : actions) {
    std::visit([this](auto&& one) { Carry(std::forward<decltype(one)>(one)); }, std::move(action));
  }
}

void Mirror::Carry(protocol::SendToPrimary action) {
  v1::Envelope& envelope = action.envelope;
  if (SendUnsent() && Send(envelope).ok()) return;
  if (envelope.has_ack()) return follower_.Untold(envelope.ack());
  if (!envelope.has_nack() && !envelope.has_state()) return;  // hellos and requests repeat
  Stamp(envelope);
  if (unsent_.size() >= kMostUnsent) unsent_.pop_front();
  unsent_.push_back(std::move(envelope));
}

bool Mirror::SendUnsent() {
  while (!unsent_.empty()) {
    v1::Envelope& next = unsent_.front();
    // Of another stream, its number means something else by now.
    const bool old = next.has_nack() && next.stream_id() != follower_.stream_id();
    if (!old && !world_.bus.SendToPrimary(protocol::Seal(next)).ok()) return false;
    unsent_.pop_front();
  }
  return true;
}

absl::Status Mirror::Send(v1::Envelope& envelope) {
  Stamp(envelope);
  return world_.bus.SendToPrimary(protocol::Seal(envelope));
}

void Mirror::Stamp(v1::Envelope& envelope) {
  envelope.set_relationship(spec_.name());
  envelope.set_service(protocol::ToProto(service_));
  envelope.set_stream_id(follower_.stream_id());
  envelope.set_term(follower_.term());
  envelope.set_sender(server_);
  envelope.set_message_id(next_message_++);
  *envelope.mutable_time() = ToWire(world_.clock.Wall());
  if (envelope.has_ack()) FillStatus(*envelope.mutable_ack()->mutable_status());
}

void Mirror::Carry(protocol::Decode action) {
  world_.worker.Post([self = weak_from_this(), loop = &world_.loop,
                      receiver = std::move(action.receiver)] {
    auto decoded = std::make_shared<protocol::Decoded>(protocol::DecodeTransfer(*receiver));
    loop->Post([self, decoded] {
      if (const auto mirror = self.lock()) {
        mirror->Do(mirror->follower_.OnDecoded(std::move(*decoded), mirror->world_.clock.Now()));
      }
    });
  });
}

void Mirror::Carry(protocol::ReadLocal /*action*/) const { world_.read_local(); }

void Mirror::Carry(protocol::Announce action) {
  *action.state.mutable_happened() = ToWire(world_.clock.Wall());
  const v1::State& state = action.state;
  NESTOR_LOG(info, "STATE", "relationship={} what={} from={} to={} server={} reason=\"{}\"",
             spec_.name(), state.what(), state.from(), state.to(), state.server(), state.reason());
  v1::HistoryEntry entry;
  entry.set_term(follower_.term());
  *entry.mutable_time() = ToWire(world_.clock.Wall());
  entry.set_what(state.what());
  entry.set_outcome(state.to());
  entry.set_detail(state.reason());
  entry.set_upserted_count(static_cast<uint64_t>(state.upserted_size()));
  entry.set_removed_count(static_cast<uint64_t>(state.removed_size()));
  *entry.mutable_upserted() = state.upserted();
  *entry.mutable_removed() = state.removed();
  *entry.mutable_replaced() = state.replaced();
  entry.set_left_out(state.left_out());
  Later([name = spec_.name(), entry](store::FollowerStore& store) {
    return store.AddEntry(name, entry);
  });
  if (state.what() == "drift") Count(kDrifts);
  if (const auto found = resyncs_.find(state.request_id()); found != resyncs_.end()) {
    v1::ResyncReport report;
    report.set_request_id(state.request_id());
    report.set_state(state.to());
    report.set_sequence(follower_.position().sequence);
    const bool last = state.to() != "STARTED";
    const ResyncDone done = found->second;
    if (last) resyncs_.erase(found);
    done(last, report, state.reason());
  }
  v1::Envelope envelope;
  *envelope.mutable_state() = std::move(action.state);
  Carry(protocol::SendToPrimary{std::move(envelope)});
}

void Mirror::Carry(protocol::Compared action) {
  if (const auto found = diffs_.find(action.request_id); found != diffs_.end()) {
    const DiffDone done = std::move(found->second);
    diffs_.erase(found);
    if (!action.status.ok()) return done(action.status);
    ha::AddTo(action.report, HaDrift());
    return done(std::move(action.report));
  }
  SendReport(action.request_id, action);
}

void Mirror::SendReport(const std::string& request_id, const protocol::Compared& compared) {
  const std::string data = compared.report.SerializeAsString();
  uint32_t index = 0;
  report_.clear();
  for (size_t offset = 0; index == 0 || offset < data.size(); offset += kReportPiece) {
    v1::Report& report = *report_.emplace_back().mutable_report();
    report.set_request_id(request_id);
    report.set_what("diff");
    report.set_index(index++);
    report.set_data(data.substr(offset, kReportPiece));
    report.set_last(offset + kReportPiece >= data.size());
    if (!compared.status.ok()) report.set_text(std::string(Message(compared.status)));
  }
  report_until_ = world_.clock.Now() + kReportPatience;
  SendReportPieces();
}

void Mirror::SendReportPieces() {
  if (world_.clock.Now() >= report_until_) report_.clear();
  // A piece that the connection has no room for waits for the next tick.
  while (!report_.empty() && Send(report_.front()).ok()) report_.pop_front();
}

// To a primary that hears, and knows this stream.
void Mirror::SendKept() {
  if (!follower_.Joined()) return;
  const Instant now = world_.clock.Now();
  while (auto piece = kept_.Next(now)) {
    v1::Envelope envelope;
    *envelope.mutable_report() = *std::move(piece);
    if (!Send(envelope).ok()) return;
    kept_.Sent(now);
  }
}

void Mirror::OnReportKept(const std::string& id) {
  if (!kept_.Delivered(id)) return;
  NESTOR_LOG(info, "KEPT_TOLD", "relationship={} id={}", spec_.name(), id);
  Later([name = spec_.name(), id](store::FollowerStore& store) {
    return store.ForgetKept(name, id);
  });
}

void Mirror::Later(std::function<absl::Status(store::FollowerStore&)> write) {
  world_.worker.Post([self = weak_from_this(), loop = &world_.loop, store = &world_.store,
                      write = std::move(write)] {
    loop->Post([self, status = write(*store)] {
      if (const auto mirror = self.lock()) (void)mirror->Stored(status);
    });
  });
}

bool Mirror::Stored(const absl::Status& status) {
  store_error_ = status.ok() ? std::string()
                             : fmt::format("the agent on {} cannot write its store: {}", server_,
                                           Message(status));
  if (!status.ok()) {
    NESTOR_LOG(error, "STORE_WRITE_FAILED", "relationship={} error=\"{}\"", spec_.name(),
               Message(status));
  }
  return status.ok();
}

void Mirror::Resync(const std::string& operator_name, ResyncDone done) {
  v1::Resync resync;
  resync.set_request_id(
      fmt::format("{}-{}-{}", spec_.name(), server_, absl::ToUnixNanos(world_.clock.Wall())));
  resync.set_mode(v1::RESYNC_SNAPSHOT);
  resync.set_reason(fmt::format("asked for by {}", operator_name));
  resync.set_operator_name(operator_name);
  resyncs_[resync.request_id()] = std::move(done);
  Do(follower_.RequestResync(resync, world_.clock.Now()));
}

void Mirror::Diff(DiffDone done) {
  v1::Resync resync;
  resync.set_request_id(fmt::format("diff-{}", absl::ToUnixNanos(world_.clock.Wall())));
  resync.set_mode(v1::COMPARE);
  diffs_[resync.request_id()] = std::move(done);
  Do(follower_.RequestResync(resync, world_.clock.Now()));
}

absl::Status Mirror::Decide(uint64_t sequence, bool approve, const std::string& operator_name) {
  auto actions = follower_.Decide(sequence, approve, world_.clock.Now());
  if (!actions.ok()) return actions.status();
  v1::State state;
  state.set_what("decision");
  state.set_to(approve ? "approved" : "rejected");
  state.set_server(server_);
  state.set_reason(fmt::format("change {} by {}", sequence, operator_name));
  actions->push_back(protocol::Announce{std::move(state)});
  Do(*std::move(actions));
  return absl::OkStatus();
}

}  // namespace nestor::secondary
