#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/executor.h"
#include "common/bus/bus.h"
#include "common/ha/compare.h"
#include "common/protocol/judge.h"
#include "common/protocol/publisher.h"
#include "common/protocol/sync_transfer.h"
#include "common/runtime/metrics.h"
#include "common/store/journal.h"
#include "common/watch/watcher.h"
#include "nestor/v1/operator.pb.h"
#include "primary-agent/publish/clock_offset.h"
#include "primary-agent/publish/recorder.h"

namespace nestor::primary {

// What a Stream reaches. Everything outlives it.
struct StreamWorld {
  Clock& clock;
  Executor& loop;
  Executor& disk;
  Executor& worker;  // the service's, which owns `recorder`
  Recorder& recorder;
  bus::PublisherBus& bus;
  store::Journal& journal;
  runtime::Metrics& metrics;
  // An event went out; for those who watch over the operator socket.
  std::function<void(const std::string& topic, const v1::Envelope& event)> published;
  // Reads the service's Kea again, then calls back on the loop.
  std::function<void(std::function<void(absl::Status)>)> read_again;
  // What is being done to the relationship, for people; empty: nothing.
  std::function<std::string(std::string_view name)> changing;
};

// One relationship on the primary: publishes its changes and heartbeats, welcomes its follower,
// serves replays, snapshots and the digest tree, and collects acks. Protocol thread only; what
// must wait for disk or Kea is posted, and its end finds the Stream by a weak pointer.
class Stream : public std::enable_shared_from_this<Stream> {
 public:
  Stream(v1::RelationshipSpec spec, DhcpService service, std::string server,
         Recorder::Opened opened, StreamWorld world);

  const v1::RelationshipSpec& spec() const { return spec_; }
  DhcpService service() const { return service_; }

  void Tick();
  // A change of this relationship is durable.
  void OnRecorded(Recorded recorded);
  // The configuration was read well and whatever it changed is recorded.
  void OnBaseline();
  void OnKea(const watch::KeaHealth& health);
  // The relationship was edited.
  void OnSpec(v1::RelationshipSpec spec) { spec_ = std::move(spec); }
  // Of the configuration that was read: the HA hook's parameters (empty: it is not loaded), and of
  // its pools what ServiceWatch::Look says.
  void OnHa(std::string mode, std::string parameters);
  void OnPools(std::vector<std::string> unsplit, bool split);
  // Why the file of the primary's Kea is not as it should be, or empty.
  void OnFile(std::string notice) { file_notice_ = std::move(notice); }
  void OnJournalBroken(const absl::Status& status);
  // Kea's configuration cannot be mirrored, and is not, for the reason in `text`.
  void OnBlocked(std::string text) { blocked_ = std::move(text); }
  // Publishes what happened to leases of the service. Nothing while the publisher has to be silent;
  // none is kept.
  void PublishLeases(const std::vector<v1::Lease>& leases);
  // What people should know of lease events that were lost; empty: none were.
  void OnLeasesLost(std::string text) { leases_lost_ = std::move(text); }
  // A control message about this relationship from its follower, whose right was checked.
  void OnFollower(const std::string& route, const v1::Envelope& envelope);
  void SayBye();
  // Answers whoever waits for it: it ends.
  void Dismiss(const std::string& why);

  v1::RelationshipStatus Status() const;
  v1::RelationshipView View() const;
  // What its follower is told of this side.
  v1::SideStatus Side() const;

  using ResyncDone =
      std::function<void(bool last, const v1::ResyncReport& report, std::string text)>;
  // Begins a resync; `done` is called with each state it passes, `last` with the final one.
  void Resync(const std::string& operator_name, ResyncDone done);
  using DiffDone = std::function<void(absl::StatusOr<v1::DiffReport>)>;
  void Diff(DiffDone done);
  // Calls back once the follower has applied and verified the change `sequence`.
  // FailedPrecondition: it refused or holds it. DeadlineExceeded: not in time. Unavailable: the
  // relationship ended.
  using AppliedDone = std::function<void(absl::Status)>;
  void WhenApplied(uint64_t sequence, AppliedDone done);
  // Tells the follower a person's decision. Unavailable: it is not connected.
  absl::Status Decide(uint64_t sequence, bool approve, const std::string& operator_name);

  // Publishes a `state` event and keeps it in the history.
  void Announce(const v1::State& state);
  const std::string& stream_id() const { return publisher_.stream().stream_id; }
  // The configuration at the head; null: there is none yet.
  const std::shared_ptr<const config::ObjectSet>& set() const { return set_; }
  uint64_t head() const { return publisher_.stream().head; }
  uint64_t lowest() const { return publisher_.stream().lowest; }

 private:
  // A follower that says nothing for so long is away.
  static constexpr absl::Duration kSilent = absl::Seconds(3);

