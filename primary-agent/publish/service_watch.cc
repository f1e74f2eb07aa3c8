#include "primary-agent/publish/service_watch.h"

#include "common/base/status.h"
#include "common/log/log.h"

namespace nestor::primary {
namespace {

constexpr absl::Duration kPeriod = absl::Milliseconds(250);
// After a read or a write that failed: not at once again, since both cost Kea or the disk.
constexpr absl::Duration kAfterFailure = absl::Seconds(2);
constexpr absl::Duration kReadTimeout = absl::Seconds(60);

}  // namespace

ServiceWatch::ServiceWatch(DhcpService service, kea::KeaControl& kea, watch::ChangeSource& source,
                           Executor& worker, Executor& loop, Clock& clock,
                           std::shared_ptr<Recorder> recorder, OnLook on_look)
    : service_(service),
      kea_(kea),
      source_(source),
      worker_(worker),
      loop_(loop),
      clock_(clock),
      recorder_(std::move(recorder)),
      on_look_(std::move(on_look)),
      next_look_(clock.Now()) {}

void ServiceWatch::Tick() {
  if (!looking_ && clock_.Now() >= next_look_) PostLook();
}

void ServiceWatch::ReadAgain(std::function<void(absl::Status)> done) {
  waiting_.push_back(std::move(done));
  next_look_ = clock_.Now();
  Tick();
}

void ServiceWatch::PostLook() {
  looking_ = true;
  worker_.Post([self = weak_from_this(), service = service_, kea = &kea_, source = &source_,
                recorder = recorder_, loop = &loop_, waiting = std::exchange(waiting_, {})] {
    auto look = std::make_shared<Look>(LookAt(service, *kea, *source, *recorder, !waiting.empty()));
    loop->Post([self, look, waiting] {
      const auto watch = self.lock();
      if (!watch) return;
      watch->looking_ = false;
      const bool failed = !look->read_status.ok() || !look->record_status.ok();
      watch->next_look_ = watch->clock_.Now() + (failed ? kAfterFailure : kPeriod);
      if (!look->read_status.ok()) {
        NESTOR_LOG(warn, "KEA_READ_FAILED", "service={} error=\"{}\"", ServiceName(watch->service_),
                   Message(look->read_status));
      }
      absl::Status status = look->read_status;
      if (status.ok()) status = look->record_status;
      if (status.ok() && !look->read) {
        status = Error(absl::StatusCode::kUnavailable, "Kea does not answer: {}",
                       look->health.error);
      }
      watch->on_look_(std::move(*look));
      for (const auto& done : waiting) done(status);
    });
  });
}

ServiceWatch::Look ServiceWatch::LookAt(DhcpService service, kea::KeaControl& kea,
                                        watch::ChangeSource& source, Recorder& recorder,
                                        bool forced) {
  Look look;
  const watch::ChangeSource::Notice notice = source.Poll();
  look.health = notice.health;
  if (!notice.health.reachable || (!notice.changed && !forced)) return look;
  source.BeginRead();
  auto running = watch::ReadConfiguration(service, kea, kReadTimeout);
  if (!running.ok()) {
    // Half a configuration is none: nothing is concluded from a read that failed.
    source.ForgetRead();
    look.read_status = running.status();
    return look;
  }
  source.EndRead();
  look.read = true;
  look.ha_mode = running->ha_mode;
  if (running->config_backend) {
    look.blocked = *running->config_backend;
    return look;
  }
  running->arguments = json::Document();  // large, and no longer needed
  auto set = std::make_shared<const config::ObjectSet>(std::move(running->objects));
  (void)set->Digest();  // filled in before other threads see it
  look.record_status = recorder.Record(set, notice.changed ? notice.origin : "command",
                                       look.recorded);
  if (!look.record_status.ok()) source.ForgetRead();
  return look;
}

}  // namespace nestor::primary
