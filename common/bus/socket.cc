#include "common/bus/socket.h"

#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "common/base/status.h"
#include "common/bus/socket_file.h"
#include "common/log/log.h"

namespace nestor::bus {
namespace {

// With CURVE a message on the wire is larger than its payload: name, nonce, flags, authenticator.
constexpr int64_t kWrapping = 64;

// ZMQ_ZAP_ENFORCE_DOMAIN: libzmq 4.3.4 knows it, its header does not declare it.
constexpr int kEnforceDomain = 93;

void SetOptions(zmq::socket_t& socket, const SocketBounds& bounds) {
  namespace option = zmq::sockopt;
  socket.set(option::linger, 0);
  socket.set(option::ipv6, true);
  socket.set(option::maxmsgsize, bounds.received_bytes + kWrapping);
  socket.set(option::sndhwm, bounds.queued_messages);
  socket.set(option::rcvhwm, bounds.queued_messages);
  socket.set(option::backlog, 1'024);  // a flood leaves room for who belongs here
  socket.set(option::handshake_ivl, 5'000);
  socket.set(option::reconnect_ivl, 250);
  socket.set(option::reconnect_ivl_max, 10'000);
  socket.set(option::connect_timeout, 5'000);
  socket.set(option::tcp_keepalive, 1);
  socket.set(option::tcp_keepalive_idle, 10);
  socket.set(option::tcp_keepalive_intvl, 5);
  socket.set(option::tcp_keepalive_cnt, 3);
  socket.set(option::tcp_maxrt, 15'000);
  // ZMQ_HEARTBEAT_IVL stays 0: together with a bounded queue it aborts libzmq 4.3.4.
}

// Runs `action`, with what it throws as an error that begins with `what`.
template <typename Action>
absl::Status Try(absl::StatusCode code, std::string_view what, Action&& action) {
  try {
    std::forward<Action>(action)();
    return absl::OkStatus();
  } catch (const zmq::error_t& error) {
    return Error(code, "{}: {}", what, error.what());
  }
}

bool IsNoAddress(int error) {
  return error == EINVAL || error == EPROTONOSUPPORT || error == ENOCOMPATPROTO ||
         error == ENAMETOOLONG;
}

absl::Status CannotListen(const std::string& address, const zmq::error_t& error) {
  if (IsNoAddress(error.num())) {
    return Error(absl::StatusCode::kInvalidArgument, "\"{}\" is no address to listen at: {}",
                 address, error.what());
  }
  const std::string_view reason = error.num() == EADDRINUSE ? "another program listens there"
                                  : error.num() == ENODEV || error.num() == EADDRNOTAVAIL
                                      ? "this host has no such address"
                                  : error.num() == ENOENT ? "its directory does not exist"
                                                          : error.what();
  return Error(absl::StatusCode::kUnavailable, "cannot listen at {}: {}", address, reason);
}

// Lets files be made for owner and group only. The umask is the process's: a file that another
// thread makes meanwhile gets less access, never more.
class OwnerAndGroupOnly {
 public:
  OwnerAndGroupOnly() : before_(umask(0117)) {}
  ~OwnerAndGroupOnly() { umask(before_); }
  OwnerAndGroupOnly(const OwnerAndGroupOnly&) = delete;
  OwnerAndGroupOnly& operator=(const OwnerAndGroupOnly&) = delete;

 private:
  const mode_t before_;
};

}  // namespace

absl::StatusOr<zmq::socket_t> OpenSocket(zmq::context_t& context, zmq::socket_type type,
                                         const SocketBounds& bounds) {
  zmq::socket_t socket;
  RETURN_IF_ERROR(Try(absl::StatusCode::kUnavailable, "cannot open a socket", [&] {
    socket = zmq::socket_t(context, type);
    SetOptions(socket, bounds);
    if (type == zmq::socket_type::router) socket.set(zmq::sockopt::router_mandatory, true);
    if (type == zmq::socket_type::dealer) socket.set(zmq::sockopt::immediate, true);
  }));
  return socket;
}

absl::Status RequireKeys(zmq::socket_t& socket, const std::string& secret_key, const char* domain) {
  return Try(absl::StatusCode::kInvalidArgument, "the secret key is not usable", [&] {
    socket.set(zmq::sockopt::curve_server, true);
    socket.set(zmq::sockopt::curve_secretkey, secret_key);
    socket.set(zmq::sockopt::zap_domain, domain);
    const int enforce = 1;
    if (zmq_setsockopt(socket.handle(), kEnforceDomain, &enforce, sizeof enforce) != 0) {
      throw zmq::error_t();
    }
  });
}

absl::Status ProveKey(zmq::socket_t& socket, const std::string& secret_key,
                      const std::string& server_key) {
  return Try(absl::StatusCode::kInvalidArgument, "the keys are not usable", [&] {
    char public_key[41];
    if (zmq_curve_public(public_key, secret_key.c_str()) != 0) throw zmq::error_t();
    socket.set(zmq::sockopt::curve_serverkey, server_key);
    socket.set(zmq::sockopt::curve_publickey, std::string(public_key));
    socket.set(zmq::sockopt::curve_secretkey, secret_key);
  });
}

absl::Status Listen(zmq::socket_t& socket, const std::string& address) {
  RETURN_IF_ERROR(RemoveStaleSocketFile(address));
  try {
    const OwnerAndGroupOnly files_are_for;
    socket.bind(address);
    return absl::OkStatus();
  } catch (const zmq::error_t& error) {
    return CannotListen(address, error);
  }
}

absl::Status Connect(zmq::socket_t& socket, const std::string& address) {
  return Try(absl::StatusCode::kInvalidArgument,
             fmt::format("\"{}\" is no address to connect to", address),
             [&] { socket.connect(address); });
}

std::string Endpoint(zmq::socket_t& socket) {
  char endpoint[1024];
  size_t size = sizeof endpoint;
  if (zmq_getsockopt(socket.handle(), ZMQ_LAST_ENDPOINT, endpoint, &size) != 0) return "";
  return endpoint;
}

bool Receive(zmq::socket_t& socket, zmq::message_t& frame) {
  if (zmq_msg_recv(frame.handle(), socket.handle(), ZMQ_DONTWAIT) >= 0) return true;
  const int error = zmq_errno();
  if (error != EAGAIN && error != EINTR && error != ETERM) {
    NESTOR_LOG(error, "BUS_FAILED", "action=receive reason=\"{}\"", zmq_strerror(error));
  }
  return false;
}

void SkipRest(zmq::socket_t& socket, zmq::message_t& frame) {
  while (frame.more() && Receive(socket, frame)) {
  }
}

absl::Status Send(zmq::socket_t& socket, std::string_view frame, bool more) {
  if (zmq_send(socket.handle(), frame.data(), frame.size(),
               ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0)) >= 0) {
    return absl::OkStatus();
  }
  const int error = zmq_errno();
  return Error(absl::StatusCode::kUnavailable, "cannot send: {}",
               error == EAGAIN         ? "no connection, or its queue is full"
               : error == EHOSTUNREACH ? "the connection is gone"
                                       : zmq_strerror(error));
}

}  // namespace nestor::bus
