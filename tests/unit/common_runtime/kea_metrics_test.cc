#include "common/runtime/kea_metrics.h"

#include <gmock/gmock.h>

namespace nestor::runtime {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class KeaMetricsTest : public ::testing::Test {
 protected:
  KeaMetricsTest() {
    configured_.hook_socket = "/run/nestor/dhcp4-hook.sock";
    health_.reachable = true;
    health_.hook = "0.1.0";
  }
  std::string Metered() {
    MeterKea(metrics_, DhcpService::kDhcp4, configured_, health_);
    return metrics_.Text();
  }

  Metrics metrics_;
  agent::ServiceConfig configured_;
  watch::KeaHealth health_;
};

TEST_F(KeaMetricsTest, TellsWhetherTheHookLibraryIsLoaded) {
  EXPECT_THAT(Metered(), HasSubstr("nestor_hook_loaded{service=\"dhcp4\"} 1\n"));
  health_.hook.clear();
  EXPECT_THAT(Metered(), HasSubstr("nestor_hook_loaded{service=\"dhcp4\"} 0\n"));
}

TEST_F(KeaMetricsTest, AKeaThatDoesNotAnswerSaysNothingOfIt) {
  (void)Metered();
  health_ = {};
  EXPECT_THAT(Metered(), HasSubstr("nestor_hook_loaded{service=\"dhcp4\"} 1\n"));
}

TEST_F(KeaMetricsTest, WhereNoneIsWantedNoneIsMissing) {
  configured_.hook_socket.clear();
  health_.hook.clear();
  EXPECT_THAT(Metered(), Not(HasSubstr("nestor_hook_loaded")));
}

}  // namespace
}  // namespace nestor::runtime
