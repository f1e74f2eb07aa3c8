#include "primary-agent/relationship/preflight.h"

#include <fmt/format.h>

#include <tuple>

#include "common/agent/address.h"
#include "common/base/service.h"
#include "common/base/status.h"
#include "primary-agent/relationship/kea_version.h"

namespace nestor::primary {
namespace {

constexpr absl::Duration kClockWarning = absl::Seconds(10);
constexpr absl::Duration kClockFailure = absl::Seconds(30);

constexpr Version kOldest{2, 2, 0};
constexpr Version kThreadsByDefault{2, 4, 0};
// An older one that has synchronised ends a newer partner's pause in words that it does not know.
constexpr Version kKnowsWhoDisabled{2, 4, 0};

class Checks {
 public:
  Checks(const Wish& wish, const SiteKnown& primary, const SiteKnown& secondary)
      : wish_(wish), primary_(primary), secondary_(secondary) {}

  std::vector<v1::Check> Run() {
    Answers(wish_.spec.primary(), primary_);
    if (wish_.without_secondary) return OfPrimaryAlone();
    Answers(wish_.spec.secondary(), secondary_);
    if (failed_) return std::move(checks_);
    Unfinished(primary_.facts);
    Unfinished(secondary_.facts);
    // What is there now is not what will be there.
    if (failed_) return std::move(checks_);
    Versions();
    Clocks();
    ForEach([&](const v1::SiteFacts& facts) { Libraries(facts); });
    if (wish_.kind == v1::TransactionRecord::REMOVE) {
      ForEach([&](const v1::SiteFacts& facts) { File(facts); });
      return std::move(checks_);
    }
    Addresses();
    if (wish_.kind == v1::TransactionRecord::CREATE) {
      ForEach([&](const v1::SiteFacts& facts) { NoHa(facts); });
      Relationships();
    } else {
      ForEach([&](const v1::SiteFacts& facts) { SameHa(facts); });
    }
    ForEach([&](const v1::SiteFacts& facts) { Backend(facts); });
    ForEach([&](const v1::SiteFacts& facts) { Mirrorable(facts); });
    Leases();
    ForEach([&](const v1::SiteFacts& facts) { File(facts); });
    ForEach([&](const v1::SiteFacts& facts) { Threads(facts); });
    if (wish_.service == DhcpService::kDhcp6) ServerIds();
    if (wish_.spec.ha().mode() == "load-balancing") Pools();
    return std::move(checks_);
  }

 private:
  template <typename Check>
  void ForEach(const Check& check) {
    check(primary_.facts);
    check(secondary_.facts);
  }

  void Add(v1::Check::Verdict verdict, std::string_view what, std::string_view server,
           std::string text) {
    v1::Check& check = checks_.emplace_back();
    check.set_what(std::string(what));
    check.set_verdict(verdict);
    check.set_server(std::string(server));
    check.set_text(std::move(text));
    failed_ = failed_ || verdict == v1::Check::FAILED;
  }

  void Answers(const std::string& server, const SiteKnown& site) {
    if (!site.no_answer.empty()) {
      return Add(v1::Check::FAILED, "agent", server,
                 fmt::format("its agent does not answer: {}", site.no_answer));
    }
    if (!site.facts.kea_error().empty()) {
      return Add(v1::Check::FAILED, "Kea", server,
                 fmt::format("Kea does not answer its agent: {}; start it, and see the agent's "
                             "control-socket",
                             site.facts.kea_error()));
    }
    Add(v1::Check::PASSED, "Kea", server,
        fmt::format("Kea {} and the agent answer", site.facts.kea_version()));
  }

  std::vector<v1::Check> OfPrimaryAlone() {
    Gone(wish_.spec.secondary());
    if (failed_) return std::move(checks_);
    Unfinished(primary_.facts);
    File(primary_.facts);
    return std::move(checks_);
  }

