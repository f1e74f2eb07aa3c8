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
                       Executor& loop, Clock& clock, Told told)
    : writer_(std::move(writer)),
      worker_(worker),
      loop_(loop),
      clock_(clock),
      told_(std::move(told)),
      next_(clock.Now()) {}

void FileKeeper::Keep(std::shared_ptr<const config::ObjectSet> set) {
  wanted_ = std::move(set);
  Tick();
}

void FileKeeper::Tick() {
  const Instant now = clock_.Now();
  if (!wanted_ || writing_ || now < next_) return;
  next_ = now + kSpacing;
  writing_ = std::exchange(wanted_, nullptr);
  writer_->Write(writing_,
                 [self = weak_from_this(), loop = &loop_](const keafile::Written& written) {
                   loop->Post([self, written] {
                     if (const auto keeper = self.lock()) keeper->OnWritten(written);
                   });
                 });
}

void FileKeeper::OnWritten(const keafile::Written& written) {
  const auto set = std::exchange(writing_, nullptr);
  if (written.status.ok()) {
    failures_ = 0;
    return told_(written.notice);
  }
  if (!wanted_) wanted_ = set;
  failures_ = std::min(failures_ + 1, kMostPatience);
  next_ = clock_.Now() + kSpacing * failures_;
  told_(std::string(Message(written.status)));
}

void FileKeeper::Stop() {
  const auto set = wanted_ ? wanted_ : writing_;
  wanted_ = nullptr;
  if (set) worker_.Post([writer = writer_, set] { (void)writer->WriteNow(*set); });
}

}  // namespace nestor::primary
