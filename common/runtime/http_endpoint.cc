#include "common/runtime/http_endpoint.h"

#include <absl/strings/numbers.h>
#include <httplib.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "common/base/status.h"

namespace nestor::runtime {
namespace {

constexpr int kServed = 200, kUnable = 503;
constexpr size_t kThreads = 2;
constexpr size_t kLargestBody = 1024;
constexpr time_t kClientSeconds = 2;
constexpr const char* kText = "text/plain; charset=utf-8";
constexpr const char* kMetricsText = "text/plain; version=0.0.4; charset=utf-8";

struct HostPort {
  std::string host;
  int port = 0;
};

std::optional<HostPort> SplitAddress(std::string_view address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = address.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const std::string_view digits = address.substr(colon + 1);
  int port = 0;
  if (host.empty() || !absl::SimpleAtoi({digits.data(), digits.size()}, &port)) return std::nullopt;
  if (port < 0 || port > 65535) return std::nullopt;
  return HostPort{std::string(host), port};
}

// The port, or -1.
int Bind(httplib::Server& server, const HostPort& where) {
  if (where.port == 0) return server.bind_to_any_port(where.host);
  return server.bind_to_port(where.host, where.port) ? where.port : -1;
}

void Answer(httplib::Response& response, bool good, const std::string& text) {
  response.status = good ? kServed : kUnable;
  response.set_content(text + "\n", kText);
}

}  // namespace

struct HttpEndpoint::State {
  explicit State(const Metrics& its_metrics);

  const Metrics& metrics;
  httplib::Server server;
  int port = 0;
  std::thread thread;
};

HttpEndpoint::State::State(const Metrics& its_metrics) : metrics(its_metrics) {
  server.Get("/metrics", [this](const httplib::Request&, httplib::Response& response) {
    response.set_content(metrics.Text(), kMetricsText);
  });
  server.Get("/healthz", [this](const httplib::Request&, httplib::Response& response) {
    const bool alive = metrics.IsAlive();
    Answer(response, alive, alive ? "alive" : "the protocol thread has stopped turning");
  });
  server.Get("/readyz", [this](const httplib::Request&, httplib::Response& response) {
    const std::string reason = metrics.NotReady();
    Answer(response, reason.empty(), reason.empty() ? "ready" : reason);
  });
  server.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
  server.set_keep_alive_max_count(1);  // an idle connection would hold one of the few threads
  server.set_read_timeout(kClientSeconds);
  server.set_write_timeout(kClientSeconds);
  server.set_payload_max_length(kLargestBody);
  // httplib's own choice is SO_REUSEPORT, with which two agents could share a port unnoticed.
  server.set_socket_options([](int fd) {
    const int yes = 1;
    ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  });
}

absl::StatusOr<std::unique_ptr<HttpEndpoint>> HttpEndpoint::Open(std::string_view address,
                                                                 const Metrics& metrics) {
  const std::optional<HostPort> where = SplitAddress(address);
  if (!where) {
    return Error(absl::StatusCode::kInvalidArgument,
                 "http: \"{}\" is no address and port such as 127.0.0.1:5580", address);
  }
  auto state = std::make_unique<State>(metrics);
  errno = 0;
  state->port = Bind(state->server, *where);
  if (state->port < 0) {
    return Error(absl::StatusCode::kUnavailable, "http: cannot listen on {}: {}", address,
                 errno == 0 ? "it is in use, or not this host's" : std::strerror(errno));
  }
  state->thread = std::thread([server = &state->server] { server->listen_after_bind(); });
  // stop() has no effect on a server that does not run yet.
  while (!state->server.is_running()) std::this_thread::yield();
  return std::unique_ptr<HttpEndpoint>(new HttpEndpoint(std::move(state)));
}

HttpEndpoint::HttpEndpoint(std::unique_ptr<State> state) : state_(std::move(state)) {}

HttpEndpoint::~HttpEndpoint() {
  state_->server.stop();
  state_->thread.join();
}

int HttpEndpoint::port() const { return state_->port; }

}  // namespace nestor::runtime
