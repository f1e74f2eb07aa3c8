#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "common/base/status.h"
#include "common/config/kea_config.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_kea.h"

namespace nestor::hook {

inline constexpr absl::Duration kTimeout = absl::Seconds(5);

// A configuration with the hook library and HA, and these members besides.
inline std::string Hooked(std::string_view members) {
  return fmt::format(R"({{"Dhcp4":{{"hooks-libraries":[{{"library":"/h/libdhcp_nestor.so"}},)"
                     R"({{"library":"/h/libdhcp_ha.so","parameters":{{"high-availability":[)"
                     R"({{"mode":"hot-standby"}}]}}}}],{}}}}})",
                     members);
}

// A Kea with the hook library, three subnets, and a network that the third is in.
class HookFixture : public ::testing::Test {
 protected:
  static config::ObjectId Subnet(int id) { return {config::Kind::kSubnet, std::to_string(id)}; }
  static config::ObjectId Global(std::string name) {
    return {config::Kind::kGlobal, std::move(name)};
  }

  // The text of one of Kea's objects, or "".
  std::string TextOf(const config::ObjectId& id) const {
    const config::ObjectSet objects = kea_.Objects();
    const config::Object* object = objects.Find(id);
    return object == nullptr ? std::string() : object->json;
  }

  testing::FakeClock clock_;
  testing::FakeKea kea_{
      DhcpService::kDhcp4, clock_,
      Hooked(R"("shared-networks":[{"name":"floor","subnet4":[{"id":3,"subnet":"10.3.0.0/16"}]}],)"
             R"("subnet4":[{"id":1,"subnet":"10.1.0.0/16","reservations":[{"duid":"01"}]},)"
             R"({"id":2,"subnet":"10.2.0.0/16"}],"valid-lifetime":7)")};
};

}  // namespace nestor::hook
