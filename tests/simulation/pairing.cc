#include "tests/simulation/pairing.h"

#include <algorithm>
#include <set>

#include "common/ha/ha.h"
#include "common/json/json.h"
#include "common/protocol/envelope.h"

namespace nestor::simulation {
namespace {

constexpr absl::Duration kAnswered = absl::Minutes(15);
constexpr absl::Duration kSettled = absl::Minutes(10);
constexpr int kRounds = 4;

std::string Standalone(std::string_view host, bool with_hook, int subnet) {
  const std::string hook =
      with_hook ? R"({"library":"/usr/lib/libdhcp_nestor.so","parameters":{}})" : "";
  return fmt::format(
      R"({{"Dhcp4":{{"hooks-libraries":[{}],"interfaces-config":{{"interfaces":["{}"]}},)"
      R"("lease-database":{{"type":"memfile"}},"multi-threading":{{"enable-multi-threading":false}},)"
      R"("subnet4":[{{"id":{},"pools":[{{"pool":"10.{}.0.10-10.{}.0.99"}}],"subnet":"10.{}.0.0/16"}}],)"
      R"("valid-lifetime":{}}}}})",
      hook, host, subnet, subnet, subnet, subnet, 600 + subnet);
}

// What a configuration says, whatever order it says it in.
std::string Canonical(std::string config) {
  const auto document = json::ParseKea(std::move(config));
  return document.ok() ? json::Canonical(document->root()) : "not a configuration";
}

std::string HaOf(std::string config) {
  const auto document = json::ParseKea(std::move(config));
  if (!document.ok()) return "not a configuration";
  const auto found = ha::Find(DhcpService::kDhcp4, document->root());
  return found ? fmt::format("{} {}", found->settings.mode(), found->settings.heartbeat_delay())
               : std::string();
}

class Pairing {
 public:
  explicit Pairing(const Options& options)
      : options_(options),
        unheard_(nowhere_, false),
        chronicle_(scheduler_, options.tell),
        oracles_(scheduler_, unheard_),
        dice_(options.seed, "pairing"),
        network_(scheduler_, options.seed),
        without_(Rule::kNone, oracles_.ledger),
        around_{scheduler_, chronicle_, network_, oracles_, without_, addresses_} {
    for (const char* id : {"JOURNAL_WRITE_FAILED", "STORE_WRITE_FAILED", "RELATIONSHIP_UNKNOWN"}) {
      chronicle_.Expect(id);
    }
  }

  Result Run() {
    primary_ = std::make_unique<PrimaryHost>(around_, std::string(kPrimary), options_.seed,
                                             Standalone("a", dice_.Chance(0.5), 1));
    secondary_ = std::make_unique<SecondaryHost>(around_, std::string(kSecondary), options_.seed,
                                                 Standalone("b", dice_.Chance(0.5), 2));
    desk_ = network_.Join("operator", nullptr, {"", "local", bus::Rights::All(), true});
    network_.Exempt(desk_);
    desk_->OnControl([this](std::string_view payload) { OnReply(payload); });
    primary_->Start();
    secondary_->Start();
    Pass(absl::Seconds(5));
    for (int round = 0; round < kRounds && !scheduler_.stopped(); ++round) Round(round);
    return {chronicle_.violation(), scheduler_.Now(), scheduler_.events_run()};
  }

 private:
  struct Look {
    std::string running, file, ha, file_ha;
  };
  AgentHost& Host(int which) {
    if (which == 0) return *primary_;
    return *secondary_;
  }
  Look LookAt(int which) {
    const testing::FakeKea& kea = Host(which).kea().kea();
    return {Canonical(kea.running()), Canonical(kea.file()), HaOf(kea.running()), HaOf(kea.file())};
  }

  void Pass(absl::Duration d) { scheduler_.RunUntil(scheduler_.Now() + d); }

  v1::OperatorRequest Request() {
    v1::OperatorRequest request;
    request.set_magic(protocol::kOperatorMagic);
    request.set_request_id(++request_);
    request.set_operator_name("root");
    return request;
  }

  void OnReply(std::string_view payload) {
    v1::OperatorReply reply;
    if (!reply.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) return;
    if (reply.request_id() != request_ || !reply.last()) return;
    chronicle_.Note("operator hears: {} {} {}", reply.exit_code(), reply.transaction().state(),
                    reply.text());
    reply_ = std::move(reply);
  }

