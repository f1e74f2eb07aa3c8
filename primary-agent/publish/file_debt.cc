#include "primary-agent/publish/file_debt.h"

#include <algorithm>

#include "common/base/status.h"
#include "common/hook/apply.h"
#include "common/log/log.h"

namespace nestor::primary {
namespace {

// A hook library that answers badly is asked again for so long; it is left alone for 30 s at a
// time.
constexpr absl::Duration kPatience = absl::Minutes(2);
constexpr absl::Duration kTimeout = absl::Seconds(30);

// Whether Kea may take it another time.
bool MayPass(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsDataLoss(status) || absl::IsNotFound(status);
}

}  // namespace

absl::Status FileDebt::Begin(uint64_t order) {
  // Also where others are owed: a relationship may have come since.
  RETURN_IF_ERROR(recorder_->SetUnwritten(true));
  owed_.insert(order);
  return absl::OkStatus();
}

bool FileDebt::Settle(uint64_t order) {
  if (behind_) return false;
  return Pay({owed_.begin(), owed_.upper_bound(order)});
}

bool FileDebt::Pay(const std::set<uint64_t>& orders) {
  const bool last = std::includes(orders.begin(), orders.end(), owed_.begin(), owed_.end());
  if (last && !recorder_->SetUnwritten(false).ok()) return false;
  for (const uint64_t order : orders) owed_.erase(order);
  return true;
}

absl::StatusOr<std::string> FileDebt::Look(const watch::Look& look) {
  const std::string digest(config::Bytes(look.set->Digest()));
  ASSIGN_OR_RETURN(const bool older, StartedFromOlder(look, digest));
  if (!older) {
    behind_.reset();
    return std::string();
  }
  if (!behind_) {
    behind_ = {digest, clock_.Now()};
    NESTOR_LOG(warn, "KEA_BEHIND_ITS_FILE", "service={} digest={}", ServiceName(service_),
               config::Hex(digest));
  }
  const absl::Status brought = BringForward(*look.set, *recorder_->set());
  if (brought.ok()) {
    NESTOR_LOG(info, "KEA_BROUGHT_FORWARD", "service={}", ServiceName(service_));
    return fmt::format(
        "Kea on {} started from a file older than what it was made to run; it has "
        "just been given what it lacked",
        server_);
  }
  if (MayPass(brought) && clock_.Now() - behind_->since < kPatience) {
    source_.Forget();
    return fmt::format(
        "Kea on {} started from a file older than what it was made to run, and "
        "cannot be given what it lacks: {}",
        server_, Message(brought));
  }
  // What it runs is what counts, and is published.
  NESTOR_LOG(error, "KEA_STAYS_BEHIND", "service={} error=\"{}\"", ServiceName(service_),
             Message(brought));
  behind_.reset();
  if (!Pay(std::set(owed_))) owed_.clear();
  return std::string();
}

absl::StatusOr<bool> FileDebt::StartedFromOlder(const watch::Look& look, std::string_view digest) {
  const auto& head = recorder_->set();
  if (owed_.empty() || head == nullptr || config::Bytes(head->Digest()) == digest) return false;
  if (behind_) return behind_->digest == digest;
  if (look.origin != watch::kRestart && look.origin != watch::kStart) return false;
  return recorder_->Had(digest);
}

absl::Status FileDebt::BringForward(const config::ObjectSet& from, const config::ObjectSet& to) {
  const std::optional<watch::Running> known = source_.Known();
  if (!known) {
    return Error(absl::StatusCode::kUnavailable,
                 "libdhcp_nestor.so is not loaded there, or of no "
                 "use");
  }
  ASSIGN_OR_RETURN(const hook::Applied applied,
                   hook::Apply(kea_, *source_.hook(), known->revision, config::Diff(from, to),
                               /*dry_run=*/false, kTimeout));
  if (applied.result == hook::Applied::Result::kDone) return absl::OkStatus();
  if (applied.result == hook::Applied::Result::kChangedMeanwhile) {
    return Error(absl::StatusCode::kUnavailable, "it changed meanwhile");
  }
  return Error(absl::StatusCode::kFailedPrecondition, "{}",
               applied.refused.empty() ? applied.text : applied.refused.front().text);
}

}  // namespace nestor::primary
