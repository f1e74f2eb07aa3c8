#include "tests/simulation/kea_host.h"

#include <algorithm>

#include "common/base/status.h"
#include "common/config/kea_config.h"
#include "common/kea/command.h"

namespace nestor::simulation {
namespace {

bool Changes(std::string_view command) {
  return command == "config-set" || command == "config-write" || command == "nestor-apply";
}

// Whether this answer leaves nothing of the configuration untold.
bool TellsAll(std::string_view command, const kea::Answer& answer) {
  if (!answer.ok()) return false;
  if (command == "config-get") return true;
  const json::Value* arguments = command == "nestor-get" ? answer.arguments() : nullptr;
  return arguments != nullptr && json::Find(*arguments, "next") == nullptr &&
         json::Find(*arguments, "whole") == nullptr;
}

absl::StatusOr<kea::Answer> Silence(std::string_view command) {
  return Error(absl::StatusCode::kDeadlineExceeded, "Kea did not answer {} in time", command);
}

absl::StatusOr<kea::Answer> CutOff(std::string_view command) {
  return Error(absl::StatusCode::kDataLoss, "Kea's answer to {} is cut off", command);
}

}  // namespace

// The control channel of one agent's process.
class KeaHost::Channel final : public kea::KeaControl {
 public:
  Channel(KeaHost& host, std::shared_ptr<Process> process)
      : host_(host), process_(std::move(process)) {}

  absl::StatusOr<kea::Answer> Send(std::string_view command, std::string_view arguments,
                                   absl::Duration timeout) override {
    const absl::Duration deadline = host_.scheduler_.Now() + timeout;
    if (!process_->Spend(absl::Microseconds(100)) || !host_.up() ||
        host_.dice_.Chance(host_.temper.unavailable)) {
      return Error(absl::StatusCode::kUnavailable, "Kea's socket: Connection refused");
    }
    const bool cut_off = host_.dice_.Chance(host_.temper.cut_off);
    auto answer =
        Changes(command) ? Order(command, arguments, deadline) : Ask(command, arguments, deadline);
    // An agent that died meanwhile hears nothing.
    if (!process_->alive()) return CutOff(command);
    if (!cut_off || !answer.ok()) return answer;
    return CutOff(command);
  }

 private:
  // Waits for its turn, at most until `deadline`. False: it did not come.
  bool Await(absl::Duration deadline) {
    while (process_->alive() && host_.FreeAt() > host_.scheduler_.Now()) {
      const absl::Duration until = std::min(deadline, host_.FreeAt());
      if (!process_->Spend(until - host_.scheduler_.Now())) return false;
      if (host_.scheduler_.Now() >= deadline) return false;
    }
    return process_->alive();
  }

  absl::StatusOr<kea::Answer> Ask(std::string_view command, std::string_view arguments,
                                  absl::Duration deadline) {
    const uint64_t start = host_.start_;
    if (!Await(deadline)) return Silence(command);
    const absl::Duration takes = host_.Takes(command, arguments.size());
    const absl::Duration left = deadline - host_.scheduler_.Now();
    if (!process_->Spend(std::min(takes, left)) || takes > left) return Silence(command);
    if (!host_.up() || host_.start_ != start) return CutOff(command);
    if (command != "config-test" && host_.dice_.Chance(host_.temper.refused)) {
      return kea::ParseAnswer(R"({"result": 1, "text": "internal error"})");
    }
    auto answer = host_.kea_.Send(command, arguments, left);
    if (answer.ok() && TellsAll(command, *answer)) {
      host_.observer_.OnKeaRead(host_.name_, host_.running_);
    }
    return answer;
  }

