// The verbs about relationships, and about the servers they are made of.

#include "ctl/verbs.h"

namespace nestor::ctl {
namespace {

constexpr uint32_t kMostDiff = 100;  // objects shown

}  // namespace

void Verbs::AddRelationship() {
  CLI::App* relationship = app_.add_subcommand(
      "relationship", "create, adopt, list, show, edit and remove relationships");
  relationship->require_subcommand(1);
  AddCreate(*relationship);
  AddEdit(*relationship);
  AddRemove(*relationship);
  AddAdopt(*relationship);
  Verb(*relationship, "list", "all of this agent's", [](auto& request) { request.mutable_list(); });
  Verb(*relationship, "show", "one of them",
       [this](auto& request) { request.mutable_show()->set_name(name_); })
      ->add_option("NAME", name_, kNameHelp)
      ->required();
}

void Verbs::AddTransaction(CLI::App& verb) {
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

void Verbs::AddHa(CLI::App& verb) {
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

void Verbs::AddHold(CLI::App& verb) {
  verb.add_option("--hold-percent", hold_percent_,
                  "a change that removes more than this share of the subnets or reservations "
                  "waits for approval (20)")
      ->check(CLI::Range(1, 100));
  verb.add_option("--hold-minimum", hold_minimum_,
                  "as long as it removes more than so many of them (5)")
      ->check(Counting());
}

void Verbs::AddCreate(CLI::App& relationship) {
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

void Verbs::AddEdit(CLI::App& relationship) {
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

void Verbs::AddRemove(CLI::App& relationship) {
  CLI::App* remove = Verb(relationship, "remove", "end it; HA that nestorctl set up goes with it",
                          [this](auto& request) {
                            v1::RemoveRequest& its = *request.mutable_remove();
                            its.set_name(name_);
                            if (scopes_) its.set_secondary_scopes(*scopes_);
                            its.set_without_secondary(alone_);
                            *its.mutable_options() = options_;
                          });
  remove->add_option("NAME", name_, kNameHelp)->required();
  CLI::Option* const alone = remove->add_flag(
      "--without-secondary", alone_,
      "the secondary is gone for good: take HA out of the primary alone, and end the mirroring");
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
      ->check(CLI::IsMember({"keep", "disable", "delete"}))
      ->excludes(alone);
  AddTransaction(*remove);
}

void Verbs::AddServers() {
  Verb(app_, "servers", "the agents that are known, and their Keas",
       [](auto& request) { request.mutable_servers(); });

  CLI::App* ha = Verb(app_, "ha", "Kea's own commands for a pair, by hand", [this](auto& request) {
    request.mutable_ha()->set_name(name_);
    request.mutable_ha()->set_action(action_);
    request.mutable_ha()->set_server(secondary_);
  });
  ha->add_option("NAME", name_, kNameHelp)->required();
  ha->add_option("ACTION", action_,
                 "sync, maintenance-start, maintenance-cancel, continue or reset")
      ->required()
      ->check(
          CLI::IsMember({"sync", "maintenance-start", "maintenance-cancel", "continue", "reset"}));
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

v1::Service Verbs::ServiceNamed(const std::string& name) {
  return name == "dhcp4" ? v1::DHCP4 : name == "dhcp6" ? v1::DHCP6 : v1::SERVICE_UNSPECIFIED;
}

void Verbs::AddAdopt(CLI::App& relationship) {
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

}  // namespace nestor::ctl
