#include "primary-agent/app/core.h"

#include <absl/strings/match.h>

#include <algorithm>

#include "common/base/status.h"
#include "common/log/log.h"
#include "common/protocol/envelope.h"
#include "common/protocol/wire_time.h"
#include "common/runtime/kea_metrics.h"

namespace nestor::primary {
namespace {

constexpr absl::Duration kForgetSession = absl::Seconds(30);
// Relationships that one secondary may say it follows.
constexpr int kMostKnown = 64;

std::optional<DhcpService> FromProto(v1::Service service) {
  if (service == v1::DHCP4) return DhcpService::kDhcp4;
  if (service == v1::DHCP6) return DhcpService::kDhcp6;
  return std::nullopt;
}

}  // namespace

PrimaryApp::PrimaryApp(PrimaryOptions options, PrimaryWorld world)
    : core_(std::make_shared<Core>(std::move(options), std::move(world))) {}
PrimaryApp::~PrimaryApp() = default;
absl::Status PrimaryApp::Start() { return core_->Start(); }
void PrimaryApp::Tick() { core_->Tick(); }
void PrimaryApp::Drain() { core_->Drain(); }
std::string PrimaryApp::StatusLine() const { return core_->StatusLine(); }

PrimaryApp::Core::Core(PrimaryOptions options, PrimaryWorld world)
    : options_(std::move(options)),
      world_(std::move(world)),
      desk_(std::make_shared<operators::Desk>(
          [bus = &world_.bus](std::string_view route, std::string_view payload) {
            return bus->Send(route, payload);
          })) {}

absl::Status PrimaryApp::Core::Start() {
  for (auto& [service, kea] : world_.services) {
    if (kea.leases != nullptr) {
      feeds_.try_emplace(service, service, *kea.leases, world_.metrics, world_.clock);
    }
    file_keepers_[service] = MakeFileKeeper(service, kea);
    auto recorder = std::make_shared<Recorder>(service, options_.server_name, world_.journal,
                                               world_.clock, world_.random);
    auto debt = std::make_shared<FileDebt>(service, options_.server_name, kea.kea, kea.source,
                                           world_.clock, recorder);
    watches_[service] = std::make_shared<ServiceWatch>(
        service, kea.source, kea.hint, kea.worker, world_.loop, world_.clock, std::move(recorder),
        std::move(debt), [self = weak_from_this(), service = service](ServiceWatch::Look look) {
          if (const auto core = self.lock()) core->OnLook(service, std::move(look));
        });
  }
  sites_ = MakeSites();
  RETURN_IF_ERROR(ResumeTransactions());
  ASSIGN_OR_RETURN(const auto specs, world_.journal.Relationships());
  for (const v1::RelationshipSpec& spec : specs) {
    const auto service = FromProto(spec.service());
    if (!service || !watches_.contains(*service)) {
      NESTOR_LOG(error, "SERVICE_NOT_CONFIGURED", "relationship={} service={}", spec.name(),
                 v1::Service_Name(spec.service()));
      unserved_[spec.name()] = spec;
      continue;
    }
    // No worker has a task yet, so the recorder may be used from here.
    ASSIGN_OR_RETURN(auto opened, watches_[*service]->recorder().Open(spec.name()));
    if (opened.unwritten) {
      watches_[*service]->debt()->Found();
      file_keepers_[*service]->Owe(0);
    }
    AddStream(spec, *service, std::move(opened));
  }
  world_.bus.OnControl([self = weak_from_this()](const bus::Peer& from, std::string_view payload) {
    if (const auto core = self.lock()) core->OnMessage(from, payload);
  });
  Tick();
  StartResumed();
  return absl::OkStatus();
}

void PrimaryApp::Core::AddStream(const v1::RelationshipSpec& spec, DhcpService service,
                                 Recorder::Opened opened) {
  const auto& watch = watches_.at(service);
  NESTOR_LOG(info, "STREAM_OPENED", "relationship={} service={} term={} head={} stream={}{}",
             spec.name(), ServiceName(service), opened.stream.term, opened.stream.head,
             config::Hex(opened.stream.stream_id), opened.began_anew ? " began_anew=1" : "");
  StreamWorld world{world_.clock,
                    world_.loop,
                    world_.disk,
                    watch->worker(),
                    watch->recorder(),
                    world_.bus,
                    world_.journal,
                    world_.metrics,
                    [self = weak_from_this()](const std::string& topic, const v1::Envelope& event) {
                      if (const auto core = self.lock()) core->OnEvent(topic, event);
                    },
                    [watch = std::weak_ptr(watch)](std::function<void(absl::Status)> done) {
                      if (const auto found = watch.lock()) found->ReadAgain(std::move(done));
                    },
                    [self = weak_from_this()](std::string_view name) {
                      const auto core = self.lock();
                      return core ? core->ChangingText(name) : std::string();
                    }};
  streams_[spec.name()] = std::make_shared<Stream>(spec, service, options_.server_name,
                                                   std::move(opened), std::move(world));
  // There are none yet, so that they are counted from 0 on.
  if (feeds_.contains(service)) streams_.at(spec.name())->PublishLeases({});
}

void PrimaryApp::Core::Tick() {
  world_.metrics.Alive();
  for (auto& [service, watch] : watches_) watch->Tick();
  for (auto& [name, stream] : streams_) stream->Tick();
  GoOnWatching();
  ForgetUploads();
  TickTransactions();
  for (auto& [service, keeper] : file_keepers_) keeper->Tick();
  PublishLeases();
  const Instant now = world_.clock.Now();
  std::erase_if(sessions_,
                [&](const auto& entry) { return now - entry.second.heard > kForgetSession; });
}

void PrimaryApp::Core::Drain() {
  for (auto& [name, stream] : streams_) stream->SayBye();
  for (auto& [service, keeper] : file_keepers_) keeper->Stop();
}

void PrimaryApp::Core::OnLook(DhcpService service, ServiceWatch::Look look) {
  for (Recorded& recorded : look.recorded) {
    const auto found = streams_.find(recorded.relationship);
    if (found != streams_.end()) found->second->OnRecorded(std::move(recorded));
  }
  look.recorded.clear();
  if (look.set && look.used_status.ok() && look.behind.empty()) {
    file_keepers_.at(service)->OnRunning(look.set);
  }
  for (auto& [name, stream] : streams_) {
    if (stream->service() != service) continue;
    stream->OnKea(look.health);
    if (look.read) stream->OnHa(look.ha_mode, look.ha_parameters);
    if (look.read && look.set) stream->OnPools(look.unsplit, look.split);
    if (!look.used_status.ok()) {
      stream->OnJournalBroken(look.used_status);
      NESTOR_LOG(error, "JOURNAL_WRITE_FAILED", "relationship={} error=\"{}\"", name,
                 Message(look.used_status));
    } else if (!look.read_status.ok()) {
      stream->OnBlocked(fmt::format("Kea's configuration on {} could not be read: {}",
                                    options_.server_name, Message(look.read_status)));
    } else if (!look.blocked.empty()) {
      stream->OnBlocked(look.blocked);
    } else if (!look.behind.empty()) {
      stream->OnBlocked(look.behind);
    } else if (look.read) {
      stream->OnBaseline();
    }
  }
  look.set.reset();  // the streams hold what they need
  NoteLeases(service, look.health);
  runtime::MeterKea(world_.metrics, service, options_.services[service], look.health);
  if (look.read) read_.insert(service);
  auto& last = looks_[service];
  if (look.read || !last) {
    last = std::move(look);
  } else {
    last->health = look.health;
    last->read_status = look.read_status;
  }
  UpdateReadiness();
}

void PrimaryApp::Core::UpdateReadiness() {
  for (const auto& [service, watch] : watches_) {
    if (!read_.contains(service)) {
      return world_.metrics.SetNotReady(fmt::format("{} not read yet", ServiceName(service)));
    }
  }
  world_.metrics.SetNotReady("");
}

Stream* PrimaryApp::Core::FindStream(std::string_view name) {
  const auto found = streams_.find(name);
  return found == streams_.end() ? nullptr : found->second.get();
}

void PrimaryApp::Core::OnMessage(const bus::Peer& from, std::string_view payload) {
  switch (protocol::MagicOf(payload)) {
    case protocol::kEnvelopeMagic:
      return OnEnvelope(from, payload);
    case protocol::kOperatorMagic:
      if (const auto request = desk_->Admit(from, payload)) Dispatch(*request);
      return;
    default:
      NESTOR_LOG(warn, "MESSAGE_REFUSED", "from={} bytes={} reason=\"not a Nestor message\"",
                 from.user, payload.size());
  }
}

bool PrimaryApp::Core::MayFollow(const bus::Peer& peer, const std::string& server) const {
  if (peer.local || !peer.rights.replicate) return false;
  return !options_.secured || peer.user == server;
}

void PrimaryApp::Core::OnEnvelope(const bus::Peer& from, std::string_view payload) {
  const auto envelope = protocol::ParseEnvelope(payload, protocol::kMaxToPrimary);
  if (!envelope.ok()) {
    NESTOR_LOG(warn, "MESSAGE_REFUSED", "from={} bytes={} reason=\"{}\"", from.user, payload.size(),
               Message(envelope.status()));
    if (absl::IsUnimplemented(envelope.status())) {
      v1::Envelope answer = protocol::AnswerToUnsupported(payload, Message(envelope.status()));
      answer.set_sender(options_.server_name);
      (void)world_.bus.Send(from.route, protocol::Seal(answer));
    }
    return;
  }
  if (envelope->relationship().empty() && envelope->has_hello()) {
    return OnAgentHello(from, envelope->hello());
  }
  if (envelope->has_site_reply()) return OnSiteReply(from, *envelope);
  Stream* stream = FindStream(envelope->relationship());
  if (stream == nullptr) return;  // ended; the next Welcome to its agent says so
  if (!MayFollow(from, stream->spec().secondary()) ||
      envelope->sender() != stream->spec().secondary()) {
    NESTOR_LOG(warn, "PEER_REFUSED",
               "relationship={} user={} sender={} body={} "
               "reason=\"its key does not make it the secondary of this relationship\"",
               envelope->relationship(), from.user, envelope->sender(),
               static_cast<int>(envelope->body_case()));
    return;
  }
  stream->OnFollower(from.route, *envelope);
}

void PrimaryApp::Core::OnSiteReply(const bus::Peer& from, const v1::Envelope& envelope) {
  const auto session = sessions_.find(from.route);
  if (session == sessions_.end() || session->second.server != envelope.sender()) return;
  sites_->OnReply(envelope.sender(), envelope.site_reply());
}

void PrimaryApp::Core::OnAgentHello(const bus::Peer& from, const v1::Hello& hello) {
  if (!MayFollow(from, hello.server())) {
    NESTOR_LOG(warn, "PEER_REFUSED",
               "user={} sender={} reason=\"to follow, a key needs the right replicate and the "
               "name of its server\"",
               from.user, hello.server());
    v1::Envelope refused;
    refused.mutable_welcome()->set_join(v1::REFUSED);
    refused.mutable_welcome()->set_text(fmt::format(
        "the key {} may not follow as server {}: on {}, name its file in authorized.d {}.public "
        "and give it the right replicate",
        from.user, hello.server(), options_.server_name, hello.server()));
    (void)world_.bus.Send(from.route, protocol::Seal(refused));
    return;
  }
  const bool fresh = !sessions_.contains(from.route);
  Session& session = sessions_[from.route];
  if (session.server != hello.server()) session = {};
  session.server = hello.server();
  session.version = hello.version();
  session.heard = world_.clock.Now();
  session.heard_wall = world_.clock.Wall();
  if (fresh) session.since = session.heard_wall;
  session.services.clear();
  for (int i = 0; i < hello.services_size(); ++i) {
    if (const auto known = FromProto(hello.services(i))) {
      session.services[*known] = i < hello.kea_versions_size() ? hello.kea_versions(i) : "";
    }
  }
  session.known.clear();
  for (const std::string& name : hello.relationships()) {
    if (session.known.size() < kMostKnown && protocol::IsRelationshipName(name)) {
      session.known.push_back(name);
    }
  }
  if (fresh) {
    NESTOR_LOG(info, "AGENT_CONNECTED", "server={} version={}", hello.server(), hello.version());
  }
  std::erase_if(session.ended, [&](const auto& entry) {
    return std::find(session.known.begin(), session.known.end(), entry.first) ==
           session.known.end();
  });
  TellLeft(session.server, session);
  LookUpEnded(from.route, session);
  TellRelationships(from.route, session);
}

void PrimaryApp::Core::LookUpEnded(const std::string& route, Session& session) {
  std::vector<std::string> names;
  for (const std::string& name : session.known) {
    const bool here = streams_.contains(name) || unserved_.contains(name);
    if (!here && !session.ended.contains(name)) names.push_back(name);
  }
  if (names.empty() || session.looking_up) return;
  session.looking_up = true;
  world_.disk.Post(
      [self = weak_from_this(), names, route, journal = &world_.journal, loop = &world_.loop] {
        std::map<std::string, bool> ended;
        for (const std::string& name : names) {
          const auto entries = journal->History(name, 1);
          if (!entries.ok()) continue;
          ended[name] = !entries->empty() && entries->front().what() == "relationship" &&
                        absl::EqualsIgnoreCase(entries->front().outcome(), "removed");
        }
        loop->Post([self, route, ended = std::move(ended)] {
          const auto core = self.lock();
          if (!core) return;
          const auto found = core->sessions_.find(route);
          if (found == core->sessions_.end()) return;
          found->second.looking_up = false;
          found->second.ended.insert(ended.begin(), ended.end());
          core->TellRelationships(route, found->second);
        });
      });
}

void PrimaryApp::Core::TellRelationships(const std::string& server) {
  for (const auto& [route, session] : sessions_) {
    if (session.server == server) TellRelationships(route, session);
  }
}

void PrimaryApp::Core::TellRelationships(const std::string& route, const Session& session) {
  v1::Envelope envelope;
  envelope.set_sender(options_.server_name);
  *envelope.mutable_time() = ToWire(world_.clock.Wall());
  v1::Welcome& welcome = *envelope.mutable_welcome();
  welcome.set_join(v1::CONTINUE);
  welcome.set_complete(true);
  for (const auto& [name, stream] : streams_) {
    if (stream->spec().secondary() == session.server) {
      *welcome.add_relationships() = stream->spec();
      *welcome.add_sides() = stream->Side();
    }
  }
  for (const auto& [name, spec] : unserved_) {
    if (spec.secondary() == session.server) *welcome.add_relationships() = spec;
  }
  for (const std::string& name : session.known) {
    const Stream* stream = FindStream(name);
    const auto ended = session.ended.find(name);
    // With another secondary now, it has ended for this one.
    const bool gone = stream != nullptr ? stream->spec().secondary() != session.server
                                        : ended != session.ended.end() && ended->second;
    const bool left = (stream == nullptr || gone) && WasLeft(session.server, name);
    if (gone || left) welcome.add_ended(name);
    if (left) welcome.add_ended_without(name);
  }
  (void)world_.bus.Send(route, protocol::Seal(envelope));
}

}  // namespace nestor::primary
