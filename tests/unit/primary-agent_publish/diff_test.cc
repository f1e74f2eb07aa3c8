// A comparison that is asked for before the secondary is connected.

#include "tests/unit/primary-agent_publish/publish_fixture.h"

namespace nestor::primary {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class DiffTest : public PublishTest {
 protected:
  void SetUp() override {
    PublishTest::SetUp();
    v1::RelationshipSpec spec;
    spec.set_name("east");
    spec.set_secondary("kea-b");
    stream_ = std::make_shared<Stream>(
        spec, DhcpService::kDhcp4, "kea-a", Open(),
        StreamWorld{clock, loop_, disk_worker_, worker_, *recorder, bus_, *journal, metrics_,
                    [](const std::string&, const v1::Envelope&) {},
                    [](const std::function<void(absl::Status)>& done) { done(absl::OkStatus()); },
                    [](std::string_view) { return std::string(); }});
    stream_->Diff([this](absl::StatusOr<v1::DiffReport> report) { report_ = std::move(report); });
  }
  void Join() {
    v1::Envelope envelope;
    envelope.set_sender("kea-b");
    envelope.mutable_hello()->set_server("kea-b");
    stream_->OnFollower("route", envelope);
    bus_.sent.clear();
  }
  void After(absl::Duration time) {
    clock.Advance(time);
    stream_->Tick();
    while (disk_worker_.Run() || loop_.Run()) {
    }
  }
  std::vector<std::string> Asked() const {
    std::vector<std::string> modes;
    for (const auto& one : bus_.sent) {
      if (one.envelope.has_resync())
        modes.push_back(v1::ResyncMode_Name(one.envelope.resync().mode()));
    }
    return modes;
  }

  QueuedExecutor loop_, disk_worker_, worker_;
  RecordingBus bus_;
  runtime::Metrics metrics_{clock};
  std::shared_ptr<Stream> stream_;
  absl::StatusOr<v1::DiffReport> report_ = absl::UnknownError("none yet");
};

TEST_F(DiffTest, WaitsForASecondaryThatIsAboutToJoin) {
  After(absl::Seconds(4));
  EXPECT_THAT(Asked(), IsEmpty());
  EXPECT_EQ(report_.status().code(), absl::StatusCode::kUnknown);
  Join();
  After(absl::Milliseconds(100));
  EXPECT_THAT(Asked(), SizeIs(1));
  After(absl::Seconds(2));
  EXPECT_THAT(Asked(), SizeIs(1));
}

TEST_F(DiffTest, SaysThatASecondaryIsAway) {
  After(absl::Seconds(5));
  EXPECT_THAT(Asked(), IsEmpty());
  EXPECT_EQ(report_.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(report_.status().message()), HasSubstr("kea-b is not connected"));
}

}  // namespace
}  // namespace nestor::primary
