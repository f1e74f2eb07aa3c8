#include "secondary-agent/app/core.h"

#include "common/base/status.h"
#include "common/log/log.h"
#include "common/operator/history.h"
#include "common/protocol/envelope.h"
#include "common/protocol/wire_time.h"
#include "common/runtime/kea_metrics.h"

namespace nestor::secondary {
namespace {

constexpr absl::Duration kHelloPeriod = absl::Seconds(2);
constexpr absl::Duration kSilent = absl::Seconds(5);  // two Hellos without an answer

std::optional<DhcpService> FromProto(v1::Service service) {
  if (service == v1::DHCP4) return DhcpService::kDhcp4;
  if (service == v1::DHCP6) return DhcpService::kDhcp6;
  return std::nullopt;
}

}  // namespace

SecondaryApp::SecondaryApp(SecondaryOptions options, SecondaryWorld world)
    : core_(std::make_shared<Core>(std::move(options), std::move(world))) {}
SecondaryApp::~SecondaryApp() = default;
absl::Status SecondaryApp::Start() { return core_->Start(); }
void SecondaryApp::Tick() { core_->Tick(); }
void SecondaryApp::Drain() { core_->Drain(); }
std::string SecondaryApp::StatusLine() const { return core_->StatusLine(); }

SecondaryApp::Core::Core(SecondaryOptions options, SecondaryWorld world)
    : options_(std::move(options)),
      world_(std::move(world)),
      desk_(std::make_shared<operators::Desk>(
          [bus = &world_.bus](std::string_view route, std::string_view payload) {
            return bus->Send(route, payload);
          })),
      next_hello_(world_.clock.Now()) {}

absl::Status SecondaryApp::Core::Start() {
  for (auto& [service, kea] : world_.services) {
    LocalKea& local = keas_[service];
    local.applier =
        std::make_shared<Applier>(service, options_.server_name, kea.kea, kea.source, world_.clock);
    local.writer = std::make_shared<keafile::ConfigWriter>(service, options_.server_name, kea.kea,
                                                           world_.files, kea.worker, world_.disk,
                                                           world_.clock);
    local.lookout = std::make_shared<watch::Lookout>(
        service, kea.source, kea.hint, kea.worker, world_.loop, world_.clock, nullptr,
        [self = weak_from_this(), service = service](watch::Look look) {
          if (const auto core = self.lock()) core->OnLook(service, std::move(look));
        });
  }
  site_desk_ = MakeSiteDesk();
  for (const auto& [service, kea] : keas_) {
    ASSIGN_OR_RETURN(const auto record, world_.store.undo().Load(service));
    if (record && record->ends()) suspended_[record->relationship()] = service;
  }
  ASSIGN_OR_RETURN(const auto specs, world_.store.Relationships());
  for (const v1::RelationshipSpec& spec : specs) {
    const auto service = FromProto(spec.service());
    if (!service || !keas_.contains(*service)) {
      NESTOR_LOG(error, "SERVICE_NOT_CONFIGURED", "relationship={} service={}", spec.name(),
                 v1::Service_Name(spec.service()));
      continue;
    }
    ASSIGN_OR_RETURN(protocol::FollowerMemory memory, world_.store.Load(spec.name()));
    KeptOutbox outbox;
    ASSIGN_OR_RETURN(protocol::StandingMemory standing,
                     LoadStanding(spec.name(), memory.position, world_.store, outbox));
    AddMirror(spec, *service, std::move(memory));
    mirrors_.at(spec.name())->Recall(std::move(standing), std::move(outbox));
  }
  world_.bus.OnEvent([self = weak_from_this()](std::string_view topic, std::string_view payload) {
    if (const auto core = self.lock()) core->OnEvent(topic, payload);
  });
  world_.bus.OnPrimary([self = weak_from_this()](std::string_view payload) {
    if (const auto core = self.lock()) core->OnPrimary(payload);
  });
  world_.bus.OnOperator([self = weak_from_this()](const bus::Peer& from, std::string_view payload) {
    if (const auto core = self.lock()) core->OnOperator(from, payload);
  });
  Tick();
  return absl::OkStatus();
}

void SecondaryApp::Core::Tick() {
  world_.metrics.Alive();
  for (auto& [service, kea] : keas_) kea.lookout->Tick();
  for (auto& [name, mirror] : mirrors_) mirror->Tick();
  if (world_.clock.Now() >= next_hello_) SayHello();
}

void SecondaryApp::Core::Drain() {
  for (auto& [name, mirror] : mirrors_) mirror->Stop();
}

// Which relationships there are is the primary's to say; it is asked again and again, since either
// agent may have been restarted or reconfigured since.
void SecondaryApp::Core::SayHello() {
  next_hello_ = world_.clock.Now() + kHelloPeriod;
  v1::Envelope envelope;
  envelope.set_sender(options_.server_name);
  *envelope.mutable_time() = ToWire(world_.clock.Wall());
  v1::Hello& hello = *envelope.mutable_hello();
  hello.set_server(options_.server_name);
  hello.set_version(options_.version);
  for (const auto& [service, kea] : keas_) {
    hello.add_services(protocol::ToProto(service));
    hello.add_kea_versions(kea.look ? kea.look->health.version : std::string());
  }
  for (const auto& [name, mirror] : mirrors_) hello.add_relationships(name);
  (void)world_.bus.SendToPrimary(protocol::Seal(envelope));
}

void SecondaryApp::Core::OnEvent(std::string_view topic, std::string_view payload) {
  const auto envelope = protocol::ParseEnvelope(payload, protocol::kMaxEvent);
  if (!envelope.ok()) {
    NESTOR_LOG(warn, "MESSAGE_REFUSED", "from=primary topic={} bytes={} reason=\"{}\"", topic,
               payload.size(), Message(envelope.status()));
    if (absl::IsUnimplemented(envelope.status())) OnUnsupported(payload, envelope.status());
    return;
  }
  if (Mirror* mirror = Listening(envelope->relationship())) mirror->OnEnvelope(*envelope, payload);
}

void SecondaryApp::Core::OnPrimary(std::string_view payload) {
  const auto envelope = protocol::ParseEnvelope(payload, protocol::kMaxToSecondary);
  if (!envelope.ok()) {
    NESTOR_LOG(warn, "MESSAGE_REFUSED", "from=primary bytes={} reason=\"{}\"", payload.size(),
               Message(envelope.status()));
    if (absl::IsUnimplemented(envelope.status())) OnUnsupported(payload, envelope.status());
    return;
  }
  if (envelope->relationship().empty()) {
    if (envelope->has_welcome()) OnAgentWelcome(*envelope);
    return;
  }
  if (envelope->has_site_request()) return OnSiteRequest(*envelope);
  if (Mirror* mirror = Listening(envelope->relationship())) mirror->OnEnvelope(*envelope, payload);
}

// What the coordinator of a relationship, the primary's agent, has this site do.
std::shared_ptr<SiteDesk> SecondaryApp::Core::MakeSiteDesk() {
  std::map<DhcpService, participant::LocalSite> local;
  for (auto& [service, kea] : world_.services) {
    local.emplace(
        service,
        participant::LocalSite{
            kea.worker, std::make_shared<participant::Participant>(
                            participant::Options{service, options_.server_name, options_.version,
                                                 options_.services[service]},
                            participant::World{kea.kea, world_.files, keas_.at(service).writer,
                                               world_.store.undo(), world_.reach, world_.clock})});
  }
  return std::make_shared<SiteDesk>(
      world_.loop, std::move(local),
      [bus = &world_.bus, clock = &world_.clock, server = options_.server_name](
          DhcpService service, const std::string& name, v1::SiteReply reply) {
        v1::Envelope envelope;
        envelope.set_sender(server);
        envelope.set_relationship(name);
        envelope.set_service(protocol::ToProto(service));
        *envelope.mutable_time() = ToWire(clock->Wall());
        *envelope.mutable_site_reply() = std::move(reply);
        (void)bus->SendToPrimary(protocol::Seal(envelope));
      },
      [self = weak_from_this()](DhcpService service, v1::SiteReply& reply) {
        if (const auto core = self.lock()) core->OnSiteReply(service, reply);
      });
}

void SecondaryApp::Core::OnSiteRequest(const v1::Envelope& envelope) {
  const auto service = FromProto(envelope.service());
  if (!service) return;
  const v1::SiteRequest& request = envelope.site_request();
  if (participant::Ends(request)) suspended_[envelope.relationship()] = *service;
  site_desk_->OnRequest(*service, envelope.relationship(), request);
}

void SecondaryApp::Core::OnSiteReply(DhcpService service, v1::SiteReply& reply) {
  if (reply.has_facts()) {
    for (const auto& [name, mirror] : mirrors_) {
      if (mirror->service() == service) reply.mutable_facts()->add_secondary_of(name);
    }
  }
  if (!reply.ended() || reply.code() != 0) return;
  std::erase_if(suspended_, [&](const auto& entry) { return entry.second == service; });
  // What was missed meanwhile.
  keas_.at(service).lookout->ReadAgain([](const absl::Status&) {});
}

Mirror* SecondaryApp::Core::Listening(std::string_view name) {
  const auto mirror = mirrors_.find(name);
  return mirror == mirrors_.end() || suspended_.contains(name) ? nullptr : mirror->second.get();
}

void SecondaryApp::Core::OnUnsupported(std::string_view payload, const absl::Status& status) {
  v1::Envelope envelope;  // what this version knows of it
  (void)envelope.ParseFromArray(payload.data(), static_cast<int>(payload.size()));
  const auto mirror = mirrors_.find(envelope.relationship());
  if (mirror != mirrors_.end()) mirror->second->OnUnsupported(Message(status));
}

void SecondaryApp::Core::OnAgentWelcome(const v1::Envelope& envelope) {
  const v1::Welcome& welcome = envelope.welcome();
  if (welcome.join() == v1::REFUSED) {
    if (refusal_ != welcome.text()) {
      NESTOR_LOG(error, "PRIMARY_REFUSES", "primary={} reason=\"{}\"", envelope.sender(),
                 welcome.text());
    }
    refusal_ = welcome.text();
    return;
  }
  refusal_.clear();
  const Instant now = world_.clock.Now();
  if (welcomed_ && now - *welcomed_ > kSilent) {
    for (auto& [name, mirror] : mirrors_) mirror->OnConnected();
  }
  welcomed_ = now;
  const std::set<std::string> without(welcome.ended_without().begin(),
                                      welcome.ended_without().end());
  for (const std::string& name : welcome.ended()) {
    without.contains(name) ? EndAlone(name, envelope.sender())
                           : RemoveMirror(name, envelope.sender());
  }
  std::set<std::string> known;
  for (const v1::RelationshipSpec& spec : welcome.relationships()) known.insert(spec.name());
  for (int i = 0; i < welcome.relationships_size(); ++i) {
    const v1::RelationshipSpec& spec = welcome.relationships(i);
    if (welcome.complete()) RemoveReplaced(spec, known);
    OnSpec(spec);
    const auto mirror = mirrors_.find(spec.name());
    if (mirror != mirrors_.end() && i < welcome.sides_size()) {
      mirror->second->OnPrimarySide(welcome.sides(i));
    }
  }
  if (!welcome.complete()) return;
  std::set<std::string> orphaned;
  for (const auto& [name, mirror] : mirrors_) {
    if (known.contains(name)) continue;
    orphaned.insert(name);
    if (!orphaned_.contains(name)) {
      NESTOR_LOG(error, "RELATIONSHIP_UNKNOWN", "relationship={} primary={}", name,
                 envelope.sender());
    }
  }
  orphaned_ = std::move(orphaned);
}

// A Kea follows one stream: what the primary no longer knows gives way to what it made instead.
void SecondaryApp::Core::RemoveReplaced(const v1::RelationshipSpec& spec,
                                        const std::set<std::string>& known) {
  std::vector<std::string> replaced;
  for (const auto& [name, mirror] : mirrors_) {
    if (known.contains(name) || mirror->service() != FromProto(spec.service())) continue;
    replaced.push_back(name);
  }
  for (const std::string& name : replaced) RemoveMirror(name, spec.primary());
}

void SecondaryApp::Core::OnSpec(const v1::RelationshipSpec& spec) {
  const auto service = FromProto(spec.service());
  if (!protocol::IsRelationshipName(spec.name()) || !service ||
      spec.secondary() != options_.server_name) {
    return;
  }
  if (!keas_.contains(*service)) {
    if (!unserved_.insert(spec.name()).second) return;  // each Welcome says it
    NESTOR_LOG(error, "SERVICE_NOT_CONFIGURED", "relationship={} service={}", spec.name(),
               ServiceName(*service));
    return;
  }
  const auto mirror = mirrors_.find(spec.name());
  if (mirror != mirrors_.end()) {
    if (mirror->second->spec().SerializeAsString() == spec.SerializeAsString()) return;
    if (mirror->second->service() != *service) return RemoveMirror(spec.name(), spec.primary());
    mirror->second->OnSpec(spec);
  } else if (!adding_.insert(spec.name()).second) {
    return;
  }
  world_.disk.Post([self = weak_from_this(), spec, service = *service, store = &world_.store,
                    loop = &world_.loop, clock = &world_.clock, fresh = mirror == mirrors_.end()] {
    const auto save = [&]() -> absl::StatusOr<protocol::FollowerMemory> {
      RETURN_IF_ERROR(store->SaveRelationship(spec));
      return store->Load(spec.name());
    };
    auto memory = save();
    if (memory.ok() && fresh) {
      (void)store->AddEntry(spec.name(),
                            operators::RelationshipEntry(*clock, "adopted", spec.primary()));
    }
    loop->Post([self, spec, service, memory = std::move(memory)]() mutable {
      const auto core = self.lock();
      if (!core) return;
      const bool adding = core->adding_.erase(spec.name()) != 0;
      if (!memory.ok()) {
        // Asked again by the next Hello.
        NESTOR_LOG(error, "STORE_WRITE_FAILED", "relationship={} error=\"{}\"", spec.name(),
                   Message(memory.status()));
        return;
      }
      if (!adding) return;
      NESTOR_LOG(info, "RELATIONSHIP_ADOPTED", "relationship={} service={} primary={}", spec.name(),
                 ServiceName(service), spec.primary());
      core->AddMirror(spec, service, *std::move(memory));
    });
  });
}

void SecondaryApp::Core::AddMirror(const v1::RelationshipSpec& spec, DhcpService service,
                                   protocol::FollowerMemory memory) {
  LocalKea& kea = keas_.at(service);
  if (memory.intent) {
    const auto digest = config::Sha256FromBytes(memory.intent->digest);
    world_.services.at(service).worker.Post([applier = kea.applier, digest] {
      if (digest) applier->Suspect(*digest);
    });
  }
  MirrorWorld world{world_.clock,
                    world_.loop,
                    world_.services.at(service).worker,
                    kea.applier,
                    kea.writer,
                    world_.bus,
                    world_.store,
                    world_.metrics,
                    [lookout = std::weak_ptr(kea.lookout)] {
                      const auto found = lookout.lock();
                      if (found) found->ReadAgain([](const absl::Status&) {});
                    },
                    [self = weak_from_this(), name = spec.name()] {
                      const auto core = self.lock();
                      return core ? core->TroublesOf(name) : std::vector<std::string>();
                    }};
  const auto mirror = std::make_shared<Mirror>(
      spec, service, options_.server_name, options_.version, std::move(memory),
      world_.random.Next(), world_.random.Fraction(), std::move(world));
  mirrors_[spec.name()] = mirror;
  for (const std::string& topic : protocol::FollowedTopics(spec.name(), service)) {
    world_.bus.Subscribe(topic);
  }
  if (!kea.look) return;
  mirror->OnKea(kea.look->health);
  // What was read before may be old by now: the mirror begins with what runs.
  if (kea.look->health.reachable) kea.lookout->ReadAgain([](const absl::Status&) {});
}

void SecondaryApp::Core::RemoveMirror(const std::string& name, std::string_view by) {
  const auto mirror = mirrors_.find(name);
  if (mirror == mirrors_.end()) return;
  mirror->second->Dismiss(fmt::format("{} was removed by {}", name, by));
  for (const std::string& topic : protocol::FollowedTopics(name, mirror->second->service())) {
    world_.bus.Unsubscribe(topic);
  }
  mirrors_.erase(mirror);
  orphaned_.erase(name);
  world_.metrics.Forget(name);
  NESTOR_LOG(info, "RELATIONSHIP_REMOVED", "relationship={} by={}", name, by);
  world_.disk.Post([store = &world_.store, clock = &world_.clock, name, by = std::string(by)] {
    absl::Status removed = store->RemoveRelationship(name);
    if (removed.ok())
      removed = store->AddEntry(name, operators::RelationshipEntry(*clock, "removed", by));
    if (!removed.ok()) {
      NESTOR_LOG(error, "STORE_WRITE_FAILED", "relationship={} error=\"{}\"", name,
                 Message(removed));
    }
  });
}

void SecondaryApp::Core::OnLook(DhcpService service, watch::Look look) {
  LocalKea& kea = keas_.at(service);
  for (const auto& [name, mirror] : mirrors_) {
    if (mirror->service() != service) continue;
    mirror->OnKea(look.health);
    if (look.read && !suspended_.contains(name)) mirror->OnLocal(look);
  }
  look.set.reset();
  runtime::MeterKea(world_.metrics, service, options_.services[service], look.health);
  kea.read |= look.read;
  kea.look = std::move(look);
  UpdateReadiness();
}

void SecondaryApp::Core::UpdateReadiness() {
  for (const auto& [service, kea] : keas_) {
    if (!kea.read) {
      return world_.metrics.SetNotReady(fmt::format("{} not read yet", ServiceName(service)));
    }
  }
  world_.metrics.SetNotReady("");
}

}  // namespace nestor::secondary