  void Gone(const std::string& server) {
    if (wish_.secondary_answers) {
      return Add(
          v1::Check::FAILED, "secondary", server,
          "its agent and its Kea answered within the last seconds: remove it from both, without "
          "--without-secondary; if they are gone, try again in ten seconds");
    }
    Add(v1::Check::WARNED, "secondary", server, WhatStays(wish_.spec));
  }

  void Unfinished(const v1::SiteFacts& facts) {
    if (facts.unfinished().empty()) return;
    Add(v1::Check::FAILED, "other changes", facts.server(),
        fmt::format("a change of {} is not ended yet; it ends by itself once both agents are up, "
                    "unless the primary's lost its state: then empty this agent's as well",
                    facts.unfinished()));
  }

  void Versions() {
    const Version first = ParseVersion(primary_.facts.kea_version());
    const Version second = ParseVersion(secondary_.facts.kea_version());
    if (std::min(first, second) < kOldest) {
      return Add(v1::Check::FAILED, "versions", {},
                 fmt::format("Kea {} and {}: Nestor needs 2.2 or newer on both",
                             primary_.facts.kea_version(), secondary_.facts.kea_version()));
    }
    if (first == second) {
      return Add(v1::Check::PASSED, "versions", {},
                 fmt::format("Kea {} on both", primary_.facts.kea_version()));
    }
    const bool newer = first > second;
    const bool slow = std::min(first, second) < kKnowsWhoDisabled;
    Add(v1::Check::WARNED, "versions", {},
        fmt::format("Kea {} and {} work as a pair{}{}; use one version as soon as you can",
                    primary_.facts.kea_version(), secondary_.facts.kea_version(),
                    newer ? ", but what only the newer one knows is refused by the secondary" : "",
                    slow
                        ? ", but the newer one answers no client for a minute after each time that "
                          "HA begins"
                        : ""));
  }

  void Clocks() {
    const absl::Duration ahead = secondary_.clock_ahead - primary_.clock_ahead;
    const absl::Duration apart = absl::AbsDuration(ahead);
    const std::string text = fmt::format(
        "{:.1f} s apart", absl::ToDoubleSeconds(absl::Trunc(apart, absl::Milliseconds(100))));
    if (apart >= kClockFailure) {
      return Add(v1::Check::FAILED, "clocks", {},
                 text + ": HA warns at 30 s and ends at 60; let both follow the same NTP servers");
    }
    if (apart >= kClockWarning) {
      return Add(v1::Check::WARNED, "clocks", {},
                 text + ": HA warns at 30 s; let both follow the same NTP servers");
    }
    Add(v1::Check::PASSED, "clocks", {}, text);
  }

  void Libraries(const v1::SiteFacts& facts) {
    if (wish_.kind == v1::TransactionRecord::REMOVE) return;
    if (facts.missing_libraries().empty()) {
      return Add(v1::Check::PASSED, "HA libraries", facts.server(), facts.hooks_directory());
    }
    Add(v1::Check::FAILED, "HA libraries", facts.server(),
        fmt::format("{} is not there; install Kea's hook libraries, or name their directory as "
                    "\"hooks-directory\" in the agent's configuration",
                    fmt::join(facts.missing_libraries(), ", ")));
  }

  void Addresses() {
    const v1::HighAvailability& ha = wish_.spec.ha();
    const bool first = Address(wish_.spec.primary(), ha.primary_url());
    const bool second = Address(wish_.spec.secondary(), ha.secondary_url());
    if (first && second && ha.primary_url() == ha.secondary_url()) {
      Add(v1::Check::FAILED, "HA address", {},
          fmt::format("both servers would have {}; give each its own", ha.primary_url()));
    }
  }