  absl::StatusOr<kea::Answer> Order(std::string_view command, std::string_view arguments,
                                    absl::Duration deadline) {
    if (open_ && !open_->done && open_->start == host_.start_) {
      host_.chronicle_.Violate("S10", host_.name_ + " was sent a write before the last had ended");
    }
    const uint64_t start = host_.start_;
    open_ = host_.Enqueue(command, arguments, host_.Takes(command, arguments.size()));
    while (!open_->done && host_.start_ == start) {
      const absl::Duration now = host_.scheduler_.Now();
      if (now >= deadline) return Silence(command);
      const absl::Duration wait = std::max(host_.FreeAt() - now, absl::Milliseconds(1));
      if (!process_->Spend(std::min(wait, deadline - now))) return CutOff(command);
    }
    if (open_->done) return std::move(open_->answer);
    open_.reset();
    return CutOff(command);  // Kea died with it in its queue
  }

  KeaHost& host_;
  std::shared_ptr<Process> process_;
  std::shared_ptr<KeaHost::Order> open_;
};

// The disk that Kea's file is on, for one agent's process.
class KeaHost::Files final : public keafile::ConfigFiles {
 public:
  Files(KeaHost& host, std::shared_ptr<Process> process)
      : host_(host), process_(std::move(process)) {}

  std::string FileOf(int64_t pid) override {
    return host_.up() && pid == host_.kea_.pid() ? "kea.conf" : std::string();
  }

  absl::Status Replace(const std::string& path, const hook::FileIdentity& /*identity*/,
                       std::string_view text) override {
    if (!process_->Spend(absl::Milliseconds(1 + host_.dice_.Below(300))) ||
        host_.dice_.Chance(host_.temper.file_full)) {
      return Error(absl::StatusCode::kUnavailable, "{}: No space left on device", path);
    }
    if (host_.dice_.Chance(host_.temper.file_forbidden)) {
      return Error(absl::StatusCode::kPermissionDenied, "{}: Permission denied", path);
    }
    host_.kea_.EditFile(std::string(text));
    host_.file_ = DigestOf(std::string(text));
    host_.chronicle_.Note("{} kea's file is written", host_.name_);
    host_.observer_.OnFileWritten(host_.name_, host_.file_);
    // The agent may die before it knows.
    (void)process_->Spend(absl::Microseconds(100));
    return absl::OkStatus();
  }

  absl::StatusOr<File> Read(const std::string& path) override {
    if (!process_->Spend(absl::Milliseconds(1))) {
      return Error(absl::StatusCode::kUnavailable, "{}: Input/output error", path);
    }
    return File{host_.kea_.file(), {}};
  }

  absl::Status Writable(const std::string& /*path*/) override { return absl::OkStatus(); }

  bool Exists(const std::string& /*path*/) override { return true; }

 private:
  static std::string DigestOf(std::string config) {
    const auto document = json::ParseKea(std::move(config));
    if (!document.ok()) return {};
    const auto objects = config::Extract(DhcpService::kDhcp4, document->root());
    return objects.ok() ? std::string(config::Bytes(objects->Digest())) : std::string();
  }

