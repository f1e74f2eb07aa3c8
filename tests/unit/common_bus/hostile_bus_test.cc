#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <array>
#include <charconv>
#include <thread>

#include "tests/unit/common_bus/bus_pair.h"

namespace nestor::bus {
namespace {

// Connections of the plainest kind, held until the object goes.
class RawConnections {
 public:
  ~RawConnections() {
    for (const int fd : open_) close(fd);
  }

  // Connects to an endpoint on this host and sends `bytes`.
  bool Add(const std::string& endpoint, std::string_view bytes) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    uint16_t port = 0;
    const char* const digits = endpoint.data() + endpoint.rfind(':') + 1;
    std::from_chars(digits, endpoint.data() + endpoint.size(), port);
    address.sin_port = htons(port);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return false;
    open_.push_back(fd);
    if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return false;
    (void)send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return true;
  }

 private:
  std::vector<int> open_;
};

std::string Greeting(std::string_view mechanism) {
  std::string text("\xff\0\0\0\0\0\0\0\x01\x7f\x03\x00", 12);
  text += mechanism;
  text.resize(64, '\0');
  return text;
}

// Half-open, half a frame, handshakes that stop, other protocols, noise.
std::vector<std::string> BadBeginnings() {
  const std::string curve = Greeting("CURVE");
  return {"",
          curve,
          curve + std::string("\x04\xc8\x05HELLO", 8) + std::string(194, '\x5a'),
          curve + std::string("\x06\0\0\0\0\0\0\xff\xff\x05HELLO", 15),
          Greeting("NULL") + std::string("\x04\x05\x05READY", 8),
          Greeting("PLAIN") + std::string("\x04\x0a\x05HELLO\x01"
                                          "a\x01"
                                          "b",
                                          12),
          std::string("\x01\0", 2),
          "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
          std::string(8192, '\xff'),
          std::string(300, '\x17')};
}

size_t ResidentBytes() {
  size_t total = 0, resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

void AllowDescriptors(rlim_t number) {
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  if (limit.rlim_max < number) GTEST_SKIP() << "needs " << number << " descriptors";
  limit.rlim_cur = std::max(limit.rlim_cur, number);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

TEST_F(BusTest, ThreeThousandBadConnectionsCostLittleAndDisturbNobody) {
  constexpr size_t kConnections = 3000;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  constexpr size_t kMaxBytes = size_t{512} << 20;  // most of it the sanitizer's
#else
  constexpr size_t kMaxBytes = size_t{64} << 20;
#endif
  AllowDescriptors(2 * kConnections + 200);
  if (IsSkipped()) return;
  Authorize("kea-b", follower_key_, "subscribe replicate");
  Publisher publisher(Serving());
  Follower follower(Joining(publisher, follower_key_));
  follower.bus->Subscribe("");
  ASSERT_TRUE(Tell(publisher, follower, "before"));
  ASSERT_TRUE(Hears(publisher, follower));
  const std::string route = publisher.told.back().from.route;
  const std::array<std::string, 2> endpoints = {publisher.bus->EventsEndpoint(),
                                                publisher.bus->ControlEndpoint()};
  const std::vector<std::string> beginnings = BadBeginnings();
  const size_t before = ResidentBytes();
  RawConnections bad;
  for (size_t i = 0; i < kConnections; ++i) {
    ASSERT_TRUE(bad.Add(endpoints[i % 2], beginnings[i / 2 % beginnings.size()])) << i;
    if (i % 100 != 0) continue;
    ASSERT_TRUE(Tell(publisher, follower, fmt::format("amid {}", i)));
  }
  EXPECT_TRUE(Tell(publisher, follower, "after"));
  EXPECT_TRUE(Hears(publisher, follower));
  EXPECT_EQ(publisher.told.back().from.route, route) << "the connection was lost";
  const size_t cost = ResidentBytes() - before;
  RecordProperty("bytes", std::to_string(cost));
  EXPECT_LT(cost, kMaxBytes);
}

TEST_F(BusTest, APeersChoiceOfRouteDoesNotTakeAnothersAnswers) {
  PublisherBusOptions options = Serving();
  options.security.reset();
  Publisher publisher(options);
  zmq::context_t context;
  std::array<zmq::socket_t, 2> peers;
  for (zmq::socket_t& peer : peers) {
    peer = zmq::socket_t(context, zmq::socket_type::dealer);
    peer.set(zmq::sockopt::linger, 0);
    peer.set(zmq::sockopt::routing_id, "mine");
  }
  peers[0].connect(publisher.bus->ControlEndpoint());
  peers[0].send(zmq::str_buffer("first"), zmq::send_flags::none);
  ASSERT_TRUE(RunUntil({publisher.bus.get()}, [&] { return publisher.told.size() == 1; }));
  peers[1].connect(publisher.bus->ControlEndpoint());
  peers[1].send(zmq::str_buffer("thief"), zmq::send_flags::none);
  EXPECT_FALSE(RunUntil(
      {publisher.bus.get()}, [&] { return publisher.told.size() == 2; }, absl::Milliseconds(300)));
  ASSERT_TRUE(publisher.bus->Send(publisher.told[0].from.route, "yours").ok());
  zmq::message_t answer;
  ASSERT_TRUE(RunUntil({publisher.bus.get()}, [&] {
    return peers[0].recv(answer, zmq::recv_flags::dontwait).has_value();
  }));
  EXPECT_EQ(answer.to_string(), "yours");
  EXPECT_FALSE(peers[1].recv(answer, zmq::recv_flags::dontwait).has_value());
}

TEST_F(BusTest, KeysAreCheckedWhileTheProtocolThreadIsBusy) {
  Authorize("kea-b", follower_key_, "replicate");
  Publisher publisher(Serving());
  Follower follower(Joining(publisher, follower_key_));
  EXPECT_TRUE(
      RunUntil({follower.bus.get()}, [&] { return follower.bus->SendToPrimary("I am in").ok(); }));
}

TEST_F(BusTest, KeysAreReloadedWhileOthersConnect) {
  Authorize("kea-b", follower_key_, "subscribe replicate");
  Publisher publisher(Serving());
  std::thread reloading([&] {
    for (int i = 0; i < 200; ++i) EXPECT_TRUE(publisher.bus->ReloadKeys().ok());
  });
  for (int i = 0; i < 5; ++i) {
    Follower follower(Joining(publisher, follower_key_));
    EXPECT_TRUE(Tell(publisher, follower, fmt::format("hello {}", i)));
    EXPECT_TRUE(publisher.told.back().from.rights.replicate);
  }
  reloading.join();
}

}  // namespace
}  // namespace nestor::bus
