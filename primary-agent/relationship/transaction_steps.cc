// What each step of a Transaction asks of which site, and writes down.

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "common/agent/address.h"
#include "primary-agent/relationship/transaction.h"

namespace nestor::primary {
namespace {

constexpr std::string_view kHotStandby = "hot-standby";

}  // namespace

std::vector<Transaction::Step> Transaction::StepsOf(const Wish& wish) {
  using enum Step;
  if (wish.without_secondary) {
    return {kInspect, kTestPrimary, kBegin, kSetPrimary, kWrite, kDecide, kForget, kDrop};
  }
  switch (wish.kind) {
    case v1::TransactionRecord::CREATE:
      return {kInspect, kListen,        kProbe,  kTestPrimary,  kPack,
              kSend,    kTestSecondary, kBegin,  kSetSecondary, kSetPrimary,
              kWait,    kWrite,         kDecide, kForget,       kDrop};
    case v1::TransactionRecord::EDIT:
      return {kInspect, kListen,       kProbe, kTestPrimary, kTestSecondary, kBegin,  kSetPrimary,
              kPause,   kSetSecondary, kWait,  kWrite,       kDecide,        kForget, kDrop};
    case v1::TransactionRecord::REMOVE:
      return {kInspect,      kTestPrimary, kTestSecondary, kBegin,  kSetPrimary,
              kSetSecondary, kWrite,       kDecide,        kForget, kDrop};
    default:
      return {kDrop};
  }
}

std::vector<Transaction::Step> Transaction::StepsInTurns() {
  using enum Step;
  return {kInspect, kListen,     kProbe, kTestPrimary, kTestSecondary, kBegin,  kSetSecondary,
          kWait,    kSetPrimary, kWait,  kWrite,       kDecide,        kForget, kDrop};
}

// A hot-standby pair whose timers are edited. Its standby serves nobody, so it goes first; the
// primary then finds a partner that is ready and is out of service for one heartbeat-delay.
// Otherwise it is two, since neither server serves before it has seen that the other is ready.
bool Transaction::InTurns() const {
  const v1::HighAvailability& after = spec().ha();
  return after.mode() == kHotStandby &&
         std::all_of(known_.begin(), known_.end(), [&](const auto& site) {
           const v1::SiteFacts& facts = site.second.facts;
           const v1::HighAvailability& before = facts.ha();
           return facts.ha_state() == kHotStandby && before.mode() == after.mode() &&
                  before.primary_url() == after.primary_url() &&
                  before.secondary_url() == after.secondary_url();
         });
}

// Where both begin anew, the secondary's first heartbeat is to find a primary that has looked for
// leases already: a secondary that comes too early waits for a heartbeat-delay more.
absl::Duration Transaction::Pause() const {
  constexpr uint32_t kKeasHeartbeatMs = 10'000;
  const v1::HighAvailability& ha = spec().ha();
  return absl::Milliseconds(ha.has_heartbeat_delay() ? ha.heartbeat_delay() : kKeasHeartbeatMs) / 4;
}

Site Transaction::Other(Site site) {
  return site == Site::kPrimary ? Site::kSecondary : Site::kPrimary;
}

const std::string& Transaction::Name(Site site) const {
  return site == Site::kPrimary ? spec().primary() : spec().secondary();
}

const std::string& Transaction::Url(Site site) const {
  return site == Site::kPrimary ? spec().ha().primary_url() : spec().ha().secondary_url();
}

// What people are told that is being done; empty: nothing new.
std::string Transaction::TextOf(Step step) const {
  const bool alone = order_.wish.without_secondary;
  switch (step) {
    case Step::kInspect:
      return alone ? fmt::format("looking at {}", Name(Site::kPrimary)) : "looking at both servers";
    case Step::kListen:
      return "seeing whether they reach each other";
    case Step::kTestPrimary:
      return alone ? "having its Kea test its configuration"
                   : "having both Keas test their configuration";
    case Step::kSetPrimary:
    case Step::kSetSecondary:
      return fmt::format("changing {}",
                         Name(step == Step::kSetPrimary ? Site::kPrimary : Site::kSecondary));
    case Step::kWrite:
      return alone ? "writing its configuration file" : "writing both configuration files";
    case Step::kUndo:
      return fmt::format("putting {} back, since {}",
                         alone ? Name(Site::kPrimary) : std::string("both servers"), failure_);
    case Step::kProbe:
    case Step::kPack:
    case Step::kSend:
    case Step::kTestSecondary:
    case Step::kBegin:
    case Step::kPause:
    case Step::kWait:
    case Step::kDecide:
    case Step::kForget:
    case Step::kDrop:
    case Step::kEnded:
      return {};
  }
  return {};
}

v1::SiteRequest Transaction::RequestOf(Step step, Site site) const {
  v1::SiteRequest request;
  switch (step) {
    case Step::kInspect:
      request.mutable_inspect();
      break;
    case Step::kListen:
      request.mutable_listen()->set_url(Url(site));
      request.mutable_listen()->set_token(id_);
      break;
    case Step::kProbe:
      request.mutable_probe()->set_url(Url(Other(site)));
      request.mutable_probe()->set_token(id_);
      break;
    case Step::kTestPrimary:
    case Step::kTestSecondary:
      *request.mutable_test()->mutable_draft() = DraftOf(site);
      request.mutable_test()->set_diff_limit(order_.diff_limit);
      break;
    case Step::kSetPrimary:
    case Step::kSetSecondary:
      *request.mutable_set()->mutable_draft() = DraftOf(site);
      break;
    case Step::kWait:
      request.mutable_look();
      break;
    case Step::kWrite:
      request.mutable_write();
      break;
    case Step::kForget:
      request.mutable_forget();
      break;
    case Step::kUndo:
      request.mutable_undo();
      break;
    case Step::kPack:
    case Step::kSend:
    case Step::kBegin:
    case Step::kPause:
    case Step::kDecide:
    case Step::kDrop:
    case Step::kEnded:
      break;
  }
  return request;
}

v1::Draft Transaction::DraftOf(Site site) const {
  using Record = v1::TransactionRecord;
  const bool primary = site == Site::kPrimary;
  v1::Draft draft;
  draft.set_primary(spec().ha().primary());
  draft.set_secondary(spec().ha().secondary());
  if (order_.wish.kind == Record::REMOVE) {
    draft.set_remove_ha(true);  // an adopted pair's, too: that one's scopes were asked for
    draft.set_pools(order_.pools);
    if (!primary) draft.set_scopes(order_.secondary_scopes);
    return draft;
  }
  *draft.mutable_set_ha() = spec().ha();
  // What the primary has comes to the secondary whole, or later as a change like any other.
  if (primary) draft.set_pools(order_.pools);
  draft.set_take_objects(!primary && order_.wish.kind == Record::CREATE);
  const auto known = known_.find(Site::kPrimary);
  if (!primary && order_.wish.kind == Record::EDIT && known != known_.end()) {
    draft.set_like_ha(known->second.facts.ha_parameters());
  }
  return draft;
}

void Transaction::AskSite(Site site, v1::SiteRequest request, Actions& actions) {
  request.set_transaction(id_);
  request.set_start(start_);
  request.set_number(next_number_++);
  open_[request.number()] = site;
  actions.asks.push_back({site, std::move(request)});
}

void Transaction::AskSites(Actions& actions) {
  for (const Site site : {Site::kPrimary, Site::kSecondary}) {
    if (Asks(step_, site)) AskSite(site, RequestOf(step_, site), actions);
  }
}

bool Transaction::Asks(Step step, Site site) const {
  if (order_.wish.without_secondary && site == Site::kSecondary) return false;
  switch (step) {
    case Step::kTestPrimary:
    case Step::kSetPrimary:
      return site == Site::kPrimary;
    case Step::kTestSecondary:
    case Step::kSetSecondary:
      return site == Site::kSecondary;
    case Step::kListen:
      return HasNewAddress(site);
    case Step::kProbe:
      return HasNewAddress(Other(site));
    case Step::kInspect:
    case Step::kWait:
    case Step::kWrite:
    case Step::kForget:
    case Step::kUndo:
      return true;
    case Step::kPack:
    case Step::kSend:
    case Step::kBegin:
    case Step::kPause:
    case Step::kDecide:
    case Step::kDrop:
    case Step::kEnded:
      return false;
  }
  return false;
}

// At the address that it has Kea listens already, and its partner has found it there.
bool Transaction::HasNewAddress(Site site) const {
  const auto primary = known_.find(Site::kPrimary);
  if (primary == known_.end() || !primary->second.facts.has_ha()) return true;
  const v1::HighAvailability& ha = primary->second.facts.ha();
  const auto has =
      agent::ParseHaUrl(site == Site::kPrimary ? ha.primary_url() : ha.secondary_url());
  const auto wanted = agent::ParseHaUrl(Url(site));
  return !has.ok() || !wanted.ok() || has->host != wanted->host || has->port != wanted->port;
}

void Transaction::SendPiece(Actions& actions) {
  Tell(fmt::format("sending {} what it is to mirror ({} pieces left)", Name(Site::kSecondary),
                   pieces_.size()),
       actions);
  v1::SiteRequest request;
  *request.mutable_piece() = std::move(pieces_.back());
  pieces_.pop_back();
  AskSite(Site::kSecondary, std::move(request), actions);
}

v1::TransactionRecord::Stage Transaction::LastStage() const {
  const bool done = decided_ || (steps_.empty() && !undoing_);
  return order_.wish.without_secondary && done ? v1::TransactionRecord::LEFT : left_;
}

bool Transaction::HasBegun() const {
  return Reversible() || step_ == Step::kBegin || step_ == Step::kForget || step_ == Step::kUndo;
}

bool Transaction::LeaveSecondary(Actions& actions) {
  if (step_ != Step::kUndo && step_ != Step::kForget) return false;
  const bool for_primary = retry_at_.contains(Site::kPrimary) ||
                           std::any_of(open_.begin(), open_.end(), [](const auto& entry) {
                             return entry.second == Site::kPrimary;
                           });
  if (for_primary) return false;
  left_ =
      step_ == Step::kUndo ? v1::TransactionRecord::UNDO_LEFT : v1::TransactionRecord::FORGET_LEFT;
  if (step_ == Step::kUndo) {
    Settle("UNDONE", 65,
           fmt::format("{}.\n{} is as it was before; {} is to undo it when it returns", failure_,
                       Name(Site::kPrimary), Name(Site::kSecondary)),
           actions);
  }
  open_.clear();
  retry_at_.clear();
  actions.gave_up = true;
  Enter(Step::kDrop, {}, actions);
  return true;
}

void Transaction::Journal(v1::TransactionRecord::Stage stage, Actions& actions) {
  v1::TransactionRecord record;
  record.set_transaction(id_);
  record.set_kind(order_.wish.kind);
  record.set_stage(stage);
  record.set_spec(spec().SerializeAsString());
  record.set_without_secondary(order_.wish.without_secondary);
  const bool open =
      stage == v1::TransactionRecord::BEGUN || stage == v1::TransactionRecord::DECIDED;
  if (open && !order_.before.name().empty()) {
    record.set_spec_before(order_.before.SerializeAsString());
  }
  record.set_operator_name(order_.operator_name);
  actions.journal = std::move(record);
}

}  // namespace nestor::primary
