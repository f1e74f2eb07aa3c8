#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/config/restoration.h"
#include "common/operator/desk.h"
#include "primary-agent/amend/amendment.h"
#include "primary-agent/amend/file_keeper.h"
#include "primary-agent/app/primary_app.h"
#include "primary-agent/app/sites.h"
#include "primary-agent/publish/lease_feed.h"
#include "primary-agent/publish/service_watch.h"
#include "primary-agent/publish/stream.h"
#include "primary-agent/relationship/transaction.h"

namespace nestor::primary {

// What a PrimaryApp is made of: a watch per service, a stream per relationship, and who is
// connected. Protocol thread only; outlived by nothing, found by tasks through weak pointers.
class PrimaryApp::Core : public std::enable_shared_from_this<PrimaryApp::Core> {
 public:
  Core(PrimaryOptions options, PrimaryWorld world);

  absl::Status Start();
  void Tick();
  void Drain();
  std::string StatusLine() const;

 private:
  // A secondary's agent, by the route its messages come from.
  struct Session {
    std::string server;
    std::string version;  // of the agent
    absl::Time since;
    Instant heard;
    absl::Time heard_wall;
    std::map<DhcpService, std::string> services;  // whose Keas are there, with their versions
    std::vector<std::string> known;               // the relationships that it follows
    // Of those, what is none here: whether an operator removed it (true), or this journal never
    // heard of it.
    std::map<std::string, bool> ended;
    bool looking_up = false;  // the journal is being asked
  };
  // Somebody who watches the events over a control or operator socket.
  struct Watcher {
    std::string route;
    uint64_t request_id = 0;
    std::string relationship;     // empty: all
    std::set<std::string> kinds;  // empty: all but heartbeats
    bool live = true;             // false: changes are still being read from the journal
    std::string stream_id;        // of the last change sent
    uint64_t sent = 0;            // its sequence
    bool reading = false;         // the journal, for it
    std::optional<Instant> full;  // since when it has not taken what is read from the journal
    Instant no_leases_until;      // it had no room for one
  };
  using Request = operators::Request;
  // A file on its way here in pieces.
  struct Upload {
    Request request;  // the last piece's
    std::string text;
    uint32_t pieces = 0;
    Instant heard;
  };
  // A file, or an entry of the history, that is being applied.
  struct Applying;

  // -- core.cc
  void OnMessage(const bus::Peer& from, std::string_view payload);
  void OnEnvelope(const bus::Peer& from, std::string_view payload);
  void OnAgentHello(const bus::Peer& from, const v1::Hello& hello);
  void OnSiteReply(const bus::Peer& from, const v1::Envelope& envelope);
  void OnLook(DhcpService service, ServiceWatch::Look look);
  void AddStream(const v1::RelationshipSpec& spec, DhcpService service, Recorder::Opened opened);
  void LookUpEnded(const std::string& route, Session& session);
  void TellRelationships(const std::string& route, const Session& session);
  void TellRelationships(const std::string& server);
  void UpdateReadiness();
  bool MayFollow(const bus::Peer& peer, const std::string& server) const;
  Stream* FindStream(std::string_view name);

  // -- core_operator.cc
  void Dispatch(const Request& request);
  void Status(const Request& request);
  void Resync(const Request& request);
  void Diff(const Request& request);
  void History(const Request& request);
  void Decide(const Request& request);
  // Finds the stream or answers that there is none.
  Stream* Named(const Request& request, const std::string& name);

  // -- core_relationships.cc
  // What `adopt` begins; nothing: it was answered why that cannot be.
  std::optional<v1::RelationshipSpec> SpecFor(const Request& request,
                                              const v1::AdoptRequest& adopt);
  void Adopt(const Request& request);
  void AdoptDetected(const Request& request);
  std::string AgentOf(const std::string& peer) const;
  // Why this server cannot begin such a relationship, or empty.
  std::string WhyNotAdopt(const v1::AdoptRequest& adopt, DhcpService service) const;
  void FinishAdopt(const Request& request, const v1::RelationshipSpec& spec, DhcpService service);
  void List(const Request& request);
  void Show(const Request& request);
  void StopMirroring(const Request& request, Stream& stream);
  void EndStream(Stream& stream, const std::string& by);
  void RemoveUnserved(const Request& request, const v1::RelationshipSpec& spec);
  // The secondary may learn that it has ended.
  void TellEnded(const v1::RelationshipSpec& spec);
  std::string WhyUnserved(const v1::RelationshipSpec& spec) const;

  // -- core_plan.cc
  void Create(const Request& request);
  void Edit(const Request& request);
  void Remove(const Request& request);
  void Servers(const Request& request);
  void Ha(const Request& request);
  void Scopes(const Request& request);
  // What HA there is of services without a relationship, as it was last read.
  std::vector<v1::RelationshipView> Detect() const;

  static void TakeOptions(const v1::TransactionOptions& options, Order& order);

  // -- core_left.cc
  struct Changing;
  void RemoveAlone(const Request& request, bool left);
  void LeaveChange(const Request& request, const std::shared_ptr<Changing>& changing);
  bool Answers(const std::string& server, DhcpService service) const;
  // Takes up what a secondary has not heard of a change that ended without it.
  void Leave(v1::TransactionRecord record);
  // Tells the agent of `server`, which has just said whom it follows.
  void TellLeft(const std::string& server, const Session& session);
  void AskLeft(const v1::TransactionRecord& record, const v1::RelationshipSpec& spec);
  // `server` is the secondary of `name`, which was removed without it. It is told now.
  bool WasLeft(const std::string& server, const std::string& name);
  void ForgetLeft(const std::string& id);
  // It begins anew with this one.
  void ForgetLeftOf(const v1::RelationshipSpec& spec);