  bool Address(const std::string& server, const std::string& url) {
    if (url.empty()) {
      Add(v1::Check::FAILED, "HA address", server,
          "none is given: name it as \"ha-url\" in the agent's configuration, or with "
          "--primary-url "
          "and --secondary-url");
      return false;
    }
    const auto parsed = agent::ParseHaUrl(url);
    if (!parsed.ok()) {
      Add(v1::Check::FAILED, "HA address", server, std::string(Message(parsed.status())));
    }
    return parsed.ok();
  }

  void NoHa(const v1::SiteFacts& facts) {
    if (!facts.has_ha())
      return Add(v1::Check::PASSED, "no HA yet", facts.server(), "none is set up");
    // Then it is named below.
    if (!facts.primary_of().empty() || !facts.secondary_of().empty()) return;
    if (!facts.ha_unlike().empty()) {
      return Add(v1::Check::FAILED, "no HA yet", facts.server(),
                 fmt::format("it has HA that Nestor neither makes nor edits: {}; take the HA hook "
                             "out of its configuration first",
                             facts.ha_unlike()));
    }
    const v1::HighAvailability& ha = facts.ha();
    Add(v1::Check::FAILED, "no HA yet", facts.server(),
        fmt::format(
            "it is in HA with {} already ({}, as {}), and a Kea has one partner: end that "
            "relationship first, at the agent of its primary {}; if Nestor knows of none, "
            "mirror that pair with nestorctl relationship adopt, or take the HA hook out of "
            "both configurations",
            facts.ha_server() == ha.primary() ? ha.secondary() : ha.primary(), ha.mode(),
            facts.ha_server(), ha.primary()));
  }

  void SameHa(const v1::SiteFacts& facts) {
    if (!facts.has_ha()) {
      return Add(
          v1::Check::FAILED, "its HA", facts.server(),
          "the HA hook is not loaded; put it back, or remove the relationship and create it");
    }
    if (!facts.ha_unlike().empty()) {
      return Add(v1::Check::FAILED, "its HA", facts.server(),
                 fmt::format("{}; edit it by hand", facts.ha_unlike()));
    }
    Add(v1::Check::PASSED, "its HA", facts.server(),
        fmt::format("{}, {}", facts.ha().mode(), facts.ha_state()));
  }

  void Relationships() {
    const auto refuse = [&](const v1::SiteFacts& facts, const auto& names, std::string_view role) {
      if (names.empty()) return false;
      Add(v1::Check::FAILED, "relationships", facts.server(),
          fmt::format("it is the {} of {} already, and a Kea has one partner: end that first with "
                      "nestorctl relationship remove {}",
                      role, fmt::join(names, ", "), names[0]));
      return true;
    };
    bool refused = false;
    ForEach([&](const v1::SiteFacts& facts) {
      refused |= refuse(facts, facts.primary_of(), "primary");
      refused |= refuse(facts, facts.secondary_of(), "secondary");
    });
    if (!refused) Add(v1::Check::PASSED, "relationships", {}, "none of this service on either");
  }

  void Backend(const v1::SiteFacts& facts) {
    if (facts.config_backend().empty()) return;
    Add(v1::Check::FAILED, "Config Backend", facts.server(), facts.config_backend());
  }

  void Mirrorable(const v1::SiteFacts& facts) {
    if (facts.not_mirrorable().empty()) {
      return Add(v1::Check::PASSED, "configuration", facts.server(), "it can be mirrored");
    }
    Add(v1::Check::FAILED, "configuration", facts.server(),
        fmt::format("{}; mend it first", facts.not_mirrorable()));
  }

  void Leases() {
    ForEach([&](const v1::SiteFacts& facts) {
      if (facts.lease_database() != "memfile, not kept") return;
      Add(v1::Check::WARNED, "leases", facts.server(),
          "its leases are not kept on disk (\"persist\": false): after a restart it has what its "
          "partner sends it, and after a restart of both nothing");
    });
    const std::string& database = primary_.facts.lease_database();
    if (!database.starts_with("memfile") && database == secondary_.facts.lease_database() &&
        database.find(" at localhost") == std::string::npos) {
      Add(v1::Check::FAILED, "leases", {},
          fmt::format("both have the lease database {}: with HA each needs its own", database));
    }
  }

