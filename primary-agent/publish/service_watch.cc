#include "primary-agent/publish/service_watch.h"

namespace nestor::primary {

ServiceWatch::ServiceWatch(DhcpService service, watch::ChangeSource& source, watch::Hint* hint,
                           Executor& worker, Executor& loop, Clock& clock,
                           std::shared_ptr<Recorder> recorder, OnLook on_look)
    : worker_(worker), recorder_(std::move(recorder)) {
  // Filled on the worker, emptied on the protocol thread by the end of a look that read: one look
  // at a time, and the posting orders the two. A look that says that Kea is silent is told
  // meanwhile.
  const auto recorded = std::make_shared<std::vector<Recorded>>();
  lookout_ = std::make_shared<watch::Lookout>(
      service, source, hint, worker, loop, clock,
      [recorder = recorder_, recorded](const watch::Look& look) {
        return recorder->Record(look.set, look.origin, *recorded);
      },
      [recorded, on_look = std::move(on_look)](watch::Look look) {
        std::vector<Recorded> news;
        if (look.read) news = std::exchange(*recorded, {});
        on_look({std::move(look), std::move(news)});
      });
}

}  // namespace nestor::primary
