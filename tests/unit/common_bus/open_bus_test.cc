#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "common/base/status.h"
#include "tests/unit/common_bus/bus_pair.h"

namespace nestor::bus {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class OpenBusTest : public BusTest {
 protected:
  static PublisherBusOptions Unsecured() {
    return {.events = "tcp://127.0.0.1:*", .control = "tcp://127.0.0.1:*"};
  }
  static absl::Status Opening(const PublisherBusOptions& options) {
    return OpenPublisherBus(options).status();
  }
  mode_t ModeOf(const std::string& name) const {
    struct stat file {};
    return stat((folder_ / name).c_str(), &file) == 0 ? file.st_mode & 0777 : 0;
  }
};

// A client of an operator socket.
struct Operator {
  explicit Operator(const std::string& path) : socket(context, zmq::socket_type::dealer) {
    socket.set(zmq::sockopt::linger, 0);
    socket.connect("ipc://" + path);
  }
  std::string Answer() {
    zmq::message_t message;
    if (!socket.recv(message, zmq::recv_flags::dontwait)) return "";
    return message.to_string();
  }
  zmq::context_t context;
  zmq::socket_t socket;
};

TEST_F(OpenBusTest, AWildcardPortIsTold) {
  Publisher publisher(Unsecured());
  EXPECT_THAT(publisher.bus->EventsEndpoint(), AllOf(StartsWith("tcp://"), HasSubstr("127.0.0.1")));
  EXPECT_THAT(publisher.bus->EventsEndpoint(), testing::Not(HasSubstr("*")));
  EXPECT_NE(publisher.bus->EventsEndpoint(), publisher.bus->ControlEndpoint());
}

TEST_F(OpenBusTest, WithoutSecurityAnybodyHasAllRightsAndNoName) {
  Publisher publisher(Unsecured());
  Follower follower(
      {.events = publisher.bus->EventsEndpoint(), .control = publisher.bus->ControlEndpoint()});
  ASSERT_TRUE(Tell(publisher, follower, "hello"));
  const Peer& from = publisher.told.back().from;
  EXPECT_EQ(from.user, "");
  EXPECT_FALSE(from.local);
  EXPECT_TRUE(from.rights.subscribe && from.rights.replicate && from.rights.operate);
}

TEST_F(OpenBusTest, ABusMayBeOfSocketFiles) {
  PublisherBusOptions options{.events = "ipc://" + (folder_ / "events"),
                              .control = "ipc://" + (folder_ / "control")};
  Publisher publisher(options);
  Follower follower({.events = options.events, .control = options.control});
  follower.bus->Subscribe("");
  EXPECT_TRUE(Tell(publisher, follower, "hello"));
  EXPECT_TRUE(Hears(publisher, follower));
  EXPECT_EQ(ModeOf("control"), 0660u);
}

TEST_F(OpenBusTest, OperatorsOfThisHostAreLocalAndMayDoAll) {
  PublisherBusOptions options = Serving();
  options.operator_socket = folder_ / "agent.sock";
  Publisher publisher(options);
  EXPECT_EQ(ModeOf("agent.sock"), 0660u);
  Operator client(options.operator_socket);
  client.socket.send(zmq::str_buffer("status"), zmq::send_flags::none);
  ASSERT_TRUE(RunUntil({publisher.bus.get()}, [&] { return !publisher.told.empty(); }));
  const Peer& from = publisher.told.back().from;
  EXPECT_TRUE(from.local);
  EXPECT_EQ(from.user, "local");
  EXPECT_TRUE(from.rights.operate);
  ASSERT_TRUE(publisher.bus->Send(from.route, "all is well").ok());
  std::string answer;
  EXPECT_TRUE(RunUntil({publisher.bus.get()}, [&] { return !(answer = client.Answer()).empty(); }));
  EXPECT_EQ(answer, "all is well");
}

TEST_F(OpenBusTest, AFollowerHasOperatorsToo) {
  Follower follower({.events = "tcp://127.0.0.1:1",
                     .control = "tcp://127.0.0.1:1",
                     .operator_socket = folder_ / "agent.sock"});
  Operator client(folder_ / "agent.sock");
  client.socket.send(zmq::str_buffer("status"), zmq::send_flags::none);
  ASSERT_TRUE(RunUntil({follower.bus.get()}, [&] { return !follower.asked.empty(); }));
  EXPECT_TRUE(follower.asked.back().first.local);
  EXPECT_TRUE(follower.bus->Send(follower.asked.back().first.route, "lonely").ok());
  EXPECT_EQ(follower.bus->SendToPrimary("hello").code(), absl::StatusCode::kUnavailable);
}

TEST_F(OpenBusTest, AMessageOfTwoFramesIsDropped) {
  PublisherBusOptions options = Unsecured();
  options.operator_socket = folder_ / "agent.sock";
  Publisher publisher(options);
  Operator client(options.operator_socket);
  client.socket.send(zmq::str_buffer("one"), zmq::send_flags::sndmore);
  client.socket.send(zmq::str_buffer("two"), zmq::send_flags::none);
  client.socket.send(zmq::str_buffer("status"), zmq::send_flags::none);
  ASSERT_TRUE(RunUntil({publisher.bus.get()}, [&] { return !publisher.told.empty(); }));
  EXPECT_EQ(publisher.told.front().payload, "status");
}

TEST_F(OpenBusTest, AnUnknownRouteIsUnavailable) {
  Publisher publisher(Unsecured());
  for (const std::string& route : {std::string(), std::string("C"), std::string("Cnobody"),
                                   std::string("Onobody"), std::string("x")}) {
    EXPECT_EQ(publisher.bus->Send(route, "hello").code(), absl::StatusCode::kUnavailable) << route;
  }
}

TEST_F(OpenBusTest, AnAddressInUseIsUnavailable) {
  Publisher publisher(Unsecured());
  PublisherBusOptions options = Unsecured();
  options.control = publisher.bus->EventsEndpoint();
  const absl::Status status = Opening(options);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Message(status), HasSubstr("another program listens there"));
  EXPECT_THAT(Message(status), HasSubstr(options.control));
}

