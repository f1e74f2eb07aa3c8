#include "secondary-agent/follow/apply_task.h"

#include <gtest/gtest.h>

#include "common/base/status.h"
#include "common/config/kea_config.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_kea.h"
#include "tests/support/sim_disk.h"

namespace nestor::secondary {
namespace {

using protocol::Position;
using Kind = protocol::ApplyEnd::Kind;

constexpr char kConfig[] = R"({"Dhcp4":{"valid-lifetime":4000}})";

// A task at a Kea that has what is ordered already, so that only the store changes.
class ApplyTaskTest : public ::testing::Test {
 protected:
  ApplyTaskTest()
      : kea_(DhcpService::kDhcp4, clock_, kConfig),
        source_(watch::MakeChangeSource(DhcpService::kDhcp4, kea_, clock_)),
        applier_(DhcpService::kDhcp4, "kea-b", kea_, *source_, clock_),
        store_(*store::FollowerStore::Open({.path = "store.db", .vfs = disk_.vfs()})) {}

  // What is left of `intent` when an apply has reached change `term`/`sequence` of its stream.
  std::optional<Position> LeftOf(const Position& intent, uint64_t term, uint64_t sequence) {
    protocol::FollowerMemory memory;
    memory.intent = intent;
    EXPECT_TRUE(store_->Save("east", memory).ok());
    protocol::ApplyOrder order;
    order.base = std::make_shared<const config::ObjectSet>(kea_.Objects());
    order.position = {intent.stream_id, term, sequence,
                      std::string(config::Bytes(order.base->Digest()))};
    ApplyTask task("east", "change", {}, applier_, *store_);
    EXPECT_EQ(task.Run(order).kind, Kind::kApplied);
    memory = *store_->Load("east");
    EXPECT_EQ(memory.position.sequence, sequence);
    return memory.intent;
  }

  testing::FakeClock clock_;
  testing::FakeKea kea_;
  std::unique_ptr<watch::ChangeSource> source_;
  Applier applier_;
  testing::SimDisk disk_;
  std::unique_ptr<store::FollowerStore> store_;
};

const Position kIntent{"stream-one", 2, 6, std::string(32, 'i')};

TEST_F(ApplyTaskTest, AnIntentThatWasReachedOrPassedIsForgotten) {
  EXPECT_FALSE(LeftOf(kIntent, 2, 6).has_value());
  EXPECT_FALSE(LeftOf(kIntent, 3, 7).has_value());
}

TEST_F(ApplyTaskTest, AnIntentStandsWhereOnlySomethingOlderWasReached) {
  const auto left = LeftOf(kIntent, 2, 5);
  ASSERT_TRUE(left.has_value());
  EXPECT_EQ(left->sequence, 6);
}

// Its change is no more: an older journal was put back, and went on in another term.
TEST_F(ApplyTaskTest, AnIntentIsForgottenWhereALaterTermEndedBeforeIt) {
  EXPECT_FALSE(LeftOf(kIntent, 3, 5).has_value());
}

}  // namespace
}  // namespace nestor::secondary
