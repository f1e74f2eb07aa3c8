// What the follower says, and what operators ask for.

#include <algorithm>

#include "common/base/status.h"
#include "common/config/object_set.h"
#include "common/log/log.h"
#include "common/protocol/envelope.h"
#include "common/protocol/wire_time.h"
#include "primary-agent/publish/stream.h"

namespace nestor::primary {
namespace {

constexpr absl::Duration kResyncPatience = absl::Minutes(10);
constexpr absl::Duration kDiffPatience = absl::Seconds(60);
// Who has just made the relationship, or started an agent, need not ask twice.
constexpr absl::Duration kJoinPatience = absl::Seconds(5);
constexpr absl::Duration kApplyPatience = absl::Minutes(2);
constexpr size_t kMostReportBytes = size_t{64} << 20;

// Runs `write` on the disk worker; a failure is logged, since nothing waits for it.
template <typename Write>
void Later(Executor& disk, const std::string& relationship, Write write) {
  disk.Post([relationship, write = std::move(write)] {
    if (const absl::Status status = write(); !status.ok()) {
      NESTOR_LOG(error, "JOURNAL_WRITE_FAILED", "relationship={} error=\"{}\"", relationship,
                 Message(status));
    }
  });
}

}  // namespace

void Stream::OnAck(const v1::Envelope& envelope) {
  const v1::Ack& ack = envelope.ack();
  // Acks wait for nothing before they are sent, and are never sent again.
  if (envelope.has_time()) clock_offset_.Heard(FromWire(envelope.time()), world_.clock.Wall());
  if (envelope.stream_id() != publisher_.stream().stream_id) {
    // Not welcomed yet, or still at another stream: its numbers mean nothing here.
    *follower_.ack.mutable_status() = ack.status();
    if (ack.status().follower_state() != "FENCED") {
      follower_.ack.mutable_status()->set_follower_state("HELLO");
    }
    follower_.digest = envelope.digest_after();
    return;
  }
  if (ack.applied() > publisher_.stream().head) {
    NESTOR_LOG(warn, "ACK_BEYOND_HEAD", "relationship={} applied={} head={}", spec_.name(),
               ack.applied(), publisher_.stream().head);
    // A journal put back from a copy: what the follower says of itself holds nevertheless.
    *follower_.ack.mutable_status() = ack.status();
    follower_.digest = envelope.digest_after();
    return;
  }
  const bool news = ack.applied() != follower_.ack.applied() ||
                    ack.persisted() != follower_.ack.persisted() || ack.superseded_size() > 0;
  const bool applied = ack.applied() > follower_.ack.applied();
  follower_.ack = ack;
  follower_.digest = envelope.digest_after();
  while (!pending_.empty() && pending_.front().sequence <= ack.applied()) pending_.pop_front();
  if (pending_.empty() && ack.applied() < publisher_.stream().head) {
    // From before this agent's start; how long before is not known.
    pending_.push_back({publisher_.stream().head, world_.clock.Now()});
  }
  if (!news) return;
  if (applied) {
    follower_.last_nack.clear();
    TellApplied(world_.clock.Now());
    Later(world_.disk, spec_.name(),
          [journal = &world_.journal, name = spec_.name(), sequence = ack.applied(),
           superseded = std::vector<uint64_t>(ack.superseded().begin(), ack.superseded().end()),
           detail = protocol::AppliedBy(ack.applied_by())] {
            return journal->SetApplied(name, sequence, superseded, detail);
          });
  }
  v1::Envelope event;
  event.set_sequence(ack.applied());
  event.set_digest_after(envelope.digest_after());
  *event.mutable_ack_event()->mutable_ack() = ack;
  // It may hold passwords, and is for the agents.
  event.mutable_ack_event()->mutable_ack()->mutable_status()->clear_ha_parameters();
  event.mutable_ack_event()->set_server(spec_.secondary());
  Publish("ack", event);
  if (applied) {
    NESTOR_LOG(info, "CHANGE_APPLIED", "relationship={} change={} server={} persisted={} by={}",
               spec_.name(), protocol::ChangeName(publisher_.stream().term, ack.applied()),
               spec_.secondary(), ack.persisted(),
               protocol::AppliedBy(ack.applied_by()).empty() ? "unknown" : ack.applied_by());
    JudgeNow();
  }
}

void Stream::OnNack(const v1::Envelope& envelope) {
  const v1::Nack& nack = envelope.nack();
  const bool ours = envelope.stream_id() == publisher_.stream().stream_id;
  if (!ours || envelope.sequence() > publisher_.stream().head) {
    NESTOR_LOG(warn, "NACK_BEYOND_HEAD", "relationship={} refused={} head={} text=\"{}\"",
               spec_.name(), envelope.sequence(), publisher_.stream().head, nack.text());
    return;
  }
  follower_.last_nack = nack.text();
  NESTOR_LOG(warn, "CHANGE_REFUSED", "relationship={} change={} server={} class={} text=\"{}\"",
             spec_.name(), protocol::ChangeName(publisher_.stream().term, envelope.sequence()),
             spec_.secondary(), v1::NackClass_Name(nack.nack_class()), nack.text());
  const std::string outcome = nack.nack_class() == v1::LOCAL_POLICY ? "held"
                              : nack.retryable()                    ? "waiting"
                                                                    : "refused";
  // One that is not about a change is about a message that the secondary does not know.
  if (envelope.sequence() != 0) {
    Later(world_.disk, spec_.name(),
          [journal = &world_.journal, name = spec_.name(), sequence = envelope.sequence(), outcome,
           text = nack.text()] { return journal->SetOutcome(name, sequence, outcome, text); });
  }
  if (!nack.retryable()) TellRefused(envelope.sequence(), outcome, nack.text());
  v1::Envelope event;
  event.set_sequence(envelope.sequence());
  *event.mutable_ack_event()->mutable_nack() = nack;
  event.mutable_ack_event()->set_server(spec_.secondary());
  Publish("ack", event);
  JudgeNow();
}

void Stream::OnState(const v1::State& state) {
  Announce(state);
  if (state.what() == "resync" && resync_ && state.request_id() == resync_->report.request_id()) {
    EndResync(state.to(), state.reason(), state.to() != "STARTED");
  }
}

void Stream::PublishState(const v1::State& state) {
  v1::Envelope event;
  event.set_sequence(publisher_.stream().head);
  *event.mutable_state() = state;
  Publish("state", event);
  NESTOR_LOG(info, "STATE", "relationship={} what={} from={} to={} server={} reason=\"{}\"",
             spec_.name(), state.what(), state.from(), state.to(), state.server(), state.reason());
}

void Stream::Announce(const v1::State& state) {
  PublishState(state);
  v1::HistoryEntry entry;
  entry.set_term(publisher_.stream().term);
  *entry.mutable_time() = state.has_happened() ? state.happened() : ToWire(world_.clock.Wall());
  entry.set_what(state.what());
  entry.set_outcome(state.to());
  entry.set_detail(state.reason());
  entry.set_upserted_count(static_cast<uint64_t>(state.upserted_size()));
  entry.set_removed_count(static_cast<uint64_t>(state.removed_size()));
  *entry.mutable_upserted() = state.upserted();
  *entry.mutable_removed() = state.removed();
  *entry.mutable_replaced() = state.replaced();
  entry.set_left_out(state.left_out());
  Later(world_.disk, spec_.name(), [journal = &world_.journal, name = spec_.name(), entry] {
    return journal->AddEntry(name, entry);
  });
}

void Stream::Resync(const std::string& operator_name, ResyncDone done) {
  if (resync_) EndResync("ABORTED", "overtaken by another resync", true);
  const Instant now = world_.clock.Now();
  OpenResync open;
  open.report.set_request_id(
      fmt::format("{}-{}", spec_.name(), absl::ToUnixNanos(world_.clock.Wall())));
  open.done = std::move(done);
  open.deadline = now + kResyncPatience;
  resync_ = std::move(open);
  const auto ask = [self = weak_from_this(), operator_name](const absl::Status& read) {
    const auto stream = self.lock();
    if (!stream || !stream->resync_) return;
    if (!read.ok()) {
      return stream->EndResync(
          "ABORTED", fmt::format("Kea on {} was not read: {}", stream->server_, Message(read)),
          true);
    }
    v1::Envelope envelope;
    v1::Resync& resync = *envelope.mutable_resync();
    resync.set_request_id(stream->resync_->report.request_id());
    resync.set_mode(v1::RESYNC_SNAPSHOT);
    resync.set_reason(fmt::format("asked for by {}", operator_name));
    resync.set_operator_name(operator_name);
    if (!stream->SendToFollower(std::move(envelope)).ok()) {
      stream->pending_resync_ = stream->resync_->report.request_id();
      stream->EndResync("PENDING",
                        fmt::format("{} is not connected; it is resynchronised when it returns",
                                    stream->spec_.secondary()),
                        true);
    }
  };
  // An operator who resyncs a fenced publisher says: this journal is the truth from now on.
  if (publisher_.state() == v1::PUBLISHER_FENCED) {
    BeginAnew([self = weak_from_this(), ask] {
      if (const auto stream = self.lock()) stream->world_.read_again(ask);
    });
  } else {
    world_.read_again(ask);
  }
}

void Stream::WhenApplied(uint64_t sequence, AppliedDone done) {
  const Instant now = world_.clock.Now();
  applies_.push_back({sequence, std::move(done), now + kApplyPatience});
  TellApplied(now);
}

void Stream::TellRefused(uint64_t sequence, std::string_view outcome, std::string_view text) {
  const auto refused = TakeApplies([&](const OpenApply& one) { return one.sequence == sequence; });
  for (const OpenApply& open : refused) {
    open.done(Error(absl::StatusCode::kFailedPrecondition, "{} {}: {}", spec_.secondary(),
                    outcome == "held" ? "holds it until it is approved" : "refuses it", text));
  }
}

void Stream::TellApplied(Instant now) {
  const uint64_t applied = follower_.ack.applied();
  const auto ended = TakeApplies(
      [&](const OpenApply& one) { return one.sequence <= applied || now >= one.deadline; });
  for (const OpenApply& open : ended) {
    open.done(open.sequence <= applied
                  ? absl::OkStatus()
                  : Error(absl::StatusCode::kDeadlineExceeded,
                          "{} has not verified change {} yet; see nestorctl status",
                          spec_.secondary(), open.sequence));
  }
}

std::vector<Stream::OpenApply> Stream::TakeApplies(
    const std::function<bool(const OpenApply&)>& which) {
  std::vector<OpenApply> taken;
  std::erase_if(applies_, [&](OpenApply& open) {
    const bool is_one = which(open);
    if (is_one) taken.push_back(std::move(open));
    return is_one;
  });
  return taken;
}

void Stream::EndResync(const std::string& state, const std::string& text, bool last) {
  if (!resync_) return;
  resync_->report.set_state(state);
  resync_->report.set_sequence(follower_.ack.applied());
  const auto done = resync_->done;
  const v1::ResyncReport report = resync_->report;
  if (last) resync_.reset();
  done(last, report, text);
}

void Stream::Diff(DiffDone done) {
  if (diff_) return done(Error(absl::StatusCode::kUnavailable, "another diff is under way"));
  OpenDiff open;
  open.request_id = fmt::format("diff-{}", absl::ToUnixNanos(world_.clock.Wall()));
  open.done = std::move(done);
  open.deadline = world_.clock.Now() + kDiffPatience;
  open.join_by = world_.clock.Now() + kJoinPatience;
  diff_ = std::move(open);
  world_.read_again([self = weak_from_this()](const absl::Status& read) {
    const auto stream = self.lock();
    if (!stream || !stream->diff_) return;
    if (!read.ok()) return stream->EndDiff(read);
    stream->diff_->to_ask = true;
    stream->AskForDiff(stream->world_.clock.Now());
  });
}

void Stream::AskForDiff(Instant now) {
  if (follower_.route.empty() && now < diff_->join_by) return;
  diff_->to_ask = false;
  v1::Envelope envelope;
  envelope.mutable_resync()->set_request_id(diff_->request_id);
  envelope.mutable_resync()->set_mode(v1::COMPARE);
  const absl::Status sent = SendToFollower(std::move(envelope));
  if (!sent.ok()) EndDiff(sent);
}

void Stream::EndDiff(absl::StatusOr<v1::DiffReport> report) {
  auto done = std::move(diff_->done);
  diff_.reset();
  done(std::move(report));
}

void Stream::OnReport(const v1::Report& report) {
  if (report.what() == "kept") return OnKept(report);
  if (!diff_ || report.request_id() != diff_->request_id) return;
  absl::StatusOr<v1::DiffReport> result = v1::DiffReport();
  if (!report.text().empty()) {
    result = Error(absl::StatusCode::kUnavailable, "{}", report.text());
  } else {
    if (report.index() != diff_->next_piece ||
        diff_->data.size() + report.data().size() > kMostReportBytes) {
      result = Error(absl::StatusCode::kDataLoss, "the report from {} came in disorder",
                     spec_.secondary());
    } else {
      ++diff_->next_piece;
      diff_->data.append(report.data());
      if (!report.last()) return;
      if (!result->ParseFromString(diff_->data)) {
        result = Error(absl::StatusCode::kDataLoss, "the report from {} cannot be read",
                       spec_.secondary());
      }
    }
  }
  if (result.ok()) ha::AddTo(*result, HaDrift());
  EndDiff(std::move(result));
}

absl::Status Stream::Decide(uint64_t sequence, bool approve, const std::string& operator_name) {
  if (follower_.ack.status().held_sequence() != sequence) {
    const uint64_t held = follower_.ack.status().held_sequence();
    return Error(absl::StatusCode::kFailedPrecondition, "relationship {}: change {} is not held{}",
                 spec_.name(), sequence,
                 held != 0 ? fmt::format("; change {} is", held) : std::string());
  }
  v1::Envelope envelope;
  envelope.mutable_decision()->set_sequence(sequence);
  envelope.mutable_decision()->set_approve(approve);
  envelope.mutable_decision()->set_operator_name(operator_name);
  return SendToFollower(std::move(envelope));  // which announces it
}

}  // namespace nestor::primary
