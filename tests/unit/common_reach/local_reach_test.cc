#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <thread>

#include "common/base/status.h"
#include "common/reach/reach.h"
#include "common/reach/socket.h"

namespace nestor::reach {
namespace {

using Code = absl::StatusCode;
constexpr absl::Duration kLong = absl::Hours(1);
constexpr absl::Duration kPatience = absl::Seconds(20);
constexpr absl::Duration kShort = absl::Milliseconds(100);

MATCHER_P2(Fails, code, text, "") {
  *result_listener << arg.ToString();
  return arg.code() == code && Message(arg).find(text) != std::string_view::npos;
}

// A socket bound to a port of `host` that nobody has; not valid where this host has no such
// address.
struct Bound {
  Descriptor socket;
  uint16_t port = 0;
};

Bound BindAnyPort(const std::string& host) {
  SocketAddress address = *AddressOf(host, 1);
  const bool four = address.storage.ss_family == AF_INET;
  auto& port = four ? reinterpret_cast<sockaddr_in&>(address.storage).sin_port
                    : reinterpret_cast<sockaddr_in6&>(address.storage).sin6_port;
  port = 0;
  Bound bound;
  bound.socket = address.Open();
  auto* const raw = reinterpret_cast<sockaddr*>(&address.storage);
  if (!bound.socket.valid() || ::bind(bound.socket.get(), raw, address.size) != 0) return Bound();
  ::getsockname(bound.socket.get(), raw, &address.size);
  bound.port = ntohs(port);
  return bound;
}

// A port of `host` that nobody has; 0: this host has no such address.
uint16_t FreePort(const std::string& host) { return BindAnyPort(host).port; }

class LocalReachTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (port_ == 0) GTEST_SKIP() << "this host has no " << GetParam();
  }

  absl::Status Listen(const std::string& token, absl::Duration duration = kLong) {
    return reach_->Listen(GetParam(), port_, token, duration);
  }
  absl::Status Probe(const std::string& token, absl::Duration timeout = kPatience) {
    return reach_->Probe(GetParam(), port_, token, timeout);
  }

  const uint16_t port_ = FreePort(GetParam());
  std::unique_ptr<Reach> reach_ = LocalReach();
};

INSTANTIATE_TEST_SUITE_P(Families, LocalReachTest, ::testing::Values("127.0.0.1", "::1"),
                         [](const auto& its) { return its.param == "::1" ? "V6" : "V4"; });

TEST_P(LocalReachTest, HearsItsToken) {
  ASSERT_TRUE(Listen("token").ok());
  EXPECT_TRUE(Probe("token").ok()) << Probe("token");
  EXPECT_TRUE(Probe("").ok()) << "to connect is enough";
}

TEST_P(LocalReachTest, HearsTheLongestTokenAndTakesNoLonger) {
  const std::string longest(1024, 't');
  ASSERT_TRUE(Listen(longest).ok());
  EXPECT_TRUE(Probe(longest).ok()) << Probe(longest);
  EXPECT_THAT(Probe(longest + "t"), Fails(Code::kInvalidArgument, "at most 1024 bytes"));
  EXPECT_THAT(Listen(longest + "t"), Fails(Code::kInvalidArgument, "at most 1024 bytes"));
}

TEST_P(LocalReachTest, AnswersManyAtATime) {
  ASSERT_TRUE(Listen("token").ok());
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this] {
      for (int round = 0; round < 25; ++round) EXPECT_TRUE(Probe("token").ok());
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_P(LocalReachTest, AnotherTokenIsSomebodyElse) {
  for (const char* other : {"tokes", "tok", "tokens", "x"}) {
    ASSERT_TRUE(Listen(other).ok());
    EXPECT_THAT(Probe("token"), Fails(Code::kFailedPrecondition, "somebody else")) << other;
  }
  ASSERT_TRUE(Listen("").ok());
  EXPECT_THAT(Probe("token"), Fails(Code::kFailedPrecondition, "somebody else"));
}

TEST_P(LocalReachTest, WhoSaysNothingIsSomebodyElse) {
  const Bound silent = BindAnyPort(GetParam());
  ASSERT_EQ(::listen(silent.socket.get(), 1), 0);
  EXPECT_THAT(reach_->Probe(GetParam(), silent.port, "token", kShort),
              Fails(Code::kFailedPrecondition, "takes connections"));
  EXPECT_TRUE(reach_->Probe(GetParam(), silent.port, "", kPatience).ok());
}

TEST_P(LocalReachTest, NobodyThereIsRefused) {
  EXPECT_THAT(Probe("token"), Fails(Code::kUnavailable, "refused the connection"));
  EXPECT_THAT(Probe(""), Fails(Code::kUnavailable, fmt::format(":{} refused", port_)));
}

TEST_P(LocalReachTest, WhatIsInUseIsSaid) {
  const Bound other = BindAnyPort(GetParam());
  ASSERT_EQ(::listen(other.socket.get(), 1), 0);
  EXPECT_THAT(reach_->Listen(GetParam(), other.port, "token", kLong),
              Fails(Code::kFailedPrecondition, "in use by another program"));
  // Another Reach is somebody else too.
  ASSERT_TRUE(Listen("token").ok());
  EXPECT_THAT(LocalReach()->Listen(GetParam(), port_, "other", kLong),
              Fails(Code::kFailedPrecondition, "in use"));
  EXPECT_TRUE(Probe("token").ok());
}

TEST_P(LocalReachTest, TheNextOneAtAnAddressTakesItsPlace) {
  ASSERT_TRUE(Listen("first").ok());
  EXPECT_TRUE(Probe("first").ok());
  ASSERT_TRUE(Listen("second").ok());
  EXPECT_TRUE(Probe("second").ok()) << Probe("second");
}

TEST_P(LocalReachTest, EndsWhenItsTimeIsOver) {
  ASSERT_TRUE(Listen("token", kShort).ok());
  const Deadline deadline = After(kPatience);
  absl::Status status;
  // Whoever is in the queue when it ends is cut off, which is Unavailable as well.
  while ((status = Probe("token")).ok() && std::chrono::steady_clock::now() < deadline) {
  }
  EXPECT_EQ(status.code(), Code::kUnavailable) << status;
  ASSERT_TRUE(Listen("again").ok());
  EXPECT_TRUE(Probe("again").ok());
}

TEST_P(LocalReachTest, ItsEndEndsItAtOnceAndLeavesTheAddressFree) {
  ASSERT_TRUE(Listen("token").ok());
  ASSERT_TRUE(Probe("token").ok());
  const auto before = std::chrono::steady_clock::now();
  reach_.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(5));
  // As Kea does.
  const SocketAddress address = *AddressOf(GetParam(), port_);
  const Descriptor socket = address.Open();
  const int yes = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  EXPECT_EQ(::bind(socket.get(), address.get(), address.size), 0) << strerror(errno);
  EXPECT_EQ(::listen(socket.get(), 1), 0) << strerror(errno);
}

