#pragma once

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/bus/bus.h"
#include "tests/simulation/process.h"

namespace nestor::simulation {

// How bad the network is. All zero: every frame arrives in order, once, after `latency`.
struct Weather {
  absl::Duration latency = absl::Microseconds(300);
  absl::Duration jitter = absl::ZeroDuration();
  double drop_event = 0;         // an event is lost
  double drop_burst = 0;         // and those of up to two seconds after it
  double repeat = 0;             // a frame arrives twice
  double garbage = 0;            // random bytes arrive in a frame's place
  double repeat_on_connect = 0;  // old events, of whatever start of the publisher, come again
};

class Network;

// Whoever connects to the primary: a secondary's agent, a monitor, an operator, a hostile peer.
class Endpoint {
 public:
  using EventHandler = std::function<void(std::string_view topic, std::string_view payload)>;
  using ControlHandler = std::function<void(std::string_view payload)>;

  const std::string& name() const { return name_; }
  void Subscribe(std::string_view prefix);
  void Unsubscribe(std::string_view prefix);
  // Unavailable: no connection is known to be up, or its queue is full.
  absl::Status Send(std::string_view payload);
  void OnEvent(EventHandler handler) { on_event_ = std::move(handler); }
  void OnControl(ControlHandler handler) { on_control_ = std::move(handler); }
  // Runs after each frame that arrived.
  void After(std::function<void()> after) { after_ = std::move(after); }
  bool events_connected() const { return events_.up && events_.client_knows; }
  bool control_connected() const { return control_.up && control_.client_knows; }
  // Nothing sent to it leaves the primary's queue any more: it does not read.
  void StopReading(bool stopped) { reads_ = !stopped; }

 private:
  friend class Network;

  struct Channel {
    bool up = false;            // frames pass
    bool client_knows = false;  // believes that it is up
    bool server_knows = false;
    uint64_t generation = 0;  // of the connection
    std::string route;
    absl::Duration to_client, to_server;  // when the last frame arrives
    absl::Duration dropping_until;
    size_t queued_to_client = 0, queued_to_server = 0;
    bool connecting = false;
  };

  Network* network_ = nullptr;
  std::string name_;
  std::shared_ptr<Process> process_;  // null: lives always
  bus::Peer peer_;
  std::map<std::string, absl::Duration, std::less<>> prefixes_;  // and since when they count
  EventHandler on_event_;
  ControlHandler on_control_;
  std::function<void()> after_;
  Channel events_, control_;
  bool joined_ = true;
  bool cut_ = false;
  bool reads_ = true;
  bool exempt_ = false;  // fair weather, always
  absl::Duration held_until_;
};

// What passes on the network, for the oracles. `endpoint` is who it is from, or for.
class NetworkObserver {
 public:
  virtual ~NetworkObserver() = default;
  virtual void OnPublished(std::string_view topic, std::string_view payload) = 0;
  virtual void OnEventArrived(const Endpoint& endpoint, std::string_view topic,
                              std::string_view payload) = 0;
  virtual void OnSentToPrimary(const Endpoint& endpoint, std::string_view payload) = 0;
  virtual void OnArrivedAtPrimary(const Endpoint& endpoint, std::string_view payload) = 0;
  virtual void OnSentByPrimary(const Endpoint& endpoint, std::string_view payload) = 0;
  virtual void OnArrivedFromPrimary(const Endpoint& endpoint, std::string_view payload) = 0;
};

// The network around one primary. Events are a PUB socket's: lost at will, but in order within a
// connection. Control is a ROUTER's: in order and whole while the connection lasts; when it breaks
// what was under way is lost, and each end learns of it later.
class Network {
 public:
  Network(Scheduler& scheduler, uint64_t seed);
  ~Network();

  Weather weather;
  // Changes what arrives, or drops it by returning false.
  std::function<bool(const Endpoint&, std::string&payload)> rewrite_event, rewrite_control;

  void Observe(NetworkObserver* observer) { observers_.push_back(observer); }