TEST_F(OpenBusTest, AnAddressOfAnotherHostIsUnavailable) {
  PublisherBusOptions options = Unsecured();
  options.events = "tcp://192.0.2.1:5570";
  const absl::Status status = Opening(options);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Message(status), HasSubstr("this host has no such address"));
}

TEST_F(OpenBusTest, WhatIsNoAddressIsInvalid) {
  for (const char* address : {"", "tcp", "tcp://", "tcp://127.0.0.1", "carrier://pigeon"}) {
    PublisherBusOptions options = Unsecured();
    options.events = address;
    EXPECT_EQ(Opening(options).code(), absl::StatusCode::kInvalidArgument) << address;
    EXPECT_EQ(OpenFollowerBus({.events = "tcp://127.0.0.1:1", .control = address}).status().code(),
              absl::StatusCode::kInvalidArgument)
        << address;
  }
}

TEST_F(OpenBusTest, WhatIsNoKeyIsInvalid) {
  for (const std::string& secret : {std::string(), std::string("short"), std::string(40, '"')}) {
    PublisherBusOptions options = Serving();
    options.security->secret_key = secret;
    EXPECT_EQ(Opening(options).code(), absl::StatusCode::kInvalidArgument) << secret;
    const FollowerBusOptions following{
        .events = "tcp://127.0.0.1:1",
        .control = "tcp://127.0.0.1:1",
        .operator_socket = "",
        .security = FollowerBusOptions::Security{secret, primary_key_.public_key}};
    EXPECT_EQ(OpenFollowerBus(following).status().code(), absl::StatusCode::kInvalidArgument)
        << secret;
  }
}

TEST_F(OpenBusTest, AMissingDirectoryOfKeysIsUnavailable) {
  PublisherBusOptions options = Serving();
  options.security->authorized_keys = folder_ / "nowhere";
  const absl::Status status = Opening(options);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Message(status), HasSubstr("nowhere"));
}

TEST_F(OpenBusTest, AMissingDirectoryOfASocketIsUnavailable) {
  PublisherBusOptions options = Unsecured();
  options.operator_socket = folder_ / "nowhere/agent.sock";
  const absl::Status status = Opening(options);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Message(status), HasSubstr("its directory does not exist"));
}

TEST_F(OpenBusTest, ALivingAgentKeepsItsOperatorSocket) {
  PublisherBusOptions options = Unsecured();
  options.operator_socket = folder_ / "agent.sock";
  Publisher publisher(options);
  const absl::Status status = Opening(options);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Message(status), HasSubstr("another program listens there"));
  Operator client(options.operator_socket);
  client.socket.send(zmq::str_buffer("status"), zmq::send_flags::none);
  EXPECT_TRUE(RunUntil({publisher.bus.get()}, [&] { return !publisher.told.empty(); }));
}

TEST_F(OpenBusTest, AStaleSocketFileIsReplaced) {
  const std::string path = folder_ / "agent.sock";
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  close(fd);
  PublisherBusOptions options = Unsecured();
  options.operator_socket = path;
  EXPECT_TRUE(Opening(options).ok());
}

TEST_F(OpenBusTest, AFileThatIsNoSocketStays) {
  WriteFile(folder_ / "agent.sock", "precious");
  PublisherBusOptions options = Unsecured();
  options.operator_socket = folder_ / "agent.sock";
  EXPECT_EQ(Opening(options).code(), absl::StatusCode::kUnavailable);
  EXPECT_TRUE(std::filesystem::is_regular_file(folder_ / "agent.sock"));
}

}  // namespace
}  // namespace nestor::bus
