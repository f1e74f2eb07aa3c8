// Changing a Kea as a whole, and putting it back.

#include <algorithm>

#include "common/base/status.h"
#include "common/config/kea_config.h"
#include "common/config/proto.h"
#include "common/ha/ha.h"
#include "common/kea/health.h"
#include "common/log/log.h"
#include "common/participant/participant.h"
#include "common/store/packing.h"

namespace nestor::participant {
namespace {

// How long a Kea that fell silent is waited for.
constexpr absl::Duration kPatience = absl::Seconds(20);
constexpr absl::Duration kBetweenTries = absl::Milliseconds(500);

// Whether `wanted` is in `value`, which may say more: hook libraries put their defaults into the
// parameters that they were given.
bool Says(const json::Value& value, const json::Value& wanted) {
  if (wanted.IsObject() && value.IsObject()) {
    return std::all_of(wanted.MemberBegin(), wanted.MemberEnd(), [&](const auto& member) {
      const json::Value* its = json::Find(value, json::Text(member.name));
      return its != nullptr && Says(*its, member.value);
    });
  }
  if (wanted.IsArray() && value.IsArray()) {
    return std::equal(wanted.Begin(), wanted.End(), value.Begin(), value.End(),
                      [](const auto& a, const auto& b) { return Says(b, a); });
  }
  return json::Canonical(wanted) == json::Canonical(value);
}

// Which of the parts `wanted` of a server are not in `own`, for people; empty: all are.
std::string OwnPartsLack(DhcpService service, const std::string& own, const std::string& wanted) {
  if (own == wanted) return {};
  const auto has = json::Parse(own), wants = json::Parse(wanted);
  const json::Value* from = wants.ok() ? json::Find(wants->root(), ServiceRoot(service)) : nullptr;
  const json::Value* in = has.ok() ? json::Find(has->root(), ServiceRoot(service)) : nullptr;
  if (from == nullptr || in == nullptr || !from->IsObject()) return "its configuration";
  for (const auto& member : from->GetObject()) {
    const json::Value* its = json::Find(*in, json::Text(member.name));
    if (its == nullptr || !Says(*its, member.value)) {
      return fmt::format("its {}", json::Text(member.name));
    }
  }
  return {};
}

// What of `draft` is not in `running`, for people; empty: nothing.
absl::StatusOr<std::string> Lacks(DhcpService service, const watch::Running& running,
                                  const Draft& draft) {
  ASSIGN_OR_RETURN(const std::string own, OwnParts(service, running.arguments.root()));
  std::string part = OwnPartsLack(service, own, draft.own_parts);
  if (!part.empty()) return part;
  const config::ChangeSet rest = config::Diff(*running.set, draft.objects);
  if (!rest.upserted.empty()) {
    return config::Describe(rest.upserted.front().id, rest.upserted.front().json);
  }
  return rest.removed.empty() ? std::string() : config::Describe(rest.removed.front(), {});
}

void Fill(const config::ChangeSet& change, const config::ObjectSet& before, uint32_t limit,
          v1::Tested& tested) {
  tested.set_removed(change.removed.size());
  for (const auto& upsert : change.upserted) {
    const config::Object* had = before.Find(upsert.id);
    had == nullptr ? tested.set_added(tested.added() + 1)
                   : tested.set_replaced(tested.replaced() + 1);
    if (static_cast<uint32_t>(tested.changes_size()) >= limit) continue;
    v1::DraftChange& shown = *tested.add_changes();
    shown.set_kind(std::string(config::KindName(upsert.id.kind)));
    shown.set_key(upsert.id.key);
    if (had != nullptr) shown.set_before(had->json);
    shown.set_after(upsert.json);
  }
  for (const config::ObjectId& id : change.removed) {
    if (static_cast<uint32_t>(tested.changes_size()) >= limit) break;
    v1::DraftChange& shown = *tested.add_changes();
    shown.set_kind(std::string(config::KindName(id.kind)));
    shown.set_key(id.key);
    if (const config::Object* had = before.Find(id)) shown.set_before(had->json);
  }
}

// Packed where that is smaller; `bytes` is its size unpacked.
std::string Packed(const std::string& raw, uint64_t& bytes) {
  bytes = raw.size();
  std::string scratch;
  return std::string(store::Pack(raw, scratch));
}

}  // namespace

bool Ends(const v1::SiteRequest& request) {
  const v1::Draft& draft = request.set().draft();
  return draft.remove_ha() || draft.scopes() != v1::SCOPES_AS_THEY_ARE;
}

absl::Status Participant::Test(const v1::SiteRequest& request, v1::Tested& tested) {
  world_.reach.EndListening();  // Kea may be about to
  ASSIGN_OR_RETURN(const watch::Running running,
                   watch::ReadConfiguration(options_.service, world_.kea, kReadTimeout));
  ASSIGN_OR_RETURN(Draft draft, Draw(request.transaction(), request.test().draft(), running));
  RETURN_IF_ERROR(TestAtKea(draft));
  ASSIGN_OR_RETURN(const json::Document own, json::Parse(draft.own_parts));
  tested.set_ha(ha::ParametersText(options_.service, own.root()));
  const json::Value& root = *json::Find(own.root(), ServiceRoot(options_.service));
  if (const json::Value* threads = json::Find(root, "multi-threading")) {
    const json::Value* before = json::Find(
        *json::Find(running.arguments.root(), ServiceRoot(options_.service)), "multi-threading");
    std::string text = json::Canonical(*threads);
    if (before == nullptr || json::Canonical(*before) != text) {
      tested.set_multi_threading(std::move(text));
    }
  }
  Fill(config::Diff(*running.set, draft.objects), *running.set, request.test().diff_limit(),
       tested);
  tested.set_digest(std::string(config::Bytes(draft.objects.Digest())));
  tested_ = std::make_shared<const config::ObjectSet>(std::move(draft.objects));
  return absl::OkStatus();
}

absl::Status Participant::TestAtKea(const Draft& draft) {
  if (!config::MayTest(draft.dialect)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const kea::Answer answer,
                   world_.kea.Send("config-test", draft.text, kea::SetTimeout(draft.text.size())));
  if (answer.ok()) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition, "Kea on {} would refuse it: {}",
               options_.server, answer.text);
}

