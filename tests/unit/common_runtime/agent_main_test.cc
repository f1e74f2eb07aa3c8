#include "common/runtime/agent_main.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "common/base/status.h"
#include "common/runtime/exit_code.h"

namespace nestor::runtime {
namespace {

using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using ::testing::internal::CaptureStderr;
using ::testing::internal::CaptureStdout;
using ::testing::internal::GetCapturedStderr;
using ::testing::internal::GetCapturedStdout;

constexpr std::string_view kOpenConfig = R"({
  "server-name": "kea-a",
  "services": { "dhcp4": { "control-socket": "/run/kea/kea4-ctrl-socket" } },
  "bus": { "events": "tcp://127.0.0.1:5570", "control": "tcp://127.0.0.1:5571" }
})";

// A Z85 key: any 40 characters of its alphabet.
const std::string kKey(40, 'a');

class AgentMainTest : public ::testing::Test {
 protected:
  AgentMainTest() {
    std::string name = ::testing::TempDir() + "/agent-main-XXXXXX";
    directory_ = ::mkdtemp(name.data());
  }
  ~AgentMainTest() override { std::filesystem::remove_all(directory_); }

  // Writes a file that only its owner may read, and returns its path.
  std::string Write(const std::string& name, std::string_view text) {
    const std::string path = directory_ + "/" + name;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path) << text;
    ::chmod(path.c_str(), 0600);
    return path;
  }

  std::string WriteSecured() {
    return Write("config", fmt::format(R"({{
  "server-name": "kea-a",
  "services": {{ "dhcp4": {{ "control-socket": "/run/kea/kea4-ctrl-socket" }} }},
  "bus": {{ "events": "tcp://0.0.0.0:5570", "control": "tcp://0.0.0.0:5571" }},
  "security": {{ "secret-key-file": "{0}/secret", "authorized-keys": "{0}/authorized.d" }}
}})",
                                       directory_));
  }

  // Runs an agent that has nothing to open; what it wrote is in out_ and err_ then.
  int Run(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "agent");
    CaptureStdout();
    CaptureStderr();
    const int code = AgentMain({.name = {.name = "agent",
                                         .purpose = "Is a test.",
                                         .version = "1.2.3",
                                         .default_config = "/nonexistent/agent.json"},
                                .role = agent::Role::kPrimary,
                                .open = [](Host&) { return absl::InternalError("opened"); }},
                               static_cast<int>(arguments.size()), arguments.data());
    out_ = GetCapturedStdout();
    err_ = GetCapturedStderr();
    return code;
  }

  int Check(const std::string& config) {
    return Run({"--config", config.c_str(), "--check-config"});
  }

  std::string directory_, out_, err_;
};

TEST_F(AgentMainTest, TellsItsVersion) {
  EXPECT_EQ(Run({"--version"}), kExitOk);
  EXPECT_EQ(out_, "agent 1.2.3\n");
}

TEST_F(AgentMainTest, TellsItsOptions) {
  EXPECT_EQ(Run({"--help"}), kExitOk);
  EXPECT_THAT(out_, AllOf(HasSubstr("--config FILE"), HasSubstr("--check-config"),
                          HasSubstr("/nonexistent/agent.json")));
}

TEST_F(AgentMainTest, RefusesWhatIsNoOption) {
  EXPECT_EQ(Run({"--verbose"}), kExitUsage);
  EXPECT_THAT(err_, HasSubstr("--verbose"));
  EXPECT_EQ(Run({"extra"}), kExitUsage);
  EXPECT_EQ(Run({"--config"}), kExitUsage);
}

TEST_F(AgentMainTest, FindsNothingWrongWithAGoodConfiguration) {
  EXPECT_EQ(Check(Write("config", kOpenConfig)), kExitOk) << err_;
  EXPECT_THAT(out_, EndsWith("config: nothing is wrong\n"));
}

TEST_F(AgentMainTest, SaysWhereTheConfigurationIsWrong) {
  const std::string path = Write("config", "{\n  \"server-nam\": \"kea-a\"\n}");
  EXPECT_EQ(Check(path), kExitConfiguration);
  EXPECT_THAT(err_, StartsWith("agent: " + path + ": line 2, column "));
  EXPECT_THAT(err_, HasSubstr("server-nam"));
}

TEST_F(AgentMainTest, UsesTheDefaultConfigurationAndSaysThatItIsMissing) {
  EXPECT_EQ(Run({}), kExitConfiguration);
  EXPECT_EQ(err_, "agent: /nonexistent/agent.json: No such file or directory\n");
}

TEST_F(AgentMainTest, ADirectoryIsNoConfiguration) {
  EXPECT_EQ(Check(directory_), kExitConfiguration);
  EXPECT_THAT(err_, HasSubstr("Is a directory"));
}

TEST_F(AgentMainTest, ChecksTheFilesThatTheConfigurationNames) {
  const std::string config = WriteSecured();
  EXPECT_EQ(Check(config), kExitConfiguration);
  EXPECT_THAT(err_, HasSubstr(directory_ + "/secret: No such file"));

  const std::string secret = Write("secret", kKey);
  EXPECT_EQ(Check(config), kExitConfiguration);
  EXPECT_THAT(err_, HasSubstr(directory_ + "/authorized.d: No such file"));

  Write("authorized.d/kea-b.public", kKey + "\nrights: replicate\n");
  EXPECT_EQ(Check(config), kExitOk) << err_;

  Write("authorized.d/monitor.public", kKey + "\nrights: look\n");
  EXPECT_EQ(Check(config), kExitConfiguration);
  EXPECT_THAT(err_, HasSubstr("authorized.d/monitor.public: line 2: "));
}

TEST_F(AgentMainTest, RefusesASecretThatOthersMayRead) {
  const std::string config = WriteSecured();
  const std::string secret = Write("secret", kKey);
  std::filesystem::create_directory(directory_ + "/authorized.d");
  ::chmod(secret.c_str(), 0644);
  EXPECT_EQ(Check(config), kExitConfiguration);
  EXPECT_THAT(err_, HasSubstr("chmod 0600 " + secret));
  ::chmod(secret.c_str(), 0640);
  EXPECT_EQ(Check(config), kExitOk) << err_;
}

TEST(ExitCodeTest, ToldByTheStatusAnAgentCouldNotStartFor) {
  EXPECT_EQ(ExitCodeFor(absl::OkStatus()), kExitOk);
  EXPECT_EQ(ExitCodeFor(absl::InvalidArgumentError("address")), kExitConfiguration);
  EXPECT_EQ(ExitCodeFor(absl::UnavailableError("in use")), kExitUnavailable);
  EXPECT_EQ(ExitCodeFor(absl::FailedPreconditionError("locked")), kExitUnavailable);
}

}  // namespace
}  // namespace nestor::runtime
