// What a Kea answers. What is accepted must be a result and survive being written and read again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "common/kea/command.h"

namespace {

using namespace nestor;

void Require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto answer = kea::ParseAnswer(std::string(reinterpret_cast<const char*>(data), size));
  if (!answer.ok()) {
    Require(answer.status().code() == absl::StatusCode::kDataLoss);
    return 0;
  }
  const auto again = kea::ParseAnswer(json::Canonical(answer->whole.root()));
  Require(again.ok() && again->result == answer->result && again->text == answer->text);
  Require((again->arguments() == nullptr) == (answer->arguments() == nullptr));
  Require(json::Canonical(again->whole.root()) == json::Canonical(answer->whole.root()));
  // What goes back to Kea, as the configuration does after a refusal, is JSON too.
  Require(kea::ParseAnswer(json::Write(answer->whole.root())).ok());
  return 0;
}
