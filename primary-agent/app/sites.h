#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "common/base/clock.h"
#include "common/base/executor.h"
#include "common/base/service.h"
#include "common/participant/local_site.h"
#include "nestor/v1/envelope.pb.h"

namespace nestor::primary {

// The sites of relationships as the coordinator asks them: this host's own, on the worker that owns
// its Kea, and those of other agents, over the bus, again and again until they answer. Protocol
// thread only.
class Sites : public std::enable_shared_from_this<Sites> {
 public:
  // Sends an envelope to the agent of `server`; false: none is connected.
  using Send = std::function<bool(const std::string& server, v1::Envelope envelope)>;

  // All referred to must outlive it.
  Sites(std::string own_server, Clock& clock, Executor& loop,
        std::map<DhcpService, participant::LocalSite> local, Send send);

  const participant::LocalSite& local(DhcpService service) const { return local_.at(service); }

  // Has the site of `server` do `request`, which has its transaction and number. `done` is called
  // once; where the site is silent, with DeadlineExceeded: it may have done it.
  using Done = std::function<void(const v1::SiteReply&)>;
  void Ask(const std::string& server, DhcpService service, const std::string& name,
           const v1::SiteRequest& request, Done done);
  // Nobody waits any longer for what was asked in `transaction`.
  void Forget(const std::string& transaction);
  // A reply from the agent of `server`, whose right to say so was checked.
  void OnReply(const std::string& server, const v1::SiteReply& reply);
  void Tick();

 private:
  struct Open {
    std::string server;
    v1::Envelope envelope;
    Done done;
    Instant sent, heard;
  };
  using Key = std::pair<std::string, uint64_t>;  // transaction, number

  void End(const Key& key, absl::StatusCode code, std::string text);

  const std::string own_server_;
  Clock& clock_;
  Executor& loop_;
  const std::map<DhcpService, participant::LocalSite> local_;
  const Send send_;
  std::map<Key, Open> open_;  // asked of other agents
};

}  // namespace nestor::primary