  v1::OperatorRequest Wish(bool paired) {
    auto request = Request();
    if (!paired) {
      v1::CreateRequest& create = *request.mutable_create();
      create.set_name(std::string(kRelationship));
      create.set_service(v1::DHCP4);
      const bool splits = dice_.Chance(0.5);
      create.mutable_ha()->set_mode(splits ? "load-balancing" : "hot-standby");
      create.mutable_ha()->set_secondary(std::string(kSecondary));
      create.mutable_ha()->set_heartbeat_delay(dice_.Between(500, 3000));
      create.set_split_pools(splits);
      create.mutable_options()->set_timeout(40);
    } else if (dice_.Chance(0.5)) {
      v1::EditRequest& edit = *request.mutable_edit();
      edit.set_name(std::string(kRelationship));
      edit.mutable_ha()->set_heartbeat_delay(dice_.Between(500, 3000));
      edit.mutable_options()->set_timeout(40);
    } else {
      v1::RemoveRequest& remove = *request.mutable_remove();
      remove.set_name(std::string(kRelationship));
      remove.set_without_secondary(dice_.Chance(0.4));
      const v1::Scopes choices[] = {v1::SCOPES_AS_THEY_ARE, v1::DISABLE, v1::DELETE};
      if (!remove.without_secondary()) remove.set_secondary_scopes(choices[dice_.Below(3)]);
    }
    return request;
  }

  void Round(int round) {
    const Look before[] = {LookAt(0), LookAt(1)};
    const bool paired = !before[0].ha.empty();
    const auto request = Wish(paired);
    chronicle_.Note("---- round {}: {}", round, request.ShortDebugString());
    if (request.remove().without_secondary()) LoseSecondary();
    reply_.reset();
    (void)desk_->Send(request.SerializeAsString());
    for (int faults = dice_.Between(0, 3); faults > 0; --faults) Break();
    const absl::Duration limit = scheduler_.Now() + kAnswered;
    // An agent that died answers nobody.
    while (!reply_ && !killed_primary_ && scheduler_.Now() < limit && !scheduler_.stopped()) {
      Pass(absl::Seconds(1));
    }
    const std::string told = reply_ ? reply_->transaction().state() : std::string();
    Pass(dice_.Fraction() * absl::Seconds(20));
    Calm();
    if (!Settle()) return;
    Check(before, request, told);
  }

  // Until the faults end. It may be so lately lost that it still counts as there.
  void LoseSecondary() {
    secondary_->Kill(dice_.Chance(0.5) ? AgentHost::Death::kKilled : AgentHost::Death::kPowerOff);
    Pass(dice_.Fraction() * absl::Seconds(20));
  }

  void Break() {
    const absl::Duration when = dice_.Fraction() * absl::Seconds(dice_.Chance(0.5) ? 1 : 12);
    scheduler_.After(when, [this, kind = dice_.Below(8)] {
      if (calm_) return;
      AgentHost& host = Host(static_cast<int>(dice_.Below(2)));
      const absl::Duration back = dice_.Fraction() * absl::Seconds(15);
      switch (kind) {
        case 0:
        case 1: {
          killed_primary_ = killed_primary_ || &host == primary_.get();
          const auto death =
              dice_.Chance(0.5) ? AgentHost::Death::kKilled : AgentHost::Death::kPowerOff;
          return host.DieAtStep(dice_.Between(1, 60), death, back);
        }
        case 2:
          if (refuses_.contains(host.name())) return;  // it has to start from its file
          return host.kea().RestartAfter(back);
        case 3:
          return host.kea().HangFor(dice_.Fraction() * absl::Seconds(70));
        case 4:
          host.kea().temper.cut_off = 0.2;
          host.kea().temper.unavailable = 0.1;
          return;
        case 5:
          if (secondary_->endpoint() == nullptr) return;
          chronicle_.Note("the network is cut");
          return network_.Cut(secondary_->endpoint());
        case 6:
          host.kea().temper.file_full = 0.7;
          return;
        default:
          // One that has HA already has to take what is mirrored.
          if (!host.kea().up() || !HaOf(host.kea().kea().running()).empty()) return;
          refuses_.insert(host.name());
          // Kea changes its mind about HA once it was tested.
          host.kea().kea().SetRules({}, [](std::string_view text) {
            return text.find("libdhcp_ha.so") == text.npos ? "" : "bad HA parameters";
          });
          return;
      }
    });
  }

  void Calm() {
    chronicle_.Note("---- the faults end");
    calm_ = true;
    refuses_.clear();
    for (int which : {0, 1}) {
      AgentHost& host = Host(which);
      host.ForgetPlannedDeath();
      host.kea().temper = KeaTemper();
      host.kea().kea().SetRules({});
      if (!host.runs()) host.StartAfter(absl::ZeroDuration());
    }
    if (secondary_->endpoint() != nullptr) network_.Heal(secondary_->endpoint());
    Pass(absl::Seconds(90));  // whatever hangs has ended, whoever is dead is back
  }