  struct Follower {
    std::string route;
    std::optional<Instant> heard;
    absl::Time heard_wall;
    v1::Ack ack;         // the last
    std::string digest;  // of its Kea, 32 bytes
    std::string last_nack;
  };
  struct Pending {
    uint64_t sequence;
    Instant since;
  };
  struct OpenResync {
    v1::ResyncReport report;
    ResyncDone done;
    Instant deadline;
  };
  struct OpenApply {
    uint64_t sequence = 0;
    AppliedDone done;
    Instant deadline;
  };
  // What was changed on the secondary while this server was away, on its way here.
  struct OpenKept {
    std::string id;
    std::string data;
    uint32_t next_piece = 0;
  };
  struct OpenDiff {
    std::string request_id;
    std::string data;
    uint32_t next_piece = 0;
    DiffDone done;
    Instant deadline;
    Instant join_by;      // a secondary that is not connected then is away
    bool to_ask = false;  // the primary's Kea has been read, the secondary is not asked yet
  };

  // Asks the secondary what differs, as soon as it is connected.
  void AskForDiff(Instant now);
  void EndDiff(absl::StatusOr<v1::DiffReport> report);
  // Whether it may say anything: neither fenced nor still reading its journal.
  bool Speaks() const;
  void Publish(std::string_view kind, v1::Envelope& envelope);
  void PublishSealed(std::string_view kind, const v1::Envelope& envelope,
                     const std::string& payload);
  absl::Status SendToFollower(v1::Envelope envelope);
  void OnHello(const v1::Envelope& envelope);
  void RaiseTerm(uint64_t term);
  void BeginAnew(std::function<void()> then);
  void Fence(const std::string& text);
  void OnSyncRequest(const v1::SyncRequest& request);
  void MakeSnapshot(uint64_t nonce, uint32_t credit);
  void MakeReplay(uint64_t nonce, uint64_t from, uint32_t credit);
  void StartTransfer(uint64_t nonce, std::shared_ptr<const protocol::Transfer> transfer,
                     uint32_t next_chunk, uint32_t credit);
  void Pump();
  void AbortSync(uint64_t nonce, const std::string& text);
  void OnAck(const v1::Envelope& envelope);
  void OnNack(const v1::Envelope& envelope);
  void OnReport(const v1::Report& report);
  void OnKept(const v1::Report& report);
  void KeepEntry(v1::HistoryEntry entry);
  void AnnounceKept(const v1::HistoryEntry& entry);
  void PublishState(const v1::State& state);
  void OnState(const v1::State& state);
  void OnTreeRequest(const v1::TreeRequest& request);
  void TellApplied(Instant now);
  // Those that wait no longer.
  std::vector<OpenApply> TakeApplies(const std::function<bool(const OpenApply&)>& which);
  void TellRefused(uint64_t sequence, std::string_view outcome, std::string_view text);
  void EndResync(const std::string& state, const std::string& text, bool last);
  // To a follower that was away when an operator asked for it.
  void SendPendingResync();
  void Compact();
  void JudgeNow();
  // -- as metrics (stream_metrics.cc)
  struct Counter {
    std::string_view name, help;
  };
  static const Counter kChanges, kReplays, kSnapshots, kLeaseEvents;  // the last only if wanted
  void Count(const Counter& counter, size_t by = 1);
  void StartCounters();
  void Meter();
  runtime::Metrics::Labels MetricLabels() const;
  protocol::PairFacts Facts() const;
  void AddHaFacts(protocol::PairFacts& facts) const;
  // In what HA is not the same on both; nothing where that is not known.
  std::vector<ha::Difference> HaDrift() const;
  absl::Time StateSince(const std::string& state) const;
  absl::Duration Lag() const;
  std::string ServiceText() const { return std::string(ServiceName(service_)); }

  v1::RelationshipSpec spec_;
  DhcpService service_;
  std::string server_;
  StreamWorld world_;
  protocol::Publisher publisher_;
  std::shared_ptr<const config::ObjectSet> set_;  // at the head
  uint64_t next_message_ = 1;

  watch::KeaHealth health_;
  absl::Time health_wall_;
  std::string mode_;
  std::optional<std::string> ha_parameters_;  // nothing: not read yet
  std::vector<std::string> unsplit_;
  bool split_ = false;
  std::string journal_error_;
  std::string blocked_;
  std::string file_notice_;
  std::string leases_lost_;

  Follower follower_;
  std::deque<Pending> pending_;
  std::optional<protocol::SyncSender> sender_;
  bool sender_begun_ = false;
  std::optional<uint64_t> making_;  // the nonce a transfer is being made for
  Instant next_working_;
  std::shared_ptr<const protocol::Transfer> snapshot_;
  Instant snapshot_made_;

  std::optional<OpenResync> resync_;
  std::optional<OpenDiff> diff_;
  OpenKept kept_;
  std::vector<OpenApply> applies_;
  std::string pending_resync_;  // its request id: the follower is away
  ClockOffset clock_offset_;    // of the follower's host
  const Instant began_;
  protocol::Judgement judged_;
  absl::Time judged_since_;  // its state
  Instant next_judge_;
  Instant next_compact_;
};

}  // namespace nestor::primary
