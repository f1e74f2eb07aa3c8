// The secondary's agent on a Kea of a test's, with what it hears and answers at hand.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "secondary-agent/app/secondary_app.h"
#include "tests/support/counting_random.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_kea.h"
#include "tests/support/fake_kea_files.h"
#include "tests/support/fake_reach.h"
#include "tests/support/sim_disk.h"
#include "tests/support/step_executor.h"

namespace nestor::secondary {

class Bus final : public bus::FollowerBus {
 public:
  void Subscribe(std::string_view /*prefix*/) override {}
  void Unsubscribe(std::string_view /*prefix*/) override {}
  absl::Status SendToPrimary(std::string_view /*payload*/) override { return absl::OkStatus(); }
  absl::Status Send(std::string_view /*route*/, std::string_view payload) override {
    EXPECT_TRUE(reply.ParseFromArray(payload.data(), static_cast<int>(payload.size())));
    return absl::OkStatus();
  }
  void OnEvent(EventHandler handler) override { events = std::move(handler); }
  void OnPrimary(PrimaryHandler handler) override { primary = std::move(handler); }
  void OnOperator(bus::ControlHandler handler) override { operators = std::move(handler); }

  EventHandler events;
  PrimaryHandler primary;
  bus::ControlHandler operators;
  v1::OperatorReply reply;  // the last
};

// kea-b, not started yet.
class AppTest : public ::testing::Test {
 protected:
  explicit AppTest(const std::string& running, agent::ServiceConfig service = {})
      : kea_(DhcpService::kDhcp4, clock_, running),
        app_({"kea-b", "0.1", {{DhcpService::kDhcp4, std::move(service)}}},
             {clock_,
              random_,
              loop_,
              disk_queue_,
              bus_,
              *store_,
              metrics_,
              files_,
              reach_,
              {{DhcpService::kDhcp4, ServiceWorld{kea_, *source_, worker_}}}}) {}

  // Time passes; `each` is done before each turn of the loop.
  void Pass(
      absl::Duration time, const std::function<void()>& each = [] {}) {
    for (const Instant end = clock_.Now() + time; clock_.Now() < end;) {
      clock_.Advance(absl::Milliseconds(250));
      each();
      app_.Tick();
      while (loop_.Run() || worker_.Run() || disk_queue_.Run()) {
      }
    }
  }

  testing::FakeClock clock_;
  testing::CountingRandom random_;
  testing::SimDisk disk_;
  std::unique_ptr<store::FollowerStore> store_ =
      *store::FollowerStore::Open({.path = "secondary.db", .vfs = disk_.vfs()});
  testing::FakeKea kea_;
  std::unique_ptr<watch::ChangeSource> source_ =
      watch::MakeChangeSource(DhcpService::kDhcp4, kea_, clock_);
  runtime::Metrics metrics_{clock_};
  testing::FakeKeaFiles files_{kea_};
  testing::FakeNetwork addresses_;
  testing::FakeReach reach_{addresses_, {}};
  Bus bus_;
  testing::StepExecutor loop_, worker_, disk_queue_;
  SecondaryApp app_;
};

}  // namespace nestor::secondary
