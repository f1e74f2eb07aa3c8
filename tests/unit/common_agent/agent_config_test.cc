#include "common/agent/agent_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/status.h"

namespace nestor::agent {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kPrimary = R"(// primary-agent.json
{
  "server-name": "kea-a",   # this server's name
  "services": {
    "dhcp4": { "control-socket": "/run/kea/kea4-ctrl-socket", "hook-socket": "/run/nestor/dhcp4.sock" },
    "dhcp6": { "control-socket": "/run/kea/kea6-ctrl-socket" }
  },
  "bus": {
    "events":  "tcp://0.0.0.0:5570", /* "not": a name */
    "control": "tcp://0.0.0.0:5571"
  },
  "security": {
    "secret-key-file": "/etc/nestor/keys/kea-a.secret",
    "authorized-keys": "/etc/nestor/keys/authorized.d"
  }
}
)";

constexpr std::string_view kSecondary = R"({
  "server-name": "kea-b",
  "services": { "dhcp4": { "control-socket": "/run/kea/kea4-ctrl-socket" } },
  "primary": { "events": "tcp://192.0.2.1:5570", "control": "tcp://192.0.2.1:5571",
               "public-key-file": "/etc/nestor/keys/kea-a.public" },
  "security": { "secret-key-file": "/etc/nestor/keys/kea-b.secret" },
  "operator-socket": "/tmp/b.sock", "state-directory": "/tmp/b", "http": "", "log-level": "debug"
}
)";

std::string With(std::string_view text, std::string_view what, std::string_view instead) {
  std::string changed(text);
  const size_t at = changed.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return changed.replace(at, what.size(), instead);
}

// What is wrong with `text`, or "" if nothing is.
std::string Wrong(Role role, std::string_view text) {
  const auto config = ParseAgentConfig(role, text);
  if (config.ok()) return "";
  EXPECT_EQ(config.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(Message(config.status()));
}
std::string WrongWith(std::string_view what, std::string_view instead) {
  return Wrong(Role::kPrimary, With(kPrimary, what, instead));
}
std::string WrongSecondaryWith(std::string_view what, std::string_view instead) {
  return Wrong(Role::kSecondary, With(kSecondary, what, instead));
}

TEST(AgentConfigTest, ReadsAPrimaryAndFillsInDefaults) {
  const auto config = ParseAgentConfig(Role::kPrimary, kPrimary);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->role, Role::kPrimary);
  EXPECT_EQ(config->server_name, "kea-a");
  ASSERT_EQ(config->services.size(), 2u);
  EXPECT_EQ(config->services.at(DhcpService::kDhcp4).control_socket, "/run/kea/kea4-ctrl-socket");
  EXPECT_EQ(config->services.at(DhcpService::kDhcp4).hook_socket, "/run/nestor/dhcp4.sock");
  EXPECT_EQ(config->services.at(DhcpService::kDhcp6).hook_socket, "");
  EXPECT_EQ(config->events, "tcp://0.0.0.0:5570");
  EXPECT_EQ(config->control, "tcp://0.0.0.0:5571");
  ASSERT_TRUE(config->security.has_value());
  EXPECT_EQ(config->security->secret_key_file, "/etc/nestor/keys/kea-a.secret");
  EXPECT_EQ(config->security->authorized_keys, "/etc/nestor/keys/authorized.d");
  EXPECT_EQ(config->operator_socket, "/run/nestor/primary-agent.sock");
  EXPECT_EQ(config->state_directory, "/var/lib/nestor");
  EXPECT_EQ(config->http, "127.0.0.1:5580");
  EXPECT_EQ(config->log_level, "info");
}

TEST(AgentConfigTest, ReadsASecondary) {
  const auto config = ParseAgentConfig(Role::kSecondary, kSecondary);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->role, Role::kSecondary);
  EXPECT_EQ(config->events, "tcp://192.0.2.1:5570");
  EXPECT_EQ(config->primary_public_key_file, "/etc/nestor/keys/kea-a.public");
  EXPECT_EQ(config->operator_socket, "/tmp/b.sock");
  EXPECT_EQ(config->state_directory, "/tmp/b");
  EXPECT_EQ(config->http, "");
  EXPECT_EQ(config->log_level, "debug");
}

