#pragma once

#include <deque>
#include <set>
#include <string>
#include <utility>

#include "primary-agent/relationship/transaction.h"

namespace nestor::primary {

// Two healthy servers that know nothing of each other.
inline v1::SiteFacts StandaloneFacts(const std::string& server, absl::Time wall) {
  v1::SiteFacts facts;
  facts.set_server(server);
  facts.set_kea_version("2.2.0");
  facts.mutable_wall()->set_seconds(absl::ToUnixSeconds(wall));
  facts.set_hooks_directory("/hooks");
  facts.set_lease_database("memfile");
  facts.set_file("/etc/kea/kea-dhcp4.conf");
  facts.set_multi_threading(true);
  facts.set_server_id("00:01:" + server);
  facts.set_ha_url(server == "kea-a" ? "http://192.0.2.1:8000/" : "http://192.0.2.2:8000/");
  return facts;
}

inline v1::HighAvailability HaOf(const std::string& mode) {
  v1::HighAvailability ha;
  ha.set_mode(mode);
  ha.set_primary("kea-a");
  ha.set_secondary("kea-b");
  return ha;
}

inline Order CreateOrder(const std::string& mode = "hot-standby") {
  Order order;
  order.wish.kind = v1::TransactionRecord::CREATE;
  v1::RelationshipSpec& spec = order.wish.spec;
  spec.set_name("east");
  spec.set_service(v1::DHCP4);
  spec.set_primary("kea-a");
  spec.set_secondary("kea-b");
  *spec.mutable_ha() = HaOf(mode);
  return order;
}

inline Order EditOrder() {
  Order order = CreateOrder();
  order.wish.kind = v1::TransactionRecord::EDIT;
  order.before = order.wish.spec;
  order.edits.set_heartbeat_delay(2000);
  return order;
}

inline Order RemoveOrder() {
  Order order = CreateOrder();
  order.wish.kind = v1::TransactionRecord::REMOVE;
  order.before = order.wish.spec;
  order.secondary_scopes = v1::DISABLE;
  return order;
}

inline Order RemoveAloneOrder() {
  Order order = RemoveOrder();
  order.wish.without_secondary = true;
  return order;
}

// Drives a Transaction as the agent does, with two sites that do what they are told, but for what a
// test breaks.
class Driven {
 public:
  explicit Driven(Order order) : machine_(kId, std::move(order), 1) {}
  explicit Driven(const v1::TransactionRecord& found) : machine_(found, 2) {}

  static constexpr char kId[] = "0123456789abcdef0123456789abcdef";

  // ---- What goes wrong.

  // A request of this kind is answered with that, so many times.
  void Break(Site site, v1::SiteRequest::AskCase ask, absl::StatusCode code, int times = 1000) {
    broken_[{site, ask}] = {code, times};
  }
  absl::Status journal;  // what writing it comes to
  // The transaction ends here, as if the agent died: before this request is carried out.
  std::optional<std::pair<Site, v1::SiteRequest::AskCase>> dies_at;
  std::map<Site, v1::SiteFacts> facts = {
      {Site::kPrimary, StandaloneFacts("kea-a", absl::UnixEpoch())},
      {Site::kSecondary, StandaloneFacts("kea-b", absl::UnixEpoch())}};
  std::map<Site, std::string> ha_states = {{Site::kPrimary, "hot-standby"},
                                           {Site::kSecondary, "hot-standby"}};

  // Until it has ended, died, or `limit` has passed.
  void Run(absl::Duration limit = absl::Minutes(10)) {
    const Instant until = now_ + limit;
    Take(machine_.Start(now_));
    while (!ended && !died && now_ < until) {
      if (asks_.empty()) {
        now_ = now_ + absl::Milliseconds(100);
        Take(machine_.OnTick(now_));
        continue;
      }
      const auto [site, request] = std::move(asks_.front());
      asks_.pop_front();
      if (dies_at && *dies_at == std::pair(site, request.ask_case())) {
        died = true;
        return;
      }
      Take(machine_.OnReply(now_, absl::UnixEpoch(), site, Carry(site, request)));
    }
  }

  // The secondary is given up.
  bool Leave() {
    Transaction::Actions actions;
    if (!machine_.LeaveSecondary(actions)) return false;
    Take(std::move(actions));
    return true;
  }

