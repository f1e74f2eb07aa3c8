// What a Recorder and a Stream stand on: a journal on a disk in memory, executors that run when
// they are told, a bus that keeps what it is given.
#pragma once

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/protocol/envelope.h"
#include "primary-agent/publish/recorder.h"
#include "primary-agent/publish/stream.h"
#include "tests/support/counting_random.h"
#include "tests/support/fake_clock.h"
#include "tests/support/sim_disk.h"

namespace nestor::primary {

using SetPtr = std::shared_ptr<const config::ObjectSet>;

inline SetPtr Subnets(const std::vector<int>& ids, int lifetime = 3600) {
  auto set = std::make_shared<config::ObjectSet>();
  for (const int id : ids) {
    set->Put({config::Kind::kSubnet, fmt::format("{}", id)},
             fmt::format(R"({{"id":{},"valid-lifetime":{}}})", id, lifetime));
  }
  (void)set->Digest();
  return set;
}

inline SetPtr Reservations(int count, size_t bytes_each = 10) {
  auto set = std::make_shared<config::ObjectSet>();
  for (int i = 0; i < count; ++i) {
    set->Put({config::Kind::kReservation, fmt::format("1/hw-address/{:012x}", i)},
             fmt::format(R"({{"hostname":"{}"}})", std::string(bytes_each, 'h')));
  }
  (void)set->Digest();
  return set;
}

inline std::string DigestOf(const SetPtr& set) { return std::string(config::Bytes(set->Digest())); }

// Keeps tasks until Run().
class QueuedExecutor final : public Executor {
 public:
  void Post(Task task) override { tasks_.push_back(std::move(task)); }
  // Runs what is there, and what that posts. False: there was nothing.
  bool Run() {
    const bool any = !tasks_.empty();
    while (!tasks_.empty()) {
      Task task = std::move(tasks_.front());
      tasks_.pop_front();
      task();
    }
    return any;
  }

 private:
  std::deque<Task> tasks_;
};

// Sends and publishes into vectors.
class RecordingBus final : public bus::PublisherBus {
 public:
  void Publish(std::string_view topic, std::string_view payload) override {
    published.push_back({std::string(topic), Parsed(payload)});
  }
  absl::Status Send(std::string_view route, std::string_view payload) override {
    if (room == 0) return absl::UnavailableError("full");
    --room;
    EXPECT_LE(payload.size(), protocol::kMaxToSecondary);
    sent.push_back({std::string(route), Parsed(payload)});
    return absl::OkStatus();
  }
  void OnControl(bus::ControlHandler /*handler*/) override {}

  struct Message {
    std::string to;  // topic or route
    v1::Envelope envelope;
  };
  std::vector<Message> published, sent;
  int room = 1'000'000;  // messages that Send() still takes

 private:
  static v1::Envelope Parsed(std::string_view payload) {
    auto envelope = protocol::ParseEnvelope(payload, protocol::kMaxEvent);
    EXPECT_TRUE(envelope.ok()) << envelope.status();
    return envelope.ok() ? *std::move(envelope) : v1::Envelope();
  }
};

class PublishTest : public ::testing::Test {
 protected:
  void SetUp() override { Reopen(); }

  // The agent's start: the journal is opened, and the recorder is new.
  void Reopen() {
    recorder = nullptr;
    journal = nullptr;
    auto opened = store::Journal::Open({.path = "journal.db", .vfs = disk.vfs()});
    ASSERT_TRUE(opened.ok()) << opened.status();
    journal = *std::move(opened);
    recorder = std::make_unique<Recorder>(DhcpService::kDhcp4, "kea-a", *journal, clock, random);
  }

  Recorder::Opened Open(const std::string& relationship = "east") {
    auto opened = recorder->Open(relationship);
    EXPECT_TRUE(opened.ok()) << opened.status();
    return opened.ok() ? *std::move(opened) : Recorder::Opened();
  }
  std::vector<Recorded> Record(const SetPtr& set, std::string_view origin = "reload") {
    std::vector<Recorded> recorded;
    const absl::Status status = recorder->Record(set, origin, recorded);
    EXPECT_TRUE(status.ok()) << status;
    return recorded;
  }

  testing::SimDisk disk;
  testing::FakeClock clock;
  testing::CountingRandom random;
  std::unique_ptr<store::Journal> journal;
  std::unique_ptr<Recorder> recorder;
};

// A Stream of the relationship `spec_` from kea-a to kea-b, with its workers at hand.
class StreamTest : public PublishTest {
 protected:
  StreamTest() {
    spec_.set_name("east");
    spec_.set_secondary("kea-b");
  }
  void SetUp() override {
    PublishTest::SetUp();
    stream_ = std::make_shared<Stream>(
        spec_, DhcpService::kDhcp4, "kea-a", Open(),
        StreamWorld{clock, loop_, disk_worker_, worker_, *recorder, bus_, *journal, metrics_,
                    [](const std::string&, const v1::Envelope&) {},
                    [this](const std::function<void(absl::Status)>& read) { ReadAgain(read); },
                    [](std::string_view) { return std::string(); }});
  }
  // Kea is asked for, and does not answer.
  virtual void ReadAgain(const std::function<void(absl::Status)>& /*read*/) {}
  void RunWorkers() {
    while (disk_worker_.Run() || loop_.Run()) {
    }
  }

  v1::RelationshipSpec spec_;
  QueuedExecutor loop_, disk_worker_, worker_;
  RecordingBus bus_;
  runtime::Metrics metrics_{clock};
  std::shared_ptr<Stream> stream_;
};

}  // namespace nestor::primary
