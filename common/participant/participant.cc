#include "common/participant/participant.h"

#include "common/agent/address.h"
#include "common/base/status.h"
#include "common/base/text.h"
#include "common/config/proto.h"
#include "common/ha/ha.h"
#include "common/hook/local.h"
#include "common/kea/health.h"
#include "common/log/log.h"
#include "common/protocol/sync_transfer.h"

namespace nestor::participant {
namespace {

constexpr absl::Duration kListens = absl::Seconds(10);
constexpr absl::Duration kProbe = absl::Seconds(3);
constexpr absl::Duration kHaCommand = absl::Seconds(70);  // a sync of many leases takes its time
constexpr uint32_t kMostPieces = 4096;
constexpr uint64_t kMostUnpacked = uint64_t{1} << 30;
constexpr size_t kMostText = 4000;  // bytes of a reply's text

}  // namespace

Participant::Participant(Options options, World world)
    : options_(std::move(options)), world_(std::move(world)) {}

void Participant::Do(const std::string& name, const v1::SiteRequest& request, Done done) {
  const auto answer = [request, done = std::move(done)](v1::SiteReply reply,
                                                        const absl::Status& status) {
    reply.set_transaction(request.transaction());
    reply.set_number(request.number());
    reply.set_start(request.start());
    reply.set_ended(request.has_undo() || request.has_forget());
    reply.set_code(static_cast<int>(status.code()));
    if (!status.ok()) reply.set_text(Utf8(Message(status), kMostText));
    done(std::move(reply));
  };
  const auto plain = [answer](const absl::Status& status) { answer(v1::SiteReply(), status); };
  if (request.has_write()) return Write(request.transaction(), plain);
  if (request.has_undo()) return Undo(request.transaction(), plain);
  v1::SiteReply reply;
  const absl::Status status = DoNow(name, request, reply);
  answer(std::move(reply), status);
}

absl::Status Participant::DoNow(const std::string& name, const v1::SiteRequest& request,
                                v1::SiteReply& reply) {
  switch (request.ask_case()) {
    case v1::SiteRequest::kInspect:
      *reply.mutable_facts() = Inspect();
      return absl::OkStatus();
    case v1::SiteRequest::kListen:
      return Listen(request.listen());
    case v1::SiteRequest::kProbe:
      return Probe(request.probe());
    case v1::SiteRequest::kPiece:
      return TakePiece(request.transaction(), request.piece());
    case v1::SiteRequest::kTest:
      return Test(request, *reply.mutable_tested());
    case v1::SiteRequest::kSet:
      return Set(name, request);
    case v1::SiteRequest::kLook:
      *reply.mutable_health() = Look();
      return absl::OkStatus();
    case v1::SiteRequest::kForget:
      return Forget(request.transaction());
    case v1::SiteRequest::kHaCommand:
      return Command(request.ha_command().action());
    case v1::SiteRequest::kChangeScopes:
      return ChangeScopes(request.change_scopes().scopes());
    case v1::SiteRequest::kWrite:
    case v1::SiteRequest::kUndo:
    case v1::SiteRequest::ASK_NOT_SET:
      break;
  }
  return Error(absl::StatusCode::kInvalidArgument,
               "the agent on {} does not know what it is asked; is the coordinator newer than it?",
               options_.server);
}

absl::Status Participant::Listen(const v1::Listen& listen) {
  ASSIGN_OR_RETURN(const agent::HaUrl url, agent::ParseHaUrl(listen.url()));
  return world_.reach.Listen(url.host, url.port, listen.token(), kListens);
}

absl::Status Participant::Probe(const v1::Probe& probe) {
  ASSIGN_OR_RETURN(const agent::HaUrl url, agent::ParseHaUrl(probe.url()));
  return world_.reach.Probe(url.host, url.port, probe.token(), kProbe);
}

absl::Status Participant::TakePiece(const std::string& transaction, const v1::Piece& piece) {
  const auto bad = [](std::string_view what) {
    return Error(absl::StatusCode::kInvalidArgument, "a piece of the objects is refused: {}", what);
  };
  if (piece.count() == 0 || piece.count() > kMostPieces || piece.index() >= piece.count()) {
    return bad("its number is wrong");
  }
  if (piece.unpacked_bytes() > kMostUnpacked) return bad("they would be too large");
  if (sent_.transaction != transaction || sent_.count != piece.count()) {
    sent_ = {.transaction = transaction, .count = piece.count()};
  }
  sent_.unpacked_bytes = piece.unpacked_bytes();
  sent_.pieces[piece.index()] = piece.data();
  if (sent_.pieces.size() < sent_.count) return absl::OkStatus();
  std::string packed;
  for (auto& [index, data] : sent_.pieces) packed += data;
  v1::Snapshot snapshot;
  const auto payload = protocol::Unpacking(packed, sent_.unpacked_bytes);
  if (!snapshot.ParseFromZeroCopyStream(payload.get()) ||
      static_cast<uint64_t>(payload->ByteCount()) != sent_.unpacked_bytes) {
    return bad("they cannot be unpacked");
  }
  ASSIGN_OR_RETURN(config::ObjectSet objects, config::FromProto(std::move(snapshot)));
  (void)objects.Digest();
  sent_.pieces.clear();
  sent_.objects = std::make_shared<const config::ObjectSet>(std::move(objects));
  return absl::OkStatus();
}

absl::StatusOr<Draft> Participant::Draw(const std::string& transaction, const v1::Draft& draft,
                                        const watch::Running& running) const {
  const auto version = world_.kea.Send("version-get", {}, kea::kShortTimeout);
  if (!version.ok()) return version.status();
  const Drawer drawer{options_.service, options_.server, version->text,
                      HooksDirectory(running.arguments.root())};
  // A Kea that has had them goes on with what it has, and does not start again.
  const auto missing = MissingLibraries(drawer.hooks_directory);
  if (draft.has_set_ha() && !missing.empty()) {
    return Error(absl::StatusCode::kFailedPrecondition,
                 "{} is not there, and Kea on {} would not start again without it; install Kea's "
                 "hook libraries",
                 fmt::join(missing, ", "), options_.server);
  }
  return participant::Draw(drawer, draft, running,
                           sent_.transaction == transaction ? sent_.objects.get() : nullptr);
}

absl::StatusOr<std::optional<ha::Found>> Participant::FindHa() {
  const auto local = hook::ReadLocalPart(world_.kea, options_.service, {}, kea::kShortTimeout);
  if (local.ok()) return ha::Find(options_.service, *local->arguments);
  if (!absl::IsNotFound(local.status())) return local.status();
  ASSIGN_OR_RETURN(const watch::Running running,
                   watch::ReadConfiguration(options_.service, world_.kea, kReadTimeout));
  return ha::Find(options_.service, running.arguments.root());
}

absl::Status Participant::Command(std::string_view action) {
  ASSIGN_OR_RETURN(const std::optional<ha::Found> found, FindHa());
  if (!found) {
    return Error(absl::StatusCode::kFailedPrecondition, "Kea on {} has no HA", options_.server);
  }
  const v1::HighAvailability& ha = found->settings;
  const std::string& partner = found->this_server == ha.primary() ? ha.secondary() : ha.primary();
  std::string arguments;
  if (action == "sync") {
    arguments = R"({"server-name":)";
    json::AppendString(partner, arguments);
    arguments += R"(,"max-period":60})";
  } else if (action != "maintenance-start" && action != "maintenance-cancel" &&
             action != "continue" && action != "reset") {
    return Error(absl::StatusCode::kInvalidArgument, "{} is not an action of HA", action);
  }
  ASSIGN_OR_RETURN(const kea::Answer answer,
                   world_.kea.Send(fmt::format("ha-{}", action), arguments, kHaCommand));
  if (answer.ok()) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "Kea on {} refused it: {}", options_.server,
               answer.text);
}

std::string Participant::Unfinished() {
  const auto record = world_.undo.Load(options_.service);
  if (!record.ok()) return std::string(Message(record.status()));
  if (!*record) return {};
  return fmt::format("{} (change {})", (*record)->relationship(),
                     (*record)->transaction().substr(0, 8));
}

}  // namespace nestor::participant
