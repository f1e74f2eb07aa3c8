#pragma once

#include <functional>
#include <memory>
#include <string>

#include "common/base/executor.h"
#include "common/participant/participant.h"

namespace nestor::participant {

// A host's own site of one service: its Participant, and the worker that owns it and its Kea.
struct LocalSite {
  Executor& worker;
  std::shared_ptr<Participant> participant;

  // Has the worker do `request`; `done` runs on `loop`.
  void Do(Executor& loop, const std::string& name, const v1::SiteRequest& request,
          Participant::Done done) const {
    worker.Post([its = participant, to = &loop, name, request, done = std::move(done)] {
      its->Do(name, request, [to, done](v1::SiteReply reply) {
        to->Post([done, reply = std::move(reply)] { done(reply); });
      });
    });
  }
};

}  // namespace nestor::participant
