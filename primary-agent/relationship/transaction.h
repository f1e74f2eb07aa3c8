#pragma once

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "nestor/v1/envelope.pb.h"
#include "primary-agent/relationship/preflight.h"

namespace nestor::primary {

enum class Site { kPrimary, kSecondary };

// What an operator wants done to a relationship.
struct Order {
  Wish wish;
  v1::RelationshipSpec before;  // as it is; without a name: there is none
  v1::HighAvailability edits;   // of what both run, for an EDIT
  v1::Pools pools = v1::POOLS_AS_THEY_ARE;
  v1::Scopes secondary_scopes = v1::SCOPES_AS_THEY_ARE;
  bool dry_run = false;
  absl::Duration timeout = absl::Seconds(120);  // until HA has to be in its normal state
  uint32_t diff_limit = 0;
  std::string operator_name;
};

// One change of a relationship on both servers, or on neither: a state machine that says what to
// ask of which site, and what to make durable before it goes on. Nothing is changed before both are
// checked. What fails before it is decided is undone on both, again and again until they say that
// it is; what is decided is finished the same way. Pure: whoever drives it sends, waits and stores.
//
//   inspect, listen, probe, test    nothing has changed yet; a failure is a refusal. An edit
//                                   listens and probes where HA's address becomes another one
//   begin                           durable: from now on to be undone
//   set, set, wait, write           a failure is undone. An edit that leaves mode and URLs alone
//                                   waits between the two
//   decide                          durable: from now on to be finished
//   forget                          both forget what was before
//
// A removal without the secondary asks the primary alone, and leaves a record of what the secondary
// has not heard.
class Transaction {
 public:
  struct Ask {
    Site site;
    v1::SiteRequest request;
  };
  // What is to be done after an event.
  struct Actions {
    bool gave_up = false;  // what was asked before is not waited for any longer
    std::vector<Ask> asks;
    // To be made durable, then OnJournaled(). Without a stage: to be removed.
    std::optional<v1::TransactionRecord> journal;
    bool pack = false;     // what the primary is to have, for the secondary, then OnPacked()
    bool told = false;     // report() has changed
    bool settled = false;  // exit_code() and text() are the operator's answer
    bool ended = false;    // nothing is left to be done
  };

  // A new one. `id`: 32 hexadecimal digits. `start`: random.
  Transaction(std::string id, Order order, uint64_t start);
  // One that an earlier start of the agent journaled: it is finished, or undone.
  Transaction(const v1::TransactionRecord& found, uint64_t start);

  Actions Start(Instant now);
  // A site's answer, or DeadlineExceeded where it does not answer. `wall`: the coordinator's clock.
  Actions OnReply(Instant now, absl::Time wall, Site site, const v1::SiteReply& reply);
  Actions OnJournaled(Instant now, const absl::Status& status);
  Actions OnPacked(Instant now, std::vector<v1::Piece> pieces);
  Actions OnTick(Instant now);

  const std::string& id() const { return id_; }
  const v1::RelationshipSpec& spec() const { return order_.wish.spec; }
  const Order& order() const { return order_; }
  const v1::TransactionReport& report() const { return report_; }
  int exit_code() const { return exit_code_; }
  const std::string& text() const { return text_; }
  // The secondary is gone for good, and is not waited for any longer where it is all that is
  // waited for: what it was to undo or to forget it keeps. False: nothing is done.
  bool LeaveSecondary(Actions& actions);

  // What is being done, for status: "kea-b is changed"; empty: it has ended.
  std::string Doing() const;
  // Whether it is past its checks: from now on something may have changed.
  bool HasBegun() const;

 private:
  enum class Step {
    kInspect,
    kListen,
    kProbe,
    kTestPrimary,
    kPack,
    kSend,
    kTestSecondary,
    kBegin,
    kSetPrimary,
    kPause,
    kSetSecondary,
    kWait,
    kWrite,
    kDecide,
    kForget,
    kUndo,
    kDrop,
    kEnded,
  };
  static std::vector<Step> StepsOf(const Wish& wish);
  // Of an edit that gives one server after the other what it is to have.
  static std::vector<Step> StepsInTurns();
  bool InTurns() const;
  absl::Duration Pause() const;

  // -- transaction_steps.cc
  std::string TextOf(Step step) const;
  v1::SiteRequest RequestOf(Step step, Site site) const;
  // What the record is when nothing is left to be done here.
  v1::TransactionRecord::Stage LastStage() const;
  void AskSite(Site site, v1::SiteRequest request, Actions& actions);
  void AskSites(Actions& actions);
  // Whether `step` asks this site.
  bool Asks(Step step, Site site) const;
  bool HasNewAddress(Site site) const;
  static Site Other(Site site);
  void SendPiece(Actions& actions);
  v1::Draft DraftOf(Site site) const;

  // -- transaction.cc
  void Enter(Step step, Instant now, Actions& actions);
  void Next(Instant now, Actions& actions);
  void Journal(v1::TransactionRecord::Stage stage, Actions& actions);

  void Take(Instant now, absl::Time wall, Site site, const v1::SiteReply& reply, Actions& actions);
  void Complete(Instant now, Actions& actions);
  void TakeFacts(absl::Time wall, Site site, const v1::SiteReply& reply);
  void CompleteInspect(Instant now, Actions& actions);
  void CompleteWait(Instant now, Actions& actions);
  void Fail(Instant now, std::string why, Actions& actions);
  void Refuse(std::string why, Actions& actions);
  void Retry(Instant now, Site site, const std::string& why, Actions& actions);
  void Settle(std::string state, int exit_code, std::string text, Actions& actions);
  void End(Actions& actions);
  void Tell(std::string step, Actions& actions);
  void AddCheck(v1::Check check, Actions& actions);
  bool HasFailedCheck() const;
  bool Reversible() const;
  const std::string& Name(Site site) const;
  const std::string& Url(Site site) const;

  std::string id_;
  uint64_t start_;
  Order order_;
  std::vector<Step> steps_;
  size_t at_ = 0;
  Step step_ = Step::kEnded;
  uint64_t next_number_ = 1;
  std::map<uint64_t, Site> open_;  // asked and not answered yet
  std::map<Site, SiteKnown> known_;
  std::map<Site, v1::Health> health_;
  std::map<Site, Instant> retry_at_;  // while undoing or finishing
  std::vector<v1::Piece> pieces_;
  std::optional<Instant> look_at_;
  Instant deadline_;
  Instant give_word_at_;  // when the operator is told that undoing still goes on
  std::string failure_;
  bool settled_ = false;
  bool undoing_ = false;
  bool decided_ = false;
  v1::TransactionRecord::Stage left_ =
      v1::TransactionRecord::STAGE_UNSPECIFIED;  // to the secondary
  v1::TransactionReport report_;
  int exit_code_ = 0;
  std::string text_;
};

}  // namespace nestor::primary