  // Nothing is being changed any more, as the primary's agent says, and both Keas serve.
  bool Settle() {
    const absl::Duration limit = scheduler_.Now() + kSettled;
    while (scheduler_.Now() < limit && !scheduler_.stopped()) {
      reply_.reset();
      auto request = Request();
      request.mutable_status();
      (void)desk_->Send(request.SerializeAsString());
      const auto of_secondary = std::make_shared<v1::OperatorReply>();
      secondary_->Ask(request.SerializeAsString(), [of_secondary](std::string_view payload) {
        (void)of_secondary->ParseFromArray(payload.data(), static_cast<int>(payload.size()));
      });
      Pass(absl::Seconds(2));
      if (!reply_ || !reply_->has_status() || !of_secondary->has_status()) continue;
      if (reply_->status().relationships_size() != of_secondary->status().relationships_size()) {
        continue;
      }
      const std::string words = reply_->status().ShortDebugString();
      const bool busy = words.find("it is being") != std::string::npos;
      known_ = reply_->status().relationships_size() > 0;
      if (!busy && Host(0).kea().kea().ServesDhcp() && Host(1).kea().kea().ServesDhcp() &&
          (!known_ || words.find("digest_equal: true") != std::string::npos)) {
        calm_ = false;
        killed_primary_ = false;
        return true;
      }
    }
    Violate("it does not come to an end, or a Kea serves no DHCP");
    return false;
  }

  // What HA is to be by `request`.
  static std::string Wanted(const v1::OperatorRequest& request, const std::string& before) {
    if (request.has_remove()) return {};
    const v1::HighAvailability& ha =
        request.has_create() ? request.create().ha() : request.edit().ha();
    const std::string mode = request.has_create() ? ha.mode() : before.substr(0, before.find(' '));
    return fmt::format("{} {}", mode, ha.heartbeat_delay());
  }

  // `told`: the state that the operator heard; empty: none.
  void Check(const Look (&before)[2], const v1::OperatorRequest& request, const std::string& told) {
    const Look after[] = {LookAt(0), LookAt(1)};
    const std::string wanted = Wanted(request, before[0].ha);
    if (told == "DONE" && after[0].ha != wanted) {
      return Violate(fmt::format("it was said to be done, and HA is \"{}\" and not \"{}\"",
                                 after[0].ha, wanted));
    }
    if ((told == "REFUSED" || told == "UNDONE") && after[0].ha != before[0].ha) {
      return Violate(fmt::format("it was said to be {}, and HA is \"{}\" and was \"{}\"", told,
                                 after[0].ha, before[0].ha));
    }
    if (told == "DONE" && request.remove().without_secondary() &&
        after[1].file.find("nestor-disabled") == std::string::npos) {
      return Violate("the secondary that returned would serve clients beside the primary");
    }
    if (after[0].ha != after[1].ha) {
      return Violate(
          fmt::format("one has HA as \"{}\", the other as \"{}\"", after[0].ha, after[1].ha));
    }
    if (known_ != !after[0].ha.empty()) return Violate("the relationship is not where HA is");
    for (int which : {0, 1}) {
      if (after[which].ha != after[which].file_ha) {
        return Violate(fmt::format("{}'s file has HA as \"{}\" and it runs \"{}\"",
                                   Host(which).name(), after[which].file_ha, after[which].ha));
      }
      const bool same_ha = after[which].ha == before[which].ha;
      // What was not created is as if it had never been asked for.
      if (same_ha && request.has_create() && after[which].running != before[which].running) {
        return Violate(fmt::format("{} was not put back: {} was {}", Host(which).name(),
                                   after[which].running, before[which].running));
      }
      if (same_ha && request.has_create() && after[which].file != before[which].file) {
        return Violate(fmt::format("{}'s file was not put back", Host(which).name()));
      }
    }
  }

  void Violate(std::string text) { chronicle_.Violate("S16", std::move(text)); }

  const Options options_;
  Scheduler scheduler_;
  // The rules of replication have their own simulation: what its oracles say here goes nowhere.
  Scheduler nowhere_;
  Chronicle unheard_;
  Chronicle chronicle_;  // the last: log lines go to it
  Oracles oracles_;
  Dice dice_;
  Network network_;
  WithoutRule without_;
  testing::FakeNetwork addresses_;
  Surroundings around_;
  std::unique_ptr<PrimaryHost> primary_;
  std::unique_ptr<SecondaryHost> secondary_;
  Endpoint* desk_ = nullptr;
  uint64_t request_ = 0;
  std::optional<v1::OperatorReply> reply_;
  std::set<std::string> refuses_;  // whose Kea refuses HA
  bool killed_primary_ = false;
  bool calm_ = false;
  bool known_ = false;  // there is a relationship, as the primary's agent says
};

}  // namespace

Result RunPairing(const Options& options) { return Pairing(options).Run(); }

}  // namespace nestor::simulation
