#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/status.h"
#include "secondary-agent/apply/applier.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_kea.h"

namespace nestor::secondary {

// What belongs to the server; it must come through everything to the byte.
inline constexpr std::string_view kOwn =
    R"("interfaces-config":{"interfaces":["eth7"]},"lease-database":{"type":"memfile"},)"
    R"("hooks-libraries":[{"library":"/hooks/libdhcp_lease_cmds.so"},)"
    R"({"library":"/hooks/libdhcp_ha.so","parameters":{"high-availability":[)"
    R"({"mode":"hot-standby","this-server-name":"kea-b"}]}}])";

inline std::string Subnet(int id) {
  return fmt::format(R"({{"id":{},"subnet":"10.0.{}.0/24"}})", id, id);
}

// kea-b's configuration with subnets of these ids.
inline std::string Config(const std::vector<int>& ids, std::string_view own = kOwn) {
  std::vector<std::string> subnets;
  for (const int id : ids) subnets.push_back(Subnet(id));
  return fmt::format(R"({{"Dhcp4":{{{}{}"valid-lifetime":4000,"subnet4":[{}]}}}})", own,
                     own.empty() ? "" : ",", fmt::join(subnets, ","));
}

inline config::ObjectSet ObjectsOf(std::string_view config) {
  auto document = json::ParseKea(std::string(config));
  EXPECT_TRUE(document.ok());
  auto objects = config::Extract(DhcpService::kDhcp4, document->root());
  EXPECT_TRUE(objects.ok()) << Message(objects.status());
  return *std::move(objects);
}

// An applier at a Kea with the subnets 1 and 2, whose file says so too.
class ApplierTest : public ::testing::Test {
 protected:
  explicit ApplierTest(std::string version = "2.2.0")
      : kea_(DhcpService::kDhcp4, clock_, Config({1, 2}), std::move(version)),
        source_(watch::MakeChangeSource(DhcpService::kDhcp4, kea_, clock_)),
        applier_(DhcpService::kDhcp4, "kea-b", kea_, *source_, clock_) {
    clock_.Advance(absl::Minutes(1));
  }

  // From `before` to `after`, as a change.
  static Target ChangeFrom(const std::vector<int>& before, const std::vector<int>& after) {
    const config::ObjectSet from = ObjectsOf(Config(before)), to = ObjectsOf(Config(after));
    Target target;
    target.label = "change 7/1042";
    target.changes = {config::Diff(from, to)};
    target.digest_before = from.Digest();
    target.digest_after = to.Digest();
    return target;
  }
  static Target Whole(const config::ObjectSet& objects) {
    Target target;
    target.label = "resync";
    target.whole = std::make_shared<const config::ObjectSet>(objects);
    target.digest_after = target.whole->Digest();
    return target;
  }

  ApplyResult Apply(const Target& target) {
    return applier_.Apply(target, hold_, [this] {
      arrived_at_intent_ = kea_.arrived();
      return intent_;
    });
  }
  // The change to three subnets, which most tests are about.
  ApplyResult ApplyThird() { return Apply(ChangeFrom({1, 2}, {1, 2, 3})); }

  // What changes Kea, of what arrived.
  std::vector<std::string> Writes() const {
    std::vector<std::string> writes;
    for (const std::string& command : kea_.arrived()) {
      if (command == "config-set" || command == "config-write") writes.push_back(command);
    }
    return writes;
  }
  bool Has(const std::vector<int>& ids) const {
    return kea_.Objects().Digest() == ObjectsOf(Config(ids)).Digest();
  }
  // Kea's words where it objects to the text `where`, as it counts.
  static testing::FakeKea::Rule Against(std::string where, std::string words) {
    return [where = std::move(where), words = std::move(words)](std::string_view text) {
      const size_t at = text.find(where);
      return at == std::string_view::npos ? std::string()
                                          : fmt::format("{} (<wire>:0:{})", words, at);
    };
  }

  testing::FakeClock clock_;
  testing::FakeKea kea_;
  std::unique_ptr<watch::ChangeSource> source_;
  Applier applier_;
  HoldPolicy hold_;
  absl::Status intent_;
  std::vector<std::string> arrived_at_intent_;
};

}  // namespace nestor::secondary
