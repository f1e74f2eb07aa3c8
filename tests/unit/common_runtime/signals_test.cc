#include "common/runtime/signals.h"

#include <gtest/gtest.h>
#include <poll.h>

namespace nestor::runtime {
namespace {

bool Readable(int fd) {
  pollfd item{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&item, 1, 0) == 1;
}

TEST(SignalsTest, AreReadInsteadOfEndingTheProcess) {
  Signals signals;
  EXPECT_FALSE(Readable(signals.fd()));
  EXPECT_EQ(signals.Next(), std::nullopt);
  ::raise(SIGTERM);
  EXPECT_TRUE(Readable(signals.fd()));
  EXPECT_EQ(signals.Next(), Signal::kStop);
  ::raise(SIGINT);
  EXPECT_EQ(signals.Next(), Signal::kStop);
  ::raise(SIGHUP);
  EXPECT_EQ(signals.Next(), Signal::kReload);
  EXPECT_EQ(signals.Next(), std::nullopt);
}

TEST(SignalsDeathTest, TheSecondStopEndsTheProcessAtOnce) {
  EXPECT_EXIT(
      {
        Signals signals;
        ::raise(SIGTERM);
        if (signals.Next() == Signal::kStop) Signals::ExitOnNextStop();
        ::raise(SIGINT);
        ::_exit(1);
      },
      ::testing::ExitedWithCode(0), "");
}

TEST(SignalsDeathTest, AStopThatAlreadyWaitsCountsAsTheSecond) {
  EXPECT_EXIT(
      {
        Signals signals;
        ::raise(SIGTERM);
        Signals::ExitOnNextStop();
        ::_exit(1);
      },
      ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace nestor::runtime
