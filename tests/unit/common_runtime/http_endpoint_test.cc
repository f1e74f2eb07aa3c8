#include "common/runtime/http_endpoint.h"

#include <gmock/gmock.h>
#include <httplib.h>

#include <string>

#include "common/base/status.h"
#include "tests/support/fake_clock.h"

namespace nestor::runtime {
namespace {

using ::testing::HasSubstr;

class HttpEndpointTest : public ::testing::Test {
 protected:
  httplib::Result Get(const std::string& path) {
    return httplib::Client("127.0.0.1", endpoint_->port()).Get(path);
  }

  nestor::testing::FakeClock clock_;
  Metrics metrics_{clock_};
  std::unique_ptr<HttpEndpoint> endpoint_ = *HttpEndpoint::Open("127.0.0.1:0", metrics_);
};

TEST_F(HttpEndpointTest, ServesMetrics) {
  metrics_.Set("nestor_term", "Term.", {}, 7);
  const auto answer = Get("/metrics");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 200);
  EXPECT_THAT(answer->get_header_value("Content-Type"), HasSubstr("version=0.0.4"));
  EXPECT_THAT(answer->body, HasSubstr("nestor_term 7\n"));
}

TEST_F(HttpEndpointTest, IsHealthyWhileTheProtocolThreadTurns) {
  EXPECT_EQ(Get("/healthz")->status, 200);
  clock_.Advance(absl::Seconds(6));
  EXPECT_EQ(Get("/healthz")->status, 503);
  metrics_.Alive();
  EXPECT_EQ(Get("/healthz")->status, 200);
}

TEST_F(HttpEndpointTest, SaysWhyItIsNotReady) {
  metrics_.SetNotReady("dhcp4 not looked at yet");
  const auto answer = Get("/readyz");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 503);
  EXPECT_EQ(answer->body, "dhcp4 not looked at yet\n");
  metrics_.SetNotReady("");
  EXPECT_EQ(Get("/readyz")->status, 200);
}

TEST_F(HttpEndpointTest, HasNothingElse) {
  EXPECT_EQ(Get("/")->status, 404);
  const auto posted = httplib::Client("127.0.0.1", endpoint_->port()).Post("/metrics");
  ASSERT_TRUE(posted);
  EXPECT_EQ(posted->status, 404);
}

TEST_F(HttpEndpointTest, DoesNotShareAPort) {
  const std::string address = "127.0.0.1:" + std::to_string(endpoint_->port());
  const auto second = HttpEndpoint::Open(address, metrics_);
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(Message(second.status())), HasSubstr(address));
}

TEST_F(HttpEndpointTest, TakesItsPortAgainAtOnce) {
  const std::string address = "127.0.0.1:" + std::to_string(endpoint_->port());
  ASSERT_TRUE(Get("/healthz"));
  endpoint_.reset();
  EXPECT_TRUE(HttpEndpoint::Open(address, metrics_).ok());
}

TEST_F(HttpEndpointTest, RefusesWhatIsNoAddress) {
  for (const char* address : {"", "5580", ":5580", "127.0.0.1", "127.0.0.1:http", "h:65536"}) {
    EXPECT_EQ(HttpEndpoint::Open(address, metrics_).status().code(),
              absl::StatusCode::kInvalidArgument)
        << address;
  }
}

}  // namespace
}  // namespace nestor::runtime
