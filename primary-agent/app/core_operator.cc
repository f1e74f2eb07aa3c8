// What operators ask of the primary's agent, verb by verb.

#include "common/base/status.h"
#include "common/log/log.h"
#include "common/protocol/envelope.h"
#include "common/protocol/wire_time.h"
#include "primary-agent/app/core.h"

namespace nestor::primary {
namespace {

using operators::kRefused;
using operators::kUnknownState;
using operators::kUsage;

constexpr uint32_t kDefaultHoldPercent = 20;
constexpr uint32_t kDefaultHoldMinimum = 5;

v1::HistoryEntry RelationshipEntry(const Clock& clock, std::string_view what,
                                   std::string_view who) {
  v1::HistoryEntry entry;
  *entry.mutable_time() = ToWire(clock.Wall());
  entry.set_what("relationship");
  entry.set_outcome(std::string(what));
  entry.set_operator_name(std::string(who));
  return entry;
}

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
    case v1::OperatorRequest::VERB_NOT_SET:
      break;
  }
  desk_->Reply(request, {}, kUsage,
               "this agent does not know the verb; is nestorctl newer than it?");
}

Stream* PrimaryApp::Core::Named(const Request& request, const std::string& name) {
  Stream* stream = FindStream(name);
  if (stream == nullptr) {
    desk_->Reply(request, {}, kRefused,
                 fmt::format("{} has no relationship {}; see: nestorctl relationship list",
                             options_.server_name, name));
  }
  return stream;
}

