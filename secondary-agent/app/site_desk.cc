#include "secondary-agent/app/site_desk.h"

#include <fmt/format.h>

#include <utility>

namespace nestor::secondary {
namespace {

constexpr size_t kMostKept = 16;  // answers to what a coordinator may still ask again

}  // namespace

SiteDesk::SiteDesk(Executor& loop, std::map<DhcpService, participant::LocalSite> local, Send send,
                   std::function<void(DhcpService, v1::SiteReply&)> complete)
    : loop_(loop),
      local_(std::move(local)),
      send_(std::move(send)),
      complete_(std::move(complete)) {}

void SiteDesk::OnRequest(DhcpService service, const std::string& name,
                         const v1::SiteRequest& request) {
  const auto local = local_.find(service);
  if (local == local_.end()) {
    v1::SiteReply none;
    none.set_transaction(request.transaction());
    none.set_number(request.number());
    none.set_start(request.start());
    none.set_code(static_cast<int>(absl::StatusCode::kFailedPrecondition));
    none.set_text(
        fmt::format("its agent has no service {} in its configuration", ServiceName(service)));
    return send_(service, name, std::move(none));
  }
  Answers& answers = answers_[service];
  if (answers.transaction != request.transaction() || answers.start != request.start()) {
    answers = {request.transaction(), request.start(), 0, {}};
  }
  if (const auto given = answers.given.find(request.number()); given != answers.given.end()) {
    return send_(service, name, given->second);
  }
  if (request.number() <= answers.newest) return;  // it was overtaken
  answers.newest = request.number();
  v1::SiteReply& working = answers.given[request.number()];
  working.set_transaction(request.transaction());
  working.set_number(request.number());
  working.set_start(request.start());
  working.set_working(true);
  while (answers.given.size() > kMostKept) answers.given.erase(answers.given.begin());
  Do(service, name, request, [this, service, name](v1::SiteReply reply) {
    complete_(service, reply);
    Answers& its = answers_[service];
    if (its.transaction == reply.transaction() && its.start == reply.start())
      its.given[reply.number()] = reply;
    send_(service, name, std::move(reply));
  });
}

void SiteDesk::Do(DhcpService service, const std::string& name, const v1::SiteRequest& request,
                  std::function<void(v1::SiteReply)> done) {
  local_.at(service).Do(loop_, name, request,
                        [self = weak_from_this(), done = std::move(done)](v1::SiteReply reply) {
                          if (const auto desk = self.lock()) done(std::move(reply));
                        });
}

}  // namespace nestor::secondary
