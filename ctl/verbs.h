#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ctl/command_line.h"

namespace nestor::ctl {

inline constexpr char kNameHelp[] = "the relationship's name";

// A number from 1 on.
CLI::Validator Counting();
// The same, or "e" and such a number: what stands in the history's first column.
CLI::Validator InHistory();

// nestorctl's verbs: what each takes, and the request that it makes. CLI11 keeps pointers to what
// it fills in, so `invocation` and this must stay where they are.
class Verbs {
 public:
  Verbs(CLI::App& app, Invocation& invocation);

  // Makes the request of the verb that was given.
  void Finish();

 private:
  using Fill = std::function<void(v1::OperatorRequest&)>;

  void AddGlobal();
  CLI::App* Verb(CLI::App& parent, const char* name, const char* help, Fill fill);
  void AddLooking();
  void AddHistory();
  void FillHistory(v1::OperatorRequest& request) const;
  void AddActing();
  void AddApply();
  void AddDecision(const char* verb_name, const char* help, bool approve);

  // -- relationship_verbs.cc
  void AddRelationship();
  // What all that changes both servers has.
  void AddTransaction(CLI::App& verb);
  void AddHa(CLI::App& verb);
  void AddHold(CLI::App& verb);
  void AddCreate(CLI::App& relationship);
  void AddEdit(CLI::App& relationship);
  void AddRemove(CLI::App& relationship);
  void AddServers();
  static v1::Service ServiceNamed(const std::string& name);
  void AddAdopt(CLI::App& relationship);

  CLI::App& app_;
  Invocation& invocation_;
  std::vector<std::pair<CLI::App*, Fill>> fills_;
  std::string name_;
  uint64_t sequence_ = 0;
  std::string place_;  // in the history: a change's number, or an entry's behind "e"
  std::string target_;
  bool dry_run_ = false;
  uint32_t limit_ = 0;
  bool wait_ = false;
  std::vector<std::string> kinds_;
  std::string service_;
  std::string secondary_;
  uint32_t hold_percent_ = 0;
  uint32_t hold_minimum_ = 0;
  v1::AdoptRequest adopt_;
  v1::ApplyRequest apply_;
  v1::HighAvailability ha_;
  v1::Pools pools_ = v1::POOLS_AS_THEY_ARE;
  bool observe_ = false, mirror_ = false, alone_ = false;
  std::optional<v1::Scopes> scopes_;
  v1::TransactionOptions options_;
  std::string action_;
};

}  // namespace nestor::ctl
