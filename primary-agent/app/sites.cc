#include "primary-agent/app/sites.h"

#include <fmt/format.h>

#include <vector>

#include "common/protocol/envelope.h"

namespace nestor::primary {
namespace {

constexpr absl::Duration kAskAgain = absl::Seconds(2);
constexpr absl::Duration kSilent = absl::Seconds(12);

}  // namespace

Sites::Sites(std::string own_server, Clock& clock, Executor& loop,
             std::map<DhcpService, participant::LocalSite> local, Send send)
    : own_server_(std::move(own_server)),
      clock_(clock),
      loop_(loop),
      local_(std::move(local)),
      send_(std::move(send)) {}

void Sites::Ask(const std::string& server, DhcpService service, const std::string& name,
                const v1::SiteRequest& request, Done done) {
  if (server == own_server_) {
    return local_.at(service).Do(
        loop_, name, request,
        [self = weak_from_this(), done = std::move(done)](const v1::SiteReply& reply) {
          if (self.lock()) done(reply);
        });
  }
  v1::Envelope envelope;
  envelope.set_relationship(name);
  envelope.set_service(protocol::ToProto(service));
  *envelope.mutable_site_request() = request;
  const Instant now = clock_.Now();
  const Key key(request.transaction(), request.number());
  const Open& open =
      open_.insert_or_assign(key, Open{server, std::move(envelope), std::move(done), now, now})
          .first->second;
  // Where none is connected, Tick() says so.
  (void)send_(server, open.envelope);
}

void Sites::Forget(const std::string& transaction) {
  std::erase_if(open_, [&](const auto& entry) { return entry.first.first == transaction; });
}

void Sites::OnReply(const std::string& server, const v1::SiteReply& reply) {
  const auto open = open_.find({reply.transaction(), reply.number()});
  if (open == open_.end() || open->second.server != server ||
      open->second.envelope.site_request().start() != reply.start()) {
    return;
  }
  open->second.heard = clock_.Now();
  if (reply.working()) return;
  const Done done = std::move(open->second.done);
  open_.erase(open);
  done(reply);
}

void Sites::Tick() {
  const Instant now = clock_.Now();
  std::vector<std::pair<Key, std::string>> ended;
  for (auto& [key, open] : open_) {
    if (now - open.heard >= kSilent) {
      ended.emplace_back(key, fmt::format("the agent on {} does not answer", open.server));
    } else if (now - open.sent >= kAskAgain) {
      open.sent = now;
      if (!send_(open.server, open.envelope)) {
        ended.emplace_back(
            key, fmt::format("no agent of {} is connected; see nestorctl servers", open.server));
      }
    }
  }
  for (const auto& [key, why] : ended) End(key, absl::StatusCode::kDeadlineExceeded, why);
}

void Sites::End(const Key& key, absl::StatusCode code, std::string text) {
  const auto node = open_.extract(key);
  if (node.empty()) return;  // ended by what another one led to
  v1::SiteReply reply;
  reply.set_transaction(key.first);
  reply.set_number(key.second);
  reply.set_code(static_cast<int>(code));
  reply.set_text(std::move(text));
  node.mapped().done(reply);
}

}  // namespace nestor::primary
