// What a Kea answers. What is accepted must be a result and survive being written and read again;
// as a configuration, it must be put together again just as it was taken apart.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "common/config/kea_config.h"
#include "common/kea/command.h"
#include "common/watch/watcher.h"
#include "tests/support/fake_clock.h"

namespace {

using namespace nestor;

void Require(bool holds) {
  if (!holds) std::abort();
}

// A Kea that has one answer to everything.
class OneAnswer final : public kea::KeaControl {
 public:
  explicit OneAnswer(std::string text) : text_(std::move(text)) {}
  absl::StatusOr<kea::Answer> Send(std::string_view /*command*/, std::string_view /*arguments*/,
                                   absl::Duration /*timeout*/) override {
    return kea::ParseAnswer(text_);
  }

 private:
  std::string text_;
};

void TryAnswer(const kea::Answer& answer) {
  const auto again = kea::ParseAnswer(json::Canonical(answer.whole.root()));
  Require(again.ok() && again->result == answer.result && again->text == answer.text);
  Require((again->arguments() == nullptr) == (answer.arguments() == nullptr));
  Require(json::Canonical(again->whole.root()) == json::Canonical(answer.whole.root()));
  // What goes back to Kea, as the configuration does after a refusal, is JSON too.
  Require(kea::ParseAnswer(json::Write(answer.whole.root())).ok());
}

void TryConfiguration(DhcpService service, kea::KeaControl& kea) {
  const auto running = watch::ReadConfiguration(service, kea, absl::Seconds(1));
  if (!running.ok()) return;
  const auto text = config::Compose(service, running->arguments.root(), *running->set);
  // Only where it has characters that no real Kea could have written.
  if (!text.ok()) return Require(text.status().code() == absl::StatusCode::kInvalidArgument);
  const auto document = json::ParseKea(*text);
  Require(document.ok());
  const auto again = config::Extract(service, document->root());
  Require(again.ok() && again->Digest() == running->set->Digest());
  Require(config::HaMode(service, document->root()) == running->ha_mode);
}

void Poll(DhcpService service, kea::KeaControl& kea) {
  testing::FakeClock clock;
  const auto source = watch::MakeChangeSource(service, kea, clock);
  for (int i = 0; i < 3; ++i) {
    if (source->Poll().changed) {
      (void)source->Read(watch::ChangeSource::By::kLeast, absl::Seconds(1));
    }
    clock.Advance(absl::Minutes(10));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto answer = kea::ParseAnswer(text);
  if (!answer.ok()) {
    Require(answer.status().code() == absl::StatusCode::kDataLoss);
    return 0;
  }
  TryAnswer(*answer);
  OneAnswer kea(text);
  TryConfiguration(DhcpService::kDhcp4, kea);
  TryConfiguration(DhcpService::kDhcp6, kea);
  Poll(DhcpService::kDhcp4, kea);
  return 0;
}
