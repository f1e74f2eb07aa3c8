#include <string>
#include <utility>

#include "common/base/status.h"
#include "common/bus/open_context.h"
#include "common/bus/router.h"
#include "common/bus/socket.h"
#include "common/bus/zmq_bus.h"
#include "common/log/log.h"

namespace nestor::bus {
namespace {

class ConnectedFollowerBus : public PolledFollowerBus {
 public:
  absl::Status Open(const FollowerBusOptions& options) {
    ASSIGN_OR_RETURN(context_, OpenContext());
    ASSIGN_OR_RETURN(operators_, OpenOperatorSocket(*context_, options.operator_socket));
    ASSIGN_OR_RETURN(primary_, OpenSocket(*context_, zmq::socket_type::dealer, kAsking));
    ASSIGN_OR_RETURN(events_, OpenSocket(*context_, zmq::socket_type::sub, kSubscribing));
    if (options.security) {
      const auto& [secret_key, primary_key] = *options.security;
      RETURN_IF_ERROR(ProveKey(primary_, secret_key, primary_key));
      RETURN_IF_ERROR(ProveKey(events_, secret_key, primary_key));
    }
    RETURN_IF_ERROR(Annotate(Connect(primary_, options.control), "control"));
    return Annotate(Connect(events_, options.events), "events");
  }

  void Subscribe(std::string_view prefix) override { SetFilter(ZMQ_SUBSCRIBE, prefix); }
  void Unsubscribe(std::string_view prefix) override { SetFilter(ZMQ_UNSUBSCRIBE, prefix); }

  absl::Status SendToPrimary(std::string_view payload) override {
    return bus::Send(primary_, payload);
  }

  absl::Status Send(std::string_view route, std::string_view payload) override {
    if (operators_ && operators_->Owns(route)) return operators_->Send(route, payload);
    return absl::UnavailableError("no such route");
  }

  void OnEvent(EventHandler handler) override { on_event_ = std::move(handler); }
  void OnPrimary(PrimaryHandler handler) override { on_primary_ = std::move(handler); }
  void OnOperator(ControlHandler handler) override { on_operator_ = std::move(handler); }

  std::vector<zmq::pollitem_t> PollItems() override {
    std::vector<zmq::pollitem_t> items = {{primary_.handle(), 0, ZMQ_POLLIN, 0},
                                          {events_.handle(), 0, ZMQ_POLLIN, 0}};
    if (operators_) items.push_back({operators_->socket().handle(), 0, ZMQ_POLLIN, 0});
    return items;
  }

  bool Dispatch() override {
    const bool more_primary = Repeat([this] { return TakeFromPrimary(); });
    const bool more_operators = operators_ && operators_->Dispatch(on_operator_);
    const bool more_events = Repeat([this] { return TakeEvent(); });
    return more_primary || more_operators || more_events;
  }

 private:
  template <typename Take>
  static bool Repeat(Take take) {
    for (int taken = 0; taken < kMessagesATurn; ++taken) {
      if (!take()) return false;
    }
    return true;
  }

  bool TakeFromPrimary() {
    zmq::message_t payload;
    if (!Receive(primary_, payload)) return false;
    if (payload.more()) return Refuse(primary_, payload, "more than one frame");
    if (on_primary_) on_primary_(payload.to_string_view());
    return true;
  }

  bool TakeEvent() {
    zmq::message_t topic, payload;
    if (!Receive(events_, topic)) return false;
    if (!topic.more() || !Receive(events_, payload)) {
      return Refuse(events_, topic, "an event of one frame");
    }
    if (payload.more()) return Refuse(events_, payload, "an event of more than two frames");
    if (on_event_) on_event_(topic.to_string_view(), payload.to_string_view());
    return true;
  }

  static bool Refuse(zmq::socket_t& socket, zmq::message_t& frame, std::string_view reason) {
    NESTOR_LOG(warn, "MESSAGE_REFUSED", "from=primary bytes={} reason=\"{}\"", frame.size(),
               reason);
    SkipRest(socket, frame);
    return true;
  }

  void SetFilter(int option, std::string_view prefix) {
    if (zmq_setsockopt(events_.handle(), option, prefix.data(), prefix.size()) != 0) {
      NESTOR_LOG(error, "BUS_FAILED", "action=subscribe topic={} reason=\"{}\"", prefix,
                 zmq_strerror(zmq_errno()));
    }
  }

  std::unique_ptr<zmq::context_t> context_;
  zmq::socket_t primary_;
  zmq::socket_t events_;
  std::optional<Router> operators_;
  EventHandler on_event_;
  PrimaryHandler on_primary_;
  ControlHandler on_operator_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<PolledFollowerBus>> OpenFollowerBus(
    const FollowerBusOptions& options) {
  auto bus = std::make_unique<ConnectedFollowerBus>();
  RETURN_IF_ERROR(bus->Open(options));
  return bus;
}

}  // namespace nestor::bus
