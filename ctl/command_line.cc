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
    CLI::App* relationship =
        app_.add_subcommand("relationship", "begin, list, show and end relationships");
    relationship->require_subcommand(1);
    AddAdopt(*relationship);
    Verb(*relationship, "list", "all of this agent's",
         [](auto& request) { request.mutable_list(); });
    Verb(*relationship, "show", "one of them",
         [this](auto& request) { request.mutable_show()->set_name(name_); })
        ->add_option("NAME", name_, kNameHelp)
        ->required();
    Verb(*relationship, "remove", "mirror no longer; both servers keep what they serve",
         [this](auto& request) { request.mutable_remove()->set_name(name_); })
        ->add_option("NAME", name_, kNameHelp)
        ->required();
  }

  void AddAdopt(CLI::App& relationship) {
    CLI::App* adopt =
        Verb(relationship, "adopt", "mirror an existing pair, its HA configuration left alone",
             [this](auto& request) {
               *request.mutable_adopt() = adopt_;
               request.mutable_adopt()->set_name(name_);
               request.mutable_adopt()->set_service(service_ == "dhcp4" ? v1::DHCP4 : v1::DHCP6);
               request.mutable_adopt()->set_secondary(secondary_);
               request.mutable_adopt()->set_hold_percent(hold_percent_);
               request.mutable_adopt()->set_hold_minimum(hold_minimum_);
             });
    adopt->add_option("NAME", name_, "a name for it: a-z, 0-9 and '-'")->required();
    adopt->add_option("--service", service_, "dhcp4 or dhcp6")
        ->required()
        ->check(CLI::IsMember({"dhcp4", "dhcp6"}));
    adopt->add_option("--secondary", secondary_, "server-name of the other server's agent")
        ->required()
        ->type_name("SERVER");
    adopt->add_flag_callback(
        "--observe", [this] { adopt_.set_observe(true); }, "only compare, change nothing");
    adopt
        ->add_option("--hold-percent", hold_percent_,
                     "a change that removes more than this share of the subnets or reservations "
                     "waits for approval (20)")
        ->check(CLI::Range(1, 100));
    adopt
        ->add_option("--hold-minimum", hold_minimum_,
                     "as long as it removes more than so many of them (5)")
        ->check(Counting());
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
