#include "common/bus/open_context.h"

#include <cstdlib>
#include <random>
#include <utility>

#include "common/base/status.h"
#include "common/bus/socket.h"

namespace nestor::bus {
namespace {

constexpr char kOperatorRoutes = 'O';

}  // namespace

absl::StatusOr<std::unique_ptr<zmq::context_t>> OpenContext() {
  try {
    auto context = std::make_unique<zmq::context_t>();
    // A ROUTER counts its routes from a number out of rand(), which the context has just seeded
    // with the time. A peer that can guess a route could ask for it as its own.
    std::srand(std::random_device()());
    return context;
  } catch (const std::exception& error) {
    return Error(absl::StatusCode::kUnavailable, "cannot set up ZeroMQ: {}", error.what());
  }
}

absl::StatusOr<std::optional<Router>> OpenOperatorSocket(zmq::context_t& context,
                                                         const std::string& path) {
  if (path.empty()) return std::nullopt;
  ASSIGN_OR_RETURN(zmq::socket_t socket, OpenSocket(context, zmq::socket_type::router, kServing));
  RETURN_IF_ERROR(Annotate(Listen(socket, "ipc://" + path), "operator socket"));
  return Router(std::move(socket), kOperatorRoutes, Router::Local());
}

}  // namespace nestor::bus
