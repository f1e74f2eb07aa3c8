#include "primary-agent/amend/file_keeper.h"

#include <algorithm>
#include <utility>

#include "common/base/status.h"

namespace nestor::primary {
namespace {

constexpr absl::Duration kSpacing = absl::Seconds(2);
constexpr int kMostPatience = 15;  // times kSpacing, after failures

}  // namespace

FileKeeper::FileKeeper(std::shared_ptr<keafile::ConfigWriter> writer, Executor& worker,
                       Executor& loop, Clock& clock, Told told, Settle settle)
    : writer_(std::move(writer)),
      worker_(worker),
      loop_(loop),
      clock_(clock),
      told_(std::move(told)),
      settle_(std::move(settle)),
      next_(clock.Now()) {}

void FileKeeper::Owe(uint64_t order) {
  owed_ = std::max(owed_.value_or(0), order);
  written_.reset();
}

void FileKeeper::OnRunning(const std::shared_ptr<const config::ObjectSet>& set) {
  if (!owed_) return;
  const auto& kept = writing_ ? writing_ : written_;
  wanted_ = kept && kept->Digest() == set->Digest() ? nullptr : set;
  Tick();
}

void FileKeeper::Tick() {
  const Instant now = clock_.Now();
  if (!wanted_ || writing_ || settling_ || now < next_) return;
  next_ = now + kSpacing;
  written_.reset();
  writing_ = std::exchange(wanted_, nullptr);
  writer_->Write(writing_,
                 [self = weak_from_this(), loop = &loop_](const keafile::Written& written) {
                   loop->Post([self, written] {
                     if (const auto keeper = self.lock()) keeper->OnWritten(written);
                   });
                 });
}

void FileKeeper::OnWritten(const keafile::Written& written) {
  auto set = std::exchange(writing_, nullptr);
  if (written.status.ok()) {
    failures_ = 0;
    told_(written.notice);
    if (wanted_) return;
    written_ = std::move(set);
    return TrySettle();
  }
  if (!wanted_) wanted_ = std::move(set);
  failures_ = std::min(failures_ + 1, kMostPatience);
  next_ = clock_.Now() + kSpacing * failures_;
  told_(std::string(Message(written.status)));
}

void FileKeeper::TrySettle() {
  settling_ = true;
  settle_(*owed_, [self = weak_from_this(), order = *owed_](bool settled) {
    if (const auto keeper = self.lock()) keeper->OnSettled(order, settled);
  });
}

void FileKeeper::OnSettled(uint64_t order, bool settled) {
  settling_ = false;
  auto set = std::exchange(written_, nullptr);
  if (settled && owed_ == order && !wanted_) {
    owed_.reset();
  } else if (!settled && !wanted_) {
    wanted_ = std::move(set);
    next_ = clock_.Now() + kSpacing;
  }
}

void FileKeeper::Stop() {
  const auto set = wanted_ ? wanted_ : writing_;
  wanted_ = nullptr;
  if (set) worker_.Post([writer = writer_, set] { (void)writer->WriteNow(*set); });
}

}  // namespace nestor::primary
