#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "tests/simulation/process.h"

namespace nestor::simulation {

// A Kea configuration as its operator thinks of it, and the edits an operator makes.
class Blueprint {
 public:
  // What an edit is about.
  enum class Edit {
    kSmall,    // a few objects of any kind
    kLarge,    // hundreds of reservations: published as a snapshot reference
    kRemoval,  // so many that it is held
    kRefused,  // config-test on the secondary refuses it
    kHarmful,  // config-test takes it, config-set does not
    kBent,     // the secondary takes it and reports something else
    kMended,   // without what the last three brought
  };

  // Either server loads the hook library or not, as the dice say.
  explicit Blueprint(Dice& dice);

  // Makes an edit; what it was, for the event log. Unless it is undone later, no two give the same
  // configuration.
  std::string Make(Edit edit, Dice& dice);
  // Something no primary ever has, for drift.
  void Estrange(Dice& dice);

  // config-set's arguments, with what is `server`'s own.
  std::string Text(std::string_view server) const;

  // Kea's words against a configuration text, or empty; the secondary's rules.
  static std::string Refusal(std::string_view text);
  static std::string RefusalAtSet(std::string_view text);
  static std::string Bend(std::string text);
  // Whether the secondary cannot run it as it is.
  static bool Unfit(std::string_view text);

 private:
  struct Subnet {
    int pool_end = 100;
    bool option = false;
    bool shared = false;  // in the shared network
    std::set<int> reservations;
  };

  void MakeSmall(Dice& dice, std::string& what);
  void AddSubnet(Dice& dice);
  std::string SubnetText(int id, const Subnet& subnet) const;

  std::set<std::string, std::less<>> with_hook_;  // servers that load the hook library
  std::map<int, Subnet> subnets_;
  std::vector<std::string> classes_;
  std::map<int, int> options_;  // code, and the last byte of its address
  std::string poison_;
  int next_subnet_ = 1;
  uint64_t edits_ = 0;
  uint64_t estranged_ = 0;
};

}  // namespace nestor::simulation
