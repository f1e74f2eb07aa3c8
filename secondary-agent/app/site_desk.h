#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "common/base/executor.h"
#include "common/base/service.h"
#include "common/participant/local_site.h"
#include "nestor/v1/envelope.pb.h"

namespace nestor::secondary {

// Where the coordinator of a relationship asks this site: each request is done once, however often
// it comes, and answered as often. Protocol thread only.
class SiteDesk : public std::enable_shared_from_this<SiteDesk> {
 public:
  using Send = std::function<void(DhcpService service, const std::string& name, v1::SiteReply)>;
  // All referred to must outlive it. `complete` adds to a reply what the worker does not know.
  SiteDesk(Executor& loop, std::map<DhcpService, participant::LocalSite> local, Send send,
           std::function<void(DhcpService, v1::SiteReply&)> complete);

  // Does what somebody on this host asks for. `done` is not called where the desk is gone.
  void Do(DhcpService service, const std::string& name, const v1::SiteRequest& request,
          std::function<void(v1::SiteReply)> done);
  void OnRequest(DhcpService service, const std::string& name, const v1::SiteRequest& request);

 private:
  // Of the transaction that asked last, of one service.
  struct Answers {
    std::string transaction;
    uint64_t start = 0;
    uint64_t newest = 0;
    std::map<uint64_t, v1::SiteReply> given;  // by number; `working`: it is being done
  };

  Executor& loop_;
  const std::map<DhcpService, participant::LocalSite> local_;
  const Send send_;
  const std::function<void(DhcpService, v1::SiteReply&)> complete_;
  std::map<DhcpService, Answers> answers_;
};

}  // namespace nestor::secondary
