#include "ctl/command_line.h"

#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdint>
#include <functional>
#include <sstream>
#include <utility>

#include "ctl/exit_code.h"

namespace nestor::ctl {
namespace {

constexpr char kNameHelp[] = "the relationship's name";
constexpr uint32_t kMostDiff = 100;  // objects shown
constexpr char kFooter[] =
    "Exit codes: 0 done (status: OK; diff: same), 1 status: impaired; diff: differs, 2 status: "
    "down,\n64 usage, 65 refused, 69 agent not reachable, 70 internal error, 75 timed out: state "
    "unknown.";

// A number from 1 on.
CLI::Validator Counting() {
  return {[](const std::string& text) {
            uint64_t number = 0;
            return absl::SimpleAtoi(text, &number) && number > 0
                       ? std::string()
                       : fmt::format("\"{}\" is not a number from 1 on", text);
          },
          ""};
}

std::string Complaint(const CLI::App* app, const CLI::Error& error) {
  std::string what = error.what();
  if (what == CLI::RequiredError::Subcommand(1).what()) {
    constexpr bool kOfVerbsToo = true;
    const std::vector<std::string> rest = app->remaining(kOfVerbsToo);
    what = rest.empty() ? "a verb is missing" : fmt::format("there is no verb {}", rest.front());
  }
  return fmt::format("nestorctl: {}\nSee nestorctl --help, or --help behind the verb.\n", what);
}

// CLI11 keeps pointers to what it fills in: `invocation` must stay where it is.
class Verbs {
 public:
  Verbs(CLI::App& app, Invocation& invocation) : app_(app), invocation_(invocation) {
    AddGlobal();
    AddLooking();
    AddHistory();
    AddActing();
    AddApply();
    AddRelationship();
    AddServers();
  }

  // Makes the request of the verb that was given.
  void Finish() {
    for (const auto& [verb, fill] : fills_) {
      if (verb->parsed()) fill(invocation_.request);
    }
  }

 private:
  using Fill = std::function<void(v1::OperatorRequest&)>;

  void AddGlobal() {
    CLI::Option* agent =
        app_.add_option("--agent", invocation_.agent,
                        "tcp://HOST:PORT of a control socket, or the path of an operator socket; "
                        "without it, the agent of this host")
            ->envname("NESTOR_AGENT")
            ->type_name("ENDPOINT");
    CLI::Option* key = app_.add_option("--key", invocation_.key_file, "the operator's secret key");
    CLI::Option* server =
        app_.add_option("--server-key", invocation_.server_key_file, "the agent's public key");
    key->needs(server)->type_name("FILE");
    server->needs(key)->needs(agent)->type_name("FILE");
    app_.add_flag("--json", invocation_.json, "JSON in place of tables");
  }

  CLI::App* Verb(CLI::App& parent, const char* name, const char* help, Fill fill) {
    CLI::App* verb = parent.add_subcommand(name, help);
    fills_.emplace_back(verb, std::move(fill));
    return verb;
  }

  void AddLooking() {
    CLI::App* status = Verb(app_, "status", "how relationships, servers and the mirror are",
                            [this](auto& request) { request.mutable_status()->set_name(name_); });
    status->add_option("NAME", name_, kNameHelp);

    CLI::App* watch = Verb(app_, "watch", "what happens, until interrupted", [this](auto& request) {
      request.mutable_watch()->set_name(name_);
      request.mutable_watch()->set_from(sequence_);
      for (const std::string& kind : kinds_) request.mutable_watch()->add_kinds(kind);
    });
    CLI::Option* name = watch->add_option("NAME", name_, kNameHelp);
    watch->add_option("--from", sequence_, "begin with the changes since this one")
        ->type_name("SEQ")
        ->check(Counting())
        ->needs(name);
    watch->add_option("--kind", kinds_, "only these: change, ack, state, heartbeat, lease")
        ->type_name("K,...")
        ->delimiter(',')
        ->check(CLI::IsMember({"change", "ack", "state", "heartbeat", "lease"}));

    CLI::App* diff = Verb(app_, "diff", "what differs between the two servers",
                          [this](auto& request) { request.mutable_diff()->set_name(name_); });
    diff->add_option("NAME", name_, kNameHelp)->required();
  }

  void AddHistory() {
    CLI::App* history =
        Verb(app_, "history", "what was changed when, and what came of it", [this](auto& request) {
          request.mutable_history()->set_name(name_);
          request.mutable_history()->set_sequence(sequence_);
          request.mutable_history()->set_limit(limit_);
        });
    history->add_option("NAME", name_, kNameHelp)->required();
    history->add_option("SEQ", sequence_, "this change alone, whole")->check(Counting());
    history->add_option("--limit", limit_, "at most so many")->type_name("N")->check(Counting());
  }

