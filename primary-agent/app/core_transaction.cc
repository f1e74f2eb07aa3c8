// Relationships as they are created, edited and removed on both servers: drives the machine that
// decides (primary-agent/relationship), asking the sites and the journal.

#include <algorithm>

#include "common/base/status.h"
#include "common/config/proto.h"
#include "common/log/log.h"
#include "common/operator/history.h"
#include "common/protocol/envelope.h"
#include "common/protocol/sync_transfer.h"
#include "common/protocol/wire_time.h"
#include "primary-agent/app/changing.h"

namespace nestor::primary {
namespace {

using Record = v1::TransactionRecord;

constexpr size_t kPieceBytes = size_t{256} << 10;

std::string_view KindText(Record::Kind kind) {
  return kind == Record::CREATE ? "created" : kind == Record::EDIT ? "edited" : "removed";
}

v1::RelationshipSpec SpecOf(const std::string& bytes) {
  v1::RelationshipSpec spec;
  (void)spec.ParseFromString(bytes);
  return spec;
}

std::vector<v1::Piece> Pieces(const config::ObjectSet& objects) {
  v1::Snapshot snapshot;
  config::ToProto(objects, snapshot);
  const auto transfer = protocol::MakeTransfer(v1::SNAPSHOT, 0, config::Bytes(objects.Digest()),
                                               snapshot.SerializeAsString());
  const std::string& packed = transfer->packed;
  const size_t count = std::max<size_t>(1, (packed.size() + kPieceBytes - 1) / kPieceBytes);
  std::vector<v1::Piece> pieces(count);
  for (size_t i = 0; i < count; ++i) {
    pieces[i].set_index(static_cast<uint32_t>(i));
    pieces[i].set_count(static_cast<uint32_t>(count));
    pieces[i].set_unpacked_bytes(transfer->unpacked_bytes);
    pieces[i].set_data(packed.substr(i * kPieceBytes, kPieceBytes));
  }
  return pieces;
}

}  // namespace

std::shared_ptr<Sites> PrimaryApp::Core::MakeSites() {
  std::map<DhcpService, participant::LocalSite> local;
  for (auto& [service, kea] : world_.services) {
    const auto writer = std::make_shared<keafile::ConfigWriter>(service, options_.server_name,
                                                                kea.kea, world_.files, kea.worker,
                                                                world_.disk, world_.clock);
    local.emplace(
        service,
        participant::LocalSite{
            kea.worker, std::make_shared<participant::Participant>(
                            participant::Options{service, options_.server_name, options_.version,
                                                 options_.services[service]},
                            participant::World{kea.kea, world_.files, writer, world_.journal.undo(),
                                               world_.reach, world_.clock})});
  }
  return std::make_shared<Sites>(
      options_.server_name, world_.clock, world_.loop, std::move(local),
      [self = weak_from_this()](const std::string& server, v1::Envelope envelope) {
        const auto core = self.lock();
        return core && core->SendToAgent(server, std::move(envelope));
      });
}

bool PrimaryApp::Core::SendToAgent(const std::string& server, v1::Envelope envelope) {
  envelope.set_sender(options_.server_name);
  *envelope.mutable_time() = ToWire(world_.clock.Wall());
  const std::string payload = protocol::Seal(envelope);
  bool connected = false;
  for (const auto& [route, session] : sessions_) {
    if (session.server != server) continue;
    connected = true;
    (void)world_.bus.Send(route, payload);
  }
  return connected;
}

void PrimaryApp::Core::AskOnce(const std::string& server, DhcpService service,
                               const std::string& name, v1::SiteRequest request, Sites::Done done) {
  request.set_transaction(config::Hex(world_.random.StreamId()));
  request.set_number(1);
  request.set_start(world_.random.Next());
  sites_->Ask(server, service, name, request, std::move(done));
}

// What an earlier start of the agent left in the middle. Blocks for the disk; before anything else
// looks at the journal's relationships.
absl::Status PrimaryApp::Core::ResumeTransactions() {
  ASSIGN_OR_RETURN(const auto records, world_.journal.Transactions());
  for (const Record& record : records) {
    const v1::RelationshipSpec spec = SpecOf(record.spec());
    const auto service = ServiceFromName(spec.service() == v1::DHCP6 ? "dhcp6" : "dhcp4");
    const bool decided = record.stage() == Record::DECIDED;
    if (record.stage() > Record::DECIDED || (decided && record.without_secondary())) Leave(record);
    if (record.stage() > Record::DECIDED) continue;
    NESTOR_LOG(warn, "TRANSACTION_RESUMED", "relationship={} transaction={} kind={} decided={}",
               spec.name(), record.transaction(), Record::Kind_Name(record.kind()),
               decided ? 1 : 0);
    // The relationship is what it is after the decision, or else what it was before.
    const bool exists = decided ? record.kind() != Record::REMOVE : !record.spec_before().empty();
    if (exists) {
      RETURN_IF_ERROR(
          world_.journal.SaveRelationship(decided ? spec : SpecOf(record.spec_before())));
    } else {
      RETURN_IF_ERROR(MakeGone(spec.name(), decided, record.operator_name()));
    }
    if (!world_.services.contains(*service)) continue;  // until its configuration has it again
    changing_.insert_or_assign(
        *service, std::make_shared<Changing>(Transaction(record, world_.random.Next()), *service));
  }
  return absl::OkStatus();
}

// A relationship that was removed, or never was. What was removed has to be in the history too:
// that is where its secondary's agent is told from that it has ended.
absl::Status PrimaryApp::Core::MakeGone(const std::string& name, bool removed,
                                        const std::string& by) {
  absl::Status gone = world_.journal.RemoveRelationship(name);
  if (!gone.ok() && !absl::IsNotFound(gone)) return gone;
  if (!removed) return absl::OkStatus();
  ASSIGN_OR_RETURN(const auto newest, world_.journal.History(name, 1));
  const std::string_view outcome = KindText(Record::REMOVE);
  if (!newest.empty() && newest.front().outcome() == outcome) return absl::OkStatus();
  return world_.journal.AddEntry(name, operators::RelationshipEntry(world_.clock, outcome, by));
}

void PrimaryApp::Core::StartResumed() {
  for (const auto& [service, changing] : std::map(changing_)) {
    Act(changing, changing->transaction.Start(world_.clock.Now()));
  }
}

void PrimaryApp::Core::Begin(const Request& request, Order order) {
  const DhcpService service = order.wish.service;
  order.operator_name = request.message.operator_name();
  if (const auto other = changing_.find(service); other != changing_.end()) {
    return desk_->Refuse(
        request,
        fmt::format("{} is being changed: {}; try again when that has ended",
                    other->second->transaction.spec().name(), other->second->transaction.Doing()));
  }
  const auto changing = std::make_shared<Changing>(
      Transaction(config::Hex(world_.random.StreamId()), std::move(order), world_.random.Next()),
      service);
  changing->request = request;
  changing_[service] = changing;
  Act(changing, changing->transaction.Start(world_.clock.Now()));
}

void PrimaryApp::Core::Act(const std::shared_ptr<Changing>& changing,
                           Transaction::Actions actions) {
  const Transaction& transaction = changing->transaction;
  if (changing->request && (actions.told || actions.settled)) {
    v1::OperatorReply reply;
    *reply.mutable_transaction() = transaction.report();
    desk_->Reply(*changing->request, std::move(reply),
                 actions.settled ? transaction.exit_code() : 0, transaction.text(),
                 actions.settled);
  }
  if (actions.settled) {
    changing->request.reset();
    NESTOR_LOG(info, "TRANSACTION_SETTLED", "relationship={} transaction={} state={} text=\"{}\"",
               transaction.spec().name(), transaction.id(), transaction.report().state(),
               transaction.text());
  }
  // What is asked next is all that is still waited for.
  if (actions.gave_up) sites_->Forget(transaction.id());
  for (const Transaction::Ask& ask : actions.asks) AskSite(changing, ask);
  if (actions.pack) PackObjects(changing);
  if (actions.journal) JournalTransaction(changing, *actions.journal);
  if (actions.ended) {
    changing_.erase(changing->service);
    TellRelationships(transaction.spec().secondary());
    if (changing->then) std::exchange(changing->then, nullptr)();
  }
}

void PrimaryApp::Core::AskSite(const std::shared_ptr<Changing>& changing,
                               const Transaction::Ask& ask) {
  const v1::RelationshipSpec& spec = changing->transaction.spec();
  sites_->Ask(ask.site == Site::kPrimary ? spec.primary() : spec.secondary(), changing->service,
              spec.name(), ask.request,
              [self = weak_from_this(), changing, site = ask.site](v1::SiteReply reply) {
                const auto core = self.lock();
                if (!core) return;
                if (site == Site::kPrimary && reply.has_facts()) {
                  core->AddOwnFacts(changing->service, *reply.mutable_facts());
                }
                core->Act(changing,
                          changing->transaction.OnReply(core->world_.clock.Now(),
                                                        core->world_.clock.Wall(), site, reply));
              });
}

void PrimaryApp::Core::AddOwnFacts(DhcpService service, v1::SiteFacts& facts) const {
  for (const auto& [name, stream] : streams_) {
    if (stream->service() == service) facts.add_primary_of(name);
  }
}

void PrimaryApp::Core::TickTransactions() {
  sites_->Tick();
  for (const auto& [service, changing] : std::map(changing_)) {
    Act(changing, changing->transaction.OnTick(world_.clock.Now()));
  }
}

bool PrimaryApp::Core::IsChanging(std::string_view name) const {
  return std::any_of(changing_.begin(), changing_.end(), [&](const auto& entry) {
    return entry.second->transaction.spec().name() == name;
  });
}

std::string PrimaryApp::Core::ChangingText(std::string_view name) const {
  for (const auto& [service, changing] : changing_) {
    const Transaction& transaction = changing->transaction;
    if (transaction.spec().name() != name || !transaction.HasBegun()) continue;
    return fmt::format("it is being {} by {}: {}", KindText(transaction.order().wish.kind),
                       transaction.order().operator_name, transaction.Doing());
  }
  return {};
}

bool PrimaryApp::Core::AddChanges(std::string_view name, v1::StatusReport& report) const {
  bool added = false;
  for (const auto& [service, changing] : changing_) {
    const v1::RelationshipSpec& spec = changing->transaction.spec();
    if ((!name.empty() && spec.name() != name) || streams_.contains(spec.name())) continue;
    v1::RelationshipStatus& status = *report.add_relationships();
    status.set_name(spec.name());
    status.set_service(std::string(ServiceName(service)));
    status.set_mode(spec.ha().mode());
    status.mutable_primary()->set_server(spec.primary());
    status.mutable_secondary()->set_server(spec.secondary());
    status.set_state("IMPAIRED");
    status.add_reasons(ChangingText(spec.name()));
    added = true;
  }
  return added;
}

void PrimaryApp::Core::PackObjects(const std::shared_ptr<Changing>& changing) {
  world_.services.at(changing->service)
      .worker.Post([self = weak_from_this(), loop = &world_.loop, changing,
                    participant = sites_->local(changing->service).participant] {
        const auto objects = participant->tested();
        auto pieces = objects == nullptr ? std::vector<v1::Piece>(1) : Pieces(*objects);
        loop->Post([self, changing, pieces = std::move(pieces)]() mutable {
          const auto core = self.lock();
          if (!core) return;
          core->Act(changing,
                    changing->transaction.OnPacked(core->world_.clock.Now(), std::move(pieces)));
        });
      });
}

// -- What is durable.

void PrimaryApp::Core::JournalTransaction(const std::shared_ptr<Changing>& changing,
                                          const Record& record) {
  const auto watch = watches_.at(changing->service);
  const bool decided = record.stage() == Record::DECIDED;
  const bool removes = record.kind() == Record::REMOVE;
  if (decided && removes) TakeStreamOut(changing);
  watch->worker().Post([self = weak_from_this(), changing, record, watch, decided, removes,
                        journal = &world_.journal, loop = &world_.loop, clock = &world_.clock] {
    absl::Status status;
    Recorder::Opened opened;
    const v1::RelationshipSpec spec = SpecOf(record.spec());
    if (record.stage() == Record::STAGE_UNSPECIFIED) {
      status = journal->RemoveTransaction(record.transaction());
    } else if (decided && !removes) {
      status = DecideOnWorker(*journal, watch->recorder(), record, spec, opened);
    } else {
      status = journal->SaveTransaction(record);
      if (decided && status.ok()) (void)journal->RemoveRelationship(spec.name());
    }
    if (decided && status.ok()) {
      (void)journal->AddEntry(
          spec.name(),
          operators::RelationshipEntry(*clock, KindText(record.kind()), record.operator_name()));
    }
    loop->Post([self, changing, record, status, decided, opened = std::move(opened)]() mutable {
      const auto core = self.lock();
      if (!core) return;
      if (decided) core->Decided(changing, status, std::move(opened));
      if (status.ok() && record.stage() > Record::DECIDED) core->Leave(record);
      core->Act(changing, changing->transaction.OnJournaled(core->world_.clock.Now(), status));
    });
  });
}

// Nothing before the last step is believed by a later start.
absl::Status PrimaryApp::Core::DecideOnWorker(store::Journal& journal, Recorder& recorder,
                                              const Record& record,
                                              const v1::RelationshipSpec& spec,
                                              Recorder::Opened& opened) {
  const bool creates = record.kind() == Record::CREATE;
  absl::Status status = journal.SaveRelationship(spec);
  if (status.ok() && creates) {
    auto fresh = recorder.Open(spec.name());
    status = fresh.status();
    if (fresh.ok()) opened = *std::move(fresh);
  }
  if (status.ok()) status = journal.SaveTransaction(record);
  if (status.ok()) return status;
  if (creates) {
    recorder.Close(spec.name());
    (void)journal.RemoveRelationship(spec.name());
  } else {
    (void)journal.SaveRelationship(SpecOf(record.spec_before()));
  }
  return status;
}

void PrimaryApp::Core::TakeStreamOut(const std::shared_ptr<Changing>& changing) {
  const std::string& name = changing->transaction.spec().name();
  const auto node = streams_.extract(name);
  if (node.empty()) return;
  ending_[name] = node.mapped();
  watches_.at(changing->service)->worker().Post([watch = watches_.at(changing->service), name] {
    watch->recorder().Close(name);
  });
}

void PrimaryApp::Core::Decided(const std::shared_ptr<Changing>& changing,
                               const absl::Status& status, Recorder::Opened opened) {
  const Order& order = changing->transaction.order();
  const v1::RelationshipSpec& spec = order.wish.spec;
  switch (order.wish.kind) {
    case Record::CREATE:
      if (!status.ok()) return;
      NESTOR_LOG(info, "RELATIONSHIP_CREATED", "relationship={} service={} secondary={} mode={}",
                 spec.name(), ServiceName(changing->service), spec.secondary(), spec.ha().mode());
      ForgetLeftOf(spec);
      AddStream(spec, changing->service, std::move(opened));
      for (auto& [route, session] : sessions_) session.ended.erase(spec.name());
      TellRelationships(spec.secondary());
      // The first change: the configuration as it is.
      return watches_.at(changing->service)->ReadAgain([](const absl::Status&) {});
    case Record::EDIT:
      if (!status.ok()) return;
      NESTOR_LOG(info, "RELATIONSHIP_EDITED", "relationship={} mode={}", spec.name(),
                 spec.ha().mode());
      if (Stream* stream = FindStream(spec.name())) stream->OnSpec(spec);
      return TellRelationships(spec.secondary());
    case Record::REMOVE: {
      const auto ending = ending_.extract(spec.name());
      if (ending.empty()) return;
      if (status.ok() && order.wish.without_secondary) {
        Record left;
        left.set_transaction(changing->transaction.id());
        left.set_stage(Record::DECIDED);
        left.set_spec(spec.SerializeAsString());
        Leave(std::move(left));
      }
      if (status.ok()) return EndStream(*ending.mapped(), order.operator_name);
      return KeepStream(ending.mapped());
    }
    default:
      return;
  }
}

// It could not be removed from the journal, so it goes on.
void PrimaryApp::Core::KeepStream(const std::shared_ptr<Stream>& stream) {
  const auto watch = watches_.at(stream->service());
  watch->worker().Post([self = weak_from_this(), stream, watch, loop = &world_.loop] {
    auto opened = watch->recorder().Open(stream->spec().name());
    loop->Post([self, stream, opened = std::move(opened)]() mutable {
      const auto core = self.lock();
      if (core && opened.ok()) {
        core->AddStream(stream->spec(), stream->service(), *std::move(opened));
      }
    });
  });
}

}  // namespace nestor::primary