  // -- core_transaction.cc
  std::shared_ptr<Sites> MakeSites();
  // False: no agent of `server` is connected.
  bool SendToAgent(const std::string& server, v1::Envelope envelope);
  absl::Status ResumeTransactions();
  absl::Status MakeGone(const std::string& name, bool removed, const std::string& by);
  void StartResumed();
  void Begin(const Request& request, Order order);
  void Act(const std::shared_ptr<Changing>& changing, Transaction::Actions actions);
  void AskSite(const std::shared_ptr<Changing>& changing, const Transaction::Ask& ask);
  void AddOwnFacts(DhcpService service, v1::SiteFacts& facts) const;
  void TickTransactions();
  // Whether the relationship is being created, edited or removed.
  bool IsChanging(std::string_view name) const;
  // What is being done to it, for people; empty: nothing.
  std::string ChangingText(std::string_view name) const;
  // Adds to `report` what is being changed and has no stream, of one relationship or, `name` empty,
  // of all. False: nothing is.
  bool AddChanges(std::string_view name, v1::StatusReport& report) const;
  void PackObjects(const std::shared_ptr<Changing>& changing);
  void JournalTransaction(const std::shared_ptr<Changing>& changing,
                          const v1::TransactionRecord& record);
  static absl::Status DecideOnWorker(store::Journal& journal, Recorder& recorder,
                                     const v1::TransactionRecord& record,
                                     const v1::RelationshipSpec& spec, Recorder::Opened& opened);
  void TakeStreamOut(const std::shared_ptr<Changing>& changing);
  void Decided(const std::shared_ptr<Changing>& changing, const absl::Status& status,
               Recorder::Opened opened);
  void KeepStream(const std::shared_ptr<Stream>& stream);
  // Has one site do one thing, outside of a transaction.
  void AskOnce(const std::string& server, DhcpService service, const std::string& name,
               v1::SiteRequest request, Sites::Done done);

  // -- core_apply.cc
  std::shared_ptr<FileKeeper> MakeFileKeeper(DhcpService service, ServiceWorld& kea);
  void Apply(const Request& request);
  void BeginApply(const Upload& upload);
  std::shared_ptr<Applying> NewApplying(const Request& request, const std::string& name);
  void ReadAndAmend(const std::shared_ptr<Applying>& applying);
  void Amend(const std::shared_ptr<Applying>& applying);
  void OnAmended(const std::shared_ptr<Applying>& applying,
                 const absl::StatusOr<Amendment::Went>& went);
  void AfterApply(const std::shared_ptr<Applying>& applying);
  void OweFile(const Applying& applying);
  void OweNothing(const Applying& applying);
  void LetGo(Applying& applying);
  void EndApply(Applying& applying, int exit_code, std::string text = {});
  void ForgetUploads();

  // -- core_restore.cc
  void Restore(const Request& request);
  void BeginRestore(const Request& request, v1::HistoryEntry entry);
  static void ToReport(const std::vector<config::Restoration::Conflict>& conflicts,
                       v1::ApplyReport& report);
  void NoteRestored(const Applying& applying, Stream& stream);

  // -- core_watch.cc
  void Watch(const Request& request);
  void ReadForWatcher(uint64_t id, uint64_t from);
  void GoOnWatching();
  void OnEvent(const std::string& topic, const v1::Envelope& event);
  bool SendEvent(const Watcher& watcher, const std::string& topic, const v1::Envelope& event);

  // -- core_leases.cc
  void PublishLeases();
  void SendLease(Watcher& watcher, const std::string& topic, const v1::Envelope& event);
  void NoteLeases(DhcpService service, const watch::KeaHealth& health);

  // How long a watcher that had no room for a lease event gets none.
  static constexpr absl::Duration kLeaseRest = absl::Milliseconds(100);

  PrimaryOptions options_;
  PrimaryWorld world_;
  std::shared_ptr<operators::Desk> desk_;
  std::map<DhcpService, std::shared_ptr<ServiceWatch>> watches_;
  std::map<DhcpService, LeaseFeed> feeds_;  // of services whose leases are told of
  uint64_t watchers_missed_ = 0;  // lease events that a watcher had no room for, uncounted
  std::map<DhcpService, std::optional<ServiceWatch::Look>> looks_;  // the last read, less changes
  std::set<DhcpService> read_;  // whose configuration was read at least once
  std::map<std::string, std::shared_ptr<Stream>, std::less<>> streams_;
  std::map<std::string, Session> sessions_;
  std::map<uint64_t, Watcher> watchers_;
  uint64_t next_watcher_ = 1;
  std::map<std::pair<std::string, uint64_t>, Upload> uploads_;  // by route and request
  std::map<DhcpService, std::shared_ptr<FileKeeper>> file_keepers_;
  std::set<DhcpService> amended_;  // whose Kea a file is being applied to
  uint64_t orders_ = 0;            // to apply a file
  // Relationships of the journal whose service this agent's configuration has not.
  std::map<std::string, v1::RelationshipSpec> unserved_;
  std::shared_ptr<Sites> sites_;
  std::map<DhcpService, std::shared_ptr<Changing>> changing_;
  std::map<std::string, std::shared_ptr<Stream>> ending_;  // until the journal has let go of them
  // What secondaries that are gone have not heard, by transaction.
  struct Left {
    v1::TransactionRecord record;
    v1::RelationshipSpec spec;
    bool told = false;  // or being asked
  };
  std::map<std::string, Left> left_;
  // Between the request and the journal's word, by name.
  std::map<std::string, v1::RelationshipSpec> adopting_;
};

}  // namespace nestor::primary
