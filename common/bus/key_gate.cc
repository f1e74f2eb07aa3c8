#include "common/bus/key_gate.h"

#include <absl/time/clock.h>

#include <utility>
#include <vector>

#include "common/base/status.h"
#include "common/bus/socket.h"
#include "common/log/log.h"

namespace nestor::bus {
namespace {

constexpr char kZapEndpoint[] = "inproc://zeromq.zap.01";
constexpr size_t kKeyBytes = 32;
constexpr size_t kZ85Characters = 40;

// The frames of a request, after the empty one that REP takes off.
enum Frame : size_t { kVersion, kRequest, kDomain, kAddress, kIdentity, kMechanism, kCredentials };

std::string Z85(const zmq::message_t& key) {
  char text[kZ85Characters + 1];
  if (key.size() != kKeyBytes) return "";
  zmq_z85_encode(text, static_cast<const uint8_t*>(key.data()), kKeyBytes);
  return text;
}

// Waits for a whole message. Empty: the context is shut down.
std::vector<zmq::message_t> WaitForMessage(zmq::socket_t& socket) {
  std::vector<zmq::message_t> frames;
  do {
    zmq::message_t& frame = frames.emplace_back();
    while (zmq_msg_recv(frame.handle(), socket.handle(), 0) < 0) {
      if (zmq_errno() != EINTR) return {};
    }
  } while (frames.back().more());
  return frames;
}

}  // namespace

absl::StatusOr<std::unique_ptr<KeyGate>> KeyGate::Open(zmq::context_t& context,
                                                       const AuthorizedKeys& keys) {
  ASSIGN_OR_RETURN(zmq::socket_t socket, OpenSocket(context, zmq::socket_type::rep, kServing));
  RETURN_IF_ERROR(Listen(socket, kZapEndpoint));
  return std::unique_ptr<KeyGate>(new KeyGate(context, keys, std::move(socket)));
}

KeyGate::KeyGate(zmq::context_t& context, const AuthorizedKeys& keys, zmq::socket_t socket)
    : context_(context), keys_(keys), socket_(std::move(socket)), thread_([this] { Serve(); }) {}

KeyGate::~KeyGate() {
  context_.shutdown();
  thread_.join();
}

void KeyGate::Serve() {
  while (Answer()) {
  }
  socket_.close();
}

bool KeyGate::Answer() {
  const std::vector<zmq::message_t> frames = WaitForMessage(socket_);
  if (frames.empty()) return false;
  const bool is_curve =
      frames.size() == kCredentials + 1 && frames[kMechanism].to_string_view() == "CURVE";
  const std::string z85 = is_curve ? Z85(frames[kCredentials]) : "";
  const auto text = [&](Frame frame) {
    return frames.size() > frame ? frames[frame].to_string_view() : "";
  };
  const std::optional<AuthorizedKeys::Key> key = keys_.Find(z85);
  const bool may = key && (text(kDomain) != kEventsDomain || key->rights.subscribe);
  if (!may) {
    LogRefusal(z85, text(kAddress),
               key ? "it has not the right subscribe" : "it is not authorised");
  }
  return Reply(text(kRequest), may ? &*key : nullptr, z85);
}

bool KeyGate::Reply(std::string_view request, const AuthorizedKeys::Key* key,
                    std::string_view z85) {
  // 300, "temporary", for an unknown key: after 400 its libzmq would never try again, even once the
  // key is authorised. The user id begins with the key itself, so that a file of the same name with
  // another key takes the old key's rights away.
  const std::string user = key == nullptr ? "" : fmt::format("{}{}", z85, key->name);
  for (const std::string_view frame :
       {std::string_view("1.0"), request, std::string_view(key == nullptr ? "300" : "200"),
        std::string_view(key == nullptr ? "Not authorised" : "OK"), std::string_view(user)}) {
    if (zmq_send(socket_.handle(), frame.data(), frame.size(), ZMQ_SNDMORE) < 0) return false;
  }
  return zmq_send(socket_.handle(), "", 0, 0) >= 0;  // no metadata
}

void KeyGate::LogRefusal(std::string_view z85, std::string_view address, std::string_view reason) {
  const absl::Time now = absl::Now();
  if (now - last_logged_ < absl::Seconds(1)) {
    ++not_logged_;
    return;
  }
  NESTOR_LOG(warn, "KEY_REFUSED", "key={} address={} not_logged={} reason=\"{}\"", z85, address,
             not_logged_, reason);
  last_logged_ = now;
  not_logged_ = 0;
}

AuthorizedKeys::Key UserOf(zmq::message_t& frame, const AuthorizedKeys& keys) {
  const char* const property = zmq_msg_gets(frame.handle(), "User-Id");
  const std::string_view user = property == nullptr ? "" : property;
  if (user.size() < kZ85Characters) return {};
  std::optional<AuthorizedKeys::Key> key = keys.Find(user.substr(0, kZ85Characters));
  if (key) return *std::move(key);
  return {std::string(user.substr(kZ85Characters)), Rights{}};
}

}  // namespace nestor::bus