TEST(AgentConfigTest, NeedsNoKeysWhereNobodyElseCanConnect) {
  const auto config = ParseAgentConfig(Role::kSecondary, R"({"server-name": "b",
      "services": {"dhcp6": {"control-socket": "/run/6"}},
      "primary": {"events": "ipc:///run/events", "control": "tcp://127.0.0.1:5571"}})");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_FALSE(config->security.has_value());
  EXPECT_EQ(config->operator_socket, "/run/nestor/secondary-agent.sock");
  EXPECT_EQ(config->http, "127.0.0.1:5581");
}

TEST(AgentConfigTest, NamesAnUnknownNameAndTheOneThatWasMeant) {
  EXPECT_EQ(WrongWith("\"server-name\"", "\"server-nam\""),
            "line 3, column 3: unknown name \"server-nam\"; did you mean \"server-name\"?");
  EXPECT_EQ(WrongWith("\"events\"", "\"event\""),
            "line 9, column 5: in \"bus\", unknown name \"event\"; did you mean \"events\"?");
  EXPECT_EQ(WrongWith("\"hook-socket\"", "\"x\""),
            "line 5, column 63: in \"services.dhcp4\", unknown name \"x\"; known here: "
            "control-socket, hook-socket, ha-url, hooks-directory, configuration-file, "
            "lease-events");
  EXPECT_THAT(WrongWith("\"dhcp6\"", "\"dhcp-ddns\""),
              HasSubstr("in \"services\", unknown name \"dhcp-ddns\""));
  EXPECT_THAT(WrongSecondaryWith("\"primary\"", "\"bus\""), HasSubstr("unknown name \"bus\""));
}

TEST(AgentConfigTest, NamesWhatIsMissing) {
  EXPECT_EQ(WrongWith("\"server-name\": \"kea-a\",", ""),
            "line 1, column 1: \"server-name\" is missing");
  EXPECT_EQ(WrongWith("\"control-socket\": \"/run/kea/kea6-ctrl-socket\"", ""),
            "line 6, column 5: in \"services.dhcp6\", \"control-socket\" is missing");
  EXPECT_EQ(WrongWith("\"authorized-keys\": \"/etc/nestor/keys/authorized.d\"",
                      "\"authorized-keys\": \"\""),
            "line 12, column 3: in \"security\", \"authorized-keys\" is missing: the folder of "
            "the public keys that may connect");
  EXPECT_EQ(Wrong(Role::kPrimary, "{\"server-name\": \"a\",\n \"services\": {}}"),
            "line 2, column 2: \"services\" is empty: name \"dhcp4\", \"dhcp6\" or both");
  EXPECT_EQ(WrongSecondaryWith("\"/etc/nestor/keys/kea-a.public\"", "\"\""),
            "line 4, column 3: in \"primary\", \"public-key-file\" is missing: with \"security\" "
            "the secondary must know its primary's public key");
  EXPECT_EQ(WrongWith("\"kea-a\"", "\"\""), "line 3, column 18: \"server-name\" is empty");
}

TEST(AgentConfigTest, NamesAWrongType) {
  EXPECT_EQ(WrongWith("\"kea-a\"", "7"),
            "line 3, column 3: \"server-name\" is a number; it must be a string");
  EXPECT_EQ(WrongWith("{ \"control-socket\": \"/run/kea/kea6-ctrl-socket\" }", "[]"),
            "line 6, column 5: \"dhcp6\" is a list; it must be an object, {...}");
  EXPECT_EQ(Wrong(Role::kPrimary, "[]"),
            "line 1, column 1: the configuration is a list; it must be an object, {...}");
}

