#include "common/bus/operator_client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/base/status.h"
#include "common/bus/zmq_bus.h"
#include "tests/unit/common_bus/bus_pair.h"

namespace nestor::bus {
namespace {

using ::testing::HasSubstr;

constexpr uint32_t kMagic = 0x4e53544f;

// Answers by hand what a client asks.
class Agent {
 public:
  explicit Agent(const std::string& endpoint, const std::string& secret = "")
      : socket_(context_, zmq::socket_type::router) {
    if (!secret.empty()) {
      socket_.set(zmq::sockopt::curve_server, true);
      socket_.set(zmq::sockopt::curve_secretkey, secret);
    }
    socket_.set(zmq::sockopt::linger, 0);
    socket_.set(zmq::sockopt::rcvtimeo, 5'000);
    socket_.bind(endpoint);
  }

  v1::OperatorRequest Take() {
    zmq::message_t payload;
    EXPECT_TRUE(socket_.recv(route_));
    EXPECT_TRUE(socket_.recv(payload));
    v1::OperatorRequest request;
    EXPECT_TRUE(request.ParseFromArray(payload.data(), static_cast<int>(payload.size())));
    return request;
  }
  void Reply(uint64_t request_id, std::string text) {
    v1::OperatorReply reply;
    reply.set_magic(kMagic);
    reply.set_request_id(request_id);
    reply.set_text(std::move(text));
    Send(reply.SerializeAsString());
  }
  void Send(const std::string& payload) {
    zmq::message_t route;
    route.copy(route_);
    socket_.send(route, zmq::send_flags::sndmore);
    socket_.send(zmq::buffer(payload), zmq::send_flags::none);
  }
  std::string Endpoint() { return socket_.get(zmq::sockopt::last_endpoint); }

 private:
  zmq::context_t context_;
  zmq::socket_t socket_;
  zmq::message_t route_;
};

struct KeyPair {
  KeyPair() { EXPECT_EQ(zmq_curve_keypair(public_key, secret_key), 0); }
  char public_key[41];
  char secret_key[41];
};

class OperatorClientTest : public ::testing::Test {
 protected:
  std::string Ipc() const { return fmt::format("ipc://{}", folder_ / "s"); }

