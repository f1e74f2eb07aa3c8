// What operators ask of the secondary's agent, verb by verb.

#include "common/base/status.h"
#include "common/log/log.h"
#include "common/operator/status_line.h"
#include "secondary-agent/app/core.h"

namespace nestor::secondary {

using operators::kRefused;
using operators::kUnknownState;
using operators::kUsage;

void SecondaryApp::Core::OnOperator(const bus::Peer& from, std::string_view payload) {
  if (const auto request = desk_->Admit(from, payload)) Dispatch(*request);
}

void SecondaryApp::Core::Dispatch(const Request& request) {
  const auto unknown = [this](const Request& asked) {
    if (Named(asked, asked.message.history().name()) == nullptr) return;
    v1::OperatorReply none;
    none.mutable_history();
    desk_->Reply(asked, std::move(none));
  };
  switch (request.message.verb_case()) {
    case v1::OperatorRequest::kStatus:
      return Status(request);
    case v1::OperatorRequest::kResync:
      return Resync(request);
    case v1::OperatorRequest::kDiff:
      return Diff(request);
    case v1::OperatorRequest::kHistory:
      return desk_->History(request, world_.store, world_.disk, world_.loop,
                            [self = weak_from_this(), unknown](const Request& asked) {
                              if (const auto core = self.lock()) unknown(asked);
                            });
    case v1::OperatorRequest::kDecision:
      return Decide(request);
    case v1::OperatorRequest::kList:
      return List(request);
    case v1::OperatorRequest::kShow:
      return Show(request);
    case v1::OperatorRequest::kRemove:
      return Remove(request);
    case v1::OperatorRequest::kScopes:
      return Scopes(request);
    case v1::OperatorRequest::kApply:
      // A file in pieces is refused once.
      if (request.message.apply().more()) return;
      [[fallthrough]];
    case v1::OperatorRequest::kWatch:
    case v1::OperatorRequest::kAdopt:
    case v1::OperatorRequest::kRestore:
    case v1::OperatorRequest::kCreate:
    case v1::OperatorRequest::kEdit:
    case v1::OperatorRequest::kServers:
    case v1::OperatorRequest::kHa:
      return desk_->Refuse(
          request, fmt::format("{} is a secondary: ask the primary's agent", options_.server_name));
    case v1::OperatorRequest::VERB_NOT_SET:
      break;
  }
  desk_->Reply(request, {}, kUsage, "this agent does not know the verb; is nestorctl newer?");
}

Mirror* SecondaryApp::Core::Named(const Request& request, const std::string& name) {
  const auto found = mirrors_.find(name);
  if (found != mirrors_.end()) return found->second.get();
  desk_->Refuse(request, fmt::format("{} has no relationship {}; see: nestorctl relationship list",
                                     options_.server_name, name));
  return nullptr;
}

std::vector<std::string> SecondaryApp::Core::TroublesOf(const std::string& name) const {
  const auto mirror = mirrors_.find(name);
  if (mirror == mirrors_.end()) return {};
  const std::string& primary = mirror->second->spec().primary();
  std::vector<std::string> troubles;
  if (!refusal_.empty()) {
    troubles.push_back(fmt::format("{} refuses this agent: {}", primary, refusal_));
  }
  if (const auto ending = alone_.find(name); ending != alone_.end()) {
    troubles.push_back(fmt::format(
        "{} was removed on {} while {} was taken for lost: HA is being taken out here, and its "
        "subnets are being disabled{}{}",
        name, primary, options_.server_name,
        ending->second.trouble.empty() ? "" : "; it is tried again: ", ending->second.trouble));
  }
  if (orphaned_.contains(name)) {
    troubles.push_back(
        fmt::format("{} does not know {} (was its state directory lost?): adopt it there again, "
                    "or end it here with: nestorctl relationship remove {}",
                    primary, name, name));
  }
  return troubles;
}

void SecondaryApp::Core::Status(const Request& request) {
  const std::string& name = request.message.status().name();
  if (!name.empty() && Named(request, name) == nullptr) return;
  v1::OperatorReply reply;
  reply.mutable_status();
  int exit_code = 0;
  for (const auto& [mirror_name, mirror] : mirrors_) {
    if (!name.empty() && mirror_name != name) continue;
    v1::RelationshipStatus status = mirror->Status();
    exit_code = std::max(exit_code, status.state() == "OK" ? 0 : status.state() == "DOWN" ? 2 : 1);
    *reply.mutable_status()->add_relationships() = std::move(status);
  }
  std::string text;
  if (mirrors_.empty() && !refusal_.empty()) {
    exit_code = 1;
    text = fmt::format("the primary refuses this agent: {}", refusal_);
  }
  desk_->Reply(request, std::move(reply), exit_code, std::move(text));
}

void SecondaryApp::Core::Resync(const Request& request) {
  Mirror* mirror = Named(request, request.message.resync().name());
  if (mirror == nullptr) return;
  const bool wait = request.message.resync().wait();
  mirror->Resync(request.message.operator_name(), [self = weak_from_this(), request, wait](
                                                      bool last, const v1::ResyncReport& report,
                                                      std::string text) {
    const auto core = self.lock();
    if (!core) return;
    v1::OperatorReply reply;
    *reply.mutable_resync() = report;
    core->desk_->Reply(request, std::move(reply), report.state() == "ABORTED" ? kRefused : 0,
                       std::move(text), last || !wait);
  });
}

void SecondaryApp::Core::Diff(const Request& request) {
  Mirror* mirror = Named(request, request.message.diff().name());
  if (mirror == nullptr) return;
  mirror->Diff([self = weak_from_this(), request](absl::StatusOr<v1::DiffReport> report) {
    const auto core = self.lock();
    if (!core) return;
    if (!report.ok()) {
      const int code = absl::IsDeadlineExceeded(report.status()) ? kUnknownState : kRefused;
      return core->desk_->Reply(request, {}, code, std::string(Message(report.status())));
    }
    v1::OperatorReply reply;
    const int exit_code = report->same() ? 0 : 1;
    *reply.mutable_diff() = *std::move(report);
    core->desk_->Reply(request, std::move(reply), exit_code);
  });
}

void SecondaryApp::Core::Decide(const Request& request) {
  const v1::DecisionRequest& decision = request.message.decision();
  Mirror* mirror = Named(request, decision.name());
  if (mirror == nullptr) return;
  const absl::Status status =
      mirror->Decide(decision.sequence(), decision.approve(), request.message.operator_name());
  if (!status.ok()) return desk_->Refuse(request, std::string(Message(status)));
  desk_->Reply(request, {}, 0,
               fmt::format("change {} {}", decision.sequence(),
                           decision.approve() ? "approved" : "rejected"));
}

void SecondaryApp::Core::List(const Request& request) {
  v1::OperatorReply reply;
  reply.mutable_relationships();
  for (const auto& [name, mirror] : mirrors_) {
    *reply.mutable_relationships()->add_relationships() = mirror->View();
  }
  desk_->Reply(request, std::move(reply));
}

void SecondaryApp::Core::Show(const Request& request) {
  const Mirror* mirror = Named(request, request.message.show().name());
  if (mirror == nullptr) return;
  v1::OperatorReply reply;
  *reply.mutable_relationships()->add_relationships() = mirror->View();
  desk_->Reply(request, std::move(reply));
}

// What was left disabled here when a relationship ended.
void SecondaryApp::Core::Scopes(const Request& request) {
  const v1::ScopesRequest& scopes = request.message.scopes();
  const auto service = ServiceFromName(scopes.service() == v1::DHCP6 ? "dhcp6" : "dhcp4");
  for (const auto& [name, mirror] : mirrors_) {
    if (mirror->service() != *service) continue;
    return desk_->Refuse(request, fmt::format("{} mirrors {} to {}: its primary, {}, has the say",
                                              name, ServiceName(*service), options_.server_name,
                                              mirror->spec().primary()));
  }
  if (!world_.services.contains(*service)) {
    return desk_->Refuse(request, fmt::format("{} has no service {} in its configuration",
                                              options_.server_name, ServiceName(*service)));
  }
  v1::SiteRequest site;
  site.set_transaction("scopes");
  site.mutable_change_scopes()->set_scopes(scopes.scopes());
  site_desk_->Do(*service, {}, site,
                 [self = weak_from_this(), request](const v1::SiteReply& reply) {
                   const auto core = self.lock();
                   if (!core) return;
                   const bool ok = reply.code() == 0;
                   core->desk_->Reply(request, {}, ok ? 0 : kRefused, ok ? "done" : reply.text());
                 });
}

// Only what the primary does not know is ended here; else the primary would bring it back.
void SecondaryApp::Core::Remove(const Request& request) {
  const std::string& name = request.message.remove().name();
  const Mirror* mirror = Named(request, name);
  if (mirror == nullptr) return;
  if (!orphaned_.contains(name)) {
    return desk_->Refuse(
        request, fmt::format("{} is removed on its primary, {}", name, mirror->spec().primary()));
  }
  RemoveMirror(name, request.message.operator_name());
  desk_->Reply(request, {}, 0,
               fmt::format("{} is removed; {} keeps what it serves", name, options_.server_name));
}

std::string SecondaryApp::Core::StatusLine() const {
  std::vector<v1::RelationshipStatus> statuses;
  statuses.reserve(mirrors_.size());
  for (const auto& [name, mirror] : mirrors_) statuses.push_back(mirror->Status());
  return operators::FollowingLine(statuses);
}

}  // namespace nestor::secondary
