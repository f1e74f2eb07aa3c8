#include "common/watch/hook_reading.h"

#include <string_view>

#include "common/base/status.h"
#include "common/config/kea_config.h"
#include "common/ha/ha.h"
#include "common/hook/local.h"
#include "common/hook/objects.h"

namespace nestor::watch {
namespace {

// From the end of an audit to the beginning of the next, and between two slices of one.
constexpr absl::Duration kAuditPause = absl::Minutes(5);
constexpr absl::Duration kSlicePause = absl::Milliseconds(200);

std::string_view InstanceOf(std::string_view revision) {
  return revision.substr(0, revision.find(':'));
}

}  // namespace

absl::Status HookReading::Ask(absl::Duration timeout) {
  status_.reset();
  ASSIGN_OR_RETURN(status_, hook::AskStatus(kea_, timeout));
  return absl::OkStatus();
}

bool HookReading::SameInstance() const {
  return status_ && InstanceOf(status_->revision) == InstanceOf(revision_);
}

void HookReading::Took(std::shared_ptr<const config::ObjectSet> set, std::string revision) {
  set_ = std::move(set);
  revision_ = std::move(revision);
}

void HookReading::TookHa(std::string parameters, std::string_view revision) {
  ha_parameters_ = std::move(parameters);
  ha_instance_ = InstanceOf(revision);
}

absl::Status HookReading::ReadHa(absl::Duration timeout) {
  std::string parameters;
  if (!status_->ha_mode.empty()) {
    ASSIGN_OR_RETURN(const hook::LocalPart local, hook::ReadLocalPart(kea_, service_, {}, timeout));
    if (auto found = ha::Find(service_, *local.arguments)) parameters = found->parameters;
  }
  TookHa(std::move(parameters), revision_);
  return absl::OkStatus();
}

absl::StatusOr<Running> HookReading::Read(absl::Duration timeout) {
  std::string revision;
  ASSIGN_OR_RETURN(auto set, ReadSet(timeout, revision));
  Took(std::move(set), std::move(revision));
  // Another instance may serve another configuration of what is not mirrored.
  if (!SameInstance()) RETURN_IF_ERROR(Ask(timeout));
  if (ha_instance_ != InstanceOf(revision_)) RETURN_IF_ERROR(ReadHa(timeout));
  return AsRunning();
}

std::optional<bool> HookReading::ReadNews(std::string_view revision, absl::Duration timeout) {
  if (!set_ || !SameInstance()) return std::nullopt;
  if (revision == revision_) return false;  // our own
  auto news = hook::ReadSince(kea_, revision_, timeout);
  if (!news.ok() || news->whole) return std::nullopt;
  if (news->revision == revision_) return false;
  Took(With(*news), std::move(news->revision));
  return true;
}

std::shared_ptr<const config::ObjectSet> HookReading::With(const hook::Objects& news) const {
  if (news.changed.empty()) return set_;
  auto set = std::make_shared<config::ObjectSet>(*set_);
  config::Apply(news.changed, *set);
  (void)set->Digest();  // filled in before other threads see it
  return set;
}

std::optional<Running> HookReading::Known() const {
  if (!set_ || !SameInstance()) return std::nullopt;
  return AsRunning();
}

Running HookReading::AsRunning() const {
  Running running;
  running.set = set_;
  running.revision = revision_;
  running.ha_mode = status_->ha_mode;
  if (ha_instance_ == InstanceOf(revision_)) running.ha_parameters = ha_parameters_;
  if (!status_->config_backend.empty()) {
    running.config_backend = config::WhyNoConfigBackend(status_->config_backend);
  }
  return running;
}

absl::StatusOr<std::shared_ptr<const config::ObjectSet>> HookReading::ReadSet(
    absl::Duration timeout, std::string& revision) {
  if (set_) {
    ASSIGN_OR_RETURN(hook::Objects news, hook::ReadSince(kea_, revision_, timeout));
    if (!news.whole) {
      revision = std::move(news.revision);
      return With(news);
    }
  }
  ASSIGN_OR_RETURN(hook::WholeRead whole, hook::ReadWhole(kea_, timeout));
  revision = std::move(whole.revision);
  auto set = std::make_shared<const config::ObjectSet>(std::move(whole.objects));
  (void)set->Digest();
  return set;
}

bool HookReading::AuditFinds(absl::Duration timeout) {
  const Instant now = clock_.Now();
  if (!next_slice_) next_slice_ = now + kAuditPause;
  if (now < *next_slice_) return false;
  const auto read = audit_.ReadOn(timeout);
  const bool ended = !read.ok() || read->has_value();
  next_slice_ = now + (ended ? kAuditPause : kSlicePause);
  if (!read.ok() || !read->has_value()) return false;
  const hook::WholeRead& whole = **read;
  // Of another revision it is about to be read anyway.
  if (whole.revision != revision_ || !set_) return false;
  if (whole.objects.Digest() == set_->Digest()) return false;
  Forget();
  return true;
}

}  // namespace nestor::watch
