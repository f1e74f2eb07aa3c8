#include "common/bus/operator_client.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string_view>
#include <utility>

#include "common/base/status.h"
#include "common/bus/socket.h"
#include "common/bus/socket_file.h"

namespace nestor::bus {
namespace {

constexpr uint32_t kOperatorMagic = 0x4e53544f;  // "NSTO"
constexpr SocketBounds kOperating{1000, int64_t{512} << 20};
constexpr char kMonitorAddress[] = "inproc://operator-connection";
constexpr int kLingerMs = 1'000;

using Clock = std::chrono::steady_clock;

// How many milliseconds zmq_poll may wait, so that it does not wake just before `deadline`.
long WaitMs(Clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
  return std::max<long>(left.count(), 0);
}

// The next event of a socket monitor, 0: there is none.
int NextEvent(zmq::socket_t& monitor) {
  zmq::message_t event;
  if (!Receive(monitor, event)) return 0;
  uint16_t number = 0;
  if (event.size() >= sizeof number) std::memcpy(&number, event.data(), sizeof number);
  SkipRest(monitor, event);
  return number;
}

// Why the socket file of `endpoint` cannot be used; OK: it can, or it is not known.
absl::Status CheckSocketFile(const std::string& endpoint) {
  if (!endpoint.starts_with(kIpcScheme)) return absl::OkStatus();
  const std::string path = endpoint.substr(kIpcScheme.size());
  if (access(path.c_str(), R_OK | W_OK) == 0) return absl::OkStatus();
  if (errno == EACCES) {
    return Error(
        absl::StatusCode::kUnavailable,
        "this user may not use {}: run nestorctl as root, or as a member of the group that "
        "the file belongs to",
        path);
  }
  return Error(absl::StatusCode::kUnavailable,
               "agent not reachable: there is no {}; does the agent run, and is that its "
               "operator-socket?",
               path);
}

// Why there is no connection, after `event` of the monitor; OK: it is not over yet.
absl::Status Failure(int event, const std::string& endpoint, bool with_keys) {
  switch (event) {
    case ZMQ_EVENT_CLOSED:
    case ZMQ_EVENT_CONNECT_RETRIED:
      return Error(absl::StatusCode::kUnavailable,
                   "agent not reachable: nobody accepts connections at {}; does the agent run?",
                   endpoint);
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
    case ZMQ_EVENT_DISCONNECTED:
      if (with_keys) {
        return Error(absl::StatusCode::kUnavailable,
                     "the agent at {} refuses the keys: either its authorized-keys have not the "
                     "public key that belongs to --key, or --server-key is not its own",
                     endpoint);
      }
      return Error(absl::StatusCode::kUnavailable,
                   "the agent at {} closed the connection: does it ask for keys? Then give --key "
                   "and --server-key",
                   endpoint);
    default:
      return absl::OkStatus();
  }
}

// Why there is no connection when patience ends. An agent says nothing to a key it does not know.
absl::Status TimedOut(const std::string& endpoint, bool connected, bool with_keys,
                      absl::Duration patience) {
  const std::string within = absl::FormatDuration(patience);
  if (!connected) {
    return Error(absl::StatusCode::kUnavailable,
                 "agent not reachable: no connection to {} within {}", endpoint, within);
  }
  return Error(absl::StatusCode::kUnavailable,
               "the agent at {} accepted the connection and said nothing within {}: {}", endpoint,
               within,
               with_keys ? "most often its authorized-keys have not the public key that belongs to "
                           "--key; or it hangs"
                         : "it hangs, or is no agent");
}

}  // namespace

absl::StatusOr<std::unique_ptr<OperatorClient>> OperatorClient::Connect(
    const OperatorAddress& address, absl::Duration patience) {
  RETURN_IF_ERROR(CheckSocketFile(address.endpoint));
  std::unique_ptr<OperatorClient> client(new OperatorClient(address.endpoint));
  try {
    RETURN_IF_ERROR(client->Open(address));
  } catch (const zmq::error_t& error) {
    return Error(absl::StatusCode::kUnavailable, "cannot open a connection: {}", error.what());
  }
  RETURN_IF_ERROR(client->AwaitHandshake(address.keys.has_value(), patience));
  return client;
}

absl::Status OperatorClient::Open(const OperatorAddress& address) {
  ASSIGN_OR_RETURN(socket_, OpenSocket(context_, zmq::socket_type::dealer, kOperating));
  socket_.set(zmq::sockopt::linger, kLingerMs);
  socket_.set(zmq::sockopt::reconnect_ivl, -1);
  socket_.set(zmq::sockopt::handshake_ivl, 0);  // patience is counted here
  if (address.keys) {
    RETURN_IF_ERROR(ProveKey(socket_, address.keys->secret_key, address.keys->server_key));
  }
  if (zmq_socket_monitor(socket_.handle(), kMonitorAddress, ZMQ_EVENT_ALL) != 0) {
    return Error(absl::StatusCode::kUnavailable, "cannot watch the connection: {}",
                 zmq_strerror(zmq_errno()));
  }
  monitor_ = zmq::socket_t(context_, zmq::socket_type::pair);
  monitor_.connect(kMonitorAddress);
  return bus::Connect(socket_, address.endpoint);
}

absl::Status OperatorClient::AwaitHandshake(bool with_keys, absl::Duration patience) {
  const auto deadline = Clock::now() + absl::ToChronoNanoseconds(patience);
  bool connected = false;
  while (true) {
    while (const int event = NextEvent(monitor_)) {
      if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) return absl::OkStatus();
      connected = connected || event == ZMQ_EVENT_CONNECTED;
      RETURN_IF_ERROR(Failure(event, endpoint_, with_keys));
    }
    const long wait_ms = WaitMs(deadline);
    if (wait_ms == 0) return TimedOut(endpoint_, connected, with_keys, patience);
    zmq_pollitem_t item{monitor_.handle(), 0, ZMQ_POLLIN, 0};
    (void)zmq_poll(&item, 1, wait_ms);
  }
}

