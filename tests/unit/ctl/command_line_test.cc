#include "ctl/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

namespace nestor::ctl {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::variant<Invocation, Finished> Parse(std::vector<std::string> arguments) {
  unsetenv("NESTOR_AGENT");
  return ParseCommandLine(std::move(arguments), "1.2.3");
}

Invocation Parsed(std::vector<std::string> arguments) {
  const auto parsed = Parse(std::move(arguments));
  if (const auto* finished = std::get_if<Finished>(&parsed)) {
    ADD_FAILURE() << finished->err;
    return {};
  }
  return std::get<Invocation>(parsed);
}

// What is said of a command line that is wrong.
std::string Wrong(std::vector<std::string> arguments) {
  const auto parsed = Parse(std::move(arguments));
  const auto* finished = std::get_if<Finished>(&parsed);
  if (finished == nullptr) return "";
  EXPECT_EQ(finished->exit_code, 64);
  EXPECT_EQ(finished->out, "");
  return finished->err;
}

TEST(CommandLineTest, StatusOfAllOrOne) {
  EXPECT_TRUE(Parsed({"status"}).request.has_status());
  EXPECT_EQ(Parsed({"status", "east4"}).request.status().name(), "east4");
}

TEST(CommandLineTest, AnEntryOfTheHistoryIsAppliedToThePrimary) {
  const Invocation plain = Parsed({"history", "east4", "e7", "--apply-to", "primary", "--wait"});
  EXPECT_FALSE(plain.request.has_history());
  EXPECT_EQ(plain.request.restore().name(), "east4");
  EXPECT_EQ(plain.request.restore().entry(), 7u);
  EXPECT_TRUE(plain.request.restore().wait());
  EXPECT_FALSE(plain.request.restore().overwrite());
  const Invocation yes = Parsed({"history", "east4", "12", "--apply-to", "primary", "--yes"});
  EXPECT_EQ(yes.request.restore().sequence(), 12u);
  EXPECT_TRUE(yes.request.restore().overwrite());
  EXPECT_TRUE(yes.yes);
  EXPECT_TRUE(Parsed({"history", "east4", "12", "--apply-to", "primary", "--dry-run"})
                  .request.restore()
                  .dry_run());
}

TEST(CommandLineTest, AnEntryIsAppliedToNothingButThePrimaryAndOnlyByItsNumber) {
  EXPECT_NE(Wrong({"history", "east4", "e7", "--apply-to", "secondary"}), "");
  EXPECT_NE(Wrong({"history", "east4", "--apply-to", "primary"}), "");
  EXPECT_NE(Wrong({"history", "east4", "e7", "--yes"}), "");
  EXPECT_NE(Wrong({"history", "east4", "e7", "--dry-run"}), "");
  EXPECT_NE(Wrong({"history", "east4", "e7", "--apply-to", "primary", "--dry-run", "--wait"}), "");
}

TEST(CommandLineTest, GlobalOptionsStandBeforeOrBehindTheVerb) {
  for (const auto& invocation :
       {Parsed({"--agent", "/run/a.sock", "--json", "--key", "k", "--server-key", "s", "status"}),
        Parsed({"status", "--agent", "/run/a.sock", "--json", "--key", "k", "--server-key", "s"}),
        Parsed({"relationship", "list", "--agent", "/run/a.sock", "--json", "--key", "k",
                "--server-key", "s"})}) {
    EXPECT_EQ(invocation.agent, "/run/a.sock");
    EXPECT_TRUE(invocation.json);
    EXPECT_EQ(invocation.key_file, "k");
    EXPECT_EQ(invocation.server_key_file, "s");
  }
}

TEST(CommandLineTest, TheEnvironmentMayNameTheAgent) {
  setenv("NESTOR_AGENT", "/run/b.sock", 1);
  const auto parsed = ParseCommandLine({"status"}, "");
  unsetenv("NESTOR_AGENT");
  EXPECT_EQ(std::get<Invocation>(parsed).agent, "/run/b.sock");
}

TEST(CommandLineTest, ApplyTakesAFile) {
  const Invocation invocation = Parsed({"apply", "east4", "kea.conf", "--merge", "--wait"});
  EXPECT_EQ(invocation.file, "kea.conf");
  EXPECT_EQ(invocation.request.apply().name(), "east4");
  EXPECT_TRUE(invocation.request.apply().merge() && invocation.request.apply().wait());
  EXPECT_FALSE(invocation.request.apply().dry_run());
  EXPECT_TRUE(Parsed({"apply", "east4", "-", "--dry-run"}).request.apply().dry_run());
  for (const std::vector<std::string>& wrong : std::vector<std::vector<std::string>>{
           {"apply", "east4"}, {"apply", "east4", "kea.conf", "--dry-run", "--wait"}}) {
    EXPECT_EQ(std::get<Finished>(ParseCommandLine(wrong, "")).exit_code, 64);
  }
}

TEST(CommandLineTest, Watch) {
  const v1::WatchRequest watch =
      Parsed({"watch", "east4", "--from", "7", "--kind", "change,ack"}).request.watch();
  EXPECT_EQ(watch.name(), "east4");
  EXPECT_EQ(watch.from(), 7u);
  EXPECT_THAT(watch.kinds(), ElementsAre("change", "ack"));
  EXPECT_TRUE(Parsed({"watch"}).request.has_watch());
}

TEST(CommandLineTest, HistoryOfAllOrOneChange) {
  const v1::HistoryRequest all = Parsed({"history", "east4", "--limit", "5"}).request.history();
  EXPECT_EQ(all.limit(), 5u);
  EXPECT_EQ(all.sequence(), 0u);
  EXPECT_EQ(Parsed({"history", "east4", "12"}).request.history().sequence(), 12u);
  const v1::HistoryRequest entry = Parsed({"history", "east4", "e7"}).request.history();
  EXPECT_EQ(entry.entry(), 7u);
  EXPECT_EQ(entry.sequence(), 0u);
  for (const char* wrong : {"e", "e0", "7e", "x7", "-1"}) {
    EXPECT_THAT(Wrong({"history", "east4", wrong}), HasSubstr("neither a change's number"));
  }
}

TEST(CommandLineTest, Decisions) {
  const v1::DecisionRequest approve = Parsed({"approve", "east4", "9"}).request.decision();
  EXPECT_EQ(approve.name(), "east4");
  EXPECT_EQ(approve.sequence(), 9u);
  EXPECT_TRUE(approve.approve());
  EXPECT_FALSE(Parsed({"reject", "east4", "9"}).request.decision().approve());
}

TEST(CommandLineTest, ResyncAndDiff) {
  EXPECT_FALSE(Parsed({"resync", "east4"}).request.resync().wait());
  EXPECT_TRUE(Parsed({"resync", "east4", "--wait"}).request.resync().wait());
  EXPECT_EQ(Parsed({"diff", "east4"}).request.diff().name(), "east4");
}

TEST(CommandLineTest, Relationships) {
  const v1::AdoptRequest adopt =
      Parsed({"relationship", "adopt", "east6", "--service", "dhcp6", "--secondary", "kea-b",
              "--observe", "--hold-percent", "30", "--hold-minimum", "9"})
          .request.adopt();
  EXPECT_EQ(adopt.name(), "east6");
  EXPECT_EQ(adopt.service(), v1::DHCP6);
  EXPECT_EQ(adopt.secondary(), "kea-b");
  EXPECT_TRUE(adopt.observe());
  EXPECT_EQ(adopt.hold_percent(), 30u);
  EXPECT_EQ(adopt.hold_minimum(), 9u);
  EXPECT_TRUE(Parsed({"relationship", "list"}).request.has_list());
  EXPECT_EQ(Parsed({"relationship", "show", "east6"}).request.show().name(), "east6");
  EXPECT_EQ(Parsed({"relationship", "remove", "east6"}).request.remove().name(), "east6");
}

TEST(CommandLineTest, CreatingARelationship) {
  const Invocation invocation = Parsed(
      {"relationship", "create", "east6", "--service", "dhcp6", "--mode", "load-balancing",
       "--secondary", "kea-b", "--heartbeat-delay", "1000", "--max-unacked-clients", "0",
       "--secondary-url", "http://192.0.2.2:8000/", "--split-pools", "--timeout", "30", "--yes"});
  EXPECT_TRUE(invocation.yes);
  const v1::CreateRequest& create = invocation.request.create();
  EXPECT_EQ(create.name(), "east6");
  EXPECT_EQ(create.service(), v1::DHCP6);
  EXPECT_EQ(create.ha().mode(), "load-balancing");
  EXPECT_EQ(create.ha().secondary(), "kea-b");
  EXPECT_EQ(create.ha().heartbeat_delay(), 1000u);
  EXPECT_TRUE(create.ha().has_max_unacked_clients());
  EXPECT_EQ(create.ha().max_unacked_clients(), 0u);
  EXPECT_FALSE(create.ha().has_max_ack_delay());
  EXPECT_EQ(create.ha().secondary_url(), "http://192.0.2.2:8000/");
  EXPECT_TRUE(create.split_pools());
  EXPECT_EQ(create.options().timeout(), 30u);
  EXPECT_FALSE(create.options().dry_run());
}

TEST(CommandLineTest, EditingARelationshipNamesOnlyWhatChanges) {
  const v1::EditRequest edit =
      Parsed({"relationship", "edit", "east4", "--mode", "hot-standby", "--mirror", "--dry-run"})
          .request.edit();
  EXPECT_EQ(edit.ha().mode(), "hot-standby");
  EXPECT_FALSE(edit.ha().has_heartbeat_delay());
  EXPECT_TRUE(edit.has_observe());
  EXPECT_FALSE(edit.observe());
  EXPECT_FALSE(edit.has_hold_percent());
  EXPECT_TRUE(edit.options().dry_run());
  EXPECT_EQ(Parsed({"relationship", "split-pools", "east4"}).request.edit().pools(), v1::SPLIT);
}

TEST(CommandLineTest, RemovingARelationshipSaysWhatBecomesOfScopes) {
  EXPECT_FALSE(Parsed({"relationship", "remove", "e"}).request.remove().has_secondary_scopes());
  const auto choice = [](const char* what) {
    return Parsed({"relationship", "remove", "e", "--secondary-scopes", what})
        .request.remove()
        .secondary_scopes();
  };
  EXPECT_EQ(choice("keep"), v1::SCOPES_AS_THEY_ARE);
  EXPECT_EQ(choice("disable"), v1::DISABLE);
  EXPECT_EQ(choice("delete"), v1::DELETE);
  const v1::ScopesRequest scopes =
      Parsed({"scopes", "enable", "--service", "dhcp6"}).request.scopes();
  EXPECT_EQ(scopes.service(), v1::DHCP6);
  EXPECT_EQ(scopes.scopes(), v1::ENABLE);
}

TEST(CommandLineTest, Servers) {
  EXPECT_TRUE(Parsed({"servers"}).request.has_servers());
  const v1::HaRequest ha = Parsed({"ha", "east4", "maintenance-start", "kea-b"}).request.ha();
  EXPECT_EQ(ha.action(), "maintenance-start");
  EXPECT_EQ(ha.server(), "kea-b");
}

TEST(CommandLineTest, Keygen) {
  const Invocation invocation = Parsed({"keygen", "kea-a"});
  EXPECT_EQ(invocation.keygen_name, "kea-a");
  EXPECT_EQ(invocation.request.verb_case(), v1::OperatorRequest::VERB_NOT_SET);
}

TEST(CommandLineTest, SaysWhatIsWrong) {
  EXPECT_THAT(Wrong({}), HasSubstr("a verb is missing"));
  EXPECT_THAT(Wrong({"frobnicate"}), HasSubstr("there is no verb frobnicate"));
  EXPECT_THAT(Wrong({"relationship", "marry"}), HasSubstr("there is no verb marry"));
  EXPECT_THAT(Wrong({"resync"}), HasSubstr("NAME is required"));
  EXPECT_THAT(Wrong({"status", "--loud"}), HasSubstr("--loud"));
  EXPECT_THAT(Wrong({"approve", "east4", "x"}), HasSubstr("\"x\" is not a number from 1 on"));
  EXPECT_THAT(Wrong({"watch", "--from", "3"}), HasSubstr("--from requires NAME"));
  EXPECT_THAT(Wrong({"watch", "--kind", "gossip"}), HasSubstr("gossip"));
  EXPECT_THAT(Wrong({"--key", "k", "status"}), HasSubstr("--key requires --server-key"));
  EXPECT_THAT(Wrong({"--key", "k", "--server-key", "s", "status"}), HasSubstr("requires --agent"));
  EXPECT_THAT(Wrong({"relationship", "adopt", "x", "--service", "dhcp5", "--secondary", "kea-b"}),
              HasSubstr("dhcp5"));
  EXPECT_THAT(Wrong({"relationship", "create", "x", "--service", "dhcp4", "--secondary", "kea-b"}),
              HasSubstr("--mode is required"));
  EXPECT_THAT(Wrong({"relationship", "edit", "x", "--mode", "passive-backup"}),
              HasSubstr("passive-backup"));
  EXPECT_THAT(Wrong({"relationship", "edit", "x", "--split-pools", "--join-pools"}),
              HasSubstr("excludes"));
  EXPECT_THAT(Wrong({"relationship", "remove", "x", "--secondary-scopes", "burn"}),
              HasSubstr("burn"));
  EXPECT_THAT(Wrong({"ha", "x", "explode", "kea-a"}), HasSubstr("explode"));
}

TEST(CommandLineTest, HelpAndVersionAreNoErrors) {
  for (const char* option : {"--help", "--version"}) {
    const auto finished = std::get<Finished>(Parse({option}));
    EXPECT_EQ(finished.exit_code, 0);
    EXPECT_EQ(finished.err, "");
    EXPECT_NE(finished.out, "");
  }
  EXPECT_EQ(std::get<Finished>(Parse({"--version"})).out, "nestorctl 1.2.3\n");
}

}  // namespace
}  // namespace nestor::ctl
