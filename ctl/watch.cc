#include "ctl/watch.h"

#include <absl/cleanup/cleanup.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <string_view>
#include <utility>

#include "common/base/status.h"
#include "ctl/connect.h"
#include "ctl/exit_code.h"
#include "ctl/json_text.h"
#include "ctl/people_text.h"
#include "ctl/table.h"

namespace nestor::ctl {
namespace {

// A primary's agent sends a heartbeat for each relationship each second.
constexpr absl::Duration kSilence = absl::Seconds(5);
constexpr int kMostUnanswered = 3;

// A descriptor that becomes readable at SIGINT and SIGTERM, which end the process no more. Threads
// that exist already are not covered.
int OpenStopFd() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signalfd(-1, &signals, SFD_CLOEXEC);
}

int Tell(std::string_view text, int exit_code) {
  fmt::print(stderr, "nestorctl: {}\n", Printable(std::string(text)));
  return exit_code;
}

// What one request brought.
struct Spell {
  std::optional<int> exit_code;  // none: silence
  bool answered = false;
  bool had_events = false;
};

// Prints events until none comes for a while.
Spell ShowEvents(bus::OperatorClient& client, WatchPlan& plan, bool json, int stop_fd) {
  Spell spell;
  while (true) {
    const auto reply = client.Receive(kSilence, stop_fd);
    if (absl::IsDeadlineExceeded(reply.status())) return spell;
    if (absl::IsCancelled(reply.status())) {
      spell.exit_code = kDone;
      return spell;
    }
    if (!reply.ok() || reply->last()) {
      spell.exit_code =
          reply.ok()
              ? Tell(reply->text(), reply->exit_code())
              : Tell(fmt::format("{}{}", Message(reply.status()), plan.HowToGoOn()), kNotReachable);
      return spell;
    }
    spell.answered = true;
    if (!reply->has_event()) {
      if (!reply->text().empty()) Tell(reply->text(), kDone);
      continue;
    }
    spell.had_events = true;
    if (!plan.Take(reply->event())) continue;
    fmt::print("{}", json ? JsonText(reply->event()) + '\n' : EventText(reply->event()));
    std::fflush(stdout);
  }
}

int Follow(bus::OperatorClient& client, const Invocation& invocation, int stop_fd) {
  WatchPlan plan(invocation.request.watch(), invocation.json);
  for (int unanswered = 0; unanswered < kMostUnanswered;) {
    v1::OperatorRequest request = invocation.request;
    *request.mutable_watch() = plan.Request();
    if (const absl::Status sent = client.Send(request); !sent.ok()) {
      return Tell(Message(sent), kNotReachable);
    }
    const Spell spell = ShowEvents(client, plan, invocation.json, stop_fd);
    if (spell.exit_code) return *spell.exit_code;
    unanswered = spell.answered ? 0 : unanswered + 1;
    if (spell.had_events) {
      Tell(plan.Request().from() == 0 ? "silence; asking again, events may be missing"
                                      : "silence; asking again",
           kDone);
    }
  }
  return Tell("the agent does not answer any more", kNotReachable);
}

}  // namespace

WatchPlan::WatchPlan(v1::WatchRequest asked, bool json)
    : asked_(std::move(asked)), shown_(asked_.kinds().begin(), asked_.kinds().end()) {
  if (!shown_.empty()) return;
  shown_ = {"change", "ack", "state", "lease"};
  if (json) shown_.insert("heartbeat");
}

v1::WatchRequest WatchPlan::Request() const {
  v1::WatchRequest request = asked_;
  request.clear_kinds();
  for (const std::string& kind : shown_) request.add_kinds(kind);
  if (!shown_.contains("heartbeat")) request.add_kinds("heartbeat");
  return request;
}

bool WatchPlan::Take(const v1::WatchEvent& event) {
  const std::string kind = EventKind(event.envelope());
  if (kind == "change" && !asked_.name().empty()) {
    asked_.set_from(event.envelope().sequence() + 1);
  }
  return shown_.contains(kind);
}

std::string WatchPlan::HowToGoOn() const {
  return asked_.from() == 0 ? "" : fmt::format("; go on later with --from {}", asked_.from());
}

int RunWatch(const Invocation& invocation) {
  const int stop_fd = OpenStopFd();  // before ZeroMQ makes threads
  const absl::Cleanup close_it = [&] { close(stop_fd); };
  const auto client = ConnectTo(invocation);
  if (!client.ok()) {
    return Tell(Message(client.status()),
                absl::IsInvalidArgument(client.status()) ? kUsage : kNotReachable);
  }
  return Follow(**client, invocation, stop_fd);
}

}  // namespace nestor::ctl
