// nestorctl apply: the file of an operator, from its first piece to the secondary's word.

#include <utility>

#include "common/base/status.h"
#include "common/log/log.h"
#include "primary-agent/app/applying.h"

namespace nestor::primary {
namespace {

using operators::kRefused;
using operators::kUnknownState;

constexpr size_t kMostBytes = size_t{256} << 20;
constexpr size_t kMostUploads = 4;
constexpr absl::Duration kUploadPatience = absl::Seconds(30);
constexpr absl::Duration kProgressPeriod = absl::Seconds(1);
// A configuration that somebody changes all the time is not waited for.
constexpr int kMostReadings = 5;

void ToProto(const Amendment& amendment, v1::ApplyReport& report) {
  for (const Amended& one : amendment.amended()) {
    v1::ObjectChange& change = *report.add_changes();
    change.set_kind(std::string(config::KindName(one.id.kind)));
    change.set_key(one.id.key);
    change.set_before(one.before);
    change.set_after(one.after);
  }
  for (const std::string& name : amendment.left_alone()) report.add_left_alone(name);
}

}  // namespace

std::shared_ptr<FileKeeper> PrimaryApp::Core::MakeFileKeeper(DhcpService service,
                                                             ServiceWorld& kea) {
  auto writer = std::make_shared<keafile::ConfigWriter>(
      service, options_.server_name, kea.kea, world_.files, kea.worker, world_.disk, world_.clock);
  return std::make_shared<FileKeeper>(
      std::move(writer), kea.worker, world_.loop, world_.clock,
      [self = weak_from_this(), service](const std::string& notice) {
        const auto core = self.lock();
        if (!core) return;
        for (auto& [name, stream] : core->streams_) {
          if (stream->service() == service) stream->OnFile(notice);
        }
      },
      [self = weak_from_this(), service](uint64_t order, std::function<void(bool)> done) {
        if (const auto core = self.lock()) {
          core->watches_.at(service)->Settle(order, std::move(done));
        }
      });
}

void PrimaryApp::Core::Apply(const Request& request) {
  const v1::ApplyRequest& apply = request.message.apply();
  const std::pair key{request.peer.route, request.message.request_id()};
  if (apply.index() == 0) {
    if (uploads_.size() >= kMostUploads) {
      return desk_->Refuse(request, "other files are on their way here; try again");
    }
    uploads_[key] = {};
  }
  const auto found = uploads_.find(key);
  // The rest of a file that was refused, or given up.
  if (found == uploads_.end() || found->second.pieces != apply.index()) return;
  Upload& upload = found->second;
  ++upload.pieces;
  upload.heard = world_.clock.Now();
  if (upload.text.size() + apply.piece().size() > kMostBytes) {
    uploads_.erase(found);
    return desk_->Refuse(request, fmt::format("the file has more than {} bytes", kMostBytes));
  }
  upload.text += apply.piece();
  if (apply.more()) return;
  upload.request = request;
  upload.request.message.mutable_apply()->clear_piece();
  const auto whole = uploads_.extract(found);
  BeginApply(whole.mapped());
}

void PrimaryApp::Core::ForgetUploads() {
  const Instant now = world_.clock.Now();
  std::erase_if(uploads_,
                [&](const auto& entry) { return now - entry.second.heard > kUploadPatience; });
}

void PrimaryApp::Core::BeginApply(const Upload& upload) {
  const Request& request = upload.request;
  const v1::ApplyRequest& apply = request.message.apply();
  const auto applying = NewApplying(request, apply.name());
  if (!applying) return;
  applying->wait = apply.wait();
  AmendmentOrder& order = applying->order;
  order.text = upload.text;
  order.merge = apply.merge();
  order.dry_run = apply.dry_run();
  order.origin = fmt::format("nestorctl apply by {}", request.message.operator_name().empty()
                                                          ? "an operator"
                                                          : request.message.operator_name());
  ReadAndAmend(applying);
}

// Null: it was answered why not.
std::shared_ptr<PrimaryApp::Core::Applying> PrimaryApp::Core::NewApplying(const Request& request,
                                                                          const std::string& name) {
  const Stream* stream = Named(request, name);
  if (stream == nullptr) return nullptr;
  if (!amended_.insert(stream->service()).second) {
    desk_->Refuse(request, "another file is being applied to this Kea; try again");
    return nullptr;
  }
  auto applying = std::make_shared<Applying>();
  applying->request = request;
  applying->name = name;
  applying->service = stream->service();
  applying->number = ++orders_;
  applying->order.before_change = [debt = watches_.at(stream->service())->debt(),
                                   number = applying->number] { return debt->Begin(number); };
  applying->next_progress = world_.clock.Now() + kProgressPeriod;
  return applying;
}

void PrimaryApp::Core::ReadAndAmend(const std::shared_ptr<Applying>& applying) {
  if (++applying->readings > kMostReadings) {
    return EndApply(*applying, kRefused,
                    "the configuration changes all the time; nothing was done");
  }
  watches_.at(applying->service)
      ->ReadAgain([self = weak_from_this(), applying](const absl::Status& read) {
        const auto core = self.lock();
        if (!core) return;
        if (!read.ok()) {
          return core->EndApply(*applying, kRefused,
                                fmt::format("{}; nothing was done", Message(read)));
        }
        const ServiceWorld& kea = core->world_.services.at(applying->service);
        applying->amendment =
            std::make_shared<Amendment>(applying->service, core->options_.server_name, kea.kea,
                                        kea.source, core->world_.clock, applying->order);
        core->Amend(applying);
      });
}

void PrimaryApp::Core::Amend(const std::shared_ptr<Applying>& applying) {
  const ServiceWorld& kea = world_.services.at(applying->service);
  kea.worker.Post([self = weak_from_this(), loop = &world_.loop, applying] {
    auto went = applying->amendment->Step();
    loop->Post([self, applying, went = std::move(went)] {
      if (const auto core = self.lock()) core->OnAmended(applying, went);
    });
  });
}

void PrimaryApp::Core::OnAmended(const std::shared_ptr<Applying>& applying,
                                 const absl::StatusOr<Amendment::Went>& went) {
  if (!went.ok()) {
    const bool unknown = absl::IsDeadlineExceeded(went.status()) || absl::IsDataLoss(went.status());
    unknown ? OweFile(*applying) : OweNothing(*applying);
    if (absl::IsAborted(went.status())) {
      ToReport(*applying->conflicts, applying->report);
      applying->report.set_state("CONFLICT");
    }
    return EndApply(*applying, unknown ? kUnknownState : kRefused,
                    std::string(Message(went.status())));
  }
  const Amendment& amendment = *applying->amendment;
  switch (*went) {
    case Amendment::Went::kReadAgain:
      OweNothing(*applying);
      return ReadAndAmend(applying);
    case Amendment::Went::kOn:
      if (const Instant now = world_.clock.Now(); now >= applying->next_progress) {
        applying->next_progress = now + kProgressPeriod;
        v1::OperatorReply reply;
        reply.mutable_apply()->set_state("WORKING");
        reply.mutable_apply()->set_looked_at(amendment.looked_at());
        reply.mutable_apply()->set_to_look_at(amendment.to_look_at());
        desk_->Reply(applying->request, std::move(reply), 0, {}, /*last=*/false);
      }
      return Amend(applying);
    case Amendment::Went::kDone:
      break;
  }
  OweFile(*applying);
  ToProto(amendment, applying->report);
  if (applying->conflicts) ToReport(*applying->conflicts, applying->report);
  const bool same = amendment.amended().empty();
  if (same || applying->order.dry_run) {
    applying->report.set_state(same ? "SAME" : "WOULD_CHANGE");
    return EndApply(*applying, 0);
  }
  AfterApply(applying);
}

// What Kea was given, if it was, is to be in its file too.
void PrimaryApp::Core::OweFile(const Applying& applying) {
  if (applying.amendment->gave()) file_keepers_.at(applying.service)->Owe(applying.number);
}

void PrimaryApp::Core::OweNothing(const Applying& applying) {
  if (!applying.amendment->gave()) return;
  world_.services.at(applying.service)
      .worker.Post([debt = watches_.at(applying.service)->debt(), number = applying.number] {
        debt->Drop(number);
      });
}

// Kea has it. The look that follows journals and publishes it.
void PrimaryApp::Core::AfterApply(const std::shared_ptr<Applying>& applying) {
  applying->report.set_state("APPLIED");
  if (!applying->conflicts) {
    NESTOR_LOG(info, "FILE_APPLIED", "relationship={} objects={} by=\"{}\"", applying->name,
               applying->report.changes_size(), applying->request.message.operator_name());
  }
  watches_.at(applying->service)
      ->ReadAgain([self = weak_from_this(), applying](const absl::Status& read) {
        const auto core = self.lock();
        if (!core) return;
        Stream* stream = core->FindStream(applying->name);
        if (!read.ok() || stream == nullptr) {
          return core->EndApply(*applying, kUnknownState,
                                fmt::format("Kea has it; it is not journaled yet: {}",
                                            read.ok() ? "the relationship ended" : Message(read)));
        }
        applying->report.set_sequence(stream->head());
        if (applying->conflicts) core->NoteRestored(*applying, *stream);
        if (!applying->wait) return core->EndApply(*applying, 0);
        core->LetGo(*applying);
        stream->WhenApplied(stream->head(), [self, applying](const absl::Status& applied) {
          const auto found = self.lock();
          if (!found) return;
          if (applied.ok()) applying->report.set_state("VERIFIED");
          found->EndApply(*applying,
                          applied.ok()                          ? 0
                          : absl::IsFailedPrecondition(applied) ? kRefused
                                                                : kUnknownState,
                          std::string(Message(applied)));
        });
      });
}

// Another file may come.
void PrimaryApp::Core::LetGo(Applying& applying) {
  if (std::exchange(applying.working, false)) amended_.erase(applying.service);
}

void PrimaryApp::Core::EndApply(Applying& applying, int exit_code, std::string text) {
  LetGo(applying);
  v1::OperatorReply reply;
  if (!applying.report.state().empty()) *reply.mutable_apply() = applying.report;
  desk_->Reply(applying.request, std::move(reply), exit_code, std::move(text));
}

}  // namespace nestor::primary
