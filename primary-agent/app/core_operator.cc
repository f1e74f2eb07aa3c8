// What operators ask of the primary's agent, verb by verb.

#include <absl/strings/ascii.h>

#include "common/base/status.h"
#include "common/log/log.h"
#include "common/operator/status_line.h"
#include "common/protocol/envelope.h"
#include "common/protocol/wire_time.h"
#include "primary-agent/app/core.h"

namespace nestor::primary {
namespace {

using operators::kRefused;
using operators::kUnknownState;
using operators::kUsage;

}  // namespace

void PrimaryApp::Core::Dispatch(const Request& request) {
  switch (request.message.verb_case()) {
    case v1::OperatorRequest::kStatus:
      return Status(request);
    case v1::OperatorRequest::kWatch:
      return Watch(request);
    case v1::OperatorRequest::kResync:
      return Resync(request);
    case v1::OperatorRequest::kDiff:
      return Diff(request);
    case v1::OperatorRequest::kHistory:
      return History(request);
    case v1::OperatorRequest::kDecision:
      return Decide(request);
    case v1::OperatorRequest::kAdopt:
      return Adopt(request);
    case v1::OperatorRequest::kList:
      return List(request);
    case v1::OperatorRequest::kShow:
      return Show(request);
    case v1::OperatorRequest::kRemove:
      return Remove(request);
    case v1::OperatorRequest::kApply:
      return Apply(request);
    case v1::OperatorRequest::kRestore:
      return Restore(request);
    case v1::OperatorRequest::kCreate:
      return Create(request);
    case v1::OperatorRequest::kEdit:
      return Edit(request);
    case v1::OperatorRequest::kServers:
      return Servers(request);
    case v1::OperatorRequest::kHa:
      return Ha(request);
    case v1::OperatorRequest::kScopes:
      return Scopes(request);
    case v1::OperatorRequest::VERB_NOT_SET:
      break;
  }
  desk_->Reply(request, {}, kUsage,
               "this agent does not know the verb; is nestorctl newer than it?");
}

Stream* PrimaryApp::Core::Named(const Request& request, const std::string& name) {
  Stream* stream = FindStream(name);
  const auto unserved = unserved_.find(name);
  if (stream == nullptr && unserved != unserved_.end()) {
    desk_->Reply(request, {}, kRefused, WhyUnserved(unserved->second));
  } else if (stream == nullptr) {
    desk_->Reply(request, {}, kRefused,
                 fmt::format("{} has no relationship {}; see: nestorctl relationship list",
                             options_.server_name, name));
  }
  return stream;
}

void PrimaryApp::Core::Status(const Request& request) {
  const std::string& name = request.message.status().name();
  const bool all = name.empty();
  if (!all && !unserved_.contains(name) && !IsChanging(name) && Named(request, name) == nullptr) {
    return;
  }
  v1::OperatorReply reply;
  int exit_code = 0;
  for (const auto& [stream_name, stream] : streams_) {
    if (!name.empty() && stream_name != name) continue;
    v1::RelationshipStatus status = stream->Status();
    exit_code = std::max(exit_code, status.state() == "OK" ? 0 : status.state() == "DOWN" ? 2 : 1);
    *reply.mutable_status()->add_relationships() = std::move(status);
  }
  for (const auto& [unserved, spec] : unserved_) {
    if (!all && unserved != name) continue;
    v1::RelationshipStatus& status = *reply.mutable_status()->add_relationships();
    status.set_name(unserved);
    status.set_service(absl::AsciiStrToLower(v1::Service_Name(spec.service())));
    status.set_mode("none");
    status.set_state("IMPAIRED");
    status.add_reasons(WhyUnserved(spec));
    status.mutable_primary()->set_server(spec.primary());
    status.mutable_secondary()->set_server(spec.secondary());
    *status.mutable_since() = spec.since();
    exit_code = std::max(exit_code, 1);
  }
  if (AddChanges(name, *reply.mutable_status())) exit_code = std::max(exit_code, 1);
  desk_->Reply(request, std::move(reply), exit_code);
}

void PrimaryApp::Core::Resync(const Request& request) {
  Stream* stream = Named(request, request.message.resync().name());
  if (stream == nullptr) return;
  const bool wait = request.message.resync().wait();
  stream->Resync(request.message.operator_name(),
                 [self = weak_from_this(), request, wait](bool last, const v1::ResyncReport& report,
                                                          std::string text) {
                   const auto core = self.lock();
                   if (!core) return;
                   const std::string& state = report.state();
                   const int code = state == "ABORTED"           ? kRefused
                                    : state == "UNKNOWN"         ? kUnknownState
                                    : state == "PENDING" && wait ? kUnknownState
                                                                 : 0;
                   v1::OperatorReply reply;
                   *reply.mutable_resync() = report;
                   if (!wait && state == "STARTED") last = true;
                   core->desk_->Reply(request, std::move(reply), code, std::move(text), last);
                 });
}

void PrimaryApp::Core::Diff(const Request& request) {
  Stream* stream = Named(request, request.message.diff().name());
  if (stream == nullptr) return;
  stream->Diff([self = weak_from_this(), request](absl::StatusOr<v1::DiffReport> report) {
    const auto core = self.lock();
    if (!core) return;
    if (!report.ok()) {
      return core->desk_->Reply(
          request, {}, absl::IsDeadlineExceeded(report.status()) ? kUnknownState : kRefused,
          std::string(Message(report.status())));
    }
    v1::OperatorReply reply;
    const int exit_code = report->same() ? 0 : 1;
    *reply.mutable_diff() = *std::move(report);
    core->desk_->Reply(request, std::move(reply), exit_code);
  });
}

void PrimaryApp::Core::History(const Request& request) {
  desk_->History(request, world_.journal, world_.disk, world_.loop,
                 [self = weak_from_this()](const Request& asked) {
                   const auto core = self.lock();
                   if (!core || core->Named(asked, asked.message.history().name()) == nullptr) {
                     return;
                   }
                   v1::OperatorReply none;
                   none.mutable_history();
                   core->desk_->Reply(asked, std::move(none));
                 });
}

void PrimaryApp::Core::Decide(const Request& request) {
  const v1::DecisionRequest& decision = request.message.decision();
  Stream* stream = Named(request, decision.name());
  if (stream == nullptr) return;
  const absl::Status status =
      stream->Decide(decision.sequence(), decision.approve(), request.message.operator_name());
  desk_->Reply(request, {}, status.ok() ? 0 : kRefused,
               status.ok() ? fmt::format("change {} {}", decision.sequence(),
                                         decision.approve() ? "approved" : "rejected")
                           : std::string(Message(status)));
}

std::string PrimaryApp::Core::StatusLine() const {
  std::vector<v1::RelationshipStatus> statuses;
  statuses.reserve(streams_.size());
  for (const auto& [name, stream] : streams_) statuses.push_back(stream->Status());
  return operators::ServingLine(statuses);
}

}  // namespace nestor::primary