  void AddActing() {
    CLI::App* resync = Verb(app_, "resync", "compare all of it now, and repair what differs",
                            [this](auto& request) {
                              request.mutable_resync()->set_name(name_);
                              request.mutable_resync()->set_wait(wait_);
                            });
    resync->add_option("NAME", name_, kNameHelp)->required();
    resync->add_flag("--wait", wait_, "until the secondary has verified it");
    AddDecision("approve", "apply a change that is held", true);
    AddDecision("reject", "do not apply a change that is held", false);
    CLI::App* keygen =
        Verb(app_, "keygen", "write a key pair, NAME.secret and NAME.public, to this folder",
             [this](auto&) { invocation_.keygen_name = name_; });
    keygen->add_option("NAME", name_, "whose key it is: a server's or a person's name")->required();
  }

  void AddApply() {
    CLI::App* apply =
        Verb(app_, "apply", "change the primary to a file of Kea's, without an HA restart",
             [this](auto& request) {
               *request.mutable_apply() = apply_;
               request.mutable_apply()->set_name(name_);
               request.mutable_apply()->set_wait(wait_);
             });
    apply->add_option("NAME", name_, kNameHelp)->required();
    apply
        ->add_option("FILE", invocation_.file,
                     "a configuration in Kea's format; '-' is standard input")
        ->required();
    apply->add_flag_callback(
        "--merge", [this] { apply_.set_merge(true); },
        "it holds only some objects: add or replace these, remove nothing");
    CLI::Option* dry_run = apply->add_flag_callback(
        "--dry-run", [this] { apply_.set_dry_run(true); }, "say what would change");
    apply->add_flag("--wait", wait_, "until the secondary has verified it")->excludes(dry_run);
  }

  void AddDecision(const char* verb_name, const char* help, bool approve) {
    CLI::App* verb = Verb(app_, verb_name, help, [this, approve](auto& request) {
      request.mutable_decision()->set_name(name_);
      request.mutable_decision()->set_sequence(sequence_);
      request.mutable_decision()->set_approve(approve);
    });
    verb->add_option("NAME", name_, kNameHelp)->required();
    verb->add_option("SEQ", sequence_, "the held change's number")->required()->check(Counting());
  }

  void AddRelationship() {
    CLI::App* relationship = app_.add_subcommand(
        "relationship", "create, adopt, list, show, edit and remove relationships");
    relationship->require_subcommand(1);
    AddCreate(*relationship);
    AddEdit(*relationship);
    AddRemove(*relationship);
    AddAdopt(*relationship);
    Verb(*relationship, "list", "all of this agent's",
         [](auto& request) { request.mutable_list(); });
    Verb(*relationship, "show", "one of them",
         [this](auto& request) { request.mutable_show()->set_name(name_); })
        ->add_option("NAME", name_, kNameHelp)
        ->required();
  }

  // What all that changes both servers has.
  void AddTransaction(CLI::App& verb) {
    verb.add_flag_callback(
        "--dry-run", [this] { options_.set_dry_run(true); }, "check and show, change nothing");
    verb.add_flag("--yes", invocation_.yes, "do not ask");
    verb.add_flag_callback(
        "--diff", [this] { options_.set_diff_limit(kMostDiff); },
        "show the objects that would change");
    verb.add_option_function<uint32_t>(
            "--timeout", [this](uint32_t seconds) { options_.set_timeout(seconds); },
            "seconds until HA has to be in its normal state (120)")
        ->type_name("S")
        ->check(CLI::Range(1, 3600));
  }

  void AddHa(CLI::App& verb) {
    verb.add_option_function<std::string>(
            "--mode", [this](const std::string& mode) { ha_.set_mode(mode); },
            "load-balancing or hot-standby")
        ->check(CLI::IsMember({"load-balancing", "hot-standby"}));
    const auto number = [&](const char* name, const char* unit, const char* help, auto set) {
      verb.add_option_function<uint32_t>(
              name, [this, set](uint32_t value) { (ha_.*set)(value); }, help)
          ->type_name(unit);
    };
    using Ha = v1::HighAvailability;
    number("--heartbeat-delay", "MS", "between heartbeats (Kea's default: 10000)",
           &Ha::set_heartbeat_delay);
    number("--max-response-delay", "MS", "until a silent partner is not heard any more (60000)",
           &Ha::set_max_response_delay);
    number("--max-ack-delay", "MS", "until a client counts as not served by the partner (10000)",
           &Ha::set_max_ack_delay);
    number("--max-unacked-clients", "N", "so many of those, and the partner is down (10)",
           &Ha::set_max_unacked_clients);
    verb.add_option_function<std::string>(
            "--primary-url", [this](const std::string& url) { ha_.set_primary_url(url); },
            "where the primary's Kea listens for its partner, in place of its agent's ha-url")
        ->type_name("URL");
    verb.add_option_function<std::string>(
            "--secondary-url", [this](const std::string& url) { ha_.set_secondary_url(url); },
            "the same of the secondary")
        ->type_name("URL");
  }