  void File(const v1::SiteFacts& facts) {
    if (!facts.file_trouble().empty()) {
      return Add(
          v1::Check::FAILED, "configuration file", facts.server(),
          fmt::format("{}: a restart would bring back what is in it now", facts.file_trouble()));
    }
    if (facts.file().empty()) {
      return Add(v1::Check::WARNED, "configuration file", facts.server(),
                 "the agent does not see the file that Kea was started with, so only Kea can write "
                 "it; name it as \"configuration-file\" in the agent's configuration");
    }
    if (!facts.file_notice().empty()) {
      return Add(v1::Check::WARNED, "configuration file", facts.server(),
                 fmt::format("only Kea can write it, which holds it up: {}", facts.file_notice()));
    }
    Add(v1::Check::PASSED, "configuration file", facts.server(), facts.file());
  }

  void Threads(const v1::SiteFacts& facts) {
    if (facts.multi_threading()) {
      return Add(v1::Check::PASSED, "multi-threading", facts.server(), "it is on");
    }
    const bool by_default = ParseVersion(facts.kea_version()) >= kThreadsByDefault;
    Add(v1::Check::WARNED, "multi-threading", facts.server(),
        fmt::format("it is {} and will be turned on: the listener for the partner needs it",
                    by_default ? "turned off" : "off"));
  }

  void ServerIds() {
    const std::string& first = primary_.facts.server_id();
    const std::string& second = secondary_.facts.server_id();
    if (first.empty() || second.empty()) {
      return Add(v1::Check::WARNED, "server-ids", {},
                 fmt::format("the agent on {} may not read it; the two must differ",
                             (first.empty() ? primary_ : secondary_).facts.server()));
    }
    if (first == second) {
      return Add(v1::Check::FAILED, "server-ids", {},
                 "both servers have the same, so clients cannot tell them apart: change "
                 "\"server-id\" on one, or remove its kea-dhcp6-serverid file and restart Kea");
    }
    Add(v1::Check::PASSED, "server-ids", {}, "they differ");
  }

  void Pools() {
    const auto& unsplit = primary_.facts.unsplit_pools();
    if (unsplit.empty())
      return Add(v1::Check::PASSED, "pools", {}, "each is for one server's clients");
    if (wish_.splits) {
      return Add(v1::Check::PASSED, "pools", {},
                 fmt::format("{}{} will be split between the servers", unsplit.size(),
                             unsplit.size() == 20 ? " or more" : ""));
    }
    Add(v1::Check::WARNED, "pools", {},
        fmt::format(
            "both servers would offer the same addresses of {}{}; --split-pools splits them",
            unsplit[0], unsplit.size() > 1 ? " and other pools" : ""));
  }

  const Wish& wish_;
  const SiteKnown& primary_;
  const SiteKnown& secondary_;
  std::vector<v1::Check> checks_;
  bool failed_ = false;
};

}  // namespace

std::string WhatStays(const v1::RelationshipSpec& spec) {
  return fmt::format(
      "{0} has no part in it: its Kea keeps the HA hook, in what it runs and in its file. Should "
      "it ever return, it looks for {1}, and serves all clients by itself once it has not found it "
      "for its max-response-delay; its agent takes HA out and disables its subnets as soon as it "
      "hears the agent on {1}. Let it return where it reaches that one, or not at all",
      spec.secondary(), spec.primary());
}

std::vector<v1::Check> Preflight(const Wish& wish, const SiteKnown& primary,
                                 const SiteKnown& secondary) {
  return Checks(wish, primary, secondary).Run();
}

bool Failed(const v1::Check& check) { return check.verdict() == v1::Check::FAILED; }

}  // namespace nestor::primary
