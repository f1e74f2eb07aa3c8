#include "tests/simulation/blueprint.h"

#include <fmt/format.h>

#include <algorithm>

namespace nestor::simulation {
namespace {

constexpr std::string_view kHookLibrary = R"({"library":"/usr/lib/libdhcp_nestor.so"},)";
constexpr std::string_view kPoison = "poison", kVenom = "venom", kCrooked = "crooked",
                           kStraight = "straight";

// An element of `map` by `dice`.
template <typename Map>
auto Any(Map& map, Dice& dice) {
  return std::next(map.begin(), static_cast<std::ptrdiff_t>(dice.Below(map.size())));
}

std::string Joined(const std::vector<std::string>& parts) {
  return fmt::format("[{}]", fmt::join(parts, ","));
}

}  // namespace

Blueprint::Blueprint(Dice& dice) {
  const int subnets = dice.Between(1, 14);
  for (int i = 0; i < subnets; ++i) AddSubnet(dice);
  for (int i = dice.Between(0, 2); i > 0; --i) classes_.push_back(fmt::format("class-{}", i));
  for (const char* server : {"kea-a", "kea-b"}) {
    if (dice.Chance(0.5)) with_hook_.insert(server);
  }
}

void Blueprint::AddSubnet(Dice& dice) {
  Subnet subnet;
  subnet.pool_end = dice.Between(100, 200);
  subnet.shared = dice.Chance(0.2);
  for (int i = dice.Between(0, 4); i > 0; --i) subnet.reservations.insert(dice.Between(201, 254));
  subnets_[next_subnet_++] = std::move(subnet);
}

std::string Blueprint::Make(Edit edit, Dice& dice) {
  ++edits_;
  std::string what;
  switch (edit) {
    case Edit::kSmall:
      for (int i = dice.Between(1, 3); i > 0; --i) MakeSmall(dice, what);
      return what;
    case Edit::kLarge: {
      for (int i = 0; i < 2; ++i) AddSubnet(dice);
      Subnet& subnet = std::prev(subnets_.end())->second;
      for (int host = 1; host <= 250; ++host) subnet.reservations.insert(host);
      return " 250 reservations";
    }
    case Edit::kRemoval:
      while (subnets_.size() < 12) AddSubnet(dice);
      for (int i = 0; i < 7; ++i) subnets_.erase(Any(subnets_, dice));
      return " 7 subnets removed";
    case Edit::kRefused:
    case Edit::kHarmful:
    case Edit::kBent:
      poison_ = edit == Edit::kRefused ? kPoison : edit == Edit::kHarmful ? kVenom : kCrooked;
      return fmt::format(" class {} added", poison_);
    case Edit::kMended:
      poison_.clear();
      return " mended";
  }
  return what;
}

void Blueprint::MakeSmall(Dice& dice, std::string& what) {
  const auto any = Any(subnets_, dice);
  switch (dice.Below(8)) {
    case 0:
      AddSubnet(dice);
      what += " +subnet";
      break;
    case 1:
      if (subnets_.size() < 2) break;
      subnets_.erase(any);
      what += " -subnet";
      break;
    case 2:
      any->second.pool_end = dice.Between(100, 200);
      what += fmt::format(" pool of {}", any->first);
      break;
    case 3:
      any->second.reservations.insert(dice.Between(201, 254));
      what += fmt::format(" +reservation in {}", any->first);
      break;
    case 4:
      if (any->second.reservations.empty()) break;
      any->second.reservations.erase(any->second.reservations.begin());
      what += fmt::format(" -reservation in {}", any->first);
      break;
    case 5: {
      const std::string name = fmt::format("class-{}", dice.Below(1'000'000));
      if (std::find(classes_.begin(), classes_.end(), name) != classes_.end()) break;
      const auto place = static_cast<std::ptrdiff_t>(dice.Below(classes_.size() + 1));
      classes_.insert(classes_.begin() + place, name);
      if (classes_.size() > 5) classes_.erase(classes_.begin());
      what += " classes";
      break;
    }
    case 6:
      options_[dice.Between(3, 6)] = dice.Between(1, 250);
      what += " option";
      break;
    default:
      any->second.option = !any->second.option;
      any->second.shared = dice.Chance(0.3);
      what += fmt::format(" subnet {}", any->first);
  }
}

void Blueprint::Estrange(Dice& dice) {
  std::string what;
  MakeSmall(dice, what);
  poison_.clear();
  estranged_ = 1 + dice.Below(1'000'000);
}

std::string Blueprint::SubnetText(int id, const Subnet& subnet) const {
  const std::string net = fmt::format("10.{}.{}", id / 256, id % 256);
  std::vector<std::string> reservations;
  for (const int host : subnet.reservations) {
    reservations.push_back(
        fmt::format(R"({{"hw-address":"1a:1b:1c:{:02x}:{:02x}:{:02x}","ip-address":"{}.{}"}})",
                    id / 256, id % 256, host, net, host));
  }
  const std::string option =
      subnet.option ? fmt::format(R"({{"code":3,"space":"dhcp4","data":"{}.1"}})", net) : "";
  return fmt::format(R"({{"id":{},"subnet":"{}.0/24","pools":[{{"pool":"{}.2-{}.{}"}}],)"
                     R"("option-data":[{}],"reservations":{}}})",
                     id, net, net, net, subnet.pool_end, option, Joined(reservations));
}

std::string Blueprint::Text(std::string_view server) const {
  std::vector<std::string> subnets, shared, classes, options;
  for (const auto& [id, subnet] : subnets_) {
    (subnet.shared ? shared : subnets).push_back(SubnetText(id, subnet));
  }
  for (const std::string& name : classes_) {
    classes.push_back(fmt::format(R"({{"name":"{}","test":"option[60].exists"}})", name));
  }
  if (!poison_.empty()) classes.push_back(fmt::format(R"({{"name":"{}"}})", poison_));
  for (const auto& [code, last] : options_) {
    options.push_back(
        fmt::format(R"({{"code":{},"space":"dhcp4","data":"192.0.2.{}"}})", code, last));
  }
  const std::string network =
      shared.empty() ? std::string()
                     : fmt::format(R"({{"name":"floor","subnet4":{}}})", Joined(shared));
  return fmt::format(
      R"({{"Dhcp4":{{"valid-lifetime":{},"min-valid-lifetime":{},)"
      R"("interfaces-config":{{"interfaces":["{}"]}},)"
      R"("hooks-libraries":[{}{{"library":"/usr/lib/libdhcp_lease_cmds.so"}}],)"
      R"("lease-database":{{"type":"memfile","name":"/var/lib/{}.csv"}},)"
      R"("client-classes":{},"option-data":{},"shared-networks":[{}],"subnet4":{}}}}})",
      3600 + edits_, estranged_, server, with_hook_.contains(server) ? kHookLibrary : "", server,
      Joined(classes), Joined(options), network, Joined(subnets));
}

bool Blueprint::Unfit(std::string_view text) {
  return !Refusal(text).empty() || !RefusalAtSet(text).empty() || Bend(std::string(text)) != text;
}

std::string Blueprint::Refusal(std::string_view text) {
  return text.find(kPoison) == std::string_view::npos ? "" : "client class poison is not allowed";
}

std::string Blueprint::RefusalAtSet(std::string_view text) {
  return text.find(kVenom) == std::string_view::npos ? "" : "client class venom cannot be opened";
}

std::string Blueprint::Bend(std::string text) {
  if (const size_t at = text.find(kCrooked); at != std::string::npos) {
    text.replace(at, kCrooked.size(), kStraight);
  }
  return text;
}

}  // namespace nestor::simulation
