#include "common/keafile/config_writer.h"

#include <utility>

#include "common/base/status.h"
#include "common/config/kea_config.h"
#include "common/json/json.h"
#include "common/log/log.h"

namespace nestor::keafile {
namespace {

constexpr absl::Duration kAskTimeout = absl::Seconds(5);
constexpr absl::Duration kWriteTimeout = absl::Seconds(60);  // of config-write

bool KeaMayYet(const absl::Status& status) {
  return absl::IsNotFound(status) || absl::IsPermissionDenied(status);
}

}  // namespace

ConfigWriter::ConfigWriter(DhcpService service, std::string server, kea::KeaControl& kea,
                           ConfigFiles& files, Executor& worker, Executor& disk, Clock& clock)
    : service_(service),
      server_(std::move(server)),
      kea_(kea),
      files_(files),
      worker_(worker),
      disk_(disk),
      clock_(clock) {}

void ConfigWriter::Write(std::shared_ptr<const config::ObjectSet> set, Done done) {
  worker_.Post([self = shared_from_this(), set = std::move(set), done = std::move(done)]() mutable {
    auto prepared = self->Prepare();
    if (!prepared.ok()) return done(self->Conclude(prepared.status()));
    auto draft = std::make_shared<const Draft>(*std::move(prepared));
    Executor& disk = self->disk_;
    disk.Post([self = std::move(self), draft = std::move(draft), set = std::move(set),
               done = std::move(done)]() mutable {
      const absl::Status status = self->WriteFile(*draft, *set);
      Executor& worker = self->worker_;
      worker.Post([self = std::move(self), status, done = std::move(done)] {
        done(self->Conclude(status));
      });
    });
  });
}

void ConfigWriter::AfterWritings(std::function<void()> done) {
  disk_.Post([self = shared_from_this(), done = std::move(done)]() mutable {
    self->worker_.Post(std::move(done));
  });
}

Written ConfigWriter::WriteNow(const config::ObjectSet& set) {
  const auto draft = Prepare();
  return Conclude(draft.ok() ? WriteFile(*draft, set) : draft.status());
}

absl::StatusOr<ConfigWriter::Draft> ConfigWriter::Prepare() {
  const auto status = kea_.Send("status-get", {}, kAskTimeout);
  const json::Value* arguments = status.ok() ? status->arguments() : nullptr;
  const json::Value* pid = arguments == nullptr ? nullptr : json::Find(*arguments, "pid");
  if (pid == nullptr || !pid->IsInt64()) {
    return Error(absl::StatusCode::kUnavailable, "Kea does not say which process it is{}{}",
                 status.ok() ? "" : ": ", Message(status.status()));
  }
  Draft draft;
  draft.path = files_.FileOf(pid->GetInt64());
  auto local = hook::ReadLocalPart(kea_, service_, draft.path, kAskTimeout);
  if (absl::IsFailedPrecondition(local.status()) || absl::IsInvalidArgument(local.status())) {
    return Error(absl::StatusCode::kPermissionDenied, "{}", Message(local.status()));
  }
  if (absl::IsNotFound(local.status())) return local.status();
  if (!local.ok()) {
    return Error(absl::StatusCode::kUnavailable, "{}", Message(local.status()));
  }
  if (draft.path.empty() || !local->file) {
    return Error(absl::StatusCode::kPermissionDenied,
                 "the agent does not see the file that Kea was started with; start Kea on this "
                 "host, with -c and the file's absolute path");
  }
  draft.local = *std::move(local);
  return draft;
}

absl::Status ConfigWriter::WriteFile(const Draft& draft, const config::ObjectSet& set) {
  const Instant began = clock_.Now();
  const auto text = config::Compose(service_, *draft.local.arguments, set);
  if (!text.ok()) return Error(absl::StatusCode::kPermissionDenied, "{}", Message(text.status()));
  const std::string indented = json::Indented(*text);
  RETURN_IF_ERROR(files_.Replace(draft.path, *draft.local.file, indented));
  NESTOR_LOG(info, "FILE_WRITTEN", "service={} path={} bytes={} took_ms={}", ServiceName(service_),
             draft.path, indented.size(), absl::ToInt64Milliseconds(clock_.Now() - began));
  return absl::OkStatus();
}

Written ConfigWriter::Conclude(const absl::Status& status) {
  Written written;
  written.status = status;
  if (status.ok()) {
    logged_.clear();
    return written;
  }
  if (KeaMayYet(status)) {
    written.by_kea = true;
    written.status = ConfigWrite();
  }
  if (absl::IsPermissionDenied(status)) {
    written.notice = fmt::format(
        "Kea on {} is held up whenever it writes its configuration file "
        "itself, since the agent may not: {}",
        server_, Message(status));
    if (std::exchange(logged_, written.notice) != written.notice) {
      NESTOR_LOG(warn, "FILE_LEFT_TO_KEA", "service={} reason=\"{}\"", ServiceName(service_),
                 Message(status));
    }
  }
  if (!written.status.ok()) {
    written.why = std::string(Message(written.status));
    written.status = Error(
        written.status.code(),
        "{} runs the configuration, but its file could not be written: {}. A restart of Kea would "
        "bring the older one back; it is tried again.",
        server_, Message(written.status));
    NESTOR_LOG(warn, "FILE_NOT_WRITTEN", "service={} error=\"{}\"", ServiceName(service_),
               Message(written.status));
  }
  return written;
}

absl::Status ConfigWriter::ConfigWrite() {
  const auto answer = kea_.Send("config-write", {}, kWriteTimeout);
  if (!answer.ok()) return answer.status();
  if (answer->ok()) return absl::OkStatus();
  return Error(absl::StatusCode::kFailedPrecondition,
               "Kea says: {}; make the file writable for Kea or the agent", answer->text);
}

}  // namespace nestor::keafile
