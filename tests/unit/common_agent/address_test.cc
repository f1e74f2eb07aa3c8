#include "common/agent/address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "common/base/status.h"

namespace nestor::agent {
namespace {

using ::testing::HasSubstr;

TEST(AddressTest, TakesAddressesOfTheBus) {
  for (const std::string_view endpoint :
       {"tcp://0.0.0.0:5570", "tcp://*:5570", "tcp://[::]:65535", "tcp://[fe80::1%eth0]:1",
        "tcp://kea-a.example.org:5570", "ipc:///run/nestor/control"}) {
    EXPECT_TRUE(CheckEndpoint(endpoint).ok()) << CheckEndpoint(endpoint);
  }
}

TEST(AddressTest, RefusesOthers) {
  for (const std::string_view endpoint :
       {"", "192.0.2.1:5570", "tcp://192.0.2.1", "tcp://:5570", "tcp://192.0.2.1:0",
        "tcp://192.0.2.1:65536", "tcp://192.0.2.1:71106", "tcp://192.0.2.1:4294972866",
        "tcp://192.0.2.1:+1", "tcp://192.0.2.1:55 ", "tcp://a b:1", "tcp://::1:1", "ipc://",
        "ipc://relative", "inproc://a", "tcp://[]:1"}) {
    EXPECT_EQ(CheckEndpoint(endpoint).code(), absl::StatusCode::kInvalidArgument) << endpoint;
  }
}

TEST(AddressTest, RefusesAPathTheKernelCannotTake) {
  EXPECT_TRUE(CheckSocketPath("/" + std::string(106, 'a')).ok());
  EXPECT_FALSE(CheckSocketPath("/" + std::string(107, 'a')).ok());
}

TEST(AddressTest, AListenersNamesAreNotLookedUp) {
  for (const std::string_view endpoint : {"tcp://*:1", "tcp://192.0.2.1:1", "tcp://[2001:db8::1]:1",
                                          "tcp://eth0:1", "ipc:///run/nestor/a.b"}) {
    EXPECT_TRUE(CheckListens(endpoint).ok()) << endpoint;
  }
  for (const std::string_view endpoint : {"tcp://kea-a.example:1", "tcp://localhost:1"}) {
    EXPECT_THAT(CheckListens(endpoint).message(), HasSubstr("not looked up")) << endpoint;
  }
}

TEST(AddressTest, NobodyConnectsToEveryAddress) {
  EXPECT_TRUE(CheckConnects("tcp://kea-a.example:1").ok());
  EXPECT_TRUE(CheckConnects("ipc:///run/nestor/a").ok());
  EXPECT_THAT(CheckConnects("tcp://*:1").message(), HasSubstr("name or address"));
}

TEST(AddressTest, KnowsWhatStaysOnThisHost) {
  for (const std::string_view endpoint : {"ipc:///a", "tcp://127.0.0.1:1", "tcp://127.1.2.3:1",
                                          "tcp://[::1]:1", "tcp://localhost:1"}) {
    EXPECT_TRUE(StaysOnThisHost(endpoint)) << endpoint;
  }
  for (const std::string_view endpoint : {"tcp://0.0.0.0:1", "tcp://*:1", "tcp://192.0.2.127:1",
                                          "tcp://127.example.org:1", "tcp://[::]:1"}) {
    EXPECT_FALSE(StaysOnThisHost(endpoint)) << endpoint;
  }
}

TEST(AddressTest, TakesWhatKeaTakesAsUrl) {
  struct Good {
    std::string_view url, host;
    uint16_t port;
  };
  for (const Good& good : {Good{"http://192.0.2.1:8000/", "192.0.2.1", 8000},
                           Good{"http://192.0.2.1:8000", "192.0.2.1", 8000},
                           Good{"http://[2001:db8::1]:1/", "2001:db8::1", 1},
                           Good{"http://[::ffff:192.0.2.1]:65535", "::ffff:192.0.2.1", 65535}}) {
    const auto parsed = ParseHaUrl(good.url);
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(parsed->host, good.host);
    EXPECT_EQ(parsed->port, good.port);
  }
}

TEST(AddressTest, SaysWhatIsWrongWithAUrl) {
  struct Bad {
    std::string_view url, why;
  };
  for (const Bad& bad : {Bad{"", "does not begin with http://"},
                         Bad{"192.0.2.1:8000", "does not begin with http://"},
                         Bad{"https://192.0.2.1:8000/", "does not begin with http://"},
                         Bad{"HTTP://192.0.2.1:8000/", "does not begin with http://"},
                         Bad{"http://192.0.2.1:8000/kea", "has a path"},
                         Bad{"http://192.0.2.1:8000//", "has a path"},
                         Bad{"http://", "has no port"},
                         Bad{"http:///", "has no port"},
                         Bad{"http://192.0.2.1/", "has no port"},
                         Bad{"http://192.0.2.1:/", "has no port"},
                         Bad{"http://[2001:db8::1]/", "has no port"},
                         Bad{"http://192.0.2.1:0/", "not 1 to 65535"},
                         Bad{"http://192.0.2.1:65536/", "not 1 to 65535"},
                         Bad{"http://192.0.2.1:80x/", "not 1 to 65535"},
                         Bad{"http://192.0.2.1:-1/", "not 1 to 65535"},
                         Bad{"http://[fe80::1%eth0]:8000/", "use a global or unique local"},
                         Bad{"http://[fe80::1]:8000/", "is link-local"},
                         Bad{"http://kea-a.example:8000/", "not an address"},
                         Bad{"http://:8000/", "not an address"},
                         Bad{"http://[]:8000/", "not an address"},
                         Bad{"http://*:8000/", "not an address"},
                         Bad{"http://192.0.2:8000/", "not an address"},
                         Bad{"http://2001:db8::1:8000/", "not an address"},
                         Bad{"http://[192.0.2.1]:8000/", "not an address"},
                         Bad{"http://user@192.0.2.1:8000/", "not an address"}}) {
    const absl::Status status = ParseHaUrl(bad.url).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << bad.url;
    EXPECT_THAT(std::string(Message(status)), HasSubstr(std::string(bad.why))) << bad.url;
  }
}

TEST(AddressTest, AUrlMayHoldAnyBytes) {
  using namespace std::string_view_literals;
  EXPECT_FALSE(ParseHaUrl("http://192.0.2.1\0.example:8000/"sv).ok());
}

}  // namespace
}  // namespace nestor::agent
