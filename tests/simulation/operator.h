#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "nestor/v1/operator.pb.h"
#include "tests/simulation/agent_host.h"

namespace nestor::simulation {

inline constexpr std::string_view kRelationship = "east";

// A person with nestorctl on both hosts, whose own connections never fail.
class Operator {
 public:
  explicit Operator(Surroundings around, SecondaryHost& secondary);

  // Both agents' status, as they last told it.
  struct Look {
    std::optional<v1::RelationshipStatus> primary, secondary;
    bool adopted = false;  // the primary knows the relationship
  };
  const Look& look() const { return look_; }
  // Asks both for it anew; the answers come within milliseconds, from agents that live.
  void Ask();

  void Adopt();
  void Resync(bool at_secondary);
  void Decide(uint64_t sequence, bool approve, bool at_secondary);
  // Has the primary's Kea run `file`. `answered` hears what came of it, as in v1::ApplyReport, or
  // nothing where that was refused; it is not called where the agent died meanwhile.
  using Answered = std::function<void(const std::string& state)>;
  void Apply(const std::string& file, Answered answered);
  // What reads only, for what it might disturb.
  void Browse();

 private:
  v1::OperatorRequest Request();
  void ToPrimary(const v1::OperatorRequest& request);
  void ToSecondary(const v1::OperatorRequest& request);
  void OnReply(bool from_primary, std::string_view payload);

  Surroundings around_;
  SecondaryHost& secondary_;
  Endpoint* desk_;
  Look look_;
  uint64_t next_request_ = 1;
  std::map<uint64_t, Answered> orders_;  // by request
};

}  // namespace nestor::simulation
