#pragma once

#include <absl/status/statusor.h>

#include <memory>
#include <string_view>

#include "common/runtime/metrics.h"

namespace nestor::runtime {

// Answers GET /metrics, /healthz and /readyz on threads of its own.
//
//   /metrics  200, Prometheus' text format
//   /healthz  200, or 503 when the protocol thread has stopped turning
//   /readyz   200, or 503 with the reason
//   anything else is a 404
class HttpEndpoint {
 public:
  // Binds `address` ("127.0.0.1:5580", "[::1]:5580"; port 0 takes a free one) and begins to serve.
  // `metrics` must outlive the endpoint.
  //
  // InvalidArgument  no host and port
  // Unavailable      the address is in use or not this host's
  static absl::StatusOr<std::unique_ptr<HttpEndpoint>> Open(std::string_view address,
                                                            const Metrics& metrics);

  // Ends its threads; waits for a request under way, at most 2 s for a silent client.
  ~HttpEndpoint();
  HttpEndpoint(const HttpEndpoint&) = delete;
  HttpEndpoint& operator=(const HttpEndpoint&) = delete;

  int port() const;

 private:
  struct State;
  explicit HttpEndpoint(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace nestor::runtime
