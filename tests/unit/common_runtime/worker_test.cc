#include "common/runtime/worker.h"

#include <absl/synchronization/notification.h>
#include <gmock/gmock.h>

#include <memory>
#include <vector>

namespace nestor::runtime {
namespace {

using ::testing::ElementsAre;

constexpr absl::Duration kLongEnough = absl::Seconds(30);
constexpr absl::Duration kNotAtAll = absl::ZeroDuration();

TEST(WorkerTest, RunsInTheOrderPosted) {
  std::vector<int> order;
  absl::Notification done;
  Worker worker("test");
  for (int i = 0; i < 4; ++i) worker.Post([&order, i] { order.push_back(i); });
  worker.Post([&done] { done.Notify(); });
  ASSERT_TRUE(done.WaitForNotificationWithTimeout(kLongEnough));
  EXPECT_THAT(order, ElementsAre(0, 1, 2, 3));
}

TEST(WorkerTest, ATaskMayPostAnother) {
  absl::Notification done;
  Worker worker("test");
  worker.Post([&] { worker.Post([&done] { done.Notify(); }); });
  EXPECT_TRUE(done.WaitForNotificationWithTimeout(kLongEnough));
}

TEST(WorkerTest, StopDropsWhatWaitsAndLetsEndWhatIsUnderWay) {
  absl::Notification begun, go_on;
  bool ended = false, ran = false;
  const auto token = std::make_shared<int>();
  Worker worker("test");
  worker.Post([&] {
    begun.Notify();
    go_on.WaitForNotification();
    ended = true;
  });
  worker.Post([&ran, token] { ran = true; });
  ASSERT_TRUE(begun.WaitForNotificationWithTimeout(kLongEnough));
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