  KeaHost& host_;
  std::shared_ptr<Process> process_;
};

KeaHost::KeaHost(Scheduler& scheduler, Chronicle& chronicle, KeaObserver& observer,
                 std::string name, uint64_t seed, const std::string& config)
    : scheduler_(scheduler),
      chronicle_(chronicle),
      observer_(observer),
      name_(std::move(name)),
      dice_(seed, "kea " + name_),
      clock_(scheduler),
      kea_(DhcpService::kDhcp4, clock_, config) {
  Look(true);
}

std::unique_ptr<kea::KeaControl> KeaHost::Connect(std::shared_ptr<Process> process) {
  return std::make_unique<Channel>(*this, std::move(process));
}

std::unique_ptr<keafile::ConfigFiles> KeaHost::OpenFiles(std::shared_ptr<Process> process) {
  return std::make_unique<Files>(*this, std::move(process));
}

absl::Duration KeaHost::FreeAt() const { return std::max(busy_until_, hung_until_); }

absl::Duration KeaHost::Takes(std::string_view command, size_t bytes) {
  absl::Duration takes = absl::Microseconds(200 + dice_.Below(600));
  if (command.starts_with("config-"))
    takes += absl::Milliseconds(1 + dice_.Below(20) + bytes / 20'000);
  if (command == "config-set") takes += absl::Milliseconds(dice_.Below(400));
  if (dice_.Chance(temper.slow)) takes += dice_.Fraction() * absl::Seconds(8);
  return takes;
}

std::shared_ptr<KeaHost::Order> KeaHost::Enqueue(std::string_view command,
                                                 std::string_view arguments, absl::Duration takes) {
  auto order = std::make_shared<Order>();
  order->command = command;
  order->arguments = arguments;
  order->start = start_;
  busy_until_ = std::max(scheduler_.Now(), FreeAt()) + takes;
  CarryOutAt(busy_until_, order);
  return order;
}

void KeaHost::CarryOutAt(absl::Duration when, std::shared_ptr<Order> order) {
  scheduler_.At(when, [this, order = std::move(order), start = start_] {
    if (start != start_) return;
    if (hung_until_ > scheduler_.Now()) {
      busy_until_ = hung_until_ + absl::Milliseconds(1);
      return CarryOutAt(busy_until_, order);
    }
    CarryOut(*order);
  });
}

void KeaHost::CarryOut(Order& order) {
  const std::string wanted = WantedBy(order);
  order.answer = kea_.Send(order.command, order.arguments, absl::Seconds(1));
  order.done = true;
  const bool accepted = order.answer.ok() && order.answer->ok();
  chronicle_.Note("{} kea: {} -> {}", name_, order.command,
                  !order.answer.ok() ? order.answer.status().ToString()
                  : accepted         ? "done"
                                     : order.answer->text);
  Look(false);
  if (order.command != "config-write") {
    const bool harmless = order.command == "nestor-apply" && !accepted;
    if (!harmless) observer_.OnKeaSet(name_, wanted, running_, accepted);
    if (auto after = std::exchange(after_set, nullptr)) after();
  } else if (accepted) {
    observer_.OnKeaWrote(name_, file_);
  }
}

std::string KeaHost::WantedBy(const Order& order) {
  config::ObjectSet wanted = kea_.Objects();
  if (order.command == "config-set") {
    wanted = testing::FakeKea(DhcpService::kDhcp4, clock_, order.arguments).Objects();
  } else if (order.command == "nestor-apply") {
    const auto arguments = json::ParseKea(testing::HookArguments(order.arguments));
    const auto change =
        arguments.ok() ? testing::HookChange(arguments->root()) : arguments.status();
    if (change.ok()) config::Apply(*change, wanted);
  }
  return std::string(config::Bytes(wanted.Digest()));
}

// Takes in what Kea has now. `others`: an agent is not the cause.
void KeaHost::Look(bool others) {
  const config::ObjectSet now = kea_.Objects();
  const bool same_file = kea_.file() == kea_.running();
  running_ = config::Bytes(now.Digest());
  if (same_file) file_ = running_;
  if (others) observer_.OnKeaChanged(name_, running_, file_);
}

void KeaHost::HangFor(absl::Duration d) {
  chronicle_.Note("{} kea: hangs for {}", name_, absl::FormatDuration(d));
  hung_until_ = std::max(hung_until_, scheduler_.Now() + d);
}

void KeaHost::RestartAfter(absl::Duration d) {
  if (!up()) return;
  chronicle_.Note("{} kea: dies, back in {}", name_, absl::FormatDuration(d));
  kea_.Crash();
  ++start_;
  busy_until_ = hung_until_ = absl::ZeroDuration();
  scheduler_.After(d, [this] {
    if (!kea_.Restart()) chronicle_.Violate("world", name_ + "'s Kea refuses its own file");
    chronicle_.Note("{} kea: starts from its file", name_);
    Look(true);
  });
}

void KeaHost::Edit(const std::string& config, bool write) {
  if (!up()) return;
  if (!kea_.Set(config)) chronicle_.Note("{} kea: refuses the operator's edit", name_);
  if (write) (void)kea_.Send("config-write", {}, absl::Seconds(1));
  Look(true);
}

}  // namespace nestor::simulation
