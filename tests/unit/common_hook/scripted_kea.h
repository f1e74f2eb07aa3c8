#pragma once

#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/kea/command.h"
#include "common/kea/kea_control.h"

namespace nestor::hook {

// A Kea that gives the answers it was told, one after another, whatever it is asked.
class ScriptedKea final : public kea::KeaControl {
 public:
  explicit ScriptedKea(std::deque<std::string> answers) : answers_(std::move(answers)) {}

  absl::StatusOr<kea::Answer> Send(std::string_view command, std::string_view arguments,
                                   absl::Duration) override {
    sent.emplace_back(command, arguments);
    if (answers_.empty()) return absl::DeadlineExceededError("Kea did not answer in time");
    std::string answer = std::move(answers_.front());
    answers_.pop_front();
    return kea::ParseAnswer(std::move(answer));
  }

  std::vector<std::pair<std::string, std::string>> sent;  // commands and their arguments

 private:
  std::deque<std::string> answers_;
};

// The text of an answer of result 0 with these arguments.
inline std::string Well(std::string_view arguments) {
  return fmt::format(R"({{"result":0,"arguments":{}}})", arguments);
}

}  // namespace nestor::hook