void PrimaryApp::Core::Status(const Request& request) {
  const std::string& name = request.message.status().name();
  if (!name.empty() && Named(request, name) == nullptr) return;
  v1::OperatorReply reply;
  int exit_code = 0;
  for (const auto& [stream_name, stream] : streams_) {
    if (!name.empty() && stream_name != name) continue;
    v1::RelationshipStatus status = stream->Status();
    exit_code = std::max(exit_code, status.state() == "OK" ? 0 : status.state() == "DOWN" ? 2 : 1);
    *reply.mutable_status()->add_relationships() = std::move(status);
  }
  reply.mutable_status();
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

void PrimaryApp::Core::Adopt(const Request& request) {
  const v1::AdoptRequest& adopt = request.message.adopt();
  if (!protocol::IsRelationshipName(adopt.name())) {
    return desk_->Reply(
        request, {}, kUsage,
        fmt::format("'{}' is not a name: 1 to 63 of a-z, 0-9 and '-'", adopt.name()));
  }
  if (adopt.secondary().empty() || adopt.secondary() == options_.server_name) {
    return desk_->Reply(request, {}, kUsage, "--secondary names the other server of the pair");
  }
  if (adopt.hold_percent() > 100)
    return desk_->Reply(request, {}, kUsage, "--hold-percent is 0 to 100");
  if (adopt.service() != v1::DHCP4 && adopt.service() != v1::DHCP6) {
    return desk_->Reply(request, {}, kUsage, "--service is dhcp4 or dhcp6");
  }
  const auto service = adopt.service() == v1::DHCP4 ? DhcpService::kDhcp4 : DhcpService::kDhcp6;
  if (std::string text = WhyNotAdopt(adopt, service); !text.empty()) {
    return desk_->Reply(request, {}, kRefused, std::move(text));
  }
  v1::RelationshipSpec spec;
  spec.set_name(adopt.name());
  spec.set_service(adopt.service());
  spec.set_primary(options_.server_name);
  spec.set_secondary(adopt.secondary());
  spec.set_observe(adopt.observe());
  spec.set_hold_percent(adopt.hold_percent() ? adopt.hold_percent() : kDefaultHoldPercent);
  spec.set_hold_minimum(adopt.hold_minimum() ? adopt.hold_minimum() : kDefaultHoldMinimum);
  *spec.mutable_since() = ToWire(world_.clock.Wall());
  adopting_[spec.name()] = spec;
  // What runs now decides whether it can be mirrored at all.
  watches_.at(service)->ReadAgain(
      [self = weak_from_this(), request, spec, service](const absl::Status& read) {
        const auto core = self.lock();
        if (!core) return;
        const auto& look = core->looks_[service];
        std::string text;
        if (!read.ok()) {
          text = fmt::format("Kea's configuration on {} could not be read: {}",
                             core->options_.server_name, Message(read));
        } else if (look && !look->blocked.empty()) {
          text = fmt::format("{} cannot be mirrored: {}", ServiceName(service), look->blocked);
        }
        if (text.empty()) return core->FinishAdopt(request, spec, service);
        core->adopting_.erase(spec.name());
        core->desk_->Reply(request, {}, kRefused, std::move(text));
      });
}

std::string PrimaryApp::Core::WhyNotAdopt(const v1::AdoptRequest& adopt,
                                          DhcpService service) const {
  if (!watches_.contains(service)) {
    return fmt::format("{} has no service {} in its configuration", options_.server_name,
                       ServiceName(service));
  }
  std::map<std::string, v1::RelationshipSpec> others = adopting_;
  for (const auto& [name, stream] : streams_) others[name] = stream->spec();
  if (others.contains(adopt.name())) {
    return fmt::format("there is a relationship {} already", adopt.name());
  }
  for (const auto& [name, other] : others) {
    if (other.service() == adopt.service() && other.secondary() == adopt.secondary()) {
      return fmt::format("{} already mirrors {} to {}", name, ServiceName(service),
                         adopt.secondary());
    }
  }
  return {};
}

void PrimaryApp::Core::FinishAdopt(const Request& request, const v1::RelationshipSpec& spec,
                                   DhcpService service) {
  const auto watch = watches_.at(service);
  const std::string who = request.message.operator_name();
  watch->worker().Post([self = weak_from_this(), request, spec, service, watch, who,
                        journal = &world_.journal, loop = &world_.loop, clock = &world_.clock] {
    absl::StatusOr<Recorder::Opened> opened = Recorder::Opened();
    const absl::Status added = journal->AddRelationship(spec);
    opened = added.ok() ? watch->recorder().Open(spec.name()) : added;
    if (added.ok() && !opened.ok()) (void)journal->RemoveRelationship(spec.name());
    if (opened.ok()) {
      (void)journal->AddEntry(spec.name(), RelationshipEntry(*clock, "adopted", who));
    }
    loop->Post([self, request, spec, service, opened = std::move(opened)]() mutable {
      const auto core = self.lock();
      if (!core) return;
      core->adopting_.erase(spec.name());
      if (!opened.ok()) {
        return core->desk_->Reply(request, {}, kRefused, std::string(Message(opened.status())));
      }
      core->AddStream(spec, service, *std::move(opened));
      NESTOR_LOG(info, "RELATIONSHIP_ADOPTED", "relationship={} service={} secondary={}",
                 spec.name(), ServiceName(service), spec.secondary());
      core->ended_.erase(spec.name());
      core->TellRelationships(spec.secondary());
      const bool connected = std::any_of(
          core->sessions_.begin(), core->sessions_.end(),
          [&](const auto& session) { return session.second.server == spec.secondary(); });
      const auto respond = [self, request, spec, connected](const absl::Status&) {
        if (const auto found = self.lock()) {
          found->desk_->Reply(
              request, {}, 0,
              fmt::format(
                  "{} mirrors {} from {} to {}{}", spec.name(),
                  ServiceName(*ServiceFromName(spec.service() == v1::DHCP4 ? "dhcp4" : "dhcp6")),
                  spec.primary(), spec.secondary(),
                  connected ? ""
                            : fmt::format("; the agent on {} has not "
                                          "connected yet",
                                          spec.secondary())));
        }
      };
      // The first change: the configuration as it is.
      core->watches_.at(service)->ReadAgain(respond);
    });
  });
}

void PrimaryApp::Core::List(const Request& request) {
  v1::OperatorReply reply;
  reply.mutable_relationships();
  for (const auto& [name, stream] : streams_) {
    *reply.mutable_relationships()->add_relationships() = stream->View();
  }
  desk_->Reply(request, std::move(reply));
}

void PrimaryApp::Core::Show(const Request& request) {
  Stream* stream = Named(request, request.message.show().name());
  if (stream == nullptr) return;
  v1::OperatorReply reply;
  *reply.mutable_relationships()->add_relationships() = stream->View();
  desk_->Reply(request, std::move(reply));
}

void PrimaryApp::Core::Remove(const Request& request) {
  Stream* stream = Named(request, request.message.remove().name());
  if (stream == nullptr) return;
  const std::string name = stream->spec().name();
  const auto watch = watches_.at(stream->service());
  const auto ending = streams_.extract(name).mapped();
  watch->worker().Post([self = weak_from_this(), request, name, watch, ending,
                        journal = &world_.journal, loop = &world_.loop, clock = &world_.clock] {
    watch->recorder().Close(name);
    const absl::Status removed = journal->RemoveRelationship(name);
    absl::StatusOr<Recorder::Opened> opened = Recorder::Opened();
    if (removed.ok()) {
      (void)journal->AddEntry(
          name, RelationshipEntry(*clock, "removed", request.message.operator_name()));
    } else {
      opened = watch->recorder().Open(name);
    }
    loop->Post([self, request, ending, removed, opened = std::move(opened)]() mutable {
      const auto core = self.lock();
      if (!core) return;
      if (removed.ok()) return core->Removed(request, *ending);
      if (opened.ok()) core->AddStream(ending->spec(), ending->service(), *std::move(opened));
      core->desk_->Reply(request, {}, kRefused, std::string(Message(removed)));
    });
  });
}

void PrimaryApp::Core::Removed(const Request& request, Stream& stream) {
  const std::string& name = stream.spec().name();
  v1::State ended;
  ended.set_what("relationship");
  ended.set_to("REMOVED");
  ended.set_server(options_.server_name);
  ended.set_reason(fmt::format("removed by {}", request.message.operator_name()));
  stream.Announce(ended);
  NESTOR_LOG(info, "RELATIONSHIP_REMOVED", "relationship={}", name);
  world_.metrics.Forget(name);
  ended_[name] = true;
  TellRelationships(stream.spec().secondary());
  desk_->Reply(request, {}, 0,
               fmt::format("{} is removed; both servers keep what they serve", name));
}

}  // namespace nestor::primary
