#include "common/runtime/worker.h"

#include <gmock/gmock.h>

#include <memory>
#include <vector>

#include "tests/support/notification.h"

namespace nestor::runtime {
namespace {

using ::nestor::testing::Notification;
using ::testing::ElementsAre;

constexpr absl::Duration kLongEnough = absl::Seconds(30);
constexpr absl::Duration kNotAtAll = absl::ZeroDuration();

TEST(WorkerTest, RunsInTheOrderPosted) {
  std::vector<int> order;
  Notification done;
  Worker worker("test");
  for (int i = 0; i < 4; ++i) worker.Post([&order, i] { order.push_back(i); });
  worker.Post([&done] { done.Notify(); });
  ASSERT_TRUE(done.WaitFor(kLongEnough));
  EXPECT_THAT(order, ElementsAre(0, 1, 2, 3));
}

TEST(WorkerTest, ATaskMayPostAnother) {
  Notification done;
  Worker worker("test");
  worker.Post([&] { worker.Post([&done] { done.Notify(); }); });
  EXPECT_TRUE(done.WaitFor(kLongEnough));
}

TEST(WorkerTest, StopDropsWhatWaitsAndLetsEndWhatIsUnderWay) {
  Notification begun, go_on;
  bool ended = false, ran = false;
  const auto token = std::make_shared<int>();
  Worker worker("test");
  worker.Post([&] {
    begun.Notify();
    go_on.WaitFor(kLongEnough);
    ended = true;
  });
  worker.Post([&ran, token] { ran = true; });
  ASSERT_TRUE(begun.WaitFor(kLongEnough));
  worker.Stop();
  EXPECT_EQ(token.use_count(), 1) << "a dropped task is destroyed";
  EXPECT_FALSE(worker.WaitUntilEnded(kNotAtAll));
  go_on.Notify();
  EXPECT_TRUE(worker.WaitUntilEnded(kLongEnough));
  EXPECT_TRUE(ended);
  EXPECT_FALSE(ran);
}

TEST(WorkerTest, DropsWhatIsPostedAfterStop) {
  bool ran = false;
  Worker worker("test");
  worker.Stop();
  worker.Post([&ran] { ran = true; });
  EXPECT_TRUE(worker.WaitUntilEnded(kLongEnough));
  EXPECT_FALSE(ran);
}

}  // namespace
}  // namespace nestor::runtime