  void AddHold(CLI::App& verb) {
    verb.add_option("--hold-percent", hold_percent_,
                    "a change that removes more than this share of the subnets or reservations "
                    "waits for approval (20)")
        ->check(CLI::Range(1, 100));
    verb.add_option("--hold-minimum", hold_minimum_,
                    "as long as it removes more than so many of them (5)")
        ->check(Counting());
  }

  void AddCreate(CLI::App& relationship) {
    CLI::App* create =
        Verb(relationship, "create", "make two Keas a failover pair, and mirror one to the other",
             [this](auto& request) {
               v1::CreateRequest& its = *request.mutable_create();
               its.set_name(name_);
               its.set_service(ServiceNamed(service_));
               *its.mutable_ha() = ha_;
               its.mutable_ha()->set_secondary(secondary_);
               its.set_split_pools(pools_ == v1::SPLIT);
               its.set_observe(observe_);
               its.set_hold_percent(hold_percent_);
               its.set_hold_minimum(hold_minimum_);
               *its.mutable_options() = options_;
             });
    create->add_option("NAME", name_, "a name for it: a-z, 0-9 and '-'")->required();
    create->add_option("--service", service_, "dhcp4 or dhcp6")
        ->required()
        ->check(CLI::IsMember({"dhcp4", "dhcp6"}));
    create->add_option("--secondary", secondary_, "server-name of the other server's agent")
        ->required()
        ->type_name("SERVER");
    AddHa(*create);
    create->get_option("--mode")->required();
    create->add_flag_callback(
        "--split-pools", [this] { pools_ = v1::SPLIT; },
        "give each server half of each pool; for load-balancing");
    create->add_flag("--observe", observe_, "only compare, change nothing later");
    AddHold(*create);
    AddTransaction(*create);
  }

  void AddEdit(CLI::App& relationship) {
    CLI::App* edit = Verb(relationship, "edit", "change it in place; what is not named stays",
                          [this](auto& request) {
                            v1::EditRequest& its = *request.mutable_edit();
                            its.set_name(name_);
                            *its.mutable_ha() = ha_;
                            its.set_pools(pools_);
                            if (observe_) its.set_observe(true);
                            if (mirror_) its.set_observe(false);
                            if (hold_percent_ != 0) its.set_hold_percent(hold_percent_);
                            if (hold_minimum_ != 0) its.set_hold_minimum(hold_minimum_);
                            *its.mutable_options() = options_;
                          });
    edit->add_option("NAME", name_, kNameHelp)->required();
    AddHa(*edit);
    CLI::Option* split = edit->add_flag_callback(
        "--split-pools", [this] { pools_ = v1::SPLIT; }, "give each server half of each pool");
    edit->add_flag_callback(
            "--join-pools", [this] { pools_ = v1::JOIN; }, "put together what was split")
        ->excludes(split);
    CLI::Option* observe = edit->add_flag("--observe", observe_, "only compare from now on");
    edit->add_flag("--mirror", mirror_, "mirror from now on")->excludes(observe);
    AddHold(*edit);
    AddTransaction(*edit);

    CLI::App* split_pools =
        Verb(relationship, "split-pools", "split the pools that came since it was created",
             [this](auto& request) {
               v1::EditRequest& its = *request.mutable_edit();
               its.set_name(name_);
               its.set_pools(v1::SPLIT);
               *its.mutable_options() = options_;
             });
    split_pools->add_option("NAME", name_, kNameHelp)->required();
    AddTransaction(*split_pools);
  }

  void AddRemove(CLI::App& relationship) {
    CLI::App* remove = Verb(relationship, "remove", "end it; HA that nestorctl set up goes with it",
                            [this](auto& request) {
                              v1::RemoveRequest& its = *request.mutable_remove();
                              its.set_name(name_);
                              if (scopes_) its.set_secondary_scopes(*scopes_);
                              *its.mutable_options() = options_;
                            });
    remove->add_option("NAME", name_, kNameHelp)->required();
    remove
        ->add_option_function<std::string>(
            "--secondary-scopes",
            [this](const std::string& what) {
              scopes_ = what == "keep"     ? v1::SCOPES_AS_THEY_ARE
                        : what == "delete" ? v1::DELETE
                                           : v1::DISABLE;
            },
            "what becomes of the secondary's subnets: keep, disable (the default where HA is "
            "taken out) or delete")
        ->check(CLI::IsMember({"keep", "disable", "delete"}));
    AddTransaction(*remove);
  }