  Transaction& machine() { return machine_; }
  std::vector<std::string> FailedChecks() const {
    std::vector<std::string> failed;
    for (const v1::Check& check : machine_.report().checks()) {
      if (check.verdict() == v1::Check::FAILED) failed.push_back(check.what());
    }
    return failed;
  }

  // ---- What came of it.

  bool ended = false, settled = false, died = false;
  std::optional<v1::TransactionRecord> journaled;  // as it is durable now
  bool decided = false;                            // ever
  // As a site is: what it was, what it became, and whether it still remembers.
  struct Server {
    bool changed = false, remembers = false, wrote = false;
    int sets = 0;
  };
  std::map<Site, Server> servers;
  std::vector<std::string> asked;    // "secondary set"
  std::map<Site, v1::Draft> drafts;  // as they were set

 private:
  void Take(Transaction::Actions actions) {
    if (actions.gave_up) asks_.clear();
    for (Transaction::Ask& ask : actions.asks) asks_.emplace_back(ask.site, std::move(ask.request));
    settled = settled || actions.settled;
    ended = ended || actions.ended;
    if (actions.pack) Take(machine_.OnPacked(now_, std::vector<v1::Piece>(3)));
    if (!actions.journal) return;
    if (journal.ok()) {
      decided = decided || actions.journal->stage() == v1::TransactionRecord::DECIDED;
      journaled = actions.journal->stage() == v1::TransactionRecord::STAGE_UNSPECIFIED
                      ? std::nullopt
                      : actions.journal;
    }
    Take(machine_.OnJournaled(now_, journal));
  }

  v1::SiteReply Carry(Site site, const v1::SiteRequest& request) {
    v1::SiteReply reply;
    reply.set_number(request.number());
    Server& server = servers[site];
    asked.push_back(
        std::string(site == Site::kPrimary ? "primary " : "secondary ") +
        request.GetDescriptor()->FindFieldByNumber(static_cast<int>(request.ask_case()))->name());
    const auto broken = broken_.find({site, request.ask_case()});
    if (broken != broken_.end() && broken->second.second-- > 0) {
      reply.set_code(static_cast<int>(broken->second.first));
      reply.set_text("it is broken");
      // It may have got that far.
      if (request.has_set() && broken->second.first != absl::StatusCode::kFailedPrecondition) {
        server = {.changed = true, .remembers = true};
      }
      return reply;
    }
    switch (request.ask_case()) {
      case v1::SiteRequest::kInspect:
        *reply.mutable_facts() = facts[site];
        break;
      case v1::SiteRequest::kSet:
        server.changed = server.remembers = true;
        ++server.sets;
        drafts[site] = request.set().draft();
        break;
      case v1::SiteRequest::kLook:
        reply.mutable_health()->set_reachable(true);
        reply.mutable_health()->set_ha_state(ha_states[site]);
        break;
      case v1::SiteRequest::kWrite:
        server.wrote = true;
        break;
      case v1::SiteRequest::kUndo:
        if (server.remembers) server = {};
        break;
      case v1::SiteRequest::kForget:
        server.remembers = false;
        break;
      default:
        break;
    }
    return reply;
  }

  Transaction machine_;
  Instant now_;
  std::deque<std::pair<Site, v1::SiteRequest>> asks_;
  std::map<std::pair<Site, v1::SiteRequest::AskCase>, std::pair<absl::StatusCode, int>> broken_;
};

inline constexpr Site kSites[] = {Site::kPrimary, Site::kSecondary};

// Every request that can fail, failing in every way.
struct Failure {
  Site site;
  v1::SiteRequest::AskCase ask;
  absl::StatusCode code;
};
inline std::vector<Failure> Failures(std::initializer_list<v1::SiteRequest::AskCase> asks) {
  std::vector<Failure> all;
  for (const Site site : kSites) {
    for (const v1::SiteRequest::AskCase ask : asks) {
      for (const auto code :
           {absl::StatusCode::kFailedPrecondition, absl::StatusCode::kDeadlineExceeded,
            absl::StatusCode::kUnavailable, absl::StatusCode::kInternal}) {
        all.push_back({site, ask, code});
      }
    }
  }
  return all;
}

}  // namespace nestor::primary