  Folder folder_;
};

v1::OperatorRequest Resync() {
  v1::OperatorRequest request;
  request.mutable_resync()->set_name("east4");
  return request;
}

TEST_F(OperatorClientTest, AsksAndIsAnswered) {
  Agent agent(Ipc());
  auto client = OperatorClient::Connect({Ipc(), {}});
  ASSERT_TRUE(client.ok()) << client.status();
  ASSERT_TRUE((*client)->Send(Resync()).ok());
  const v1::OperatorRequest request = agent.Take();
  EXPECT_EQ(request.magic(), kMagic);
  EXPECT_EQ(request.resync().name(), "east4");
  agent.Reply(request.request_id(), "done");
  const auto reply = (*client)->Receive(absl::Seconds(5));
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->text(), "done");
}

TEST_F(OperatorClientTest, DropsRepliesToAnEarlierRequest) {
  Agent agent(Ipc());
  auto client = OperatorClient::Connect({Ipc(), {}});
  ASSERT_TRUE(client.ok()) << client.status();
  ASSERT_TRUE((*client)->Send(Resync()).ok());
  const uint64_t first = agent.Take().request_id();
  ASSERT_TRUE((*client)->Send(Resync()).ok());
  const uint64_t second = agent.Take().request_id();
  agent.Reply(first, "old");
  agent.Reply(second, "new");
  const auto reply = (*client)->Receive(absl::Seconds(5));
  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->text(), "new");
}

TEST_F(OperatorClientTest, KnowsAtOnceThatThereIsNoSocket) {
  const auto client = OperatorClient::Connect({Ipc(), {}}, absl::Minutes(10));
  EXPECT_EQ(client.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Message(client.status()), HasSubstr("there is no " + (folder_ / "s")));
}

TEST_F(OperatorClientTest, KnowsAtOnceThatNobodyListens) {
  std::string endpoint;
  {
    Agent agent("tcp://127.0.0.1:*");
    endpoint = agent.Endpoint();
  }
  const auto client = OperatorClient::Connect({endpoint, {}}, absl::Minutes(10));
  EXPECT_EQ(client.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Message(client.status()), HasSubstr("nobody accepts connections at tcp://127"));
}

TEST_F(OperatorClientTest, GivesUpOnAnAgentThatHangs) {
  zmq::context_t context;
  zmq::socket_t mute(context, zmq::socket_type::stream);  // accepts, and never speaks
  mute.set(zmq::sockopt::linger, 0);
  mute.bind("tcp://127.0.0.1:*");
  const auto client =
      OperatorClient::Connect({mute.get(zmq::sockopt::last_endpoint), {}}, absl::Milliseconds(50));
  EXPECT_EQ(client.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Message(client.status()), HasSubstr("said nothing within 50ms: it hangs"));
}

TEST_F(OperatorClientTest, TellsAnUnusableAddress) {
  const auto client = OperatorClient::Connect({"tcp://127.0.0.1", {}});
  EXPECT_EQ(client.status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(OperatorClientTest, ProvesItsKey) {
  const KeyPair server;
  const KeyPair own;
  Agent agent("tcp://127.0.0.1:*", server.secret_key);
  const auto client = OperatorClient::Connect(
      {agent.Endpoint(), OperatorAddress::Keys{own.secret_key, server.public_key}});
  EXPECT_TRUE(client.ok()) << client.status();
}

TEST_F(OperatorClientTest, TellsThatKeysAreRefused) {
  const KeyPair server;
  const KeyPair own;
  Agent agent("tcp://127.0.0.1:*", server.secret_key);
  const auto client = OperatorClient::Connect(
      {agent.Endpoint(), OperatorAddress::Keys{own.secret_key, own.public_key}}, absl::Minutes(10));
  EXPECT_EQ(client.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Message(client.status()), HasSubstr("refuses the keys"));
}

TEST_F(OperatorClientTest, TellsThatItsKeyIsNotAuthorised) {
  const KeyPair server;
  const KeyPair own;
  PublisherBusOptions options;
  options.events = "tcp://127.0.0.1:*";
  options.control = "tcp://127.0.0.1:*";
  options.security.emplace();
  options.security->secret_key = server.secret_key;
  options.security->authorized_keys = folder_.path();
  auto bus = OpenPublisherBus(options);
  ASSERT_TRUE(bus.ok()) << bus.status();
  const auto client = OperatorClient::Connect(
      {(*bus)->ControlEndpoint(), OperatorAddress::Keys{own.secret_key, server.public_key}},
      absl::Milliseconds(100));
  EXPECT_EQ(client.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Message(client.status()), HasSubstr("its authorized-keys have not the public key"));
}

TEST_F(OperatorClientTest, TellsThatKeysAreAskedFor) {
  const KeyPair server;
  Agent agent("tcp://127.0.0.1:*", server.secret_key);
  const auto client = OperatorClient::Connect({agent.Endpoint(), {}}, absl::Minutes(10));
  EXPECT_EQ(client.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Message(client.status()), HasSubstr("give --key and --server-key"));
}

TEST_F(OperatorClientTest, NoticesThatTheAgentWentAway) {
  auto agent = std::make_unique<Agent>(Ipc());
  auto client = OperatorClient::Connect({Ipc(), {}});
  ASSERT_TRUE(client.ok()) << client.status();
  ASSERT_TRUE((*client)->Send(Resync()).ok());
  agent->Take();
  agent.reset();
  const auto reply = (*client)->Receive(absl::Minutes(10));
  EXPECT_EQ(reply.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ((*client)->Send(Resync()).code(), absl::StatusCode::kUnavailable);
}

TEST_F(OperatorClientTest, GivesUpWaiting) {
  Agent agent(Ipc());
  auto client = OperatorClient::Connect({Ipc(), {}});
  ASSERT_TRUE(client.ok()) << client.status();
  ASSERT_TRUE((*client)->Send(Resync()).ok());
  EXPECT_EQ((*client)->Receive(absl::Milliseconds(10)).status().code(),
            absl::StatusCode::kDeadlineExceeded);
}

TEST_F(OperatorClientTest, StopsWaitingWhenToldTo) {
  Agent agent(Ipc());
  auto client = OperatorClient::Connect({Ipc(), {}});
  ASSERT_TRUE(client.ok()) << client.status();
  const int stop = eventfd(1, EFD_CLOEXEC);
  EXPECT_EQ((*client)->Receive(absl::Minutes(10), stop).status().code(),
            absl::StatusCode::kCancelled);
  close(stop);
}

TEST_F(OperatorClientTest, TakesNothingElseForAReply) {
  Agent agent(Ipc());
  auto client = OperatorClient::Connect({Ipc(), {}});
  ASSERT_TRUE(client.ok()) << client.status();
  ASSERT_TRUE((*client)->Send(Resync()).ok());
  agent.Take();
  agent.Send("hello");
  EXPECT_EQ((*client)->Receive(absl::Minutes(10)).status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace nestor::bus