  void AddServers() {
    Verb(app_, "servers", "the agents that are known, and their Keas",
         [](auto& request) { request.mutable_servers(); });

    CLI::App* ha =
        Verb(app_, "ha", "Kea's own commands for a pair, by hand", [this](auto& request) {
          request.mutable_ha()->set_name(name_);
          request.mutable_ha()->set_action(action_);
          request.mutable_ha()->set_server(secondary_);
        });
    ha->add_option("NAME", name_, kNameHelp)->required();
    ha->add_option("ACTION", action_,
                   "sync, maintenance-start, maintenance-cancel, continue or reset")
        ->required()
        ->check(CLI::IsMember(
            {"sync", "maintenance-start", "maintenance-cancel", "continue", "reset"}));
    ha->add_option("SERVER", secondary_, "which of the two")->required();
    ha->add_flag("--yes", invocation_.yes, "do not ask");

    CLI::App* scopes =
        Verb(app_, "scopes", "what remove left disabled on this server", [this](auto& request) {
          request.mutable_scopes()->set_service(ServiceNamed(service_));
          request.mutable_scopes()->set_scopes(action_ == "enable" ? v1::ENABLE : v1::DISABLE);
        });
    scopes->add_option("ACTION", action_, "enable or disable")
        ->required()
        ->check(CLI::IsMember({"enable", "disable"}));
    scopes->add_option("--service", service_, "dhcp4 or dhcp6")
        ->required()
        ->check(CLI::IsMember({"dhcp4", "dhcp6"}));
  }

  static v1::Service ServiceNamed(const std::string& name) {
    return name == "dhcp4" ? v1::DHCP4 : name == "dhcp6" ? v1::DHCP6 : v1::SERVICE_UNSPECIFIED;
  }

  void AddAdopt(CLI::App& relationship) {
    CLI::App* adopt =
        Verb(relationship, "adopt", "mirror an existing pair, its HA configuration left alone",
             [this](auto& request) {
               *request.mutable_adopt() = adopt_;
               request.mutable_adopt()->set_name(name_);
               request.mutable_adopt()->set_service(ServiceNamed(service_));
               request.mutable_adopt()->set_secondary(secondary_);
               request.mutable_adopt()->set_hold_percent(hold_percent_);
               request.mutable_adopt()->set_hold_minimum(hold_minimum_);
             });
    adopt->add_option("NAME", name_, "a name for it: a-z, 0-9 and '-'")->required();
    adopt->add_option("--service", service_, "dhcp4 or dhcp6; else the one that has HA")
        ->check(CLI::IsMember({"dhcp4", "dhcp6"}));
    adopt
        ->add_option("--secondary", secondary_,
                     "server-name of the other server's agent; else HA's partner")
        ->type_name("SERVER");
    adopt->add_flag_callback(
        "--observe", [this] { adopt_.set_observe(true); }, "only compare, change nothing");
    AddHold(*adopt);
  }

  CLI::App& app_;
  Invocation& invocation_;
  std::vector<std::pair<CLI::App*, Fill>> fills_;
  std::string name_;
  uint64_t sequence_ = 0;
  uint32_t limit_ = 0;
  bool wait_ = false;
  std::vector<std::string> kinds_;
  std::string service_;
  std::string secondary_;
  uint32_t hold_percent_ = 0;
  uint32_t hold_minimum_ = 0;
  v1::AdoptRequest adopt_;
  v1::ApplyRequest apply_;
  v1::HighAvailability ha_;
  v1::Pools pools_ = v1::POOLS_AS_THEY_ARE;
  bool observe_ = false, mirror_ = false;
  std::optional<v1::Scopes> scopes_;
  v1::TransactionOptions options_;
  std::string action_;
};

}  // namespace

std::variant<Invocation, Finished> ParseCommandLine(std::vector<std::string> arguments,
                                                    const std::string& version) {
  Invocation invocation;
  CLI::App app("What Nestor's agents know and do, from the command line.", "nestorctl");
  try {
    app.set_version_flag("--version", "nestorctl " + version);
    app.require_subcommand(1);
    app.fallthrough();
    app.failure_message(Complaint);
    app.footer(kFooter);
    Verbs verbs(app, invocation);
    std::reverse(arguments.begin(), arguments.end());  // CLI11 takes them from the back
    app.parse(std::move(arguments));
    verbs.Finish();
    return invocation;
  } catch (const CLI::Error& error) {
    std::ostringstream out;
    std::ostringstream err;
    const bool asked_for = app.exit(error, out, err) == 0;
    return Finished{asked_for ? kDone : kUsage, out.str(), err.str()};
  }
}

}  // namespace nestor::ctl
