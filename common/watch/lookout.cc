#include "common/watch/lookout.h"

#include <algorithm>
#include <utility>

#include "common/base/status.h"
#include "common/log/log.h"

namespace nestor::watch {
namespace {

constexpr absl::Duration kPeriod = absl::Milliseconds(250);
// After a hint: how often, and how long a change is waited for.
constexpr absl::Duration kHurried = absl::Milliseconds(10);
constexpr absl::Duration kHurry = absl::Seconds(3);
// After a read, or the use of it, that failed: a read blocks Kea, so a large one is not soon
// repeated.
constexpr absl::Duration kLeastWait = absl::Seconds(2), kMostWait = absl::Seconds(30);
constexpr int kWaitPerRead = 50;  // times what it took, so that Kea is blocked for 2 % at most
constexpr absl::Duration kReadTimeout = absl::Seconds(60);
// A look that takes longer is told of before it ends.
constexpr absl::Duration kSilent = absl::Seconds(10);

// Until the next try. What a Kea took that did not answer at all says nothing.
absl::Duration WaitAfterFailure(const absl::Status& read, absl::Duration took) {
  if (absl::IsDeadlineExceeded(read)) return kLeastWait;
  return std::clamp(kWaitPerRead * took, kLeastWait, kMostWait);
}

// What a poll read already, or else now.
absl::StatusOr<Running> ReadFrom(ChangeSource& source, bool is_known) {
  if (auto known = is_known ? source.Known() : std::nullopt) return *std::move(known);
  return source.Read(ChangeSource::By::kLeast, kReadTimeout);
}

Look LookAt(ChangeSource& source, Hint* hint, const Lookout::Use& use, const std::string& told,
            bool forced) {
  Look look;
  const auto news = told.empty() || forced ? std::nullopt : source.PollTold(told);
  const ChangeSource::Notice notice = news ? *news : source.Poll();
  look.health = notice.health;
  if (hint != nullptr && notice.health.reachable) hint->Follow(notice.health.pid);
  // Whoever asked for it needs it, so it is read as soon as Kea answers.
  if (!notice.health.reachable && forced) source.Forget();
  if (!notice.health.reachable || (!notice.changed && !forced)) return look;
  auto running = ReadFrom(source, news.has_value());
  if (!running.ok()) {
    // Half a configuration is none: nothing is concluded from a read that failed.
    look.read_status = running.status();
    look.health.reachable = false;
    look.health.error = Message(running.status());
    return look;
  }
  look.read = true;
  look.origin = notice.changed ? notice.origin : std::string(kCommand);
  look.ha_mode = running->ha_mode;
  look.ha_parameters = std::move(running->ha_parameters);
  if (running->blocked()) {
    look.blocked = *running->blocked();
    return look;
  }
  look.set = running->set;
  running->arguments = json::Document();  // large, and no longer needed
  if (use) look.used_status = use(look);
  if (!look.used_status.ok()) source.Forget();
  return look;
}

}  // namespace

Lookout::Lookout(DhcpService service, ChangeSource& source, Hint* hint, Executor& worker,
                 Executor& loop, Clock& clock, Use use, OnLook on_look)
    : service_(service),
      source_(source),
      hint_(hint),
      worker_(worker),
      loop_(loop),
      clock_(clock),
      use_(std::move(use)),
      on_look_(std::move(on_look)),
      next_look_(clock.Now()),
      hurry_until_(clock.Now()) {}

void Lookout::Tick() {
  const Instant now = clock_.Now();
  if (hint_ != nullptr) TakeSign(hint_->Seen(), now);
  if (!looking_ && now >= next_look_) return PostLook();
  if (!looking_ || told_silent_ || now - began_ < kSilent) return;
  told_silent_ = true;
  Look silent;
  silent.health = health_;
  silent.health.reachable = false;
  silent.health.error = fmt::format("no answer for {} s", absl::ToInt64Seconds(kSilent));
  on_look_(std::move(silent));
}

void Lookout::TakeSign(Hint::Sign sign, Instant now) {
  switch (sign) {
    case Hint::Sign::kNone:
      return;
    case Hint::Sign::kExpected:
      // Who is told when it happens need not look for it meanwhile.
      if (!told_ || health_.hook.empty()) hurry_until_ = now + kHurry;
      break;
    case Hint::Sign::kHappened:
      told_ = true;
      revision_ = hint_->Told();
      look_again_ |= looking_;
      break;
  }
  next_look_ = std::min(next_look_, now);
}

void Lookout::ReadAgain(std::function<void(absl::Status)> done) {
  waiting_.push_back(std::move(done));
  next_look_ = clock_.Now();
  Tick();
}

void Lookout::PostLook() {
  looking_ = true;
  began_ = clock_.Now();
  told_silent_ = false;
  // The worker waits, since turns of the loop may be further apart.
  const auto pause = began_ < hurry_until_ ? kHurried : absl::ZeroDuration();
  worker_.Post([self = weak_from_this(), source = &source_, hint = hint_, clock = &clock_, pause,
                use = use_, loop = &loop_, told = std::exchange(revision_, {}),
                waiting = std::exchange(waiting_, {})] {
    if (pause > absl::ZeroDuration()) clock->Sleep(pause);
    auto look = std::make_shared<Look>(LookAt(*source, hint, use, told, !waiting.empty()));
    loop->Post([self, look, waiting] {
      if (const auto lookout = self.lock()) lookout->Finish(std::move(*look), waiting);
    });
  });
}

void Lookout::Finish(Look look, const std::vector<Done>& waiting) {
  looking_ = false;
  const Instant now = clock_.Now();
  const bool failed = !look.read_status.ok() || !look.used_status.ok();
  if (look.read || failed) hurry_until_ = now;  // what was hinted at has happened
  if (std::exchange(look_again_, false) || now < hurry_until_) {
    next_look_ = now;
  } else if (waiting_.empty()) {  // who asked during this look does not wait for the next turn
    next_look_ = now + (failed ? WaitAfterFailure(look.read_status, now - began_) : kPeriod);
  }
  if (!look.read_status.ok()) {
    NESTOR_LOG(warn, "KEA_READ_FAILED", "service={} error=\"{}\"", ServiceName(service_),
               Message(look.read_status));
  }
  absl::Status status = look.read_status;
  if (status.ok()) status = look.used_status;
  if (status.ok() && !look.read) {
    status = Error(absl::StatusCode::kUnavailable, "Kea does not answer: {}", look.health.error);
  }
  health_ = look.health;
  on_look_(std::move(look));
  for (const Done& done : waiting) done(status);
}

}  // namespace nestor::watch