absl::Status Participant::Set(const std::string& name, const v1::SiteRequest& request) {
  if (const std::string unfinished = Unfinished(); !unfinished.empty()) {
    return Error(absl::StatusCode::kFailedPrecondition, "another change on {} is not ended yet: {}",
                 options_.server, unfinished);
  }
  ASSIGN_OR_RETURN(const watch::Running running,
                   watch::ReadConfiguration(options_.service, world_.kea, kReadTimeout));
  ASSIGN_OR_RETURN(const Draft draft, Draw(request.transaction(), request.set().draft(), running));
  ASSIGN_OR_RETURN(const std::string lacks, Lacks(options_.service, running, draft));
  ASSIGN_OR_RETURN(v1::UndoRecord record, Remember(name, request, running, draft));
  RETURN_IF_ERROR(TestAtKea(draft));
  record.set_given(!lacks.empty());
  RETURN_IF_ERROR(world_.undo.Save(options_.service, record));
  if (lacks.empty()) return absl::OkStatus();
  NESTOR_LOG(info, "SITE_CHANGED", "relationship={} transaction={}", name, request.transaction());
  const absl::Status given = Give(draft.text, json::Write(running.arguments.root()));
  // It is as it was.
  if (absl::IsFailedPrecondition(given)) (void)world_.undo.Remove(options_.service);
  // One that fell silent is found out by what it has in the end.
  const bool silent = absl::IsDeadlineExceeded(given) || absl::IsDataLoss(given);
  if (!silent) RETURN_IF_ERROR(given);
  return Verify(draft);
}

absl::StatusOr<v1::UndoRecord> Participant::Remember(const std::string& name,
                                                     const v1::SiteRequest& request,
                                                     const watch::Running& running,
                                                     const Draft& draft) {
  v1::UndoRecord record;
  record.set_transaction(request.transaction());
  record.set_relationship(name);
  record.set_ends(Ends(request));
  ASSIGN_OR_RETURN(*record.mutable_own_parts(),
                   OwnParts(options_.service, running.arguments.root()));
  record.set_digest(std::string(config::Bytes(running.set->Digest())));
  record.set_wanted_own_parts(draft.own_parts);
  record.set_wanted_digest(std::string(config::Bytes(draft.objects.Digest())));
  v1::Change back;
  config::ToProto(config::Diff(draft.objects, *running.set), back);
  uint64_t bytes = 0;
  record.set_objects(Packed(back.SerializeAsString(), bytes));
  record.set_objects_bytes(bytes);
  record.set_file(KeaFile());
  if (record.file().empty()) return record;
  auto file = world_.files.Read(record.file());
  if (absl::IsPermissionDenied(file.status()) || absl::IsNotFound(file.status())) {
    record.clear_file();  // Kea writes it itself, then
    return record;
  }
  if (!file.ok()) return file.status();
  record.set_file_text(Packed(file->text, bytes));
  record.set_file_bytes(bytes);
  return record;
}