absl::Status OperatorClient::Send(v1::OperatorRequest request) {
  ++last_request_;
  return SendNow(std::move(request));
}

absl::Status OperatorClient::SendMore(v1::OperatorRequest request, absl::Duration patience) {
  zmq_pollitem_t item{socket_.handle(), 0, ZMQ_POLLOUT, 0};
  (void)zmq_poll(&item, 1, absl::ToInt64Milliseconds(patience));
  return SendNow(std::move(request));
}

absl::Status OperatorClient::SendNow(v1::OperatorRequest request) {
  if (IsGone()) {
    return Error(absl::StatusCode::kUnavailable, "the agent at {} went away", endpoint_);
  }
  request.set_magic(kOperatorMagic);
  request.set_request_id(last_request_);
  return Annotate(bus::Send(socket_, request.SerializeAsString()), "the request was not sent");
}

absl::StatusOr<v1::OperatorReply> OperatorClient::Receive(absl::Duration patience, int stop_fd) {
  const auto deadline = Clock::now() + absl::ToChronoNanoseconds(patience);
  while (true) {
    // A connection that broke may have left replies behind: they come first.
    const bool gone = IsGone();
    ASSIGN_OR_RETURN(std::optional<v1::OperatorReply> reply, TakeReply());
    if (reply) return *std::move(reply);
    if (gone) {
      return Error(absl::StatusCode::kUnavailable, "the agent at {} went away", endpoint_);
    }
    const long wait_ms = WaitMs(deadline);
    if (wait_ms == 0) {
      return Error(absl::StatusCode::kDeadlineExceeded, "no answer from the agent at {} within {}",
                   endpoint_, absl::FormatDuration(patience));
    }
    std::array<zmq_pollitem_t, 3> items = {{{socket_.handle(), 0, ZMQ_POLLIN, 0},
                                            {monitor_.handle(), 0, ZMQ_POLLIN, 0},
                                            {nullptr, stop_fd, ZMQ_POLLIN, 0}}};
    const int watched = stop_fd < 0 ? 2 : 3;
    if (zmq_poll(items.data(), watched, wait_ms) > 0 && (items[2].revents & ZMQ_POLLIN) != 0) {
      return Error(absl::StatusCode::kCancelled, "stopped");
    }
  }
}

absl::StatusOr<std::optional<v1::OperatorReply>> OperatorClient::TakeReply() {
  zmq::message_t frame;
  while (bus::Receive(socket_, frame)) {
    v1::OperatorReply reply;
    const bool parsed = !frame.more() && frame.size() <= size_t{kOperating.received_bytes} &&
                        reply.ParseFromArray(frame.data(), static_cast<int>(frame.size())) &&
                        reply.magic() == kOperatorMagic;
    SkipRest(socket_, frame);
    if (!parsed) {
      return Error(absl::StatusCode::kDataLoss,
                   "what {} sent is no answer to nestorctl: is an agent there, and of the same "
                   "version?",
                   endpoint_);
    }
    if (reply.request_id() == last_request_) return reply;
  }
  return std::nullopt;
}

bool OperatorClient::IsGone() {
  while (const int event = NextEvent(monitor_)) {
    if (event == ZMQ_EVENT_DISCONNECTED || event == ZMQ_EVENT_CLOSED) gone_ = true;
  }
  return gone_;
}

}  // namespace nestor::bus
