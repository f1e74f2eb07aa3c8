#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <zmq.hpp>

// ZeroMQ sockets as Nestor uses them: the options that all of them have, and errors as Status.
// cppzmq's exceptions end here.
namespace nestor::bus {

// What bounds a socket's queues towards and from each peer.
struct SocketBounds {
  int queued_messages;
  // The largest payload that may arrive; a peer that announces more is disconnected.
  int64_t received_bytes;
};

inline constexpr SocketBounds kPublishing{1000, int64_t{2} << 10};  // receives subscriptions only
inline constexpr SocketBounds kSubscribing{1000, int64_t{8} << 20};
inline constexpr SocketBounds kServing{64, int64_t{64} << 10};
inline constexpr SocketBounds kAsking{64, int64_t{1} << 20};

// A socket that is neither bound nor connected yet. Unavailable: the process has too many.
absl::StatusOr<zmq::socket_t> OpenSocket(zmq::context_t& context, zmq::socket_type type,
                                         const SocketBounds& bounds);

// Makes the socket prove the secret key (Z85) and let in only whom the context's KeyGate lets in.
// To be called before Listen, and with a KeyGate open: without one ZeroMQ lets everybody in.
// InvalidArgument: not a key.
absl::Status RequireKeys(zmq::socket_t& socket, const std::string& secret_key, const char* domain);

// Makes the socket prove `secret_key`, and the other end the secret key of `server_key`. To be
// called before Connect. InvalidArgument: not a key.
absl::Status ProveKey(zmq::socket_t& socket, const std::string& secret_key,
                      const std::string& server_key);

// Binds. An ipc address gets a socket file of mode 0660, in place of one that nobody listens at;
// for that the process's umask changes for a moment.
//
// InvalidArgument  no address
// Unavailable      it is in use, is not this host's, or must not be bound by this process
absl::Status Listen(zmq::socket_t& socket, const std::string& address);

// Begins to connect, which goes on by itself. InvalidArgument: no address.
absl::Status Connect(zmq::socket_t& socket, const std::string& address);

// The address that the socket was last bound to, with the port that was taken.
std::string Endpoint(zmq::socket_t& socket);

// Takes the next frame without waiting. False: none is there.
bool Receive(zmq::socket_t& socket, zmq::message_t& frame);

// Takes what is left of a message of which a frame was received with more to come.
void SkipRest(zmq::socket_t& socket, zmq::message_t& frame);

// Sends a frame without waiting. Unavailable: nobody is there for it, or the queue is full.
absl::Status Send(zmq::socket_t& socket, std::string_view frame, bool more = false);

}  // namespace nestor::bus
