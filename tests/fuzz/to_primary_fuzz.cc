// What comes in at the primary agent's control socket: a secondary's messages, and operators'
// requests, of which one kind may come after another. What it sends and publishes must be readable.
#include <google/protobuf/stubs/logging.h>
#include <spdlog/spdlog.h>

#include "tests/fuzz/messages.h"
#include "tests/fuzz/primary_receiver.h"

extern "C" int LLVMFuzzerInitialize(int* /*count*/, char*** /*arguments*/) {
  google::protobuf::SetLogHandler(nullptr);
  spdlog::set_level(spdlog::level::off);
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace nestor;
  fuzz::PrimaryReceiver primary;
  for (const std::string_view payload : fuzz::Messages(data, size)) {
    primary.Hear(payload);
    primary.Pass(absl::Milliseconds(100));
  }
  // Long enough for whatever waits for an answer to be given up.
  for (int i = 0; i < 3; ++i) primary.Pass(absl::Minutes(5));
  return 0;
}
