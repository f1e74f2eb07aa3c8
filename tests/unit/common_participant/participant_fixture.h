// A Participant on a Kea and a disk of a test's.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "common/base/status.h"
#include "common/config/proto.h"
#include "common/participant/participant.h"
#include "common/protocol/sync_transfer.h"
#include "common/store/follower_store.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_kea.h"
#include "tests/support/fake_kea_files.h"
#include "tests/support/fake_reach.h"
#include "tests/support/sim_disk.h"
#include "tests/support/step_executor.h"

namespace nestor::participant {

inline constexpr char kBefore[] =
    R"({"Dhcp4":{"lease-database":{"type":"memfile"},"multi-threading":{"enable-multi-threading":false},)"
    R"("subnet4":[{"id":7,"pools":[{"pool":"10.7.0.10-10.7.0.19"}],"subnet":"10.7.0.0/16"}],)"
    R"("valid-lifetime":600}})";
inline constexpr char kT1[] = "11111111111111111111111111111111";
inline constexpr char kT2[] = "22222222222222222222222222222222";

inline v1::HighAvailability Settings() {
  v1::HighAvailability ha;
  ha.set_mode("hot-standby");
  ha.set_primary("kea-a");
  ha.set_secondary("kea-b");
  ha.set_primary_url("http://192.0.2.1:8000/");
  ha.set_secondary_url("http://192.0.2.2:8000/");
  return ha;
}

class ParticipantTest : public ::testing::Test {
 protected:
  ParticipantTest() { Restart(); }

  // Another start of the agent, on the same disk.
  void Restart() {
    participant_.reset();
    store_.reset();
    store_ = *store::FollowerStore::Open({.path = "secondary.db", .vfs = disk_.vfs()});
    auto writer = std::make_shared<keafile::ConfigWriter>(DhcpService::kDhcp4, "kea-b", kea_,
                                                          files_, worker_, writing_, clock_);
    participant_ = std::make_shared<Participant>(
        Options{DhcpService::kDhcp4, "kea-b", "0.1", {.hooks_directory = "/hooks"}},
        World{kea_, files_, std::move(writer), store_->undo(), reach_, clock_});
  }

  v1::SiteReply Do(v1::SiteRequest request, const char* transaction = kT1) {
    request.set_transaction(transaction);
    request.set_number(++number_);
    std::optional<v1::SiteReply> reply;
    participant_->Do("east", request, [&](v1::SiteReply one) { reply = std::move(one); });
    while (worker_.Run() || writing_.Run()) {
    }
    EXPECT_TRUE(reply.has_value());
    return reply.value_or(v1::SiteReply());
  }
  static v1::SiteRequest Setting() {
    v1::SiteRequest request;
    *request.mutable_set()->mutable_draft()->mutable_set_ha() = Settings();
    return request;
  }
  v1::SiteReply Set(const char* transaction = kT1) { return Do(Setting(), transaction); }
  v1::SiteReply Undo(const char* transaction = kT1) {
    v1::SiteRequest request;
    request.mutable_undo();
    return Do(request, transaction);
  }
  v1::SiteReply Forget(const char* transaction = kT1) {
    v1::SiteRequest request;
    request.mutable_forget();
    return Do(request, transaction);
  }
  v1::SiteReply Write() {
    v1::SiteRequest request;
    request.mutable_write();
    return Do(request);
  }
  void Send(const config::ObjectSet& objects) {
    v1::Snapshot snapshot;
    config::ToProto(objects, snapshot);
    const auto transfer = protocol::MakeTransfer(v1::SNAPSHOT, 0, config::Bytes(objects.Digest()),
                                                 snapshot.SerializeAsString());
    const size_t half = transfer->packed.size() / 2;
    for (uint32_t index = 0; index < 2; ++index) {
      v1::SiteRequest request;
      request.mutable_piece()->set_index(index);
      request.mutable_piece()->set_count(2);
      request.mutable_piece()->set_unpacked_bytes(transfer->unpacked_bytes);
      request.mutable_piece()->set_data(index == 0 ? transfer->packed.substr(0, half)
                                                   : transfer->packed.substr(half));
      EXPECT_EQ(Do(request).code(), 0);
    }
  }
  // Members come back in another order than they were written.
  static std::string Canonical(std::string text) {
    return json::Canonical(json::ParseKea(std::move(text))->root());
  }
  std::string Running() const { return Canonical(kea_.running()); }
  bool HasHa() const { return kea_.running().find("libdhcp_ha.so") != std::string::npos; }
  bool FileHasHa() const { return kea_.file().find("libdhcp_ha.so") != std::string::npos; }

  testing::FakeClock clock_;
  testing::SimDisk disk_;
  testing::FakeKea kea_{DhcpService::kDhcp4, clock_, kBefore};
  testing::FakeKeaFiles files_{kea_};
  testing::FakeNetwork network_;
  testing::FakeReach reach_{network_, {"192.0.2.2"}};
  testing::StepExecutor worker_, writing_;
  std::unique_ptr<store::FollowerStore> store_;
  std::shared_ptr<Participant> participant_;
  uint64_t number_ = 0;
};

}  // namespace nestor::participant
