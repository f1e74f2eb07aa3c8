#include "ctl/verbs.h"

#include <absl/strings/numbers.h>
#include <fmt/format.h>

namespace nestor::ctl {

CLI::Validator Counting() {
  return {[](const std::string& text) {
            uint64_t number = 0;
            return absl::SimpleAtoi(text, &number) && number > 0
                       ? std::string()
                       : fmt::format("\"{}\" is not a number from 1 on", text);
          },
          ""};
}

CLI::Validator InHistory() {
  return {[](const std::string& text) {
            uint64_t number = 0;
            const std::string digits = text.substr(text.starts_with('e') ? 1 : 0);
            return absl::SimpleAtoi(digits, &number) && number > 0
                       ? std::string()
                       : fmt::format("\"{}\" is neither a change's number nor an entry's, as e7",
                                     text);
          },
          ""};
}

Verbs::Verbs(CLI::App& app, Invocation& invocation) : app_(app), invocation_(invocation) {
  AddGlobal();
  AddLooking();
  AddHistory();
  AddActing();
  AddApply();
  AddRelationship();
  AddServers();
}

void Verbs::Finish() {
  for (const auto& [verb, fill] : fills_) {
    if (verb->parsed()) fill(invocation_.request);
  }
}

void Verbs::AddGlobal() {
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

CLI::App* Verbs::Verb(CLI::App& parent, const char* name, const char* help, Fill fill) {
  CLI::App* verb = parent.add_subcommand(name, help);
  fills_.emplace_back(verb, std::move(fill));
  return verb;
}

void Verbs::AddLooking() {
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

void Verbs::AddHistory() {
  CLI::App* history = Verb(app_, "history", "what was changed when, and what came of it",
                           [this](auto& request) { FillHistory(request); });
  history->add_option("NAME", name_, kNameHelp)->required();
  CLI::Option* place =
      history->add_option("SEQ", place_, "this change or entry alone, whole")->check(InHistory());
  history->add_option("--limit", limit_, "at most so many")->type_name("N")->check(Counting());
  CLI::Option* apply =
      history->add_option("--apply-to", target_, "give its objects to this server: primary")
          ->type_name("SERVER")
          ->check(CLI::IsMember({"primary"}))
          ->needs(place);
  CLI::Option* dry_run =
      history->add_flag("--dry-run", dry_run_, "say what would change")->needs(apply);
  history->add_flag("--wait", wait_, "until the secondary has verified it")
      ->needs(apply)
      ->excludes(dry_run);
  history
      ->add_flag("--yes", invocation_.yes,
                 "do not ask, and overwrite what was changed on the primary since")
      ->needs(apply)
      ->excludes(dry_run);
}

void Verbs::FillHistory(v1::OperatorRequest& request) const {
  uint64_t number = 0;
  const bool is_entry = place_.starts_with('e');
  (void)absl::SimpleAtoi(place_.substr(is_entry ? 1 : 0), &number);
  if (target_.empty()) {
    v1::HistoryRequest& history = *request.mutable_history();
    history.set_name(name_);
    history.set_limit(limit_);
    is_entry ? history.set_entry(number) : history.set_sequence(number);
    return;
  }
  v1::RestoreRequest& restore = *request.mutable_restore();
  restore.set_name(name_);
  is_entry ? restore.set_entry(number) : restore.set_sequence(number);
  restore.set_dry_run(dry_run_);
  restore.set_wait(wait_);
  restore.set_overwrite(invocation_.yes);
}

void Verbs::AddActing() {
  CLI::App* resync =
      Verb(app_, "resync", "compare all of it now, and repair what differs", [this](auto& request) {
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

void Verbs::AddApply() {
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

void Verbs::AddDecision(const char* verb_name, const char* help, bool approve) {
  CLI::App* verb = Verb(app_, verb_name, help, [this, approve](auto& request) {
    request.mutable_decision()->set_name(name_);
    request.mutable_decision()->set_sequence(sequence_);
    request.mutable_decision()->set_approve(approve);
  });
  verb->add_option("NAME", name_, kNameHelp)->required();
  verb->add_option("SEQ", sequence_, "the held change's number")->required()->check(Counting());
}

}  // namespace nestor::ctl