TEST(AgentConfigTest, NamesABadValue) {
  EXPECT_EQ(WrongWith("\"tcp://0.0.0.0:5571\"", "\"0.0.0.0:5571\""),
            "line 10, column 16: \"0.0.0.0:5571\" is not an address: write tcp://HOST:PORT or "
            "ipc:///PATH");
  EXPECT_EQ(WrongWith("\"tcp://0.0.0.0:5571\"", "\"tcp://0.0.0.0\""),
            "line 10, column 16: \"0.0.0.0\" does not end in a port, ':' and 1 to 65535");
  EXPECT_EQ(WrongWith("5571", "5570"),
            "line 8, column 3: \"events\" and \"control\" are the same address");
  EXPECT_EQ(WrongWith("\"/run/kea/kea6-ctrl-socket\"", "\"kea6\""),
            "line 6, column 34: \"kea6\" is not the path of a socket: it begins with '/'");
  EXPECT_EQ(WrongSecondaryWith("\"debug\"", "\"loud\""),
            "line 7, column 91: \"loud\" is not a log level: trace, debug, info, warning, error");
  EXPECT_EQ(WrongSecondaryWith("\"http\": \"\"", "\"http\": \"5581\""),
            "line 7, column 74: \"5581\" does not end in a port, ':' and 1 to 65535");
  EXPECT_EQ(WrongSecondaryWith("\"http\": \"\"", "\"http\": \"*:5581\""),
            "line 7, column 74: \"*\" is no address of an HTTP server: write 0.0.0.0 or [::]");
  EXPECT_THAT(WrongWith("tcp://0.0.0.0:5570", "tcp://kea-a.example:5570"),
              HasSubstr("a listener's names are not looked up"));
  EXPECT_THAT(WrongSecondaryWith("tcp://192.0.2.1:5571", "tcp://*:5571"),
              HasSubstr("write the primary's name or address"));
  EXPECT_EQ(WrongSecondaryWith("\"/tmp/b\"", "\"b\""),
            "line 7, column 56: \"b\" is not a folder's path: it begins with '/'");
  EXPECT_EQ(WrongWith("\"kea-a\"", "\"kea a\""),
            "line 3, column 18: \"kea a\" is not a server's name: 1 to 63 letters, digits, '-', "
            "'_' and '.', the first a letter or a digit");
}

TEST(AgentConfigTest, RefusesAnOpenAddressWithoutSecurity) {
  EXPECT_EQ(Wrong(Role::kPrimary, R"({"server-name": "a",
 "services": {"dhcp4": {"control-socket": "/s"}},
 "bus": {"events": "tcp://127.0.0.1:1", "control": "tcp://0.0.0.0:2"}})"),
            "line 3, column 52: \"tcp://0.0.0.0:2\" can be reached from other hosts, and there is "
            "no \"security\": add it (nestorctl keygen makes keys), or use a loopback or ipc "
            "address");
}

TEST(AgentConfigTest, SaysWhereItIsNotJson) {
  EXPECT_THAT(Wrong(Role::kPrimary, ""), HasSubstr("line 1, column 1: "));
  EXPECT_EQ(Wrong(Role::kPrimary, "{\n  /* open"), "line 2, column 3: this comment is not closed");
  EXPECT_THAT(Wrong(Role::kPrimary, "{\n  # note\n  \"a\" 1}"), HasSubstr("line 3, column "));
  EXPECT_EQ(Wrong(Role::kPrimary, "{\"http\": \"\", \"http\": \"\"}"),
            "line 1, column 14: the name \"http\" stands twice in one object");
}

TEST(AgentConfigTest, CountsLinesOfTheFileAndNotOfItsStrings) {
  EXPECT_THAT(Wrong(Role::kPrimary, "{\"http\": \"a\\nb\\nc\", \"htt\": 1}"),
              HasSubstr("line 1, column 21: "));
}

