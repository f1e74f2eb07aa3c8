#include "common/runtime/logging.h"

#include <gmock/gmock.h>
#include <spdlog/sinks/ostream_sink.h>

#include <memory>
#include <sstream>

#include "common/log/log.h"

namespace nestor::runtime {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

class LoggingTest : public ::testing::Test {
 protected:
  LoggingTest() { StartLogging(std::make_shared<spdlog::sinks::ostream_sink_mt>(lines_)); }
  ~LoggingTest() override { StartLogging(); }

  std::ostringstream lines_;
};

TEST_F(LoggingTest, WritesTimeInUtcLevelIdAndValues) {
  NESTOR_LOG(warn, "APPLY_WAITING", "relationship={} wait_ms={}", "east", 200);
  EXPECT_THAT(lines_.str(),
              MatchesRegex("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z "
                           "warning APPLY_WAITING relationship=east wait_ms=200\n"));
}

TEST_F(LoggingTest, LeavesOutWhatIsBelowTheLevel) {
  SetLogLevel("warning");
  NESTOR_LOG(info, "LEFT_OUT", "a={}", 1);
  NESTOR_LOG(error, "KEPT", "a={}", 1);
  EXPECT_THAT(lines_.str(), Not(HasSubstr("LEFT_OUT")));
  EXPECT_THAT(lines_.str(), HasSubstr(" error KEPT a=1\n"));
}

TEST_F(LoggingTest, KnowsEveryLevelOfTheConfiguration) {
  for (const char* level : {"trace", "debug", "info", "warning", "error"}) {
    SetLogLevel(level);
    EXPECT_NE(spdlog::get_level(), spdlog::level::off) << level;
  }
}

}  // namespace
}  // namespace nestor::runtime
