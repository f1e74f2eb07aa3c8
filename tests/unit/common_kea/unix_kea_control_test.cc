#include "common/kea/unix_kea_control.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ctime>
#include <mutex>

#include "common/base/status.h"
#include "tests/unit/common_kea/unix_server.h"

namespace nestor::kea {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Nothing is waited for that long unless something is broken.
constexpr absl::Duration kLong = absl::Seconds(20);
constexpr absl::Duration kShort = absl::Milliseconds(50);

constexpr std::string_view kFine = R"({ "result": 0, "text": "fine" })";

absl::StatusOr<Answer> Ask(const UnixServer& server, absl::Duration timeout = kLong,
                           std::string_view command = "status-get",
                           std::string_view arguments = {}) {
  return ConnectUnix(server.path())->Send(command, arguments, timeout);
}

// What this thread has used of the processor.
absl::Duration ThreadTime() {
  timespec used{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return absl::DurationFromTimespec(used);
}

TEST(UnixKeaControlTest, SendsTheCommandAndReadsTheAnswer) {
  std::mutex mutex;
  std::vector<std::string> received;
  const UnixServer server([&](int connection) {
    const std::string text = UnixServer::Receive(connection);
    const std::lock_guard lock(mutex);
    received.push_back(text);
    UnixServer::Write(connection, kFine);
  });
  const auto control = ConnectUnix(server.path());
  for (const std::string_view arguments : {"", R"({"a":1})"}) {
    const auto answer = control->Send("version-get", arguments, kLong);
    ASSERT_TRUE(answer.ok()) << Message(answer.status());
    EXPECT_EQ(answer->text, "fine");
  }
  const std::lock_guard lock(mutex);
  EXPECT_THAT(received, ElementsAre(R"({"command":"version-get"})",
                                    R"({"command":"version-get","arguments":{"a":1}})"));
}

TEST(UnixKeaControlTest, CarriesWhatIsLargerThanAnyBuffer) {
  const std::string large(3 << 20, 'x');
  const UnixServer server([&](int connection) {
    const size_t size = UnixServer::Receive(connection).size();
    UnixServer::Write(connection,
                      fmt::format(R"({{"result":0,"text":"{}","arguments":{}}})", large, size));
  });
  const auto answer = Ask(server, kLong, "config-set", fmt::format(R"({{"a":"{}"}})", large));
  ASSERT_TRUE(answer.ok()) << Message(answer.status());
  EXPECT_EQ(answer->text, large);
  EXPECT_GT(answer->arguments()->GetUint64(), large.size());
}

TEST(UnixKeaControlTest, AnAnswerMayComeInPieces) {
  const UnixServer server([&](int connection) {
    UnixServer::Receive(connection);
    for (const char c : kFine) UnixServer::Write(connection, {&c, 1});
  });
  const auto answer = Ask(server);
  ASSERT_TRUE(answer.ok()) << Message(answer.status());
  EXPECT_EQ(answer->text, "fine");
}

TEST(UnixKeaControlTest, ARefusalIsAnAnswer) {
  const UnixServer server([&](int connection) {
    UnixServer::Receive(connection);
    UnixServer::Write(connection, R"({"result":1,"text":"no"})");
  });
  const auto answer = Ask(server);
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(answer->result, 1);
}

TEST(UnixKeaControlTest, IsUnavailableWhereNothingListens) {
  std::string path;
  {
    const UnixServer gone(nullptr);
    path = gone.path();
  }
  const auto answer = ConnectUnix(path)->Send("status-get", {}, kLong);
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(Message(answer.status())), HasSubstr(path));
}

TEST(UnixKeaControlTest, IsUnavailableWhereTheSocketRefuses) {
  // Bound and left behind, as by a Kea that was killed.
  const std::string path = ::testing::TempDir() + "nestor-left-behind.sock";
  unlink(path.c_str());
  const sockaddr_un address = UnixServer::Address(path);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  close(fd);
  const auto answer = ConnectUnix(path)->Send("status-get", {}, kLong);
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(Message(answer.status())), HasSubstr("refused"));
  unlink(path.c_str());
}

TEST(UnixKeaControlTest, IsUnavailableWhereThePathIsTooLong) {
  const auto answer = ConnectUnix("/" + std::string(200, 'x'))->Send("status-get", {}, kLong);
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kUnavailable);
}

TEST(UnixKeaControlTest, GivesUpOnAQueueThatStaysFull) {
  const UnixServer stopped(nullptr, 0);
  const sockaddr_un address = UnixServer::Address(stopped.path());
  std::vector<int> waiting;
  do {
    waiting.push_back(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  } while (connect(waiting.back(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) ==
           0);
  const absl::Duration worked = ThreadTime();
  const auto answer = Ask(stopped, 4 * kShort);
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kUnavailable);
  // It waited; it did not ask again and again.
  EXPECT_LT(ThreadTime() - worked, kShort);
  for (const int fd : waiting) close(fd);
}

TEST(UnixKeaControlTest, ACommandThatIsNotTakenWholeIsUnavailable) {
  const UnixServer server([&](int connection) { UnixServer::Write(connection, ""); });
  const std::string large = fmt::format(R"({{"a":"{}"}})", std::string(8 << 20, 'x'));
  EXPECT_EQ(Ask(server, kLong, "config-set", large).status().code(),
            absl::StatusCode::kUnavailable);
  // Nobody reads, so it does not fit.
  const UnixServer stopped(nullptr);
  EXPECT_EQ(Ask(stopped, kShort, "config-set", large).status().code(),
            absl::StatusCode::kUnavailable);
}

TEST(UnixKeaControlTest, SilenceIsDeadlineExceeded) {
  const UnixServer server([&](int connection) { UnixServer::AwaitClose(connection); });
  EXPECT_EQ(Ask(server, kShort).status().code(), absl::StatusCode::kDeadlineExceeded);
}

TEST(UnixKeaControlTest, AnAnswerThatStopsHalfwayIsDeadlineExceeded) {
  const UnixServer server([&](int connection) {
    UnixServer::Receive(connection);
    UnixServer::Write(connection, kFine.substr(0, 10));
    UnixServer::AwaitClose(connection);
  });
  EXPECT_EQ(Ask(server, kShort).status().code(), absl::StatusCode::kDeadlineExceeded);
}

TEST(UnixKeaControlTest, AConnectionClosedWithoutAnAnswerIsDataLoss) {
  const UnixServer server([&](int connection) { UnixServer::Receive(connection); });
  EXPECT_EQ(Ask(server).status().code(), absl::StatusCode::kDataLoss);
}

TEST(UnixKeaControlTest, AnAnswerCutOffIsDataLoss) {
  const UnixServer server([&](int connection) {
    UnixServer::Receive(connection);
    UnixServer::Write(connection, kFine.substr(0, 10));
  });
  EXPECT_EQ(Ask(server).status().code(), absl::StatusCode::kDataLoss);
}

TEST(UnixKeaControlTest, OneConnectionThatBrokeHurtsNoOther) {
  int connections = 0;
  const UnixServer server([&](int connection) {
    UnixServer::Receive(connection);
    if (++connections > 1) UnixServer::Write(connection, kFine);
  });
  const auto control = ConnectUnix(server.path());
  EXPECT_FALSE(control->Send("status-get", {}, kLong).ok());
  EXPECT_TRUE(control->Send("status-get", {}, kLong).ok());
}

}  // namespace
}  // namespace nestor::kea
