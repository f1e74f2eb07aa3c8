#include "common/runtime/supervisor.h"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/fake_clock.h"

namespace nestor::runtime {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// In systemd's place: listens at NOTIFY_SOCKET.
class SupervisorTest : public ::testing::Test {
 protected:
  SupervisorTest() : fd_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    std::string name = ::testing::TempDir() + "/notify-XXXXXX";
    directory_ = ::mkdtemp(name.data());
    const std::string path = directory_ + "/socket";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
    ::setenv("WATCHDOG_USEC", "20000000", 1);
    ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
  }
  ~SupervisorTest() override {
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) ::unsetenv(name);
    ::close(fd_);
    std::filesystem::remove_all(directory_);
  }

  // What was told since the last call.
  std::vector<std::string> Told() {
    std::vector<std::string> told;
    char text[256];
    for (ssize_t size = 0; (size = ::recv(fd_, text, sizeof text, 0)) >= 0;) {
      told.emplace_back(text, static_cast<size_t>(size));
    }
    return told;
  }

  // Turns of a loop, one a second, and what was told meanwhile.
  std::vector<std::string> Turn(Supervisor& supervisor, int seconds) {
    for (int i = 0; i < seconds; ++i) {
      clock_.Advance(absl::Seconds(1));
      supervisor.Tick();
    }
    return Told();
  }

  ::nestor::testing::FakeClock clock_;
  std::string directory_;
  const int fd_;
};

TEST_F(SupervisorTest, IsReadyOnce) {
  Supervisor supervisor(clock_);
  EXPECT_FALSE(supervisor.ready());
  supervisor.Ready();
  supervisor.Ready();
  EXPECT_TRUE(supervisor.ready());
  EXPECT_THAT(Told(), ElementsAre("READY=1"));
}

TEST_F(SupervisorTest, TellsAStatusWhenItChanged) {
  Supervisor supervisor(clock_);
  for (const char* line : {"a", "a", "b"}) supervisor.Status(line);
  EXPECT_THAT(Told(), ElementsAre("STATUS=a", "STATUS=b"));
}

TEST_F(SupervisorTest, FeedsTheWatchdogTwiceInItsInterval) {
  Supervisor supervisor(clock_);
  supervisor.Ready();
  (void)Told();
  EXPECT_THAT(Turn(supervisor, 9), IsEmpty());
  EXPECT_THAT(Turn(supervisor, 1), ElementsAre("WATCHDOG=1"));
  EXPECT_THAT(Turn(supervisor, 20), ElementsAre("WATCHDOG=1", "WATCHDOG=1"));
}

TEST_F(SupervisorTest, ALoopThatIsStuckFeedsNothing) {
  Supervisor supervisor(clock_);
  supervisor.Ready();
  (void)Told();
  clock_.Advance(absl::Minutes(1));
  supervisor.Status("of a thread that is not the loop");
  EXPECT_THAT(Told(), ElementsAre("STATUS=of a thread that is not the loop"));
}

TEST_F(SupervisorTest, UntilItIsReadyItsTurnsEarnMoreTime) {
  ::unsetenv("WATCHDOG_USEC");
  Supervisor supervisor(clock_);
  EXPECT_THAT(Turn(supervisor, 20),
              ElementsAre("EXTEND_TIMEOUT_USEC=30000000", "EXTEND_TIMEOUT_USEC=30000000"));
  supervisor.Ready();
  EXPECT_THAT(Turn(supervisor, 60), ElementsAre("READY=1"));
}

TEST_F(SupervisorTest, WithoutSystemdNothingHappens) {
  ::unsetenv("NOTIFY_SOCKET");
  Supervisor supervisor(clock_);
  supervisor.Ready();
  supervisor.Status("a");
  EXPECT_THAT(Turn(supervisor, 60), IsEmpty());
}

}  // namespace
}  // namespace nestor::runtime
