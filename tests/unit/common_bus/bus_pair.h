#pragma once

#include <absl/time/clock.h>
#include <absl/time/time.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include <zmq.hpp>

#include "common/agent/keys.h"
#include "common/bus/zmq_bus.h"

// What the tests of the bus share: a folder, keys, a publisher's bus with what it was told, and
// followers.
namespace nestor::bus {

// A directory that lives as long as the object.
class Folder {
 public:
  Folder() {
    std::string name = std::filesystem::temp_directory_path() / "nestor-bus-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) ADD_FAILURE() << "no directory for the test";
    path_ = name;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

struct KeyPair {
  KeyPair() {
    char public_text[41], secret_text[41];
    if (zmq_curve_keypair(public_text, secret_text) != 0) ADD_FAILURE() << "no keys";
    public_key = public_text;
    secret = secret_text;
  }
  std::string public_key, secret;
};

inline void WriteFile(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

// Lets the buses work until `condition` holds. False: it did not within `limit`.
template <typename Condition>
bool RunUntil(std::vector<PolledBus*> buses, Condition condition,
              absl::Duration limit = absl::Seconds(10)) {
  const absl::Time deadline = absl::Now() + limit;
  while (!condition()) {
    if (absl::Now() > deadline) return false;
    std::vector<zmq::pollitem_t> items;
    bool more = false;
    for (PolledBus* bus : buses) {
      more = bus->Dispatch() || more;
      for (const zmq::pollitem_t& item : bus->PollItems()) items.push_back(item);
    }
    // Once true it counts: a condition may take what it saw.
    if (condition()) return true;
    if (!more) zmq::poll(items, std::chrono::milliseconds(5));
  }
  return true;
}

// A publisher's bus and what it was told.
struct Publisher {
  struct Told {
    Peer from;
    std::string payload;
  };

  explicit Publisher(const PublisherBusOptions& options) {
    auto opened = OpenPublisherBus(options);
    if (!opened.ok()) {
      ADD_FAILURE() << opened.status().ToString();
      return;
    }
    bus = *std::move(opened);
    bus->OnControl([this](const Peer& from, std::string_view payload) {
      told.push_back({from, std::string(payload)});
    });
  }

  std::unique_ptr<PolledPublisherBus> bus;
  std::vector<Told> told;
};

// A follower's bus and what it was told.
struct Follower {
  explicit Follower(const FollowerBusOptions& options) {
    auto opened = OpenFollowerBus(options);
    if (!opened.ok()) {
      ADD_FAILURE() << opened.status().ToString();
      return;
    }
    bus = *std::move(opened);
    bus->OnEvent([this](std::string_view topic, std::string_view payload) {
      events.emplace_back(topic, payload);
    });
    bus->OnPrimary([this](std::string_view payload) { answers.emplace_back(payload); });
    bus->OnOperator(
        [this](const Peer& from, std::string_view payload) { asked.emplace_back(from, payload); });
  }

  std::unique_ptr<PolledFollowerBus> bus;
  std::vector<std::pair<std::string, std::string>> events;
  std::vector<std::string> answers;
  std::vector<std::pair<Peer, std::string>> asked;
};

// Two agents on this host, with keys.
class BusTest : public testing::Test {
 protected:
  BusTest() { std::filesystem::create_directory(folder_ / "authorized.d"); }

  void Authorize(const std::string& name, const KeyPair& key, const std::string& rights) {
    WriteFile(folder_ / ("authorized.d/" + name + ".public"),
              agent::FormatPublic(name, key.public_key) + "rights: " + rights + "\n");
  }
  void Forget(const std::string& name) {
    std::filesystem::remove(folder_ / ("authorized.d/" + name + ".public"));
  }

  PublisherBusOptions Serving() const {
    return {
        .events = "tcp://127.0.0.1:*",
        .control = "tcp://127.0.0.1:*",
        .operator_socket = "",
        .security = PublisherBusOptions::Security{primary_key_.secret, folder_ / "authorized.d"}};
  }
  FollowerBusOptions Joining(Publisher& publisher, const KeyPair& key) const {
    return {.events = publisher.bus->EventsEndpoint(),
            .control = publisher.bus->ControlEndpoint(),
            .operator_socket = "",
            .security = FollowerBusOptions::Security{key.secret, primary_key_.public_key}};
  }

  // Sends until it is accepted, then until the publisher has heard it.
  bool Tell(Publisher& publisher, Follower& follower, const std::string& payload,
            absl::Duration limit = absl::Seconds(10)) {
    bool sent = false;
    const size_t before = publisher.told.size();
    return RunUntil(
        {publisher.bus.get(), follower.bus.get()},
        [&] {
          if (!sent) sent = follower.bus->SendToPrimary(payload).ok();
          return publisher.told.size() > before && publisher.told.back().payload == payload;
        },
        limit);
  }

  // Publishes until the follower has an event.
  bool Hears(Publisher& publisher, Follower& follower, absl::Duration limit = absl::Seconds(10)) {
    const size_t before = follower.events.size();
    return RunUntil(
        {publisher.bus.get(), follower.bus.get()},
        [&] {
          publisher.bus->Publish("nestor.v1.east4.dhcp4.heartbeat", "beat");
          return follower.events.size() > before;
        },
        limit);
  }

  Folder folder_;
  KeyPair primary_key_;
  KeyPair follower_key_;
};

}  // namespace nestor::bus
