#include "common/keafile/config_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "common/base/status.h"
#include "common/config/kea_config.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_kea.h"
#include "tests/support/fake_kea_files.h"
#include "tests/support/step_executor.h"

namespace nestor::keafile {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::string_view kHook =
    R"("hooks-libraries":[{"library":"/h/libdhcp_nestor.so","parameters":{"password":"Kr\u00f6te"}}],)";

std::string Config(std::string_view hook, int lifetime) {
  return fmt::format(
      R"({{"Dhcp4":{{{}"lease-database":{{"type":"memfile"}},)"
      R"("subnet4":[{{"id":1,"subnet":"10.1.0.0/16","pools":[{{"pool":"10.1.0.1 - 10.1.0.9"}}]}}],)"
      R"("valid-lifetime":{}}}}})",
      hook, lifetime);
}

// A Kea that runs something that is not in its file yet.
class ConfigWriterTest : public ::testing::Test {
 protected:
  explicit ConfigWriterTest(std::string_view hook = kHook)
      : kea_(DhcpService::kDhcp4, clock_, Config(hook, 1)) {
    kea_.ChangeInProcess(Config(hook, 2));
  }

  Written Write() {
    auto set = std::make_shared<const config::ObjectSet>(kea_.Objects());
    (void)set->Digest();
    std::optional<Written> written;
    writer_->Write(std::move(set), [&](const Written& one) { written = one; });
    while (worker_.Run() || disk_.Run()) {
    }
    EXPECT_TRUE(written.has_value());
    return written.value_or(Written());
  }
  // What a Kea started from the file runs, as objects and as a whole.
  void ExpectFileIsWhatRuns() {
    const std::string running = Canonical(kea_.running());
    EXPECT_EQ(Canonical(kea_.file()), running);
    EXPECT_TRUE(kea_.Restart());
    EXPECT_EQ(Canonical(kea_.running()), running);
  }
  static std::string Canonical(std::string text) {
    const auto document = json::ParseKea(std::move(text));
    EXPECT_TRUE(document.ok());
    return document.ok() ? json::Canonical(document->root()) : std::string();
  }

  testing::FakeClock clock_;
  testing::FakeKea kea_;
  testing::FakeKeaFiles files_{kea_};
  testing::StepExecutor worker_, disk_;
  std::shared_ptr<ConfigWriter> writer_ = std::make_shared<ConfigWriter>(
      DhcpService::kDhcp4, "kea-b", kea_, files_, worker_, disk_, clock_);
};

TEST_F(ConfigWriterTest, WritesWhatRunsAndAsksKeaForLittle) {
  const Written written = Write();
  EXPECT_TRUE(written.status.ok()) << Message(written.status);
  EXPECT_FALSE(written.by_kea);
  EXPECT_THAT(written.notice, IsEmpty());
  for (const char* blocking : {"config-write", "config-get"}) {
    EXPECT_THAT(kea_.arrived(), Not(Contains(blocking)));
  }
  EXPECT_THAT(kea_.file(), HasSubstr("\n    \"Dhcp4\": {\n        \"hooks-libraries\": ["));
  ExpectFileIsWhatRuns();
}

TEST_F(ConfigWriterTest, AtOnceItIsTheSame) {
  EXPECT_TRUE(writer_->WriteNow(kea_.Objects()).status.ok());
  ExpectFileIsWhatRuns();
}

TEST_F(ConfigWriterTest, WhatTheAgentMayNotWriteKeaDoes) {
  files_.fails = absl::PermissionDeniedError("/etc/kea/kea.conf: Permission denied");
  const Written written = Write();
  EXPECT_TRUE(written.status.ok());
  EXPECT_TRUE(written.by_kea);
  EXPECT_THAT(written.notice, HasSubstr("/etc/kea/kea.conf: Permission denied"));
  EXPECT_EQ(kea_.Accepted("config-write"), 1u);
  ExpectFileIsWhatRuns();
}

TEST_F(ConfigWriterTest, WhatTheAgentDoesNotSeeKeaWrites) {
  files_.visible = false;
  const Written written = Write();
  EXPECT_TRUE(written.status.ok());
  EXPECT_TRUE(written.by_kea);
  EXPECT_THAT(written.notice, HasSubstr("does not see the file"));
}

// config-write would empty the file and fail.
TEST_F(ConfigWriterTest, AFullDiskIsNotLeftToKea) {
  const std::string before = kea_.file();
  files_.fails = absl::UnavailableError("/etc/kea/kea.conf: No space left on device");
  const Written written = Write();
  EXPECT_EQ(written.status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(Message(written.status)),
              AllOf(HasSubstr("kea-b runs the configuration"), HasSubstr("No space left")));
  EXPECT_EQ(kea_.Accepted("config-write"), 0u);
  EXPECT_EQ(kea_.file(), before);
}

TEST_F(ConfigWriterTest, AnUnreachableKeaIsAskedLater) {
  kea_.Crash();
  EXPECT_EQ(Write().status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(files_.written, 0);
}

TEST_F(ConfigWriterTest, KeasRefusalIsTold) {
  files_.visible = false;
  kea_.Refuse("config-write", "Unable to open file kea.conf for writing");
  EXPECT_THAT(std::string(Message(Write().status)),
              AllOf(HasSubstr("Unable to open file"), HasSubstr("make the file writable")));
}

class WithoutLibraryTest : public ConfigWriterTest {
 protected:
  WithoutLibraryTest() : ConfigWriterTest({}) {}
};

TEST_F(WithoutLibraryTest, KeaWritesAndNothingIsNoticed) {
  const Written written = Write();
  EXPECT_TRUE(written.status.ok());
  EXPECT_TRUE(written.by_kea);
  EXPECT_THAT(written.notice, IsEmpty());
  EXPECT_EQ(files_.written, 0);
  ExpectFileIsWhatRuns();
}

}  // namespace
}  // namespace nestor::keafile
