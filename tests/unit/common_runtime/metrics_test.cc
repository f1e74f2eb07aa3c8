#include "common/runtime/metrics.h"

#include <gmock/gmock.h>

#include "tests/support/fake_clock.h"

namespace nestor::runtime {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(MetricsTest, WritesGaugesAndCountersAsPrometheusReadsThem) {
  Metrics metrics;
  metrics.Set("nestor_lag_seconds", "Age of it.", {{"relationship", "east"}}, 1.5);
  metrics.Set("nestor_lag_seconds", "Age of it.", {{"relationship", "east"}}, 2.5);
  metrics.Count("nestor_changes_total", "Changes.", {});
  metrics.Count("nestor_changes_total", "Changes.", {}, 2);
  EXPECT_THAT(metrics.Text(), AllOf(HasSubstr("# HELP nestor_lag_seconds Age of it.\n"
                                              "# TYPE nestor_lag_seconds gauge\n"
                                              "nestor_lag_seconds{relationship=\"east\"} 2.5\n"),
                                    HasSubstr("# TYPE nestor_changes_total counter\n"
                                              "nestor_changes_total 3\n")));
}

TEST(MetricsTest, ForgetsOneRelationshipAndNothingElse) {
  Metrics metrics;
  for (const char* name : {"east", "west"}) {
    metrics.Set("nestor_term", "Term.", {{"relationship", name}, {"service", "dhcp4"}}, 7);
    metrics.Count("nestor_changes_total", "Changes.", {{"relationship", name}});
  }
  metrics.Count("nestor_refusals_total", "Refusals.", {});
  metrics.Forget("east");
  EXPECT_THAT(metrics.Text(),
              AllOf(Not(HasSubstr("east")),
                    HasSubstr("nestor_term{relationship=\"west\",service=\"dhcp4\"} 7\n"),
                    HasSubstr("nestor_changes_total{relationship=\"west\"} 1\n"),
                    HasSubstr("nestor_refusals_total 1\n")));
}

TEST(MetricsTest, AForgottenSeriesBeginsAnew) {
  Metrics metrics;
  metrics.Count("nestor_changes_total", "Changes.", {{"relationship", "east"}}, 5);
  metrics.Forget("east");
  metrics.Count("nestor_changes_total", "Changes.", {{"relationship", "east"}});
  EXPECT_THAT(metrics.Text(), HasSubstr("nestor_changes_total{relationship=\"east\"} 1\n"));
}

TEST(MetricsTest, OneOfTheStatesIsTheOneThatItIsIn) {
  Metrics metrics;
  constexpr std::string_view kStates[] = {"ready", "waiting"};
  metrics.SetState("nestor_ha_state", "HA.", {{"server", "kea-a"}}, kStates, "waiting");
  EXPECT_THAT(metrics.Text(),
              AllOf(HasSubstr("nestor_ha_state{server=\"kea-a\",state=\"ready\"} 0\n"),
                    HasSubstr("nestor_ha_state{server=\"kea-a\",state=\"waiting\"} 1\n")));
  metrics.SetState("nestor_ha_state", "HA.", {{"server", "kea-a"}}, kStates, "ready");
  EXPECT_THAT(metrics.Text(),
              AllOf(HasSubstr("state=\"ready\"} 1\n"), HasSubstr("state=\"waiting\"} 0\n")));
  metrics.SetState("nestor_ha_state", "HA.", {{"server", "kea-a"}}, kStates, "unheard-of");
  EXPECT_THAT(metrics.Text(), AllOf(Not(HasSubstr("} 1\n")), Not(HasSubstr("unheard-of"))));
}

TEST(MetricsTest, ACounterIsThereBeforeItsFirstEvent) {
  Metrics metrics;
  metrics.Count("nestor_changes_total", "Changes.", {}, 0);
  EXPECT_THAT(metrics.Text(), HasSubstr("nestor_changes_total 0\n"));
}

TEST(MetricsTest, IsNotReadyUntilSomebodySaysSo) {
  Metrics metrics;
  EXPECT_EQ(metrics.NotReady(), "starting");
  metrics.SetNotReady("");
  EXPECT_EQ(metrics.NotReady(), "");
}

TEST(MetricsTest, IsAliveForFiveSecondsAfterEachTurn) {
  nestor::testing::FakeClock clock;
  Metrics metrics(clock);
  EXPECT_TRUE(metrics.IsAlive());
  clock.Advance(absl::Seconds(6));
  EXPECT_FALSE(metrics.IsAlive());
  metrics.Alive();
  clock.Advance(absl::Seconds(5));
  EXPECT_TRUE(metrics.IsAlive());
}

}  // namespace
}  // namespace nestor::runtime