TEST_P(LocalReachTest, OutlivesWhoConnectsAndStays) {
  ASSERT_TRUE(Listen("token").ok());
  const SocketAddress address = *AddressOf(GetParam(), port_);
  const Descriptor idle = address.Open();
  (void)::connect(idle.get(), address.get(), address.size);
  EXPECT_TRUE(Probe("token").ok()) << Probe("token");
}

TEST_P(LocalReachTest, TakesAnyDuration) {
  for (const absl::Duration odd : {-absl::InfiniteDuration(), absl::ZeroDuration()}) {
    ASSERT_TRUE(Listen("token", odd).ok());
    EXPECT_FALSE(Probe("token", odd).ok());
  }
  ASSERT_TRUE(Listen("token", absl::InfiniteDuration()).ok());
  EXPECT_TRUE(Probe("token", absl::InfiniteDuration()).ok());
}

TEST(LocalReachBoundsTest, RefusesWhatIsNotThisHosts) {
  for (const char* host : {"192.0.2.1", "2001:db8::1"}) {
    const absl::Status status = LocalReach()->Listen(host, 8000, "token", kLong);
    if (std::string(host).find(':') != std::string::npos && FreePort("::1") == 0) continue;
    EXPECT_THAT(status, Fails(Code::kFailedPrecondition, "not an address of this host")) << host;
  }
}

TEST(LocalReachBoundsTest, RefusesWhatIsNoAddress) {
  const auto reach = LocalReach();
  for (const std::string& host :
       {std::string(), std::string("kea-a.example"), std::string("localhost"), std::string("*"),
        std::string("[::1]"), std::string("::1%lo"), std::string("127.0.0.1\0x", 11),
        std::string("127.1"), std::string(100'000, '1')}) {
    EXPECT_EQ(reach->Listen(host, 8000, "token", kLong).code(), Code::kInvalidArgument) << host;
    EXPECT_EQ(reach->Probe(host, 8000, "token", kShort).code(), Code::kInvalidArgument) << host;
  }
  EXPECT_THAT(reach->Listen("127.0.0.1", 0, "token", kLong), Fails(Code::kInvalidArgument, "port"));
  EXPECT_THAT(reach->Probe("127.0.0.1", 0, "token", kShort), Fails(Code::kInvalidArgument, "port"));
}

// 192.0.2.1 is nobody's; what the network makes of it differs, but an end there is.
TEST(LocalReachBoundsTest, AProbeEndsInTime) {
  const auto before = std::chrono::steady_clock::now();
  EXPECT_FALSE(LocalReach()->Probe("192.0.2.1", 8000, "token", kShort).ok());
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(10));
}

TEST(LocalReachBoundsTest, ManyThreadsMayShareOne) {
  const auto reach = LocalReach();
  const uint16_t port = FreePort("127.0.0.1");
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&reach, port] {
      for (int round = 0; round < 20; ++round) {
        EXPECT_TRUE(reach->Listen("127.0.0.1", port, "token", kLong).ok());
        // Another thread may be just putting its own in its place.
        (void)reach->Probe("127.0.0.1", port, "token", kPatience);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(reach->Probe("127.0.0.1", port, "token", kPatience).ok());
}

}  // namespace
}  // namespace nestor::reach
