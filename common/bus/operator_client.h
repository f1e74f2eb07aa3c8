#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <zmq.hpp>

#include "nestor/v1/operator.pb.h"

namespace nestor::bus {

// Where an agent takes operators' requests, and what proves who asks.
struct OperatorAddress {
  struct Keys {
    std::string secret_key;  // the operator's own, Z85
    std::string server_key;  // the agent's public key, Z85
  };

  std::string endpoint;      // "ipc:///run/nestor/primary-agent.sock", "tcp://192.0.2.1:5571"
  std::optional<Keys> keys;  // absent: an operator socket, or an agent without security
};

// One connection of an operator to an agent. It is never made anew: when it breaks, what was asked
// may have happened or not, and only the caller knows what that means. Not thread-safe.
class OperatorClient {
 public:
  // Connects, and waits for at most `patience` until the agent has let the operator in.
  //
  // InvalidArgument  The endpoint or a key is not usable.
  // Unavailable      Nobody listens there, it may not be used, it does not answer, or it refuses
  // the
  //                  keys; the text says which. Nothing was asked.
  static absl::StatusOr<std::unique_ptr<OperatorClient>> Connect(
      const OperatorAddress& address, absl::Duration patience = absl::Seconds(5));

  OperatorClient(const OperatorClient&) = delete;
  OperatorClient& operator=(const OperatorClient&) = delete;

  // Sends `request` with its magic number and a number of its own; replies to earlier requests are
  // dropped from then on. Never blocks. Unavailable: the connection is gone; nothing was sent.
  absl::Status Send(v1::OperatorRequest request);

  // Sends another piece of the last request, under its number. Where the connection is full it
  // waits for at most `patience`. Unavailable: the connection is gone, or stays full.
  absl::Status SendMore(v1::OperatorRequest request, absl::Duration patience);

  // Waits for the next reply to the last request.
  //
  // DeadlineExceeded  None came within `patience`.
  // Unavailable       The connection is gone.
  // Cancelled         `stop_fd` (-1: none) became readable.
  // DataLoss          What came is no reply: the other end is no agent, or of another version.
  absl::StatusOr<v1::OperatorReply> Receive(absl::Duration patience, int stop_fd = -1);

 private:
  explicit OperatorClient(std::string endpoint) : endpoint_(std::move(endpoint)) {}

  absl::Status Open(const OperatorAddress& address);
  absl::Status AwaitHandshake(bool with_keys, absl::Duration patience);
  absl::Status SendNow(v1::OperatorRequest request);
  absl::StatusOr<std::optional<v1::OperatorReply>> TakeReply();
  // Whether the connection broke.
  bool IsGone();

  const std::string endpoint_;
  zmq::context_t context_;
  zmq::socket_t socket_;
  zmq::socket_t monitor_;  // what happens to the connection of socket_
  uint64_t last_request_ = 0;
  bool gone_ = false;
};

}  // namespace nestor::bus
