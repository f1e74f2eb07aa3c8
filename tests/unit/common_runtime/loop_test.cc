#include "common/runtime/loop.h"

#include <gmock/gmock.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

namespace nestor::runtime {
namespace {

using ::testing::ElementsAre;

// Wall time that the machine would have to be stuck for.
constexpr std::chrono::seconds kLongEnough(30);

// A bus without sockets that has work for a number of dispatches.
class CountingBus : public bus::PolledBus {
 public:
  explicit CountingBus(int work) : work_(work) {}

  std::vector<zmq::pollitem_t> PollItems() override { return {}; }
  bool Dispatch() override { return ++dispatched_ < work_; }

  int dispatched() const { return dispatched_; }

 private:
  int work_;
  int dispatched_ = 0;
};

TEST(LoopTest, RunsWhatOtherThreadsPostOnItsOwn) {
  Loop loop;
  std::thread::id ran_on;
  std::thread other([&] {
    loop.Post([&] {
      ran_on = std::this_thread::get_id();
      loop.Stop();
    });
  });
  loop.Run([] {});
  other.join();
  EXPECT_EQ(ran_on, std::this_thread::get_id());
}

TEST(LoopTest, RunsInTheOrderPosted) {
  Loop loop;
  std::vector<int> order;
  for (int i = 0; i < 3; ++i) loop.Post([&order, i] { order.push_back(i); });
  loop.Post([&] { loop.Stop(); });
  loop.Run([] {});
  EXPECT_THAT(order, ElementsAre(0, 1, 2));
}

TEST(LoopTest, TicksWhenNothingHappens) {
  Loop loop;
  int ticks = 0;
  loop.Run([&] {
    if (++ticks == 3) loop.Stop();
  });
  EXPECT_EQ(ticks, 3);
}

TEST(LoopTest, TicksAlthoughTasksNeverEnd) {
  Loop loop;
  std::function<void()> again = [&] { loop.Post([&] { again(); }); };
  again();
  int ticks = 0;
  loop.Run([&] {
    if (++ticks == 3) loop.Stop();
  });
  EXPECT_EQ(ticks, 3);
}

TEST(LoopTest, RunsABoundedNumberOfTasksPerTurn) {
  Loop loop;
  int ran = 0;
  for (int i = 0; i < 2 * Loop::kTasksPerTurn; ++i) loop.Post([&ran] { ++ran; });
  std::vector<int> ran_at_tick;
  loop.Run([&] {
    ran_at_tick.push_back(ran);
    if (ran == 2 * Loop::kTasksPerTurn) loop.Stop();
  });
  EXPECT_THAT(ran_at_tick, ElementsAre(Loop::kTasksPerTurn, 2 * Loop::kTasksPerTurn));
}

TEST(LoopTest, DoesNotWaitWhileTheBusHasMore) {
  constexpr int kWork = 10'000;  // at 50 ms each it would take minutes
  Loop loop;
  CountingBus bus(kWork);
  loop.Serve(bus);
  const auto before = std::chrono::steady_clock::now();
  loop.Run([&] {
    if (bus.dispatched() == kWork) loop.Stop();
  });
  EXPECT_LT(std::chrono::steady_clock::now() - before, kLongEnough);
}

TEST(LoopTest, CallsWhoWatchesAReadableDescriptor) {
  Loop loop;
  const int fd = ::eventfd(1, EFD_NONBLOCK);
  uint64_t value = 0;
  loop.Watch(fd, [&] {
    EXPECT_EQ(::read(fd, &value, sizeof(value)), static_cast<ssize_t>(sizeof(value)));
    loop.Stop();
  });
  loop.Run([] {});
  EXPECT_EQ(value, 1U);
  ::close(fd);
}

TEST(LoopTest, DropsWhatIsPostedOnceItHasEnded) {
  Loop loop;
  const auto left = std::make_shared<int>();
  bool ran = false;
  loop.Post([&] {
    loop.Stop();
    for (int i = 0; i < Loop::kTasksPerTurn; ++i) loop.Post([&ran, left, i] { ran = i > 1'000; });
  });
  loop.Run([] {});
  EXPECT_EQ(left.use_count(), 1) << "a dropped task is destroyed";
  loop.Post([&ran] { ran = true; });
  EXPECT_FALSE(ran);
}

}  // namespace
}  // namespace nestor::runtime
