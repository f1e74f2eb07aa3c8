#include <utility>

#include "common/base/status.h"
#include "common/bus/authorized_keys.h"
#include "common/bus/key_gate.h"
#include "common/bus/open_context.h"
#include "common/bus/router.h"
#include "common/bus/socket.h"
#include "common/bus/zmq_bus.h"

namespace nestor::bus {
namespace {

constexpr char kControlRoutes = 'C';

class BoundPublisherBus : public PolledPublisherBus {
 public:
  absl::Status Open(const PublisherBusOptions& options) {
    ASSIGN_OR_RETURN(context_, OpenContext());
    if (options.security) RETURN_IF_ERROR(OpenGate(*options.security));
    ASSIGN_OR_RETURN(events_, OpenSocket(*context_, zmq::socket_type::pub, kPublishing));
    ASSIGN_OR_RETURN(zmq::socket_t control,
                     OpenSocket(*context_, zmq::socket_type::router, kServing));
    if (options.security) {
      RETURN_IF_ERROR(RequireKeys(events_, options.security->secret_key, kEventsDomain));
      RETURN_IF_ERROR(RequireKeys(control, options.security->secret_key, kControlDomain));
    }
    RETURN_IF_ERROR(Annotate(Listen(control, options.control), "control"));
    if (keys_) {
      control_.emplace(std::move(control), kControlRoutes, *keys_);
    } else {
      control_.emplace(std::move(control), kControlRoutes, Router::Anybody());
    }
    ASSIGN_OR_RETURN(operators_, OpenOperatorSocket(*context_, options.operator_socket));
    return Annotate(Listen(events_, options.events), "events");
  }

  void Publish(std::string_view topic, std::string_view payload) override {
    // A PUB without room drops, and succeeds; what else can fail is the process's end.
    if (bus::Send(events_, topic, /*more=*/true).ok()) (void)bus::Send(events_, payload);
  }

  absl::Status Send(std::string_view route, std::string_view payload) override {
    if (control_->Owns(route)) return control_->Send(route, payload);
    if (operators_ && operators_->Owns(route)) return operators_->Send(route, payload);
    return absl::UnavailableError("no such route");
  }

  void OnControl(ControlHandler handler) override { handler_ = std::move(handler); }

  std::vector<zmq::pollitem_t> PollItems() override {
    // PUB receives nothing for its owner, but takes in subscriptions while it is polled.
    std::vector<zmq::pollitem_t> items = {{control_->socket().handle(), 0, ZMQ_POLLIN, 0},
                                          {events_.handle(), 0, ZMQ_POLLIN, 0}};
    if (operators_) items.push_back({operators_->socket().handle(), 0, ZMQ_POLLIN, 0});
    return items;
  }

  bool Dispatch() override {
    const bool more_control = control_->Dispatch(handler_);
    const bool more_operators = operators_ && operators_->Dispatch(handler_);
    return more_control || more_operators;
  }

  std::string EventsEndpoint() override { return Endpoint(events_); }
  std::string ControlEndpoint() override { return Endpoint(control_->socket()); }

  absl::Status ReloadKeys() override { return keys_ ? keys_->Reload() : absl::OkStatus(); }

 private:
  absl::Status OpenGate(const PublisherBusOptions::Security& security) {
    ASSIGN_OR_RETURN(keys_, AuthorizedKeys::Load(security.authorized_keys));
    ASSIGN_OR_RETURN(gate_, KeyGate::Open(*context_, *keys_));
    return absl::OkStatus();
  }

  // In the order in which they need each other: the gate ends the context's work, so goes after the
  // sockets.
  std::unique_ptr<zmq::context_t> context_;
  std::unique_ptr<AuthorizedKeys> keys_;  // null: no security
  std::unique_ptr<KeyGate> gate_;
  zmq::socket_t events_;
  std::optional<Router> control_;
  std::optional<Router> operators_;
  ControlHandler handler_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<PolledPublisherBus>> OpenPublisherBus(
    const PublisherBusOptions& options) {
  auto bus = std::make_unique<BoundPublisherBus>();
  RETURN_IF_ERROR(bus->Open(options));
  return bus;
}

}  // namespace nestor::bus