absl::Status Participant::Give(const std::string& text, const std::string& good) {
  const auto commands = kea::ListCommands(world_.kea).value_or(std::vector<std::string>());
  const auto answer = world_.kea.Send("config-set", text, kea::SetTimeout(text.size()));
  if (!answer.ok()) {
    NESTOR_LOG(warn, "KEA_SILENT", "what=\"a change of its relationship\" error=\"{}\"",
               Message(answer.status()));
    return answer.status();
  }
  if (answer->ok()) return absl::OkStatus();
  const auto back = world_.kea.Send("config-set", good, kea::SetTimeout(good.size()));
  std::string trouble = !back.ok()   ? std::string(Message(back.status()))
                        : back->ok() ? kea::WhyUnhealthy(world_.kea, options_.service, commands)
                                     : back->text;
  if (trouble.empty()) {
    return Error(absl::StatusCode::kFailedPrecondition,
                 "Kea on {} refused the configuration: {}. The one of before was put back",
                 options_.server, answer->text);
  }
  return Error(absl::StatusCode::kInternal,
               "Kea on {} refused the configuration: {}. Putting back the one of before did not "
               "mend it ({}): DHCP may not be served there; restart Kea",
               options_.server, answer->text, trouble);
}

absl::StatusOr<watch::Running> Participant::ReadPatiently() {
  const Instant deadline = world_.clock.Now() + kPatience;
  while (true) {
    auto running = watch::ReadConfiguration(options_.service, world_.kea, kReadTimeout);
    if (running.ok() || world_.clock.Now() >= deadline) return running;
    world_.clock.Sleep(kBetweenTries);
  }
}

// A Kea that died since it was changed runs what its file held, which is what was before.
absl::Status Participant::CheckStillChanged(const v1::UndoRecord& record,
                                            const watch::Running& running) const {
  ASSIGN_OR_RETURN(const std::string own, OwnParts(options_.service, running.arguments.root()));
  const std::string lacks = OwnPartsLack(options_.service, own, record.wanted_own_parts());
  const bool objects_as_before = record.digest() != record.wanted_digest() &&
                                 record.digest() == config::Bytes(running.set->Digest());
  if (lacks.empty() && !objects_as_before) return absl::OkStatus();
  return Error(absl::StatusCode::kAborted,
               "Kea on {} runs what it ran before it was changed ({}): it was started again, or "
               "somebody changed it back",
               options_.server, lacks.empty() ? "its subnets" : lacks);
}

absl::Status Participant::Verify(const Draft& draft) {
  const auto running = ReadPatiently();
  if (!running.ok()) {
    return Error(absl::StatusCode::kDeadlineExceeded, "what Kea on {} has now cannot be read: {}",
                 options_.server, Message(running.status()));
  }
  ASSIGN_OR_RETURN(const std::string lacks, Lacks(options_.service, *running, draft));
  if (lacks.empty()) return absl::OkStatus();
  return Error(absl::StatusCode::kAborted,
               "Kea on {} took the configuration but reports {} otherwise", options_.server, lacks);
}

void Participant::Write(const std::string& transaction, std::function<void(absl::Status)> done) {
  auto record = world_.undo.Load(options_.service);
  if (!record.ok()) return done(record.status());
  if (!*record || (*record)->transaction() != transaction) {
    return done(Error(absl::StatusCode::kAborted, "{} knows of no such change", options_.server));
  }
  auto running = watch::ReadConfiguration(options_.service, world_.kea, kReadTimeout);
  if (!running.ok()) return done(running.status());
  if (absl::Status changed = CheckStillChanged(**record, *running); !changed.ok()) {
    return done(changed);
  }
  (*record)->set_wrote(true);
  if (absl::Status saved = world_.undo.Save(options_.service, **record); !saved.ok()) {
    return done(saved);
  }
  world_.writer->Write(running->set, [self = shared_from_this(), record = **record,
                                      done = std::move(done)](const keafile::Written& written) {
    if (!written.status.ok()) {
      return done(Error(written.status.code(),
                        "the configuration file of Kea on {} could not be written: {}",
                        self->options_.server, written.why));
    }
    const auto now = self->ReadPatiently();
    done(now.ok() ? self->CheckStillChanged(record, *now) : now.status());
  });
}

