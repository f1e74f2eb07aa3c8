#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/executor.h"
#include "common/base/random.h"
#include "common/bus/bus.h"
#include "common/ha/compare.h"
#include "common/keafile/config_writer.h"
#include "common/protocol/follower.h"
#include "common/protocol/judge.h"
#include "common/runtime/metrics.h"
#include "common/store/follower_store.h"
#include "common/watch/lookout.h"
#include "nestor/v1/operator.pb.h"
#include "secondary-agent/apply/applier.h"
#include "secondary-agent/follow/kept.h"

namespace nestor::secondary {

// What a Mirror reaches. Everything outlives it; `applier` is used on `worker` only.
struct MirrorWorld {
  Clock& clock;
  Executor& loop;
  Executor& worker;  // the service's, which owns Kea
  std::shared_ptr<Applier> applier;
  std::shared_ptr<keafile::ConfigWriter> writer;
  bus::FollowerBus& bus;
  store::FollowerStore& store;
  runtime::Metrics& metrics;
  // Reads the service's Kea now; the result comes by OnLocal().
  std::function<void()> read_local;
  // What stands in the way of this relationship that its own messages do not show.
  std::function<std::vector<std::string>()> troubles;
};

// One relationship on the secondary: carries out what protocol::Follower decides. Protocol thread
// only; work on Kea and the store is posted to the service's worker, in order, so that the memory
// is only ever changed there.
class Mirror : public std::enable_shared_from_this<Mirror> {
 public:
  Mirror(v1::RelationshipSpec spec, DhcpService service, std::string server, std::string version,
         protocol::FollowerMemory memory, uint64_t nonce_seed, double jitter, MirrorWorld world);

  const v1::RelationshipSpec& spec() const { return spec_; }
  DhcpService service() const { return service_; }
  // What is kept of earlier starts; before anything else.
  void Recall(protocol::StandingMemory memory, KeptOutbox outbox);
  // The primary changed what was agreed (observe, thresholds).
  void OnSpec(const v1::RelationshipSpec& spec);

  void Tick();
  // An event, or a control message about this relationship.
  void OnEnvelope(const v1::Envelope& envelope, std::string_view payload);
  // The local Kea's configuration, which was read.
  void OnLocal(const watch::Look& look);
  void OnKea(const watch::KeaHealth& health);
  // What the primary's agent says of its own side.
  void OnPrimarySide(const v1::SideStatus& side) { primary_side_ = side; }
  // The primary's agent answers again.
  void OnConnected();
  // The primary speaks of something that this version does not know; `text` says what.
  void OnUnsupported(std::string_view text);
  // The agent is about to end.
  void Stop();
  // Answers whoever waits for it: it ends.
  void Dismiss(const std::string& why);

  v1::RelationshipStatus Status() const;
  v1::RelationshipView View() const;

  using ResyncDone =
      std::function<void(bool last, const v1::ResyncReport& report, std::string text)>;
  void Resync(const std::string& operator_name, ResyncDone done);
  using DiffDone = std::function<void(absl::StatusOr<v1::DiffReport>)>;
  void Diff(DiffDone done);
  absl::Status Decide(uint64_t sequence, bool approve, const std::string& operator_name);

 private:
  void Do(protocol::FollowerActions actions);
  void Carry(protocol::SendToPrimary action);
  void Carry(protocol::ApplyOrder order);
  void Carry(protocol::Persist action);
  void Carry(protocol::KeepReceived action);
  void Carry(protocol::Keep action);
  void Carry(protocol::SaveBase action);
  void Carry(protocol::Remember update);
  void Carry(protocol::Decode action);
  void Carry(protocol::ReadLocal action) const;
  void Carry(protocol::Announce action);
  void Carry(protocol::Compared action);
  void Stamp(v1::Envelope& envelope);
  absl::Status Send(v1::Envelope& envelope);
  // False: the connection takes nothing now.
  bool SendUnsent();
  void SendReport(const std::string& request_id, const protocol::Compared& compared);
  void SendReportPieces();
  void SendKept();
  void OnReportKept(const std::string& id);
  void NoteHead(Instant now);
  const char* ApplyBy() const;
  // Objects that were changed here while the primary was away, and stand: at least one where they
  // are not known one by one.
  uint64_t Standing() const;
  void FillStatus(v1::SideStatus& side) const;
  // Runs `write` on the worker; a failure is logged and shown.
  void Later(std::function<absl::Status(store::FollowerStore&)> write);
  // What a write to the store came to; false: it failed.
  bool Stored(const absl::Status& status);
  std::string LastError() const;
  protocol::PairFacts Facts() const;
  absl::Duration Lag() const;
  // In what HA is not the same on both; nothing where that is not known.
  std::vector<ha::Difference> HaDrift() const;
  protocol::Judgement Judged() const;
  absl::Time StateSince(const std::string& state) const;
  // -- as metrics (mirror_metrics.cc)
  struct Counter {
    std::string_view name, help;
  };
  static const Counter kDrifts, kApplies;
  void Count(const Counter& counter, size_t by = 1);
  void Meter();
  runtime::Metrics::Labels MetricLabels() const;

  v1::RelationshipSpec spec_;
  DhcpService service_;
  std::string server_;
  MirrorWorld world_;
  protocol::Follower follower_;
  uint64_t next_message_ = 1;
  watch::KeaHealth health_;
  absl::Time health_wall_;
  std::string ha_mode_;
  std::optional<std::string> ha_parameters_;    // nothing: not read yet
  std::optional<v1::SideStatus> primary_side_;  // nothing: its agent has not told it
  std::string blocked_;                         // why the local configuration cannot be mirrored to
  std::string file_notice_;   // why Kea has to write its file itself; empty: it has not
  std::string store_error_;   // why the last write to the store failed
  std::string judged_state_;  // as of the last Meter()
  absl::Time judged_since_;
  std::optional<Instant> heard_;
  absl::Time heard_wall_;
  const Instant began_;
  uint64_t applies_ = 0;
  struct Behind {
    uint64_t head;
    Instant since;
  };
  std::deque<Behind> behind_;  // heads that are not applied yet, oldest first
  Instant next_meter_;
  Instant next_compact_;
  Instant next_unsupported_;
  std::deque<v1::Envelope> unsent_;  // nacks and states, which are said only once
  std::deque<v1::Envelope> report_;  // pieces not sent yet
  Instant report_until_;
  KeptOutbox kept_;  // for the primary's history
  std::map<std::string, ResyncDone> resyncs_;
  std::map<std::string, DiffDone> diffs_;
};

}  // namespace nestor::secondary
