#include "primary-agent/relationship/transaction.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/base/status.h"

namespace nestor::primary {
namespace {

constexpr absl::Duration kBetweenLooks = absl::Milliseconds(500);
constexpr absl::Duration kBetweenTries = absl::Seconds(2);
// How long an operator waits for what failed to be undone.
constexpr absl::Duration kUndoPatience = absl::Seconds(60);
constexpr int kRefused = 65, kUnknownState = 75;

absl::Status StatusOf(const v1::SiteReply& reply) {
  if (reply.code() == 0) return absl::OkStatus();
  return {static_cast<absl::StatusCode>(reply.code()), reply.text()};
}

}  // namespace

Transaction::Transaction(std::string id, Order order, uint64_t start)
    : id_(std::move(id)), start_(start), order_(std::move(order)), steps_(StepsOf(order_.wish)) {
  if (order_.wish.without_secondary) report_.set_without(spec().secondary());
}

Transaction::Transaction(const v1::TransactionRecord& found, uint64_t start)
    : id_(found.transaction()), start_(start) {
  order_.wish.kind = found.kind();
  (void)order_.wish.spec.ParseFromString(found.spec());
  order_.wish.without_secondary = found.without_secondary();
  order_.operator_name = found.operator_name();
  settled_ = true;  // whoever asked for it is gone
  undoing_ = found.stage() != v1::TransactionRecord::DECIDED;
  failure_ = "the agent ended in the middle of it";
}

Transaction::Actions Transaction::Start(Instant now) {
  Actions actions;
  if (steps_.empty()) {
    Enter(undoing_ ? Step::kUndo : Step::kForget, now, actions);
  } else {
    Enter(steps_.front(), now, actions);
  }
  return actions;
}

void Transaction::Next(Instant now, Actions& actions) {
  if (steps_.empty()) return Enter(Step::kDrop, now, actions);
  const Step last_check = order_.wish.without_secondary ? Step::kTestPrimary : Step::kTestSecondary;
  if (order_.dry_run && step_ == last_check) {
    Settle("CHECKED", HasFailedCheck() ? kRefused : 0, {}, actions);
    return End(actions);
  }
  const auto needless = [&](Step step) {
    return (step == Step::kListen || step == Step::kProbe) && !Asks(step, Site::kPrimary) &&
           !Asks(step, Site::kSecondary);
  };
  while (needless(steps_[++at_])) {
  }
  Enter(steps_[at_], now, actions);
}

void Transaction::Enter(Step step, Instant now, Actions& actions) {
  step_ = step;
  if (std::string text = TextOf(step); !text.empty()) Tell(std::move(text), actions);
  switch (step) {
    case Step::kPack:
      actions.pack = true;
      return;
    case Step::kSend:
      return SendPiece(actions);
    case Step::kBegin:
      return Journal(v1::TransactionRecord::BEGUN, actions);
    case Step::kDecide:
      return Journal(v1::TransactionRecord::DECIDED, actions);
    case Step::kDrop:
      return Journal(LastStage(), actions);
    case Step::kWait:
      deadline_ = now + order_.timeout;
      return AskSites(actions);
    case Step::kPause:
      look_at_ = now + Pause();
      return;
    case Step::kInspect:
    case Step::kListen:
    case Step::kProbe:
    case Step::kTestPrimary:
    case Step::kTestSecondary:
    case Step::kSetPrimary:
    case Step::kSetSecondary:
    case Step::kWrite:
    case Step::kForget:
    case Step::kUndo:
      return AskSites(actions);
    case Step::kEnded:
      return;
  }
}

Transaction::Actions Transaction::OnReply(Instant now, absl::Time wall, Site site,
                                          const v1::SiteReply& reply) {
  Actions actions;
  const auto open = open_.find(reply.number());
  if (open == open_.end() || open->second != site) return actions;
  open_.erase(open);
  Take(now, wall, site, reply, actions);
  return actions;
}

Transaction::Actions Transaction::OnPacked(Instant now, std::vector<v1::Piece> pieces) {
  Actions actions;
  if (step_ != Step::kPack) return actions;
  pieces_ = std::move(pieces);
  std::reverse(pieces_.begin(), pieces_.end());  // they are taken from the back
  Next(now, actions);
  return actions;
}

Transaction::Actions Transaction::OnJournaled(Instant now, const absl::Status& status) {
  Actions actions;
  switch (step_) {
    case Step::kBegin:
    case Step::kDecide: {
      const bool decided = step_ == Step::kDecide;
      if (!status.ok()) {
        Fail(now, fmt::format("the journal cannot be written: {}", Message(status)), actions);
        return actions;
      }
      decided_ = decided_ || decided;
      if (decided) Settle("DONE", 0, report_.without().empty() ? "" : WhatStays(spec()), actions);
      Next(now, actions);
      return actions;
    }
    case Step::kDrop:
      // Found again at the next start, where it comes to the same.
      End(actions);
      return actions;
    default:
      return actions;
  }
}

Transaction::Actions Transaction::OnTick(Instant now) {
  Actions actions;
  if (look_at_ && now >= *look_at_) {
    look_at_.reset();
    if (step_ == Step::kPause) {
      Next(now, actions);
    } else {
      AskSites(actions);
    }
  }
  for (const Site site : {Site::kPrimary, Site::kSecondary}) {
    const auto retry = retry_at_.find(site);
    if (retry == retry_at_.end() || now < retry->second) continue;
    retry_at_.erase(retry);
    AskSite(site, RequestOf(step_, site), actions);
  }
  if (step_ == Step::kUndo && !settled_ && now >= give_word_at_) {
    Settle("UNDOING", kUnknownState,
           fmt::format("{}; putting it back is not done yet and goes on by itself: {}", failure_,
                       report_.step()),
           actions);
  }
  return actions;
}

void Transaction::Take(Instant now, absl::Time wall, Site site, const v1::SiteReply& reply,
                       Actions& actions) {
  const absl::Status status = StatusOf(reply);
  switch (step_) {
    case Step::kInspect:
      TakeFacts(wall, site, reply);
      break;
    case Step::kListen:
      AddCheck(ListenCheck(Name(site), Url(site), status), actions);
      break;
    case Step::kProbe: {
      const Site other = Other(site);
      AddCheck(ReachCheck(Name(other), Url(other), Name(site), status), actions);
      break;
    }
    case Step::kTestPrimary:
    case Step::kTestSecondary:
      AddCheck(TestCheck(Name(site), known_[site].facts.kea_version(), status, reply.tested(),
                         site == Site::kSecondary),
               actions);
      if (status.ok()) {
        v1::SitePlan& plan = *report_.add_sites();
        plan.set_server(Name(site));
        *plan.mutable_tested() = reply.tested();
      }
      break;
    case Step::kSend:
    case Step::kSetPrimary:
    case Step::kSetSecondary:
    case Step::kWrite:
      if (!status.ok() && failure_.empty()) failure_ = std::string(Message(status));
      break;
    case Step::kWait:
      health_[site] = reply.health();
      if (!status.ok()) health_[site].set_error(reply.text());
      break;
    case Step::kUndo:
    case Step::kForget:
      if (!status.ok()) return Retry(now, site, std::string(Message(status)), actions);
      break;
    case Step::kPack:
    case Step::kBegin:
    case Step::kPause:
    case Step::kDecide:
    case Step::kDrop:
    case Step::kEnded:
      return;
  }
  if (open_.empty() && retry_at_.empty()) Complete(now, actions);
}

void Transaction::TakeFacts(absl::Time wall, Site site, const v1::SiteReply& reply) {
  SiteKnown& known = known_[site];
  known.facts = reply.facts();
  known.no_answer = reply.code() == 0 ? std::string() : reply.text();
  if (!known.facts.has_wall()) return;
  const absl::Time its = absl::FromUnixSeconds(known.facts.wall().seconds()) +
                         absl::Nanoseconds(known.facts.wall().nanos());
  known.clock_ahead = its - wall;
}

void Transaction::Complete(Instant now, Actions& actions) {
  switch (step_) {
    case Step::kInspect:
      return CompleteInspect(now, actions);
    case Step::kListen:
    case Step::kProbe:
    case Step::kTestPrimary:
    case Step::kTestSecondary:
      if (HasFailedCheck()) return Refuse("see what failed above; nothing was changed", actions);
      return Next(now, actions);
    case Step::kSend:
      if (failure_.empty() && !pieces_.empty()) return SendPiece(actions);
      [[fallthrough]];
    case Step::kSetPrimary:
    case Step::kSetSecondary:
    case Step::kWrite:
      return failure_.empty() ? Next(now, actions) : Fail(now, failure_, actions);
    case Step::kWait:
      return CompleteWait(now, actions);
    case Step::kForget:
      return Next(now, actions);
    case Step::kUndo:
      if (!settled_) {
        Settle("UNDONE", kRefused,
               fmt::format("{}.\n{} before", failure_,
                           order_.wish.without_secondary ? Name(Site::kPrimary) + " is as it was"
                                                         : "Both servers are as they were"),
               actions);
      }
      return Enter(Step::kDrop, now, actions);
    case Step::kPack:
    case Step::kBegin:
    case Step::kPause:
    case Step::kDecide:
    case Step::kDrop:
    case Step::kEnded:
      return;
  }
}

void Transaction::CompleteInspect(Instant now, Actions& actions) {
  v1::RelationshipSpec& spec = order_.wish.spec;
  if (order_.wish.kind == v1::TransactionRecord::EDIT) {
    *spec.mutable_ha() = known_[Site::kPrimary].facts.ha();
    spec.mutable_ha()->MergeFrom(order_.edits);
    if (InTurns()) steps_ = StepsInTurns();
  }
  if (order_.wish.kind != v1::TransactionRecord::REMOVE) {
    v1::HighAvailability& ha = *spec.mutable_ha();
    if (ha.primary_url().empty()) ha.set_primary_url(known_[Site::kPrimary].facts.ha_url());
    if (ha.secondary_url().empty()) ha.set_secondary_url(known_[Site::kSecondary].facts.ha_url());
  }
  for (v1::Check& check :
       Preflight(order_.wish, known_[Site::kPrimary], known_[Site::kSecondary])) {
    AddCheck(std::move(check), actions);
  }
  if (HasFailedCheck()) return Refuse("see what failed above; nothing was changed", actions);
  Next(now, actions);
}

void Transaction::CompleteWait(Instant now, Actions& actions) {
  const std::string& normal = spec().ha().mode();
  const auto is_normal = [&](Site site) {
    return health_[site].reachable() && health_[site].ha_state() == normal;
  };
  if (is_normal(Site::kPrimary) && is_normal(Site::kSecondary)) return Next(now, actions);
  const auto words = [&](Site site) {
    const v1::Health& health = health_[site];
    return fmt::format("{} {}", Name(site),
                       !health.error().empty()     ? "does not answer: " + health.error()
                       : health.ha_state().empty() ? "has no HA state"
                                                   : "is " + health.ha_state());
  };
  const std::string both = fmt::format("{}, {}", words(Site::kPrimary), words(Site::kSecondary));
  if (now >= deadline_) {
    return Fail(now,
                fmt::format("HA did not come to {} within {}: {}", normal,
                            std::string(absl::FormatDuration(order_.timeout)), both),
                actions);
  }
  Tell(fmt::format("waiting for HA: {}", both), actions);
  look_at_ = now + kBetweenLooks;
}

// Between being begun and being decided.
bool Transaction::Reversible() const {
  switch (step_) {
    case Step::kSetPrimary:
    case Step::kSetSecondary:
    case Step::kPause:
    case Step::kWait:
    case Step::kWrite:
    case Step::kDecide:
      return true;
    default:
      return false;
  }
}

void Transaction::Fail(Instant now, std::string why, Actions& actions) {
  if (!Reversible()) return Refuse(fmt::format("{}; nothing was changed", why), actions);
  failure_ = std::move(why);
  open_.clear();
  actions.gave_up = true;
  look_at_.reset();
  give_word_at_ = now + kUndoPatience;
  Enter(Step::kUndo, now, actions);
}

void Transaction::Refuse(std::string why, Actions& actions) {
  Settle(order_.dry_run ? "CHECKED" : "REFUSED", kRefused, std::move(why), actions);
  End(actions);
}

void Transaction::Retry(Instant now, Site site, const std::string& why, Actions& actions) {
  retry_at_[site] = now + kBetweenTries;
  Tell(fmt::format("{} {}, which is tried again: {}",
                   step_ == Step::kUndo ? "putting back" : "finishing on", Name(site), why),
       actions);
}

void Transaction::Settle(std::string state, int exit_code, std::string text, Actions& actions) {
  if (settled_) return;
  settled_ = true;
  report_.set_state(std::move(state));
  exit_code_ = exit_code;
  text_ = std::move(text);
  actions.settled = true;
}

void Transaction::End(Actions& actions) {
  step_ = Step::kEnded;
  actions.ended = true;
}

void Transaction::Tell(std::string step, Actions& actions) {
  if (!settled_) report_.set_state("WORKING");
  if (report_.step() == step) return;
  report_.set_step(std::move(step));
  actions.told = true;
}

void Transaction::AddCheck(v1::Check check, Actions& actions) {
  *report_.add_checks() = std::move(check);
  actions.told = true;
}

bool Transaction::HasFailedCheck() const {
  return std::any_of(report_.checks().begin(), report_.checks().end(), Failed);
}

std::string Transaction::Doing() const {
  return step_ == Step::kEnded ? std::string() : report_.step();
}

}  // namespace nestor::primary
