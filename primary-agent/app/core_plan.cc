// What operators ask for that changes both servers, made into an order.

#include <algorithm>

#include "common/agent/address.h"
#include "common/base/status.h"
#include "common/ha/ha.h"
#include "common/log/log.h"
#include "common/protocol/envelope.h"
#include "common/protocol/wire_time.h"
#include "primary-agent/app/core.h"

namespace nestor::primary {
namespace {

using operators::kRefused;
using operators::kUsage;
using Record = v1::TransactionRecord;

constexpr uint32_t kMostDiff = 100;
constexpr uint32_t kDefaultTimeout = 120, kMostTimeout = 3600;  // seconds

// What is wrong with what was asked for, or empty.
std::string WhyNot(const v1::HighAvailability& ha) {
  if (!ha.mode().empty() && ha.mode() != "hot-standby" && ha.mode() != "load-balancing") {
    return "--mode is hot-standby or load-balancing";
  }
  for (const std::string& url : {ha.primary_url(), ha.secondary_url()}) {
    if (url.empty()) continue;
    const auto parsed = agent::ParseHaUrl(url);
    if (!parsed.ok()) return std::string(Message(parsed.status()));
  }
  return {};
}

}  // namespace

void PrimaryApp::Core::TakeOptions(const v1::TransactionOptions& options, Order& order) {
  order.dry_run = options.dry_run();
  const uint32_t timeout = options.timeout() == 0 ? kDefaultTimeout : options.timeout();
  order.timeout = absl::Seconds(std::min(timeout, kMostTimeout));
  order.diff_limit = std::min(options.diff_limit(), kMostDiff);
}

void PrimaryApp::Core::Create(const Request& request) {
  const v1::CreateRequest& create = request.message.create();
  v1::AdoptRequest plain;  // what the two verbs have in common
  plain.set_name(create.name());
  plain.set_service(create.service());
  plain.set_secondary(create.ha().secondary());
  plain.set_observe(create.observe());
  plain.set_hold_percent(create.hold_percent());
  plain.set_hold_minimum(create.hold_minimum());
  const auto spec = SpecFor(request, plain);
  if (!spec) return;
  std::string why = create.ha().mode().empty() ? "--mode is missing" : WhyNot(create.ha());
  if (why.empty() && create.split_pools() && create.ha().mode() != "load-balancing") {
    why = "--split-pools is for load-balancing: in hot-standby one server has all pools";
  }
  if (!why.empty()) return desk_->Reply(request, {}, kUsage, std::move(why));
  Order order;
  order.wish.kind = Record::CREATE;
  order.wish.service = *ServiceFromName(create.service() == v1::DHCP4 ? "dhcp4" : "dhcp6");
  order.wish.spec = *spec;
  order.wish.splits = create.split_pools();
  v1::HighAvailability& ha = *order.wish.spec.mutable_ha();
  ha = create.ha();
  ha.set_primary(spec->primary());
  ha.set_secondary(spec->secondary());
  order.wish.spec.set_split_pools(create.split_pools());
  order.pools = create.split_pools() ? v1::SPLIT : v1::POOLS_AS_THEY_ARE;
  TakeOptions(create.options(), order);
  Begin(request, std::move(order));
}

void PrimaryApp::Core::Edit(const Request& request) {
  const v1::EditRequest& edit = request.message.edit();
  const Stream* stream = Named(request, edit.name());
  if (stream == nullptr) return;
  std::string why = WhyNot(edit.ha());
  if (edit.hold_percent() > 100) why = "--hold-percent is 0 to 100";
  if (!why.empty()) return desk_->Reply(request, {}, kUsage, std::move(why));
  Order order;
  order.wish.kind = Record::EDIT;
  order.wish.service = stream->service();
  order.before = stream->spec();
  order.edits = edit.ha();
  order.edits.clear_primary();
  order.edits.clear_secondary();
  v1::RelationshipSpec& spec = order.wish.spec;
  spec = stream->spec();
  if (edit.has_observe()) spec.set_observe(edit.observe());
  if (edit.has_hold_percent()) spec.set_hold_percent(edit.hold_percent());
  if (edit.has_hold_minimum()) spec.set_hold_minimum(edit.hold_minimum());
  order.pools = edit.pools();
  // In hot-standby a half would be for nobody.
  if (edit.ha().mode() == "hot-standby" && spec.split_pools()) order.pools = v1::JOIN;
  if (order.pools != v1::POOLS_AS_THEY_ARE) spec.set_split_pools(order.pools == v1::SPLIT);
  order.wish.splits = order.pools == v1::SPLIT;
  TakeOptions(edit.options(), order);
  Begin(request, std::move(order));
}

void PrimaryApp::Core::Remove(const Request& request) {
  const v1::RemoveRequest& remove = request.message.remove();
  const auto unserved = unserved_.find(remove.name());
  if (unserved != unserved_.end()) return RemoveUnserved(request, unserved->second);
  if (remove.without_secondary()) return RemoveAlone(request, false);
  Stream* stream = Named(request, remove.name());
  if (stream == nullptr) return;
  const v1::RelationshipSpec& spec = stream->spec();
  // HA that was there before is left alone, unless more is asked for.
  if (!spec.has_ha() && !remove.has_secondary_scopes()) {
    if (!remove.options().dry_run()) return StopMirroring(request, *stream);
    return desk_->Reply(request, {}, 0, "Mirroring would end; both servers keep what they serve.");
  }
  Order order;
  order.wish.kind = Record::REMOVE;
  order.wish.service = stream->service();
  order.wish.spec = spec;
  order.before = spec;
  order.pools = spec.split_pools() ? v1::JOIN : v1::POOLS_AS_THEY_ARE;
  order.secondary_scopes = remove.has_secondary_scopes() ? remove.secondary_scopes() : v1::DISABLE;
  TakeOptions(remove.options(), order);
  Begin(request, std::move(order));
}

void PrimaryApp::Core::Servers(const Request& request) {
  v1::OperatorReply reply;
  v1::ServerView& own = *reply.mutable_servers()->add_servers();
  own.set_server(options_.server_name);
  own.set_role("this agent");
  own.set_agent_version(options_.version);
  for (const auto& [service, look] : looks_) {
    v1::KeaView& kea = *own.add_keas();
    kea.set_service(std::string(ServiceName(service)));
    if (look) kea.set_version(look->health.version);
  }
  for (const auto& [route, session] : sessions_) {
    v1::ServerView& view = *reply.mutable_servers()->add_servers();
    view.set_server(session.server);
    view.set_role("secondary");
    view.set_agent_version(session.version);
    *view.mutable_since() = ToWire(session.since);
    *view.mutable_heard() = ToWire(session.heard_wall);
    for (const auto& [service, version] : session.services) {
      v1::KeaView& kea = *view.add_keas();
      kea.set_service(std::string(ServiceName(service)));
      kea.set_version(version);
    }
  }
  desk_->Reply(request, std::move(reply));
}

void PrimaryApp::Core::Ha(const Request& request) {
  const v1::HaRequest& ha = request.message.ha();
  const Stream* stream = Named(request, ha.name());
  if (stream == nullptr) return;
  const v1::RelationshipSpec& spec = stream->spec();
  if (ha.server() != spec.primary() && ha.server() != spec.secondary()) {
    return desk_->Reply(request, {}, kUsage,
                        fmt::format("{} is none of its servers, {} and {}", ha.server(),
                                    spec.primary(), spec.secondary()));
  }
  // Maintenance of one server is told to the other, which takes over.
  const bool maintenance = ha.action().starts_with("maintenance-");
  const std::string& other = ha.server() == spec.primary() ? spec.secondary() : spec.primary();
  const std::string asked = maintenance ? other : ha.server();
  v1::SiteRequest site;
  site.mutable_ha_command()->set_action(ha.action());
  AskOnce(asked, stream->service(), spec.name(), std::move(site),
          [self = weak_from_this(), request, asked](const v1::SiteReply& reply) {
            const auto core = self.lock();
            if (!core) return;
            NESTOR_LOG(info, "HA_COMMANDED", "relationship={} action={} server={} by={} code={}",
                       request.message.ha().name(), request.message.ha().action(), asked,
                       request.message.operator_name(), reply.code());
            const bool ok = reply.code() == 0;
            core->desk_->Reply(request, {}, ok ? 0 : kRefused,
                               ok ? fmt::format("{}: {} done", asked, request.message.ha().action())
                                  : reply.text());
          });
}

void PrimaryApp::Core::Scopes(const Request& request) {
  const v1::ScopesRequest& scopes = request.message.scopes();
  const auto service = ServiceFromName(scopes.service() == v1::DHCP6 ? "dhcp6" : "dhcp4");
  if (!world_.services.contains(*service)) {
    return desk_->Refuse(request, fmt::format("{} has no service {} in its configuration",
                                              options_.server_name, ServiceName(*service)));
  }
  v1::SiteRequest site;
  site.mutable_change_scopes()->set_scopes(scopes.scopes());
  AskOnce(options_.server_name, *service, {}, std::move(site),
          [self = weak_from_this(), request](const v1::SiteReply& reply) {
            const auto core = self.lock();
            if (!core) return;
            core->desk_->Reply(request, {}, reply.code() == 0 ? 0 : kRefused, reply.text());
          });
}

std::vector<v1::RelationshipView> PrimaryApp::Core::Detect() const {
  std::vector<v1::RelationshipView> views;
  for (const auto& [service, look] : looks_) {
    const bool mirrored = std::any_of(
        streams_.begin(), streams_.end(),
        [service = service](const auto& entry) { return entry.second->service() == service; });
    const auto found = look ? ha::FoundIn(look->ha_parameters) : std::nullopt;
    if (mirrored || !found) continue;
    const v1::HighAvailability& ha = found->settings;
    v1::RelationshipView& view = views.emplace_back();
    view.set_service(std::string(ServiceName(service)));
    view.set_mode(ha.mode());
    view.set_state("DETECTED");
    view.set_primary(ha.primary());
    view.set_secondary(ha.secondary());
    *view.mutable_ha() = ha;
    // The partner's is its own agent's to say.
    if (found->this_server == ha.primary()) view.set_primary_ha_state(look->health.ha_state);
    if (found->this_server == ha.secondary()) view.set_secondary_ha_state(look->health.ha_state);
  }
  return views;
}

}  // namespace nestor::primary
