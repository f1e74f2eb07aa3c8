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

}  // namespace
}  // namespace nestor::agent
