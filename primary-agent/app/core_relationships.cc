// Relationships as operators begin, look at and end them on the primary.

#include <absl/strings/ascii.h>

#include <algorithm>

#include "common/base/status.h"
#include "common/log/log.h"
#include "common/operator/history.h"
#include "common/protocol/envelope.h"
#include "common/protocol/wire_time.h"
#include "primary-agent/app/core.h"

namespace nestor::primary {
namespace {

using operators::kRefused;
using operators::kUsage;

constexpr uint32_t kDefaultHoldPercent = 20;
constexpr uint32_t kDefaultHoldMinimum = 5;

v1::RelationshipView ViewOfUnserved(const v1::RelationshipSpec& spec) {
  v1::RelationshipView view;
  view.set_name(spec.name());
  view.set_service(absl::AsciiStrToLower(v1::Service_Name(spec.service())));
  view.set_primary(spec.primary());
  view.set_secondary(spec.secondary());
  view.set_mode("none");
  view.set_observe(spec.observe());
  view.set_hold_percent(spec.hold_percent());
  view.set_hold_minimum(spec.hold_minimum());
  *view.mutable_since() = spec.since();
  view.set_state("IMPAIRED");
  return view;
}

}  // namespace

std::optional<v1::RelationshipSpec> PrimaryApp::Core::SpecFor(const Request& request,
                                                              const v1::AdoptRequest& adopt) {
  std::string usage;
  if (!protocol::IsRelationshipName(adopt.name())) {
    usage = fmt::format("'{}' is not a name: 1 to 63 of a-z, 0-9 and '-'", adopt.name());
  } else if (adopt.secondary().empty() || adopt.secondary() == options_.server_name) {
    usage = "--secondary names the other server of the pair";
  } else if (adopt.hold_percent() > 100) {
    usage = "--hold-percent is 0 to 100";
  } else if (adopt.service() != v1::DHCP4 && adopt.service() != v1::DHCP6) {
    usage = "--service is dhcp4 or dhcp6";
  }
  if (!usage.empty()) {
    desk_->Reply(request, {}, kUsage, std::move(usage));
    return std::nullopt;
  }
  const auto service = adopt.service() == v1::DHCP4 ? DhcpService::kDhcp4 : DhcpService::kDhcp6;
  if (std::string text = WhyNotAdopt(adopt, service); !text.empty()) {
    desk_->Reply(request, {}, kRefused, std::move(text));
    return std::nullopt;
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
  return spec;
}

void PrimaryApp::Core::Adopt(const Request& request) {
  const v1::AdoptRequest& adopt = request.message.adopt();
  if (adopt.secondary().empty()) return AdoptDetected(request);
  const auto wanted = SpecFor(request, adopt);
  if (!wanted) return;
  const v1::RelationshipSpec& spec = *wanted;
  const auto service = adopt.service() == v1::DHCP4 ? DhcpService::kDhcp4 : DhcpService::kDhcp6;
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

// The pair that runs: nothing need be said but a name.
void PrimaryApp::Core::AdoptDetected(const Request& request) {
  std::vector<v1::RelationshipView> found = Detect();
  Request adopt = request;
  v1::AdoptRequest& wanted = *adopt.message.mutable_adopt();
  if (wanted.service() != v1::SERVICE_UNSPECIFIED) {
    std::erase_if(found, [&](const auto& view) {
      return view.service() != (wanted.service() == v1::DHCP4 ? "dhcp4" : "dhcp6");
    });
  }
  if (found.size() != 1) {
    return desk_->Refuse(
        request, fmt::format("{} on {}; say --service and --secondary",
                             found.empty() ? "there is no HA without a relationship"
                                           : "there is more than one HA without a relationship",
                             options_.server_name));
  }
  const v1::RelationshipView& view = found.front();
  wanted.set_service(view.service() == "dhcp4" ? v1::DHCP4 : v1::DHCP6);
  wanted.set_secondary(AgentOf(view.secondary()));
  if (wanted.secondary().empty()) {
    return desk_->Refuse(request,
                         fmt::format("its partner is {}, and no agent of that name is connected; "
                                     "see nestorctl servers, and say --secondary",
                                     view.secondary()));
  }
  Adopt(adopt);
}

// The server's name where its agent is connected, the only agent's where there is one, or empty.
std::string PrimaryApp::Core::AgentOf(const std::string& peer) const {
  std::set<std::string> names;
  for (const auto& [route, session] : sessions_) names.insert(session.server);
  if (names.contains(peer)) return peer;
  return names.size() == 1 ? *names.begin() : std::string();
}

std::string PrimaryApp::Core::WhyNotAdopt(const v1::AdoptRequest& adopt,
                                          DhcpService service) const {
  if (!watches_.contains(service)) {
    return fmt::format("{} has no service {} in its configuration", options_.server_name,
                       ServiceName(service));
  }
  for (const auto& [route, session] : sessions_) {
    if (session.server != adopt.secondary() || session.services.contains(service)) continue;
    return fmt::format("{} has no service {} in its agent's configuration", adopt.secondary(),
                       ServiceName(service));
  }
  std::map<std::string, v1::RelationshipSpec> others = adopting_;
  others.insert(unserved_.begin(), unserved_.end());
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
    const absl::Status added = journal->SaveRelationship(spec);
    opened = added.ok() ? watch->recorder().Open(spec.name()) : added;
    if (added.ok() && !opened.ok()) (void)journal->RemoveRelationship(spec.name());
    if (opened.ok()) {
      (void)journal->AddEntry(spec.name(), operators::RelationshipEntry(*clock, "adopted", who));
    }
    loop->Post([self, request, spec, service, opened = std::move(opened)]() mutable {
      const auto core = self.lock();
      if (!core) return;
      core->adopting_.erase(spec.name());
      if (!opened.ok()) {
        return core->desk_->Reply(request, {}, kRefused, std::string(Message(opened.status())));
      }
      core->ForgetLeftOf(spec);
      core->AddStream(spec, service, *std::move(opened));
      NESTOR_LOG(info, "RELATIONSHIP_ADOPTED", "relationship={} service={} secondary={}",
                 spec.name(), ServiceName(service), spec.secondary());
      for (auto& [route, session] : core->sessions_) session.ended.erase(spec.name());
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
  v1::RelationshipList& list = *reply.mutable_relationships();
  for (const auto& [name, stream] : streams_) *list.add_relationships() = stream->View();
  for (const auto& [name, spec] : unserved_) *list.add_relationships() = ViewOfUnserved(spec);
  // As it was when its Kea was last read: nobody waits for one that hangs.
  for (v1::RelationshipView& view : Detect()) *list.add_relationships() = std::move(view);
  desk_->Reply(request, std::move(reply));
}

void PrimaryApp::Core::Show(const Request& request) {
  v1::OperatorReply reply;
  const auto unserved = unserved_.find(request.message.show().name());
  if (unserved != unserved_.end()) {
    *reply.mutable_relationships()->add_relationships() = ViewOfUnserved(unserved->second);
  } else if (const Stream* stream = Named(request, request.message.show().name())) {
    *reply.mutable_relationships()->add_relationships() = stream->View();
  } else {
    return;
  }
  desk_->Reply(request, std::move(reply));
}

void PrimaryApp::Core::StopMirroring(const Request& request, Stream& stream) {
  const std::string name = stream.spec().name();
  const auto watch = watches_.at(stream.service());
  const auto ending = streams_.extract(name).mapped();
  watch->worker().Post([self = weak_from_this(), request, name, watch, ending,
                        journal = &world_.journal, loop = &world_.loop, clock = &world_.clock] {
    watch->recorder().Close(name);
    const absl::Status removed = journal->RemoveRelationship(name);
    if (removed.ok()) {
      (void)journal->AddEntry(
          name, operators::RelationshipEntry(*clock, "removed", request.message.operator_name()));
    }
    loop->Post([self, request, name, ending, removed] {
      const auto core = self.lock();
      if (!core) return;
      if (!removed.ok()) {
        core->KeepStream(ending);
        return core->desk_->Reply(request, {}, kRefused, std::string(Message(removed)));
      }
      core->EndStream(*ending, request.message.operator_name());
      core->desk_->Reply(request, {}, 0,
                         fmt::format("{} is removed; both servers keep what they serve", name));
    });
  });
}

// Nothing of it runs: only the journal knows it.
void PrimaryApp::Core::RemoveUnserved(const Request& request, const v1::RelationshipSpec& spec) {
  world_.disk.Post([self = weak_from_this(), request, spec, journal = &world_.journal,
                    loop = &world_.loop, clock = &world_.clock] {
    const absl::Status removed = journal->RemoveRelationship(spec.name());
    if (removed.ok()) {
      (void)journal->AddEntry(spec.name(), operators::RelationshipEntry(
                                               *clock, "removed", request.message.operator_name()));
    }
    loop->Post([self, request, spec, removed] {
      const auto core = self.lock();
      if (!core) return;
      if (!removed.ok()) {
        return core->desk_->Reply(request, {}, kRefused, std::string(Message(removed)));
      }
      core->unserved_.erase(spec.name());
      core->TellEnded(spec);
      core->desk_->Reply(request, {}, 0, fmt::format("{} is removed", spec.name()));
    });
  });
}

void PrimaryApp::Core::TellEnded(const v1::RelationshipSpec& spec) {
  for (auto& [route, session] : sessions_) {
    if (session.server != spec.secondary()) continue;
    session.ended[spec.name()] = true;
    // It may have begun to follow since it last said whom it follows.
    if (std::find(session.known.begin(), session.known.end(), spec.name()) == session.known.end()) {
      session.known.push_back(spec.name());
    }
  }
  TellRelationships(spec.secondary());
}

void PrimaryApp::Core::EndStream(Stream& stream, const std::string& by) {
  const std::string& name = stream.spec().name();
  stream.Dismiss(fmt::format("{} was removed by {}", name, by));
  v1::State ended;
  ended.set_what("relationship");
  ended.set_to("REMOVED");
  ended.set_server(options_.server_name);
  ended.set_reason(fmt::format("removed by {}", by));
  stream.Announce(ended);
  NESTOR_LOG(info, "RELATIONSHIP_REMOVED", "relationship={}", name);
  world_.metrics.Forget(name);
  std::erase_if(watchers_, [&](const auto& entry) { return entry.second.relationship == name; });
  TellEnded(stream.spec());
}

std::string PrimaryApp::Core::WhyUnserved(const v1::RelationshipSpec& spec) const {
  const std::string service = absl::AsciiStrToLower(v1::Service_Name(spec.service()));
  return fmt::format(
      "{} has no service {} in its configuration, so {} stands still: add it there, or end the "
      "relationship with: nestorctl relationship remove {}",
      options_.server_name, service, spec.name(), spec.name());
}

}  // namespace nestor::primary
