// A relationship that ended while this server was taken for lost.

#include <algorithm>

#include "common/base/status.h"
#include "common/log/log.h"
#include "secondary-agent/app/core.h"

namespace nestor::secondary {
namespace {

// What a removal does on a secondary that is there, in the order from back to front. What an
// earlier try has left is forgotten first: each of these steps does no harm twice.
std::vector<v1::SiteRequest> Asks(const v1::RelationshipSpec& spec) {
  v1::SiteRequest forget, set, write;
  forget.mutable_forget();
  write.mutable_write();
  v1::Draft& draft = *set.mutable_set()->mutable_draft();
  draft.set_remove_ha(true);
  draft.set_scopes(v1::DISABLE);
  if (spec.split_pools()) draft.set_pools(v1::JOIN);
  std::vector<v1::SiteRequest> asks = {forget, write, set, forget};
  for (v1::SiteRequest& ask : asks) ask.set_transaction(fmt::format("ended-{}", spec.name()));
  return asks;
}

}  // namespace

void SecondaryApp::Core::EndAlone(const std::string& name, const std::string& by) {
  const auto mirror = mirrors_.find(name);
  if (mirror == mirrors_.end() || std::exchange(alone_[name].under_way, true)) return;
  // What becomes of the subnets is not to be repaired as drift.
  suspended_[name] = mirror->second->service();
  EndNext(name, by, Asks(mirror->second->spec()));
}

void SecondaryApp::Core::EndNext(const std::string& name, const std::string& by,
                                 std::vector<v1::SiteRequest> asks) {
  const auto mirror = mirrors_.find(name);
  if (mirror == mirrors_.end()) return;
  const DhcpService service = mirror->second->service();
  if (asks.empty()) {
    NESTOR_LOG(warn, "ENDED_ALONE", "relationship={} by={}", name, by);
    alone_.erase(name);
    suspended_.erase(name);
    return RemoveMirror(name, by);
  }
  const v1::SiteRequest ask = std::move(asks.back());
  asks.pop_back();
  site_desk_->Do(
      service, name, ask, [self = weak_from_this(), name, by, asks](const v1::SiteReply& reply) {
        const auto core = self.lock();
        if (!core) return;
        if (reply.code() == 0) return core->EndNext(name, by, asks);
        Ending& ending = core->alone_[name];
        ending.under_way = false;
        if (ending.trouble != reply.text()) {
          NESTOR_LOG(warn, "NOT_ENDED_YET", "relationship={} error=\"{}\"", name, reply.text());
        }
        ending.trouble = reply.text();
      });
}

}  // namespace nestor::secondary
