#include "tests/simulation/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/simulation/process.h"

namespace nestor::simulation {
namespace {

using ::testing::ElementsAre;

std::shared_ptr<Process> MakeProcess(Scheduler& scheduler) {
  return std::make_shared<Process>(scheduler, "agent", 1, absl::UnixEpoch());
}

TEST(SchedulerTest, RunsEventsByTimeThenByInsertion) {
  Scheduler scheduler;
  std::vector<std::string> ran;
  scheduler.At(absl::Seconds(2), [&] { ran.push_back("late"); });
  scheduler.At(absl::Seconds(1), [&] { ran.push_back("first"); });
  scheduler.At(absl::Seconds(1), [&] { ran.push_back("second"); });
  scheduler.RunUntil(absl::Seconds(3));
  EXPECT_THAT(ran, ElementsAre("first", "second", "late"));
  EXPECT_EQ(scheduler.Now(), absl::Seconds(3));
}

TEST(SchedulerTest, LeavesWhatIsDueLaterForTheNextRun) {
  Scheduler scheduler;
  int ran = 0;
  scheduler.At(absl::Seconds(5), [&] { ++ran; });
  scheduler.RunUntil(absl::Seconds(4));
  EXPECT_EQ(ran, 0);
  scheduler.RunUntil(absl::Seconds(5));
  EXPECT_EQ(ran, 1);
}

TEST(SchedulerTest, CancelledEventsDoNotRun) {
  Scheduler scheduler;
  int ran = 0;
  const auto id = scheduler.At(absl::Seconds(1), [&] { ++ran; });
  scheduler.Cancel(id);
  scheduler.RunUntil(absl::Seconds(2));
  EXPECT_EQ(ran, 0);
}

TEST(ProcessTest, WhatHappensDuringAJobsStepRunsBeforeItsNext) {
  Scheduler scheduler;
  auto process = MakeProcess(scheduler);
  Executor& worker = process->MakeWorker();
  std::vector<std::string> ran;
  worker.Post([&] {
    ran.push_back("job begins");
    process->Spend(absl::Seconds(2));
    ran.push_back("job goes on");
  });
  scheduler.At(absl::Seconds(1), [&] { ran.push_back("event"); });
  scheduler.RunUntil(absl::Seconds(5));
  EXPECT_THAT(ran, ElementsAre("job begins", "event", "job goes on"));
}

TEST(ProcessTest, TwoWorkersInterleave) {
  Scheduler scheduler;
  auto process = MakeProcess(scheduler);
  std::string ran;
  for (const char name : {'a', 'b'}) {
    process->MakeWorker().Post([&, name] {
      for (int i = 0; i < 3; ++i) {
        ran.push_back(name);
        process->Spend(absl::Seconds(1));
      }
    });
  }
  scheduler.RunUntil(absl::Seconds(10));
  EXPECT_EQ(ran.size(), 6u);
  EXPECT_EQ(ran.find("aa"), std::string::npos) << ran;
  process->Kill(nullptr);
}

TEST(ProcessTest, RunsTasksOfOneExecutorInOrderAndOneAtATime) {
  Scheduler scheduler;
  auto process = MakeProcess(scheduler);
  Executor& worker = process->MakeWorker();
  std::vector<int> ran;
  for (int i = 0; i < 4; ++i) {
    worker.Post([&, i] {
      process->Spend(absl::Seconds(1));
      ran.push_back(i);
      process->loop().Post([&, i] { ran.push_back(100 + i); });
    });
  }
  scheduler.RunUntil(absl::Seconds(10));
  EXPECT_THAT(ran, ElementsAre(0, 100, 1, 101, 2, 102, 3, 103));
}

TEST(ProcessTest, AKilledProcessRunsOutWithoutEffect) {
  Scheduler scheduler;
  auto process = MakeProcess(scheduler);
  Executor& worker = process->MakeWorker();
  int posted = 0, steps = 0;
  bool cut_off_while_dead = false;
  worker.Post([&] {
    const Instant deadline = process->clock().Now() + absl::Seconds(60);
    while (process->clock().Now() < deadline) {
      process->clock().Sleep(absl::Seconds(1));
      if (process->Spend(absl::Seconds(1))) ++steps;
    }
    process->loop().Post([&] { ++posted; });
  });
  worker.Post([&] { ++posted; });
  scheduler.At(absl::Milliseconds(2500),
               [&] { process->Kill([&] { cut_off_while_dead = !process->alive(); }); });
  scheduler.RunUntil(absl::Seconds(200));
  EXPECT_EQ(steps, 1);
  EXPECT_EQ(posted, 0);
  EXPECT_TRUE(cut_off_while_dead);
}

TEST(ProcessTest, DiesInTheMiddleOfAJobAtTheStepPlanned) {
  Scheduler scheduler;
  auto process = MakeProcess(scheduler);
  int steps = 0, died = 0;
  process->MakeWorker().Post([&] {
    for (int i = 0; i < 10; ++i) {
      if (process->Spend(absl::Milliseconds(1))) ++steps;
    }
  });
  process->DieAtStep(4, nullptr, [&] {
    ++died;
    process->Kill(nullptr);
  });
  scheduler.RunUntil(absl::Seconds(1));
  EXPECT_EQ(steps, 3);
  EXPECT_EQ(died, 1);
  EXPECT_FALSE(process->alive());
}

TEST(ProcessTest, WallClockJumpsButTheIntervalClockDoesNot) {
  Scheduler scheduler;
  auto process = MakeProcess(scheduler);
  scheduler.RunUntil(absl::Seconds(10));
  process->JumpWallClock(-absl::Hours(1));
  EXPECT_EQ(process->clock().Now().since_start, absl::Seconds(10));
  EXPECT_EQ(process->clock().Wall(), absl::UnixEpoch() + absl::Seconds(10) - absl::Hours(1));
}

TEST(DiceTest, ConcernsDrawIndependently) {
  Dice one(7, "network"), again(7, "network"), other(7, "kea"), seed(8, "network");
  const uint64_t first = one.Next();
  EXPECT_EQ(first, again.Next());
  EXPECT_NE(first, other.Next());
  EXPECT_NE(first, seed.Next());
}

}  // namespace
}  // namespace nestor::simulation