TEST(AgentConfigTest, LeaseEventsAreOffUnlessAskedFor) {
  const auto plain = ParseAgentConfig(Role::kPrimary, kPrimary);
  ASSERT_TRUE(plain.ok());
  for (const auto& [service, its] : plain->services) EXPECT_FALSE(its.lease_events);
  const auto with = ParseAgentConfig(
      Role::kPrimary, With(kPrimary, R"(dhcp4.sock" })", R"(dhcp4.sock", "lease-events": true })"));
  ASSERT_TRUE(with.ok()) << with.status();
  EXPECT_TRUE(with->services.at(DhcpService::kDhcp4).lease_events);
  EXPECT_FALSE(with->services.at(DhcpService::kDhcp6).lease_events);
  EXPECT_EQ(WrongWith(R"(dhcp4.sock" })", R"(dhcp4.sock", "lease-events": false })"), "");
}

TEST(AgentConfigTest, LeaseEventsNeedTheHookLibraryAndAPrimary) {
  EXPECT_THAT(WrongWith(R"(kea6-ctrl-socket" })", R"(kea6-ctrl-socket", "lease-events": true })"),
              HasSubstr("\"hook-socket\" is missing"));
  EXPECT_THAT(WrongWith(R"(dhcp4.sock" })", R"(dhcp4.sock", "lease-events": "yes" })"),
              HasSubstr("must be true or false"));
  EXPECT_THAT(
      WrongSecondaryWith(R"(kea4-ctrl-socket" })", R"(kea4-ctrl-socket", "lease-events": true })"),
      HasSubstr("unknown name \"lease-events\""));
}

TEST(AgentConfigTest, ReadsOnBothSidesWhereKeaListensAndWhatItConsistsOf) {
  constexpr std::string_view kMore = R"(kea4-ctrl-socket",
      "ha-url": "http://192.0.2.1:8000/", "hooks-directory": "/usr/lib/kea/hooks",
      "configuration-file": "/etc/kea/kea-dhcp4.conf")";
  for (const auto& [role, text] :
       {std::pair(Role::kPrimary, kPrimary), std::pair(Role::kSecondary, kSecondary)}) {
    const auto config = ParseAgentConfig(role, With(text, "kea4-ctrl-socket\"", kMore));
    ASSERT_TRUE(config.ok()) << config.status();
    const ServiceConfig& four = config->services.at(DhcpService::kDhcp4);
    EXPECT_EQ(four.ha_url, "http://192.0.2.1:8000/");
    EXPECT_EQ(four.hooks_directory, "/usr/lib/kea/hooks");
    EXPECT_EQ(four.configuration_file, "/etc/kea/kea-dhcp4.conf");
  }
  const auto plain = ParseAgentConfig(Role::kPrimary, kPrimary);
  ASSERT_TRUE(plain.ok()) << plain.status();
  for (const auto& [service, its] : plain->services) {
    EXPECT_EQ(its.ha_url + its.hooks_directory + its.configuration_file, "");
  }
}

TEST(AgentConfigTest, NamesABadHaUrlOrPath) {
  const auto with = [](std::string_view what) {
    return WrongSecondaryWith(R"(kea4-ctrl-socket" })",
                              std::string(R"(kea4-ctrl-socket", )").append(what).append(" }"));
  };
  EXPECT_EQ(with(R"("ha-url": "http://kea-b.example:8000/")"),
            "line 3, column 85: \"http://kea-b.example:8000/\" is not an URL that Kea's HA takes: "
            "its host is not an address, and Kea looks no names up; write http://ADDRESS:PORT/");
  EXPECT_THAT(with(R"("ha-url": "")"), HasSubstr("line 3, column 85: \"\" is not an URL"));
  EXPECT_EQ(with(R"("ha-url": 8000)"),
            "line 3, column 75: \"ha-url\" is a number; it must be a string");
  EXPECT_EQ(with(R"("hooks-directory": "hooks")"),
            "line 3, column 94: \"hooks\" is not a folder's path: it begins with '/'");
  EXPECT_EQ(with(R"("configuration-file": "kea.conf")"),
            "line 3, column 97: \"kea.conf\" is not a file's path: it begins with '/'");
  EXPECT_THAT(with(R"("ha-urls": "")"), HasSubstr("did you mean \"ha-url\"?"));
}

}  // namespace
}  // namespace nestor::agent
