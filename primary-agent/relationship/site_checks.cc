// What came of what the two servers were asked to try.

#include <fmt/format.h>

#include "common/base/status.h"
#include "primary-agent/relationship/kea_version.h"
#include "primary-agent/relationship/preflight.h"

namespace nestor::primary {
namespace {

constexpr Version kNotTested{3, 0, 0};  // as config::MayTest()

v1::Check Make(std::string_view what, const std::string& server, bool passed, std::string text) {
  v1::Check check;
  check.set_what(std::string(what));
  check.set_server(server);
  check.set_verdict(passed ? v1::Check::PASSED : v1::Check::FAILED);
  check.set_text(std::move(text));
  return check;
}

}  // namespace

v1::Check ListenCheck(const std::string& server, const std::string& url, const absl::Status& went) {
  return Make(
      "HA address", server, went.ok(),
      went.ok() ? fmt::format("{} is this server's, and free", url) : std::string(Message(went)));
}

v1::Check ReachCheck(const std::string& server, const std::string& url, const std::string& from,
                     const absl::Status& went) {
  return Make("HA address", server, went.ok(),
              went.ok() ? fmt::format("{} is reached from {}", url, from)
                        : fmt::format("{} is not reached from {}: {}; see routes and firewalls",
                                      url, from, Message(went)));
}

v1::Check TestCheck(const std::string& server, std::string_view kea_version,
                    const absl::Status& went, const v1::Tested& tested, bool is_secondary) {
  if (!went.ok()) return Make("Kea's own test", server, false, std::string(Message(went)));
  const bool asked = ParseVersion(kea_version) < kNotTested;
  const std::string_view takes =
      asked
          ? "it takes the configuration"
          : "Kea 3.0 is not asked, since after a test it listens for its partner no more; what it "
            "refuses is undone";
  const uint64_t lost = tested.replaced() + tested.removed();
  const bool loses = is_secondary && lost > 0;
  v1::Check check = Make(
      "Kea's own test", server, true,
      loses ? fmt::format("{}; of what it has now {} objects are replaced and {} removed, {} are "
                          "added",
                          takes, tested.replaced(), tested.removed(), tested.added())
            : fmt::format("{}; {} objects are added", takes, tested.added()));
  if (loses || !asked) check.set_verdict(v1::Check::WARNED);
  return check;
}

}  // namespace nestor::primary
