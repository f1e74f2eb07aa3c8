#include "tests/simulation/network.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/base/status.h"

namespace nestor::simulation {
namespace {

constexpr size_t kMostQueued = 64;
constexpr size_t kRecent = 60;

}  // namespace

// ---- the primary's side

class Network::Publisher final : public bus::PublisherBus {
 public:
  Publisher(Network& network, std::shared_ptr<Process> process)
      : network_(network), process_(std::move(process)) {}
  ~Publisher() override {
    if (network_.publisher_ == process_) network_.Unbind();
  }

  void Publish(std::string_view topic, std::string_view payload) override {
    if (process_->Spend(absl::ZeroDuration())) network_.Publish(topic, payload);
  }
  absl::Status Send(std::string_view route, std::string_view payload) override {
    if (!process_->Spend(absl::ZeroDuration())) {
      return Error(absl::StatusCode::kUnavailable, "this process is dead");
    }
    return network_.SendToClient(route, payload);
  }
  void OnControl(bus::ControlHandler handler) override {
    network_.on_control_ = std::move(handler);
  }

 private:
  Network& network_;
  std::shared_ptr<Process> process_;
};

Network::Network(Scheduler& scheduler, uint64_t seed)
    : scheduler_(scheduler), dice_(seed, "network") {}
Network::~Network() = default;

std::unique_ptr<bus::PublisherBus> Network::Bind(std::shared_ptr<Process> process,
                                                 std::function<void()> after) {
  publisher_ = process;
  after_ = std::move(after);
  for (const auto& endpoint : order_) {
    Connect(endpoint.get(), true);
    Connect(endpoint.get(), false);
  }
  return std::make_unique<Publisher>(*this, std::move(process));
}

void Network::Unbind() {
  publisher_.reset();
  on_control_ = nullptr;
  after_ = nullptr;
  for (const auto& endpoint : order_) Break(endpoint.get());
}

void Network::Publish(std::string_view topic, std::string_view payload) {
  for (NetworkObserver* observer : observers_) observer->OnPublished(topic, payload);
  // Of leases there are so many that nothing else would come again.
  if (!topic.ends_with(".lease")) recent_.emplace_back(topic, payload);
  if (recent_.size() > kRecent) recent_.pop_front();
  for (const auto& endpoint : order_) {
    Channel& channel = endpoint->events_;
    if (!channel.up || !Subscribed(*endpoint, topic)) continue;
    const Weather& weather_here = WeatherOf(*endpoint);
    if (scheduler_.Now() < channel.dropping_until || !endpoint->reads_) continue;
    if (dice_.Chance(weather_here.drop_event)) continue;
    if (dice_.Chance(weather_here.drop_burst)) {
      channel.dropping_until =
          scheduler_.Now() + dice_.Between(absl::ZeroDuration(), absl::Seconds(2));
      continue;
    }
    std::string frame(payload);
    if (dice_.Chance(weather_here.garbage)) frame = Garbage();
    if (rewrite_event && !rewrite_event(*endpoint, frame)) continue;
    if (dice_.Chance(weather_here.repeat)) DeliverEvent(endpoint.get(), std::string(topic), frame);
    DeliverEvent(endpoint.get(), std::string(topic), std::move(frame));
  }
}

bool Network::Subscribed(const Endpoint& endpoint, std::string_view topic) const {
  return std::any_of(endpoint.prefixes_.begin(), endpoint.prefixes_.end(), [&](const auto& entry) {
    return scheduler_.Now() >= entry.second && topic.substr(0, entry.first.size()) == entry.first;
  });
}

void Network::DeliverEvent(Endpoint* endpoint, std::string topic, std::string payload) {
  Channel& channel = endpoint->events_;
  channel.to_client =
      std::max({channel.to_client, scheduler_.Now() + Latency(*endpoint), endpoint->held_until_});
  scheduler_.At(channel.to_client, [this, endpoint, generation = channel.generation,
                                    topic = std::move(topic), payload = std::move(payload)] {
    if (!Joined(endpoint) || !endpoint->events_.up || endpoint->events_.generation != generation ||
        endpoint->cut_) {
      return;
    }
    const auto receive = [&] {
      for (NetworkObserver* observer : observers_) {
        observer->OnEventArrived(*endpoint, topic, payload);
      }
      if (endpoint->on_event_) endpoint->on_event_(topic, payload);
    };
    Receive(endpoint, receive);
  });
}

void Network::Receive(Endpoint* endpoint, const std::function<void()>& receive) {
  const auto act = [&] {
    receive();
    if (endpoint->after_) endpoint->after_();
  };
  if (endpoint->process_) {
    endpoint->process_->Act(act);
  } else {
    act();
  }
}

absl::Status Network::SendToClient(std::string_view route, std::string_view payload) {
  for (const auto& endpoint : order_) {
    Channel& channel = endpoint->control_;
    if (!channel.server_knows || channel.route != route) continue;
    if (channel.queued_to_client >= kMostQueued) {
      return Error(absl::StatusCode::kUnavailable, "the queue to {} is full", endpoint->name());
    }
    for (NetworkObserver* observer : observers_) observer->OnSentByPrimary(*endpoint, payload);
    ToClient(endpoint.get(), std::string(payload));
    return absl::OkStatus();
  }
  return Error(absl::StatusCode::kUnavailable, "no connection of route {}", route);
}

void Network::ToClient(Endpoint* endpoint, std::string payload) {
  Channel& channel = endpoint->control_;
  ++channel.queued_to_client;
  if (!endpoint->reads_) return;
  const Weather& weather_here = WeatherOf(*endpoint);
  if (dice_.Chance(weather_here.garbage)) payload = Garbage();
  if (rewrite_control && !rewrite_control(*endpoint, payload)) return;
  const int copies = dice_.Chance(weather_here.repeat) ? 2 : 1;
  channel.to_client =
      std::max({channel.to_client, scheduler_.Now() + Latency(*endpoint), endpoint->held_until_});
  scheduler_.At(channel.to_client, [this, endpoint, generation = channel.generation, copies,
                                    payload = std::move(payload)] {
    if (!Joined(endpoint) || endpoint->control_.generation != generation) return;
    --endpoint->control_.queued_to_client;
    if (!endpoint->control_.up || endpoint->cut_) return;
    const auto receive = [&] {
      for (int copy = 0; copy < copies; ++copy) {
        for (NetworkObserver* observer : observers_) {
          observer->OnArrivedFromPrimary(*endpoint, payload);
        }
        if (endpoint->on_control_) endpoint->on_control_(payload);
      }
    };
    Receive(endpoint, receive);
  });
}

absl::Status Network::SendToServer(Endpoint* endpoint, std::string_view payload) {
  if (endpoint->process_ && !endpoint->process_->Spend(absl::ZeroDuration())) {
    return Error(absl::StatusCode::kUnavailable, "this process is dead");
  }
  Channel& channel = endpoint->control_;
  if (!channel.client_knows) return Error(absl::StatusCode::kUnavailable, "not connected");
  if (channel.queued_to_server >= kMostQueued) {
    return Error(absl::StatusCode::kUnavailable, "the queue to the primary is full");
  }
  for (NetworkObserver* observer : observers_) observer->OnSentToPrimary(*endpoint, payload);
  ToServer(endpoint, std::string(payload));
  return absl::OkStatus();
}

void Network::ToServer(Endpoint* endpoint, std::string payload) {
  Channel& channel = endpoint->control_;
  const Weather& weather_here = WeatherOf(*endpoint);
  if (dice_.Chance(weather_here.garbage)) payload = Garbage();
  const int copies = dice_.Chance(weather_here.repeat) ? 2 : 1;
  ++channel.queued_to_server;
  channel.to_server =
      std::max({channel.to_server, scheduler_.Now() + Latency(*endpoint), endpoint->held_until_});
  scheduler_.At(channel.to_server, [this, endpoint, generation = channel.generation, copies,
                                    payload = std::move(payload)] {
    if (!Joined(endpoint) || endpoint->control_.generation != generation) return;
    --endpoint->control_.queued_to_server;
    if (!endpoint->control_.up || endpoint->cut_ || !publisher_) return;
    bus::Peer peer = endpoint->peer_;
    peer.route = endpoint->control_.route;
    publisher_->Act([&] {
      for (int copy = 0; copy < copies; ++copy) {
        for (NetworkObserver* observer : observers_) {
          observer->OnArrivedAtPrimary(*endpoint, payload);
        }
        if (on_control_) on_control_(peer, payload);
      }
      if (after_) after_();
    });
  });
}

// ---- connections

Endpoint* Network::Join(std::string name, std::shared_ptr<Process> process, bus::Peer peer) {
  auto endpoint = std::make_unique<Endpoint>();
  endpoint->network_ = this;
  endpoint->name_ = std::move(name);
  endpoint->process_ = std::move(process);
  endpoint->peer_ = std::move(peer);
  Endpoint* joined = endpoint.get();
  order_.push_back(std::move(endpoint));
  Connect(joined, true);
  Connect(joined, false);
  return joined;
}

void Network::Leave(Endpoint* endpoint) {
  endpoint->joined_ = false;
  endpoint->on_event_ = nullptr;
  endpoint->on_control_ = nullptr;
  endpoint->after_ = nullptr;
  const auto found = std::find_if(order_.begin(), order_.end(),
                                  [&](const auto& one) { return one.get() == endpoint; });
  left_.push_back(std::move(*found));
  order_.erase(found);
}

void Network::Connect(Endpoint* endpoint, bool events) {
  Channel& channel = events ? endpoint->events_ : endpoint->control_;
  if (channel.connecting || channel.client_knows) return;
  channel.connecting = true;
  const absl::Duration wait = endpoint->exempt_
                                  ? absl::Milliseconds(1)
                                  : dice_.Between(absl::Milliseconds(1), absl::Milliseconds(600));
  scheduler_.After(wait, [this, endpoint, events] {
    if (Joined(endpoint)) Established(endpoint, events);
  });
}

void Network::Established(Endpoint* endpoint, bool events) {
  Channel& channel = events ? endpoint->events_ : endpoint->control_;
  channel.connecting = false;
  if (channel.client_knows || !publisher_ || !publisher_->alive()) return;  // Bind() connects again
  if (endpoint->process_ && !endpoint->process_->alive()) return;
  if (endpoint->cut_) return;  // Heal() connects again
  channel = Channel{};
  channel.up = channel.client_knows = channel.server_knows = true;
  channel.generation = next_generation_++;
  channel.route = fmt::format("{}#{}", endpoint->name_, channel.generation);
  if (!events) return;
  for (auto& [prefix, since] : endpoint->prefixes_) since = scheduler_.Now() + Latency(*endpoint);
  if (!dice_.Chance(WeatherOf(*endpoint).repeat_on_connect) || recent_.empty()) return;
  const size_t from = dice_.Below(recent_.size());
  for (size_t i = from; i < std::min(from + 8, recent_.size()); ++i) {
    const auto& [topic, payload] = recent_[i];
    const bool wanted = std::any_of(endpoint->prefixes_.begin(), endpoint->prefixes_.end(),
                                    [&, text = std::string_view(topic)](const auto& entry) {
                                      return text.substr(0, entry.first.size()) == entry.first;
                                    });
    if (wanted) DeliverEvent(endpoint, topic, payload);
  }
}

void Network::BreakChannel(Endpoint* endpoint, bool events, absl::Duration client_learns,
                           absl::Duration server_learns) {
  Channel& channel = events ? endpoint->events_ : endpoint->control_;
  if (!channel.up) return;
  channel.up = false;
  const uint64_t generation = channel.generation;
  scheduler_.After(server_learns, [endpoint, events, generation] {
    if (!Joined(endpoint)) return;
    Channel& now = events ? endpoint->events_ : endpoint->control_;
    if (now.generation == generation) now.server_knows = false;
  });
  scheduler_.After(client_learns, [this, endpoint, events, generation] {
    if (!Joined(endpoint)) return;
    Channel& now = events ? endpoint->events_ : endpoint->control_;
    if (now.generation != generation) return;
    now.client_knows = false;
    Connect(endpoint, events);
  });
}

void Network::Cut(Endpoint* endpoint) {
  endpoint->cut_ = true;
  for (const bool events : {true, false}) {
    BreakChannel(endpoint, events, dice_.Between(absl::ZeroDuration(), absl::Seconds(15)),
                 dice_.Between(absl::ZeroDuration(), absl::Seconds(15)));
  }
}

void Network::Heal(Endpoint* endpoint) {
  endpoint->cut_ = false;
  Connect(endpoint, true);
  Connect(endpoint, false);
}

void Network::Break(Endpoint* endpoint) {
  for (const bool events : {true, false}) {
    const auto most = dice_.Chance(0.8) ? absl::Milliseconds(50) : absl::Seconds(8);
    BreakChannel(endpoint, events, dice_.Between(absl::ZeroDuration(), most),
                 dice_.Between(absl::ZeroDuration(), most));
  }
}

void Network::Hold(Endpoint* endpoint, absl::Duration d) {
  endpoint->held_until_ = scheduler_.Now() + d;
}

absl::Duration Network::Latency(const Endpoint& endpoint) {
  const Weather& here = WeatherOf(endpoint);
  if (here.jitter == absl::ZeroDuration()) return here.latency;
  return here.latency + dice_.Fraction() * here.jitter;
}

std::string Network::Garbage() {
  std::string bytes;
  // Half of it looks like an envelope at first.
  if (dice_.Chance(0.5)) bytes = std::string("\x0d\x52\x54\x53\x4e", 5);
  const int length = dice_.Between(0, 200);
  for (int i = 0; i < length; ++i) bytes.push_back(static_cast<char>(dice_.Below(256)));
  return bytes;
}

// ---- the clients' side

void Endpoint::Subscribe(std::string_view prefix) {
  const auto since = network_->scheduler_.Now() + network_->Latency(*this);
  prefixes_.try_emplace(std::string(prefix), since);
}

void Endpoint::Unsubscribe(std::string_view prefix) {
  if (const auto found = prefixes_.find(prefix); found != prefixes_.end()) prefixes_.erase(found);
}

absl::Status Endpoint::Send(std::string_view payload) {
  return network_->SendToServer(this, payload);
}

absl::Status FollowerSocket::Send(std::string_view, std::string_view payload) {
  if (!answer_) return Error(absl::StatusCode::kUnavailable, "the operator is gone");
  answer_(payload);
  return absl::OkStatus();
}

void FollowerSocket::Ask(std::string_view payload, std::function<void(std::string_view)> answer) {
  answer_ = std::move(answer);
  bus::Peer peer;
  peer.route = "operator";
  peer.user = "local";
  peer.rights = bus::Rights::All();
  peer.local = true;
  if (on_operator_) on_operator_(peer, payload);
}

}  // namespace nestor::simulation