void Participant::Undo(const std::string& transaction, std::function<void(absl::Status)> done) {
  const auto record = world_.undo.Load(options_.service);
  if (!record.ok()) return done(record.status());
  if (!*record || (*record)->transaction() != transaction) return done(absl::OkStatus());
  if (absl::Status back = PutKeaBack(**record); !back.ok()) return done(back);
  // The mirror may be writing the file too, with what Kea ran a moment ago.
  world_.writer->AfterWritings(
      [self = shared_from_this(), record = **record, done = std::move(done)] {
        absl::Status back = self->PutFileBack(record);
        if (back.ok()) back = self->world_.undo.Remove(self->options_.service);
        done(back);
      });
}

absl::Status Participant::PutKeaBack(const v1::UndoRecord& record) {
  if (!record.given()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const watch::Running running, ReadPatiently());
  ASSIGN_OR_RETURN(const std::string packed,
                   store::Unpack(record.objects(), record.objects_bytes()));
  v1::Change back;
  if (!back.ParseFromString(packed)) {
    return Error(absl::StatusCode::kDataLoss, "what is kept for undoing cannot be read");
  }
  ASSIGN_OR_RETURN(const config::ChangeSet change, config::FromProto(back));
  config::ObjectSet objects = *running.set;
  config::Apply(change, objects);
  ASSIGN_OR_RETURN(
      const Draft draft,
      Compose(options_.service, config::DialectOf(options_.service, running.arguments.root()),
              record.own_parts(), std::move(objects)));
  if (put_back_ == record.transaction()) {
    // Asked again, since the disk failed then: once more, and its HA would begin anew once more.
    ASSIGN_OR_RETURN(const std::string lacks, Lacks(options_.service, running, draft));
    if (lacks.empty()) return absl::OkStatus();
  }
  NESTOR_LOG(warn, "SITE_PUT_BACK", "relationship={} transaction={}", record.relationship(),
             record.transaction());
  // Also where Kea has it, and until it says that it took it: it may have refused what was set
  // last, and then serves no DHCP until a good configuration is set.
  RETURN_IF_ERROR(TestAtKea(draft));
  RETURN_IF_ERROR(Give(draft.text, json::Write(running.arguments.root())));
  RETURN_IF_ERROR(Verify(draft));
  put_back_ = record.transaction();
  return absl::OkStatus();
}

absl::Status Participant::PutFileBack(const v1::UndoRecord& record) {
  const auto file = record.file().empty()
                        ? absl::StatusOr<keafile::ConfigFiles::File>(absl::NotFoundError(""))
                        : world_.files.Read(record.file());
  if (absl::IsUnavailable(file.status())) return file.status();
  ASSIGN_OR_RETURN(const std::string text, store::Unpack(record.file_text(), record.file_bytes()));
  if (file.ok() && file->text == text) return absl::OkStatus();
  if (!file.ok() && !record.wrote()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const watch::Running running, ReadPatiently());
  // Where something else has changed meanwhile, the file of before would lose that.
  if (file.ok() && record.digest() == config::Bytes(running.set->Digest())) {
    absl::Status replaced = world_.files.Replace(record.file(), file->identity, text);
    if (replaced.ok() || absl::IsUnavailable(replaced)) return replaced;
  }
  return world_.writer->WriteNow(*running.set).status;
}

absl::Status Participant::ChangeScopes(v1::Scopes scopes) {
  v1::Draft wanted;
  wanted.set_scopes(scopes);
  ASSIGN_OR_RETURN(const watch::Running running,
                   watch::ReadConfiguration(options_.service, world_.kea, kReadTimeout));
  ASSIGN_OR_RETURN(const Draft draft, Draw({}, wanted, running));
  RETURN_IF_ERROR(TestAtKea(draft));
  RETURN_IF_ERROR(Give(draft.text, json::Write(running.arguments.root())));
  RETURN_IF_ERROR(Verify(draft));
  return world_.writer->WriteNow(draft.objects).status;
}

absl::Status Participant::Forget(const std::string& transaction) {
  ASSIGN_OR_RETURN(const auto record, world_.undo.Load(options_.service));
  if (!record || record->transaction() != transaction) return absl::OkStatus();
  if (sent_.transaction == transaction) sent_ = {};
  return world_.undo.Remove(options_.service);
}

}  // namespace nestor::participant
