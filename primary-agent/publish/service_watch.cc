#include "primary-agent/publish/service_watch.h"

#include "common/base/status.h"
#include "common/ha/pools.h"

namespace nestor::primary {
namespace {

// What a look's use leaves on the worker for the look's end on the protocol thread.
struct Found {
  std::vector<Recorded> recorded;
  std::string behind;
  std::vector<std::string> unsplit;
  bool split = false;
};

absl::Status Use(const watch::Look& look, FileDebt& debt, Recorder& recorder, ha::PoolsWatch& pools,
                 Found& found) {
  if (look.ha_mode == "load-balancing") {
    pools.Update(*look.set);
    found.unsplit = pools.Unsplit(ServiceWatch::kMostUnsplit + 1);
    found.split = pools.Splits();
  }
  ASSIGN_OR_RETURN(found.behind, debt.Look(look));
  if (!found.behind.empty()) return absl::OkStatus();
  return recorder.Record(look.set, look.origin, found.recorded);
}

}  // namespace

ServiceWatch::ServiceWatch(DhcpService service, watch::ChangeSource& source, watch::Hint* hint,
                           Executor& worker, Executor& loop, Clock& clock,
                           std::shared_ptr<Recorder> recorder, std::shared_ptr<FileDebt> debt,
                           OnLook on_look)
    : worker_(worker), loop_(loop), recorder_(std::move(recorder)), debt_(std::move(debt)) {
  // Filled on the worker, emptied on the protocol thread by the end of a look that read: one look
  // at a time, and the posting orders the two. A look that says that Kea is silent is told
  // meanwhile.
  const auto found = std::make_shared<Found>();
  lookout_ = std::make_shared<watch::Lookout>(
      service, source, hint, worker, loop, clock,
      [recorder = recorder_, debt = debt_, pools = std::make_shared<ha::PoolsWatch>(service),
       found](const watch::Look& look) { return Use(look, *debt, *recorder, *pools, *found); },
      [found, on_look = std::move(on_look)](watch::Look look) {
        Found news;
        if (look.read) news = std::exchange(*found, {});
        on_look({std::move(look), std::move(news.recorded), std::move(news.behind),
                 std::move(news.unsplit), news.split});
      });
}

void ServiceWatch::Settle(uint64_t order, std::function<void(bool)> done) {
  ReadAgain([debt = debt_, worker = &worker_, loop = &loop_, order,
             done = std::move(done)](const absl::Status& read) {
    if (!read.ok()) return done(false);
    worker->Post([debt, loop, order, done] {
      loop->Post([done, settled = debt->Settle(order)] { done(settled); });
    });
  });
}

}  // namespace nestor::primary
