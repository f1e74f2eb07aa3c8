#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "tests/simulation/ledger.h"
#include "tests/simulation/network.h"
#include "tests/simulation/store_tap.h"

namespace nestor::simulation {

// A rule of the protocol that can be taken away from outside, by what the taps do to stores and
// frames, to show that it matters: without it some seed must fail.
enum class Rule {
  kNone,
  kGapCheck,           // a change is taken whatever came before it
  kIntent,             // where an apply was going is forgotten by a crash
  kNewTerm,            // a lost journal begins again under its old stream and term
  kHeartbeat,          // heartbeats do not say what the head is
  kLabelWithContent,   // a snapshot's label is read after its content
  kPositionBeforeAck,  // the position is durable only some time after its ack
};

std::optional<Rule> RuleFromName(std::string_view name);

// Takes `rule` away from one world.
class WithoutRule {
 public:
  WithoutRule(Rule rule, const Ledger& ledger) : rule_(rule), ledger_(ledger) {}

  void Tap(JournalTap& journal);
  void Tap(FollowerStoreTap& store) const;
  // Frames to the secondary; an event or a control message.
  void Event(std::string& frame);
  void Control(std::string& frame) const;

 private:
  const Rule rule_;
  const Ledger& ledger_;
  struct Seen {
    std::string stream, digest;
    uint64_t sequence = 0;
  };
  std::optional<Seen> last_change_;
  std::optional<store::StreamStart> begun_;
};

}  // namespace nestor::simulation