  // The primary's side for one start of its agent; `after` runs after each message.
  std::unique_ptr<bus::PublisherBus> Bind(std::shared_ptr<Process> process,
                                          std::function<void()> after);
  // Somebody who connects. `process` may be null. Lives as long as the Network or until Leave().
  Endpoint* Join(std::string name, std::shared_ptr<Process> process, bus::Peer peer);
  void Leave(Endpoint* endpoint);
  // Fair weather for one endpoint.
  void Exempt(Endpoint* endpoint) { endpoint->exempt_ = true; }

  // The publisher's process is gone: its connections break.
  void Unbind();

  // The path of an endpoint. Cut: nothing passes and nobody is told. Break: connections are reset.
  // Hold: everything is late by up to `d`.
  void Cut(Endpoint* endpoint);
  void Heal(Endpoint* endpoint);
  void Break(Endpoint* endpoint);
  void Hold(Endpoint* endpoint, absl::Duration d);

  Scheduler& scheduler() { return scheduler_; }

 private:
  friend class Endpoint;
  class Publisher;
  using Channel = Endpoint::Channel;

  void Connect(Endpoint* endpoint, bool events);
  void Established(Endpoint* endpoint, bool events);
  void BreakChannel(Endpoint* endpoint, bool events, absl::Duration client_learns,
                    absl::Duration server_learns);
  void Publish(std::string_view topic, std::string_view payload);
  void DeliverEvent(Endpoint* endpoint, std::string topic, std::string payload);
  absl::Status SendToClient(std::string_view route, std::string_view payload);
  absl::Status SendToServer(Endpoint* endpoint, std::string_view payload);
  void ToClient(Endpoint* endpoint, std::string payload);
  void ToServer(Endpoint* endpoint, std::string payload);
  absl::Duration Latency(const Endpoint& endpoint);
  std::string Garbage();
  bool Subscribed(const Endpoint& endpoint, std::string_view topic) const;
  static bool Joined(const Endpoint* endpoint) { return endpoint->joined_; }
  static void Receive(Endpoint* endpoint, const std::function<void()>& receive);
  const Weather& WeatherOf(const Endpoint& endpoint) const {
    return endpoint.exempt_ ? fair_ : weather;
  }

  Scheduler& scheduler_;
  Dice dice_;
  const Weather fair_;
  std::vector<NetworkObserver*> observers_;
  std::vector<std::unique_ptr<Endpoint>> order_;  // in the order they joined
  std::vector<std::unique_ptr<Endpoint>> left_;   // events about them may still be under way
  std::shared_ptr<Process> publisher_;
  std::function<void()> after_;
  bus::ControlHandler on_control_;
  uint64_t next_generation_ = 1;
  std::deque<std::pair<std::string, std::string>> recent_;
};

// The secondary's side over an Endpoint, with an operator's socket of its own.
class FollowerSocket final : public bus::FollowerBus {
 public:
  explicit FollowerSocket(Endpoint* endpoint) : endpoint_(endpoint) {}

  void Subscribe(std::string_view prefix) override { endpoint_->Subscribe(prefix); }
  void Unsubscribe(std::string_view prefix) override { endpoint_->Unsubscribe(prefix); }
  absl::Status SendToPrimary(std::string_view payload) override { return endpoint_->Send(payload); }
  absl::Status Send(std::string_view route, std::string_view payload) override;
  void OnEvent(EventHandler handler) override { endpoint_->OnEvent(std::move(handler)); }
  void OnPrimary(PrimaryHandler handler) override { endpoint_->OnControl(std::move(handler)); }
  void OnOperator(bus::ControlHandler handler) override { on_operator_ = std::move(handler); }

  // An operator on this host asks; `answer` gets each reply.
  void Ask(std::string_view payload, std::function<void(std::string_view)> answer);

 private:
  Endpoint* endpoint_;
  bus::ControlHandler on_operator_;
  std::function<void(std::string_view)> answer_;
};

}  // namespace nestor::simulation
