// What a test does to a Kea in memory and sees of it.

#include <utility>

#include "common/kea/command.h"
#include "tests/support/fake_kea.h"

namespace nestor::testing {

void FakeKea::SetRules(Rule test, Rule set) {
  const std::lock_guard lock(mutex_);
  test_rule_ = std::move(test);
  set_rule_ = std::move(set);
}

void FakeKea::SetDamage(Damage damage) {
  const std::lock_guard lock(mutex_);
  damage_of_refusal_ = damage;
}

void FakeKea::Harm(Damage damage, bool lasting) {
  const std::lock_guard lock(mutex_);
  damage_ = damage;
  lasting_ = lasting;
}

void FakeKea::Refuse(std::string_view command, std::string text, int result) {
  const std::lock_guard lock(mutex_);
  if (text.empty()) {
    refused_.erase(std::string(command));
  } else {
    refused_[std::string(command)] = {result, std::move(text), {}};
  }
}

void FakeKea::Fail(Fault fault, int times, std::string_view command) {
  const std::lock_guard lock(mutex_);
  if (times > 0) planned_.push_back({fault, times, std::string(command)});
}

void FakeKea::SetNormalisation(std::function<std::string(std::string)> normalise) {
  const std::lock_guard lock(mutex_);
  normalise_ = std::move(normalise);
}

void FakeKea::SetHookSlice(size_t objects) {
  const std::lock_guard lock(mutex_);
  hook_slice_ = objects;
}

bool FakeKea::Set(std::string config) {
  const std::lock_guard lock(mutex_);
  const std::string text = kea::CommandText("config-set", config);
  return up_ && Load(std::move(config), text).empty();
}

void FakeKea::EditFile(std::string config) {
  const std::lock_guard lock(mutex_);
  file_ = std::move(config);
}

bool FakeKea::Reload() {
  const std::lock_guard lock(mutex_);
  return up_ && Load(file_, file_).empty();
}

bool FakeKea::EditAndReload(std::string config) {
  EditFile(std::move(config));
  return Reload();
}

void FakeKea::ChangeInProcess(std::string config) {
  const std::lock_guard lock(mutex_);
  running_ = std::move(config);
  if (hook_) hook_->Change(Mirrored(running_));
}

void FakeKea::Crash() {
  const std::lock_guard lock(mutex_);
  up_ = false;
}

void FakeKea::SetStarting(bool starting) {
  const std::lock_guard lock(mutex_);
  starting_ = starting;
}

bool FakeKea::Restart() {
  const std::lock_guard lock(mutex_);
  return Start(pid_ + 1);
}

bool FakeKea::RestartUnderTheSamePid() {
  const std::lock_guard lock(mutex_);
  return Start(pid_);
}

bool FakeKea::Start(int64_t pid) {
  up_ = Objection(file_, file_, true).empty();
  if (!up_) return false;
  pid_ = pid;
  started_ = Seconds();
  lasting_ = false;
  Take(file_);
  return true;
}

std::string FakeKea::running() const {
  const std::lock_guard lock(mutex_);
  return running_;
}

std::string FakeKea::file() const {
  const std::lock_guard lock(mutex_);
  return file_;
}

config::ObjectSet FakeKea::Objects() const { return Mirrored(running()); }

int64_t FakeKea::pid() const {
  const std::lock_guard lock(mutex_);
  return pid_;
}

bool FakeKea::up() const {
  const std::lock_guard lock(mutex_);
  return up_;
}

bool FakeKea::ServesDhcp() const {
  const std::lock_guard lock(mutex_);
  return up_ && damage_ == Damage::kNone && HaStateNow() != "waiting";
}

std::string FakeKea::HaState() const {
  const std::lock_guard lock(mutex_);
  return HaStateNow();
}

size_t FakeKea::reconfigured() const {
  const std::lock_guard lock(mutex_);
  return reconfigured_;
}

size_t FakeKea::Accepted(std::string_view command) const {
  const std::lock_guard lock(mutex_);
  const auto found = accepted_.find(command);
  return found == accepted_.end() ? 0 : found->second;
}

std::vector<std::string> FakeKea::arrived() const {
  const std::lock_guard lock(mutex_);
  return arrived_;
}

void FakeKea::Forget() {
  const std::lock_guard lock(mutex_);
  arrived_.clear();
}

}  // namespace nestor::testing
