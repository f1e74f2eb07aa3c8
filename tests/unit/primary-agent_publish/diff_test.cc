// A comparison that is asked for before the secondary is connected.

#include "tests/unit/primary-agent_publish/publish_fixture.h"

namespace nestor::primary {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class DiffTest : public StreamTest {
 protected:
  void SetUp() override {
    StreamTest::SetUp();
    stream_->Diff([this](absl::StatusOr<v1::DiffReport> report) { report_ = std::move(report); });
  }
  void ReadAgain(const std::function<void(absl::Status)>& read) override { read(absl::OkStatus()); }
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
    RunWorkers();
  }
  std::vector<std::string> Asked() const {
    std::vector<std::string> modes;
    for (const auto& one : bus_.sent) {
      if (one.envelope.has_resync())
        modes.push_back(v1::ResyncMode_Name(one.envelope.resync().mode()));
    }
    return modes;
  }

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
